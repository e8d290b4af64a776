//! Requests out of their encodings: `{id, type, data}` as JSON text, or a binary frame with `{type, data}`.

use super::document::DocumentError;
use super::error::{ErrorCode, ErrorData};
use super::frame::Frame;
use super::limits::NESTING;
use super::path::Path;
use super::{json, msgpack};
use serde_json::{Map, Value};

/// Characters of an event's name; the longest of ours has less than half.
const TYPE_CHARS: usize = 64;

/// A request whose envelope is well; its data is still to be understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The client's number for it, 1 or more, which the reply repeats.
    pub id: u32,
    /// The name of the event.
    pub kind: String,
    /// Always an object.
    pub data: Value,
}

/// Why there is no [`Request`], with the error to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadRequest {
    /// Not even a document: the answer has no `re`, and a few of these in a row close the connection.
    Unparsable(ErrorData),
    /// A document, but no envelope: the answer has no `re`.
    NotEnvelope(ErrorData),
    /// An envelope whose data can't be accepted: the answer has its `re`.
    Data { id: u32, kind: String, error: ErrorData },
}

impl BadRequest {
    /// What to answer.
    #[must_use]
    pub const fn error(&self) -> &ErrorData {
        match self {
            Self::Unparsable(error) | Self::NotEnvelope(error) | Self::Data { error, .. } => error,
        }
    }

    /// The request that is answered, where one can be told.
    #[must_use]
    pub const fn re(&self) -> Option<u32> {
        match self {
            Self::Unparsable(_) | Self::NotEnvelope(_) => None,
            Self::Data { id, .. } => Some(*id),
        }
    }
}

/// Reads a request from a JSON text. `data` may be left out.
///
/// # Errors
/// Anything else, down to an unknown member of the envelope.
pub fn parse_json(bytes: &[u8]) -> Result<Request, BadRequest> {
    parse(json::decode(bytes, NESTING), |envelope| {
        let id = envelope.remove("id").ok_or("`id` is missing")?;
        id.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("`id` must be a whole number from 1 to 4294967295")
    })
}

/// Reads a request from a binary frame, whose correlation is the `id`. `data` may be left out.
///
/// # Errors
/// Anything else, down to an unknown member of the envelope.
pub fn parse_binary(frame: &Frame) -> Result<Request, BadRequest> {
    parse(document(frame), |_| Ok(frame.correlation))
}

fn document(frame: &Frame) -> Result<Value, DocumentError> {
    if frame.json { json::decode(&frame.payload, NESTING) } else { msgpack::decode(&frame.payload, NESTING) }
}

/// How an envelope is not one, for people.
type Complaint = std::borrow::Cow<'static, str>;

fn parse(
    document: Result<Value, DocumentError>,
    take_id: impl FnOnce(&mut Map<String, Value>) -> Result<u32, &'static str>,
) -> Result<Request, BadRequest> {
    let (document, nul) = match document {
        Ok(document) => (document, None),
        Err(DocumentError::Nul { path, document }) => (document, Some(path)),
        Err(error) => return Err(BadRequest::Unparsable(bad_envelope(error.to_string()))),
    };
    let Request { id, kind, data } =
        open(document, take_id).map_err(|complaint| BadRequest::NotEnvelope(bad_envelope(complaint)))?;
    match nul {
        None => Ok(Request { id, kind, data }),
        Some(path) => Err(BadRequest::Data { id, kind, error: nul_in_data(path) }),
    }
}

fn open(
    document: Value,
    take_id: impl FnOnce(&mut Map<String, Value>) -> Result<u32, &'static str>,
) -> Result<Request, Complaint> {
    let Value::Object(mut envelope) = document else { return Err("an envelope is an object".into()) };
    let id = take_id(&mut envelope)?;
    if id == 0 {
        return Err("the request's id must be 1 or more".into());
    }
    let kind = match envelope.remove("type") {
        Some(Value::String(kind)) if is_type(&kind) => kind,
        Some(_) => {
            return Err(format!("`type` must be a string of 1 to {TYPE_CHARS} characters, without U+0000").into());
        }
        None => return Err("`type` is missing".into()),
    };
    let data = envelope.remove("data").unwrap_or_else(|| Value::Object(Map::new()));
    if !data.is_object() {
        return Err("`data` must be an object".into());
    }
    match envelope.keys().next() {
        Some(unknown) => Err(format!("unknown member `{}` of the envelope", Path::default().under_key(unknown)).into()),
        None => Ok(Request { id, kind, data }),
    }
}

fn is_type(text: &str) -> bool {
    !text.is_empty() && text.chars().nth(TYPE_CHARS).is_none() && !text.contains('\0')
}

fn bad_envelope(message: impl Into<String>) -> ErrorData {
    ErrorData::new(ErrorCode::BadEnvelope, message)
}

fn nul_in_data(path: Path) -> ErrorData {
    let mut error = ErrorData::new(ErrorCode::Invalid, "must not hold U+0000");
    error.field = path.within("data").map(|path| path.to_string());
    error
}

#[cfg(test)]
mod tests {
    use super::super::document::samples;
    use super::*;
    use crate::wire::frame::Kind;
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    fn frame(payload: &Value, json: bool, correlation: u32) -> Frame {
        let bytes = if json { serde_json::to_vec(payload).unwrap() } else { msgpack::to_vec(payload).unwrap() };
        Frame { kind: Kind::Request, json, correlation, payload: Bytes::from(bytes) }
    }

    /// The same envelope in all encodings; they must agree.
    fn parse_all(id: u32, payload: &Value) -> Result<Request, BadRequest> {
        let parsed = parse_binary(&frame(payload, false, id));
        assert_eq!(parse_binary(&frame(payload, true, id)), parsed);
        let mut envelope = payload.clone();
        if let Value::Object(envelope) = &mut envelope {
            envelope.insert("id".to_owned(), id.into());
        }
        assert_eq!(parse_json(&serde_json::to_vec(&envelope).unwrap()), parsed);
        parsed
    }

    fn complaint(result: Result<Request, BadRequest>) -> String {
        match result {
            Err(BadRequest::NotEnvelope(error)) if error.code == ErrorCode::BadEnvelope => error.message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_envelope() {
        let data = json!({ "conversation": "x" });
        let parsed = parse_all(7, &json!({ "type": "message.text", "data": data }));
        assert_eq!(parsed, Ok(Request { id: 7, kind: "message.text".to_owned(), data }));
        assert_eq!(parse_all(u32::MAX, &json!({ "type": "group.summary" })).unwrap().data, json!({}));
        assert!(parse_all(1, &json!({ "type": "ä".repeat(TYPE_CHARS) })).is_ok());
    }

    #[test]
    fn no_envelope() {
        for (payload, says) in [
            (json!([]), "object"),
            (json!(null), "object"),
            (json!({}), "`type` is missing"),
            (json!({ "type": 1 }), "`type` must"),
            (json!({ "type": "" }), "`type` must"),
            (json!({ "type": "ä".repeat(TYPE_CHARS + 1) }), "`type` must"),
            (json!({ "type": "a\0" }), "`type` must"),
            (json!({ "type": "a\0", "data": { "a": "\0" } }), "`type` must"),
            (json!({ "type": "a", "data": [] }), "`data` must"),
            (json!({ "type": "a", "data": null }), "`data` must"),
            (json!({ "type": "a", "dat": {} }), "`dat`"),
            (json!({ "type": "a", "re": 1 }), "`re`"),
            (json!({ "type": "a", "x\0": 1 }), "`x␀`"),
        ] {
            let message = complaint(parse_all(1, &payload));
            assert!(message.contains(says), "{payload}: {message}");
        }
        assert!(complaint(parse_all(0, &json!({ "type": "a" }))).contains("id"));
        for id in ["0", "-1", "1.0", "4294967296", "\"1\"", "null"] {
            complaint(parse_json(format!(r#"{{"id":{id},"type":"a"}}"#).as_bytes()));
        }
        assert!(complaint(parse_json(br#"{"type":"a"}"#)).contains("`id` is missing"));
        assert!(complaint(parse_binary(&frame(&json!({ "id": 1, "type": "a" }), false, 1))).contains("`id`"));
    }

    #[test]
    fn what_cannot_be_parsed() {
        let garbage = |json, payload| Frame { kind: Kind::Request, json, correlation: 1, payload };
        for result in [
            parse_json(b"{"),
            parse_json(b""),
            parse_json("[".repeat(1000).as_bytes()),
            parse_binary(&garbage(true, Bytes::from_static(b"\xc0"))),
            parse_binary(&garbage(false, Bytes::from_static(b"{}"))),
            parse_binary(&garbage(false, Bytes::new())),
        ] {
            let Err(bad @ BadRequest::Unparsable(_)) = result else { panic!("{result:?}") };
            assert_eq!((bad.error().code, bad.re()), (ErrorCode::BadEnvelope, None));
        }
    }

    #[test]
    fn nul_in_the_data_is_answered_with_its_field() {
        let parsed = parse_all(9, &json!({ "type": "a", "data": { "add": ["x", "y\0"] } }));
        let bad = parsed.unwrap_err();
        assert_eq!(bad.re(), Some(9));
        assert_eq!((bad.error().code, bad.error().field.as_deref()), (ErrorCode::Invalid, Some("add[1]")));
        assert!(matches!(bad, BadRequest::Data { id: 9, kind, .. } if kind == "a"));
    }

    proptest! {
        #[test]
        fn encodings_agree(
            id in 0_u32..3,
            kind in "[a-z.\\x00]{0,3}",
            data in samples::document(),
            extra in proptest::option::of("[a-z]{1,4}"),
        ) {
            let mut payload = json!({ "type": kind, "data": data });
            if let Some(extra) = extra.filter(|extra| extra != "id") {
                payload[extra] = json!(1);
            }
            let _ = parse_all(id, &payload);
        }

        #[test]
        fn any_payload_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), json: bool) {
            let _ = parse_json(&bytes);
            let frame = Frame { kind: Kind::Request, json, correlation: 1, payload: Bytes::from(bytes) };
            let _ = parse_binary(&frame);
        }
    }
}
