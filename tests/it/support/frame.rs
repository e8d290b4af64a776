//! The binary frames of `palabre.v1.bin` as a client of ours that shares no code with the server has them.

use serde_json::{Value, json};

pub const REQUEST: u8 = 1;
pub const REPLY: u8 = 2;
pub const PUSH: u8 = 3;
pub const ERROR: u8 = 4;
pub const PING: u8 = 5;
pub const PONG: u8 = 6;
pub const CLOSE: u8 = 7;

const HEADER: usize = 12;

/// A frame of the server.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub json: bool,
    pub correlation: u32,
    /// `null` for an empty one.
    pub payload: Value,
}

/// A frame with a document in the named encoding.
pub fn encode(kind: u8, json: bool, correlation: u32, payload: &Value) -> Vec<u8> {
    let payload = if json { serde_json::to_vec(payload).unwrap() } else { rmp_serde::to_vec_named(payload).unwrap() };
    encode_bytes(kind, json, correlation, &payload)
}

/// A frame with any payload.
pub fn encode_bytes(kind: u8, json: bool, correlation: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(kind, u8::from(json), u32::try_from(payload.len()).unwrap(), correlation).to_vec();
    frame.extend_from_slice(payload);
    frame
}

/// A header that says anything.
pub fn header(kind: u8, flags: u8, length: u32, correlation: u32) -> [u8; HEADER] {
    let mut header = [0x50, 1, kind, flags, 0, 0, 0, 0, 0, 0, 0, 0];
    header[4..8].copy_from_slice(&length.to_be_bytes());
    header[8..].copy_from_slice(&correlation.to_be_bytes());
    header
}

/// A request's frame.
pub fn request(json: bool, id: u32, kind: &str, data: &Value) -> Vec<u8> {
    encode(REQUEST, json, id, &json!({ "type": kind, "data": data }))
}

/// Takes the first whole frame out of what was read.
pub fn take(buffer: &mut Vec<u8>) -> Option<Frame> {
    let header: [u8; HEADER] = buffer.get(..HEADER)?.try_into().unwrap();
    let number = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
    let end = HEADER + usize::try_from(number(4)).unwrap();
    let payload = buffer.get(HEADER..end)?;
    assert_eq!(header[..2], [0x50, 1], "a frame begins so");
    assert!(header[3] <= 1, "unknown flags {}", header[3]);
    let json = header[3] == 1;
    let payload = match payload {
        [] => Value::Null,
        bytes if json => serde_json::from_slice(bytes).unwrap(),
        bytes => rmp_serde::from_slice(bytes).unwrap(),
    };
    let frame = Frame { kind: header[2], json, correlation: number(8), payload };
    buffer.drain(..end);
    Some(frame)
}
