//! The opening handshake (RFC 6455, section 4.2): the upgrade request checked, the `101` written.

use super::deflate::{self, Agreement};
use super::header::{Malformed, list, names, only, texts, token};
use actix_http::header::{self, HeaderMap};
use actix_http::{Method, RequestHead, StatusCode, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sha1::{Digest as _, Sha1};
use std::fmt;

/// The only version of the protocol there is.
const VERSION: &str = "13";
/// Appended to the client's key (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a client's key, once decoded.
const KEY_BYTES: usize = 16;
/// Begins the pseudo subprotocol in which browsers, who can't set headers, bring their token.
const BEARER: &str = "bearer.";

/// What a correct upgrade request asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocols, the client's favourite first, without the one that carries the token.
    pub protocols: Vec<String>,
    /// The token of the pseudo subprotocol `bearer.<token>`; never logged, never chosen.
    pub bearer: Option<String>,
    /// Compression, if it was offered in a way that can be accepted.
    pub deflate: Option<Agreement>,
}

/// Why an upgrade request is refused; shown as the reason for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a WebSocket begins with a GET request")]
    Method,
    #[error("a WebSocket begins with an HTTP/1.1 request")]
    HttpVersion,
    #[error("an upgrade request has no body")]
    Body,
    #[error("the header Connection must name upgrade")]
    Connection,
    #[error("the header Upgrade must name websocket")]
    Upgrade,
    #[error("the header Sec-WebSocket-Version must be 13")]
    Version,
    #[error("the header Sec-WebSocket-Key must be there once and be 16 bytes in base64")]
    Key,
    #[error("the header Sec-WebSocket-Protocol must be a list of tokens, with one bearer token at most")]
    Protocol,
    #[error("the header Sec-WebSocket-Extensions can't be read")]
    Extensions,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Version => StatusCode::UPGRADE_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The headers which that status demands.
    #[must_use]
    pub const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method => &[("Allow", "GET")],
            Self::Version => &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", VERSION)],
            _ => &[],
        }
    }
}

impl Offer {
    /// Checks an upgrade request; its path, origin and token are the caller's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(request: &RequestHead) -> Result<Self, Refusal> {
        let headers = &request.headers;
        check_request(request)?;
        if !names(headers, header::CONNECTION, "upgrade") {
            return Err(Refusal::Connection);
        }
        if !names(headers, header::UPGRADE, "websocket") {
            return Err(Refusal::Upgrade);
        }
        if only(headers, header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
            return Err(Refusal::Version);
        }
        let key = only(headers, header::SEC_WEBSOCKET_KEY).ok_or(Refusal::Key)?;
        if STANDARD.decode(key).ok().is_none_or(|key| key.len() != KEY_BYTES) {
            return Err(Refusal::Key);
        }
        let (protocols, bearer) = protocols(headers).map_err(|Malformed| Refusal::Protocol)?;
        let extensions = texts(headers, header::SEC_WEBSOCKET_EXTENSIONS).collect::<Result<Vec<_>, _>>();
        let deflate = extensions
            .and_then(|extensions| deflate::negotiate(extensions.into_iter()))
            .map_err(|Malformed| Refusal::Extensions)?;
        Ok(Self { accept: accept(key), protocols, bearer, deflate })
    }

    /// The bytes of the `101` answer. `protocol` is one of [`Offer::protocols`], `deflate` what [`Offer::deflate`] has if
    /// compression is wanted.
    #[must_use]
    pub fn response(&self, protocol: Option<&str>, deflate: Option<Agreement>) -> Bytes {
        let mut lines = vec![
            "HTTP/1.1 101 Switching Protocols",
            "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
            &self.accept,
        ];
        if let Some(protocol) = protocol {
            lines.extend(["\r\nSec-WebSocket-Protocol: ", protocol]);
        }
        if let Some(agreement) = deflate {
            lines.extend(["\r\nSec-WebSocket-Extensions: ", agreement.header()]);
        }
        lines.push("\r\n\r\n");
        lines.concat().into()
    }
}

impl fmt::Debug for Offer {
    /// Shows that there is a token, not which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("accept", &self.accept)
            .field("protocols", &self.protocols)
            .field("bearer", &self.bearer.as_ref().map(|_| "…"))
            .field("deflate", &self.deflate)
            .finish()
    }
}

fn check_request(request: &RequestHead) -> Result<(), Refusal> {
    if request.method != Method::GET {
        return Err(Refusal::Method);
    }
    if request.version != Version::HTTP_11 {
        return Err(Refusal::HttpVersion);
    }
    // What a proxy in front may take for a body must not be read as frames.
    let headers = &request.headers;
    if headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get_all(header::CONTENT_LENGTH).any(|length| length != "0")
    {
        return Err(Refusal::Body);
    }
    Ok(())
}

fn protocols(headers: &HeaderMap) -> Result<(Vec<String>, Option<String>), Malformed> {
    let mut protocols = Vec::new();
    let mut bearer = None;
    for line in texts(headers, header::SEC_WEBSOCKET_PROTOCOL) {
        for protocol in list(line?) {
            match token(protocol)?.strip_prefix(BEARER) {
                None => protocols.push(protocol.to_owned()),
                Some(token) if bearer.is_none() => bearer = Some(token.to_owned()),
                Some(_) => return Err(Malformed),
            }
        }
    }
    Ok((protocols, bearer))
}

fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
