//! Pages of lists: where one begins (`after`), how long it may be (`limit`), and what tells where the next begins (`next`).
//!
//! A mark is opaque to callers, but its form is described, so that whatever has it is taken.

use super::problem::Problem;
use super::read::{self, Number};
use crate::model::{Failure, UserId};
use crate::store::conversations::Activity;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::DateTime;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

/// Items of a page when the request does not say how many.
pub const DEFAULT: i64 = 50;

/// Marks of names: letters that need no escape in a query. What only a careless hand would write is read all the same.
const NAMES: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins, for `after`; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "YWxpY2U")]
    pub next: Option<String>,
}

/// Where a page of a list ends.
pub trait Place: Sized {
    /// The form of its marks.
    const PATTERN: &'static str;

    /// As a mark.
    fn mark(&self) -> String;

    /// From a mark; `None` for one that is not of ours.
    fn from_mark(mark: &str) -> Option<Self>;

    /// From an `after`.
    ///
    /// # Errors
    /// 400 for one that is not of ours.
    fn after(mark: Option<&str>) -> Result<Option<Self>, Failure> {
        let refused = || Failure::invalid("after", "must be the `next` of a page before");
        mark.map(|mark| Self::from_mark(mark).ok_or_else(refused)).transpose()
    }
}

/// In the order of names: any text has its place there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub String);

impl Place for Name {
    const PATTERN: &'static str = "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?$";

    fn mark(&self) -> String {
        NAMES.encode(&self.0)
    }

    fn from_mark(mark: &str) -> Option<Self> {
        let name = NAMES.decode(mark).ok()?;
        // No name holds U+0000, and PostgreSQL takes it in no text.
        Some(Self(String::from_utf8_lossy(&name).replace('\0', "")))
    }
}

/// In the order in which rows were made, by a number that only counts up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serial(pub i64);

impl Place for Serial {
    const PATTERN: &'static str = "^[0-9]{1,18}$";

    fn mark(&self) -> String {
        self.0.to_string()
    }

    fn from_mark(mark: &str) -> Option<Self> {
        let is_digits = (1..=18).contains(&mark.len()) && mark.bytes().all(|digit| digit.is_ascii_digit());
        is_digits.then(|| mark.parse().ok().map(Self))?
    }
}

/// In the order of users, by their ids.
impl Place for UserId {
    const PATTERN: &'static str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

    fn mark(&self) -> String {
        self.to_string()
    }

    fn from_mark(mark: &str) -> Option<Self> {
        mark.parse().ok()
    }
}

/// Latest activity first: microseconds since 1970, and among conversations of one moment the id.
impl Place for Activity {
    const PATTERN: &'static str = "^[0-9]{1,16}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

    fn mark(&self) -> String {
        let (moment, id) = self;
        format!("{}.{id}", moment.timestamp_micros())
    }

    fn from_mark(mark: &str) -> Option<Self> {
        let (moment, id) = mark.split_once('.')?;
        let digits = (1..=16).contains(&moment.len()) && moment.bytes().all(|digit| digit.is_ascii_digit());
        let moment = digits.then(|| DateTime::from_timestamp_micros(moment.parse().ok()?))??;
        Some((moment, id.parse().ok()?))
    }
}

/// Which page of a list of up to `MOST` items a page.
#[derive(Debug)]
pub struct Paging<P, const MOST: i64> {
    pub after: Option<P>,
    pub limit: i64,
}

/// What stands behind the `?`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    after: Option<String>,
    limit: Option<Number>,
}

impl<P: Place + 'static, const MOST: i64> FromRequest for Paging<P, MOST> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            let Which { after, limit } = read::query(request.query_string())?;
            Ok(Self { after: P::after(after.as_deref())?, limit: page_size(limit, DEFAULT, MOST)? })
        };
        read::after_the_caller(request, read())
    }
}

impl<P: Place, const MOST: i64> IntoParams for Paging<P, MOST> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |name: &str, description: &str, schema: ObjectBuilder| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(schema))
                .build()
        };
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let number = || ObjectBuilder::new().schema_type(Type::Integer);
        vec![
            parameter("after", "The `next` of the page before.", text().pattern(Some(P::PATTERN))),
            parameter(
                "limit",
                "Items in a page.",
                number().minimum(Some(1)).maximum(Some(MOST)).default(Some(DEFAULT.into())),
            ),
        ]
    }
}

/// A page of these items, which `more` follow or not; `place` tells where an item stands in the list.
#[must_use]
pub fn page<T, I, P: Place>(
    items: Vec<T>,
    more: bool,
    place: impl FnOnce(&T) -> P,
    show: impl FnMut(T) -> I,
) -> Page<I> {
    let next = items.last().filter(|_| more).map(|last| place(last).mark());
    Page { items: items.into_iter().map(show).collect(), next }
}

/// A number of items to ask for, from 1 to `most`.
///
/// # Errors
/// 400 for any other.
pub fn page_size(limit: Option<Number>, default: i64, most: i64) -> Result<i64, Failure> {
    match limit {
        None => Ok(default),
        Some(Number(limit)) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Failure::invalid("limit", format!("must be from 1 to {most}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ConversationId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_of_names_come_back(name in "\\PC{0,30}") {
            prop_assert_eq!(Name::from_mark(&Name(name.clone()).mark()), Some(Name(name)));
        }

        #[test]
        fn whatever_has_the_form_of_a_name_is_taken(mark in "([A-Za-z0-9_-]{4}){0,9}([A-Za-z0-9_-]{2,3})?") {
            prop_assert!(Name::from_mark(&mark).is_some_and(|name| !name.0.contains('\0')));
        }

        #[test]
        fn whatever_has_the_form_of_a_serial_is_taken(mark in "[0-9]{1,18}") {
            prop_assert_eq!(Serial::from_mark(&mark).map(|serial| serial.0), mark.parse().ok());
        }

        #[test]
        fn whatever_has_the_form_of_an_activity_is_taken(micros in "[0-9]{1,16}", id: u128) {
            let id = ConversationId(uuid::Uuid::from_u128(id));
            let place = Activity::from_mark(&format!("{micros}.{id}")).unwrap();
            prop_assert_eq!(Activity::from_mark(&place.mark()), Some(place));
        }
    }

    #[test]
    fn what_has_not_is_refused() {
        for mark in
            ["", "1", "1.", "1.x", "-1.00000000-0000-0000-0000-000000000000", "+1.00000000-0000-0000-0000-000000000000"]
        {
            assert!(Activity::after(Some(mark)).is_err(), "{mark}");
        }
        assert!(Name::after(Some("!")).is_err() && Name::after(Some("a")).is_err());
        assert!(UserId::after(Some("alice")).is_err());
        assert!(Serial::after(Some("-1")).is_err() && Serial::after(Some("")).is_err());
        assert_eq!(Name::after(None), Ok(None));
    }
}
