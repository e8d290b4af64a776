//! Where pages of the desk's lists end.

use crate::http::paging::Place;
use crate::model::RequestId;
use crate::model::support::Priority;
use crate::store::messages::RANKED;
use chrono::{DateTime, Utc};
use std::str::FromStr;
use uuid::Uuid;

/// The order of moments, and among things of one moment of their ids.
type Dated<I> = (DateTime<Utc>, I);

fn mark_dated<I: std::fmt::Display>((moment, id): &Dated<I>) -> String {
    format!("{}.{id}", moment.timestamp_micros())
}

fn dated<I: FromStr>(mark: &str) -> Option<Dated<I>> {
    let (moment, id) = mark.split_once('.')?;
    let digits = (1..=16).contains(&moment.len()) && moment.bytes().all(|digit| digit.is_ascii_digit());
    let moment = digits.then(|| DateTime::from_timestamp_micros(moment.parse().ok()?))??;
    Some((moment, id.parse().ok()?))
}

/// Requests, latest first.
impl Place for Dated<RequestId> {
    const PATTERN: &'static str = "^[0-9]{1,16}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

    fn mark(&self) -> String {
        mark_dated(self)
    }

    fn from_mark(mark: &str) -> Option<Self> {
        dated(mark)
    }
}

/// Notes, oldest first.
impl Place for Dated<Uuid> {
    const PATTERN: &'static str = "^[0-9]{1,16}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

    fn mark(&self) -> String {
        mark_dated(self)
    }

    fn from_mark(mark: &str) -> Option<Self> {
        dated(mark)
    }
}

/// The queue.
impl Place for (Priority, DateTime<Utc>, RequestId) {
    const PATTERN: &'static str = "^(HIGH|MEDIUM|LOW)[.][0-9]{1,16}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

    fn mark(&self) -> String {
        let (priority, moment, id) = self;
        format!("{}.{}", priority.as_str(), mark_dated(&(*moment, *id)))
    }

    fn from_mark(mark: &str) -> Option<Self> {
        let (priority, rest) = mark.split_once('.')?;
        let (moment, id) = dated(rest)?;
        Some((priority.parse().ok()?, moment, id))
    }
}

/// How many better matches were told before.
pub struct Rank(pub i64);

impl Place for Rank {
    const PATTERN: &'static str = "^(1000|[0-9]{1,3})$";

    fn mark(&self) -> String {
        self.0.to_string()
    }

    fn from_mark(mark: &str) -> Option<Self> {
        let digits = (1..=4).contains(&mark.len()) && mark.bytes().all(|digit| digit.is_ascii_digit());
        let rank = digits.then(|| mark.parse().ok())??;
        (0..=RANKED).contains(&rank).then_some(Self(rank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_has_the_form_of_a_place_is_taken(micros in "[0-9]{1,16}", id: u128, priority in "HIGH|MEDIUM|LOW") {
            let id = Uuid::from_u128(id);
            let dated = <Dated<Uuid>>::from_mark(&format!("{micros}.{id}")).unwrap();
            prop_assert_eq!(<Dated<Uuid>>::from_mark(&dated.mark()), Some(dated));
            let queued = <(Priority, DateTime<Utc>, RequestId)>::from_mark(&format!("{priority}.{micros}.{id}")).unwrap();
            prop_assert_eq!(<(Priority, DateTime<Utc>, RequestId)>::from_mark(&queued.mark()), Some(queued));
        }
    }
}
