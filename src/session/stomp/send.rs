//! `SEND`: the text in a frame.

use super::required;
use crate::model::{Failure, MessageId, text};
use crate::wire::field;
use crate::wire::limits::NESTING;
use crate::wire::stomp::Frame;
use crate::wire::{document::DocumentError, json};
use serde::Deserialize;

/// A text as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub id: MessageId,
    pub body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    content: String,
}

/// What a frame's body is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Plain,
    /// The frame doesn't say.
    Unsaid,
}

/// The text of a `SEND`, under the name that its `id` header gives it, or one made up.
///
/// # Errors
/// [`Failure::Invalid`] with the header at fault, or `content`.
pub fn text(frame: &Frame) -> Result<Text, Failure> {
    let id = match frame.header("id") {
        Some(id) => id.parse().map_err(|_| Failure::invalid("id", "must be a UUID"))?,
        None => MessageId::random(),
    };
    let body = match kind(frame.header("content-type"))? {
        Kind::Json => content(&frame.body)?,
        Kind::Plain => plain(&frame.body)?,
        // Many clients say nothing and send an object all the same.
        Kind::Unsaid if frame.body.first() == Some(&b'{') => content(&frame.body)
            .or_else(|failure| if is_content(&frame.body) { Err(failure) } else { plain(&frame.body) })?,
        Kind::Unsaid => plain(&frame.body)?,
    };
    text::body("content", &body)?;
    Ok(Text { id, body })
}

/// The destination of a frame.
///
/// # Errors
/// [`Failure::Invalid`] if there is none.
pub fn destination(frame: &Frame) -> Result<&str, Failure> {
    required(frame, "destination")
}

fn kind(content_type: Option<&str>) -> Result<Kind, Failure> {
    let Some(content_type) = content_type else { return Ok(Kind::Unsaid) };
    let mut parts = content_type.split(';').map(str::trim);
    let kind = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "application/json" => Kind::Json,
        "text/plain" => Kind::Plain,
        _ => return Err(Failure::invalid("content-type", "must be application/json or text/plain")),
    };
    let charset =
        parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset")));
    match charset {
        Some((_, charset)) if !charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8") => {
            Err(Failure::invalid("content-type", "must have UTF-8 as its charset"))
        }
        _ => Ok(kind),
    }
}

fn plain(body: &[u8]) -> Result<String, Failure> {
    let text = std::str::from_utf8(body).map_err(|_| Failure::invalid("content", "must be UTF-8"))?;
    Ok(text.to_owned())
}

fn content(body: &[u8]) -> Result<String, Failure> {
    let document = json::decode(body, NESTING).map_err(|error| match error {
        DocumentError::Nul { .. } => Failure::invalid("content", "must not hold U+0000"),
        other => Failure::invalid("content", other.to_string()),
    })?;
    Ok(field::from_value::<Content>(document)?.content)
}

/// Whether a body without a type is meant as ours: an object with a `content`.
fn is_content(body: &[u8]) -> bool {
    match json::decode(body, NESTING) {
        Ok(document) | Err(DocumentError::Nul { document, .. }) => document.get("content").is_some(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stomp::Command;

    fn read(content_type: Option<&str>, body: &'static str) -> Result<String, Failure> {
        let headers = content_type.map(|value| ("content-type".to_owned(), value.to_owned()));
        let frame = Frame { command: Command::Send, headers: headers.into_iter().collect(), body: body.into() };
        text(&frame).map(|text| text.body)
    }

    fn at_fault(result: Result<String, Failure>) -> String {
        match result {
            Err(Failure::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_type_says_what_a_body_is() {
        let object = r#"{"content": "hello"}"#;
        assert_eq!(read(Some("application/json"), object), Ok("hello".to_owned()));
        assert_eq!(read(Some("application/json; charset=UTF-8"), object), Ok("hello".to_owned()));
        assert_eq!(read(Some("text/plain"), object), Ok(object.to_owned()));
        assert_eq!(read(None, object), Ok("hello".to_owned()));
        assert_eq!(read(None, "{smile}"), Ok("{smile}".to_owned()));
        assert_eq!(read(None, "hello"), Ok("hello".to_owned()));
    }

    #[test]
    fn what_can_not_be_a_text_is_refused() {
        assert_eq!(at_fault(read(Some("application/json"), "hello")), "content");
        assert_eq!(at_fault(read(Some("application/json"), r#"{"content": 1}"#)), "content");
        assert_eq!(at_fault(read(Some("application/json"), r#"{"content": "a", "b": 1}"#)), "b");
        assert_eq!(at_fault(read(Some("application/json"), r#"{"content": "a\u0000"}"#)), "content");
        assert_eq!(at_fault(read(None, r#"{"content": ""}"#)), "content");
        assert_eq!(at_fault(read(Some("text/plain"), "a\0b")), "content");
        assert_eq!(at_fault(read(Some("text/plain"), "")), "content");
        assert_eq!(at_fault(read(Some("image/png"), "hello")), "content-type");
        assert_eq!(at_fault(read(Some("text/plain; charset=latin1"), "hello")), "content-type");
    }
}
