//! The server's frames.

use super::Version;
use super::header::put;
use crate::wire::error::ErrorData;
use std::fmt::Write as _;
use std::sync::Arc;

/// A heart-beat.
pub const EOL: &[u8] = b"\n";
/// Room for a frame's head.
const HEAD_BYTES: usize = 384;
/// Sent in `CONNECTED`.
const SERVER: &str = concat!("palabre/", env!("CARGO_PKG_VERSION"));

/// What the `MESSAGE` frames of a subscription have in common: those of two sessions that are the same here are the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Head {
    pub version: Version,
    /// The client's name for the subscription; in 1.0 there may be none.
    pub subscription: Option<String>,
    pub destination: Destination,
    /// Messages are to be acknowledged.
    pub acknowledged: bool,
}

/// Where a subscription listens, as the client wrote it.
pub type Destination = Arc<str>;

/// A `MESSAGE` with a JSON document.
#[must_use]
pub fn message(head: &Head, id: &str, document: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + document.len());
    let version = Some(head.version);
    out.extend_from_slice(b"MESSAGE\n");
    if let Some(subscription) = &head.subscription {
        put(&mut out, version, "subscription", subscription);
    }
    put(&mut out, version, "message-id", id);
    put(&mut out, version, "destination", &head.destination);
    if head.acknowledged && head.version == Version::V12 {
        put(&mut out, version, "ack", &ack_id(id, head.subscription.as_deref()));
    }
    put(&mut out, version, "content-type", "application/json");
    put(&mut out, version, "content-length", &document.len().to_string());
    out.push(b'\n');
    out.extend_from_slice(document);
    out.push(b'\0');
    out
}

/// By what a delivery is acknowledged in 1.2: the message, and the subscription, which has no more than one delivery of it.
fn ack_id(id: &str, subscription: Option<&str>) -> String {
    format!("{id}/{}", subscription.unwrap_or_default())
}

/// The answer to `CONNECT`. Its headers are not escaped.
#[must_use]
pub fn connected(version: Version, session: &str, heart_beat: (u128, u128), user: &str) -> Vec<u8> {
    let mut out = b"CONNECTED\n".to_vec();
    put(&mut out, None, "version", version.as_str());
    put(&mut out, None, "session", session);
    put(&mut out, None, "server", SERVER);
    put(&mut out, None, "heart-beat", &format!("{},{}", heart_beat.0, heart_beat.1));
    put(&mut out, None, "user-name", user);
    out.extend_from_slice(b"\n\0");
    out
}

/// What a frame asked for with its `receipt` header is durable.
#[must_use]
pub fn receipt(version: Version, id: &str) -> Vec<u8> {
    let mut out = b"RECEIPT\n".to_vec();
    put(&mut out, Some(version), "receipt-id", id);
    out.extend_from_slice(b"\n\0");
    out
}

/// An error, after which the connection is closed; with the receipt that the frame at fault asked for.
#[must_use]
pub fn error(version: Option<Version>, error: &ErrorData, receipt: Option<&str>) -> Vec<u8> {
    let mut out = b"ERROR\n".to_vec();
    let mut message = String::new();
    if let Some(field) = &error.field {
        // Writing to a string can't fail.
        let _ = write!(message, "{field}: ");
    }
    message.push_str(&error.message);
    put(&mut out, version, "message", &message);
    if let Some(receipt) = receipt {
        put(&mut out, version, "receipt-id", receipt);
    }
    if version.is_none() {
        put(&mut out, version, "version", "1.0,1.1,1.2");
    }
    // Plain words and numbers never fail to be encoded.
    let document = serde_json::to_vec(error).unwrap_or_default();
    put(&mut out, version, "content-type", "application/json");
    put(&mut out, version, "content-length", &document.len().to_string());
    out.push(b'\n');
    out.extend_from_slice(&document);
    out.push(b'\0');
    out
}
