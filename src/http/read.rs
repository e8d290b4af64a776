//! What handlers are called with: a typed body, path and query, each of which refuses in the API's own words, and not before the
//! caller is known.

use super::HttpState;
use super::caller::admitted;
use super::problem::Problem;
use crate::model::Failure;
use crate::wire::document::DocumentError;
use crate::wire::error::ErrorCode;
use crate::wire::field;
use crate::wire::json;
use crate::wire::limits::NESTING;
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::time::Duration;

/// How long a body may take to arrive: a phone on a bad network sends 64 KiB in that time.
const BODY_PATIENCE: Duration = Duration::from_secs(20);

/// A JSON object as the body, of at most the bytes that a frame of a socket may have. Unknown fields are refused.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        let admitted = admitted(&request);
        Box::pin(async move {
            admitted.await;
            let bytes = read_body(&request, payload).await?;
            if bytes.is_empty() {
                return Err(Problem::new(ErrorCode::BadEnvelope, "a body is needed: a JSON object"));
            }
            if request.content_type() != "application/json" {
                let detail = "the Content-Type must be application/json";
                return Err(Problem::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadEnvelope, detail));
            }
            Ok(Self(parse(&bytes)?))
        })
    }
}

/// Reads a body as far as it may go.
///
/// # Errors
/// 413 when it is longer, 400 when it breaks off.
pub async fn read_body(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Problem> {
    let most = HttpState::of(request)?.chat.limits.frame_bytes;
    let too_large = || Problem::new(ErrorCode::TooLarge, format!("a body takes at most {most} bytes"));
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    let read = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let broken = |_| Problem::new(ErrorCode::BadEnvelope, "the body broke off");
            let chunk = chunk.map_err(broken)?;
            if body.len().saturating_add(chunk.len()) > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let late = || Problem::with_status(StatusCode::REQUEST_TIMEOUT, ErrorCode::BadEnvelope, "the body came too slowly");
    tokio::time::timeout(BODY_PATIENCE, read).await.map_err(|_| late())?
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let document = json::decode(bytes, NESTING).map_err(|error| match error {
        DocumentError::Nul { path, .. } => Failure::invalid(path.to_string(), "must not hold U+0000").into(),
        other => Problem::new(ErrorCode::BadEnvelope, other.to_string()),
    })?;
    if !document.is_object() {
        return Err(Problem::new(ErrorCode::BadEnvelope, "the body must be a JSON object"));
    }
    Ok(field::from_value(document)?)
}

/// The parameters in the path, as text: what they must be the handler knows.
#[derive(Debug)]
pub struct InPath<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for InPath<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // No name holds U+0000, and PostgreSQL takes it in no text; bytes that are no UTF-8 fail below.
        let read = if request.path().contains("%00") {
            Err(Problem::no_such_path())
        } else {
            let read = web::Path::<T>::extract(request).into_inner();
            read.map(|path| Self(path.into_inner())).map_err(|_| Problem::no_such_path())
        };
        after_the_caller(request, read)
    }
}

/// The parameters behind `?`. Unknown ones are refused, and one that is there twice.
#[derive(Debug)]
pub struct InQuery<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for InQuery<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        after_the_caller(request, query(request.query_string()).map(Self))
    }
}

/// What was read of a request, when it is known who calls.
pub fn after_the_caller<T: 'static>(
    request: &HttpRequest,
    read: Result<T, Problem>,
) -> LocalBoxFuture<'static, Result<T, Problem>> {
    let admitted = admitted(request);
    Box::pin(async move {
        admitted.await;
        read
    })
}

/// The parameters of a query, by name.
///
/// # Errors
/// 400 for unknown ones, and for one that is there twice.
pub fn query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| Problem::new(ErrorCode::BadEnvelope, "the query can't be read"))?
        .into_inner();
    let mut members = Map::new();
    for (name, text) in pairs {
        if text.contains('\0') {
            return Err(Failure::invalid(name, "must not hold U+0000").into());
        }
        if members.insert(name.clone(), Value::String(text)).is_some() {
            return Err(Failure::invalid(name, "is there twice").into());
        }
    }
    Ok(field::from_value(Value::Object(members))?)
}

/// A whole number among the parameters of a query, where all is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(pub i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| D::Error::custom("must be a whole number"))
    }
}

/// A field that may be left out, but is never `null`; for `deserialize_with` beside `default`.
///
/// # Errors
/// Those of the value.
pub fn never_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A field that may be left out, given, or `null` to take away what is there; for `deserialize_with` beside `default`.
///
/// # Errors
/// Those of the value.
pub fn or_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        q: Option<String>,
        limit: Option<Number>,
    }

    #[test]
    fn a_query_is_read_by_name() {
        assert_eq!(query("q=1%202&limit=3").ok(), Some(Page { q: Some("1 2".to_owned()), limit: Some(Number(3)) }));
        assert_eq!(query("").ok(), Some(Page { q: None, limit: None }));
        for bad in ["limit=many", "limit=1&limit=2", "other=1", "q=%00"] {
            assert!(query::<Page>(bad).is_err(), "{bad}");
        }
    }
}
