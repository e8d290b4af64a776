//! Headers as the handshake reads them: lists and tokens (RFC 9110, section 5.6).

use actix_http::header::{HeaderMap, HeaderName};

/// A header that does not have the syntax of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Whether a header that is a list, perhaps over several lines, has `name` in it.
pub(super) fn names(headers: &HeaderMap, header: HeaderName, name: &str) -> bool {
    texts(headers, header).flatten().flat_map(list).any(|element| element.eq_ignore_ascii_case(name))
}

/// The value of a header that is there exactly once.
pub(super) fn only(headers: &HeaderMap, header: HeaderName) -> Option<&str> {
    let mut values = texts(headers, header);
    let value = values.next()?.ok()?;
    values.next().is_none().then_some(value.trim())
}

/// The values of a header, one a line.
pub(super) fn texts(headers: &HeaderMap, header: HeaderName) -> impl Iterator<Item = Result<&str, Malformed>> {
    headers.get_all(header).map(|value| value.to_str().map_err(|_| Malformed))
}

/// The elements of a list; empty ones don't count (RFC 9110, section 5.6.1).
pub(super) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|element| !element.is_empty())
}

/// `text` without the spaces around it, if it then is a token (RFC 9110, section 5.6.2).
pub(super) fn token(text: &str) -> Result<&str, Malformed> {
    let text = text.trim();
    let is_token =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if is_token { Ok(text) } else { Err(Malformed) }
}
