//! The layout of one frame (RFC 6455, section 5.2): a client's header read, the server's frames written.

use crate::wire::close::{CloseCode, Violation};
use bytes::Bytes;

/// Bytes of payload that a control frame may have.
pub const CONTROL_BYTES: usize = 125;
/// Bytes of the longest header of a client: two, eight of length, four of mask.
pub(super) const CLIENT_HEADER_BYTES: usize = 14;
/// Bytes of the longest header of a server, which does not mask.
const SERVER_HEADER_BYTES: usize = 10;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
/// In the length's seven bits: the length is in the next two bytes.
const LENGTH_IN_2: u8 = 126;
/// In the length's seven bits: the length is in the next eight bytes.
const LENGTH_IN_8: u8 = 127;

/// What a frame is; the others are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it is a control frame: short, never fragmented, allowed between the fragments of a message.
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The header of a client's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    pub(super) rsv1: bool,
    pub(super) length: u64,
    pub(super) mask: [u8; 4],
}

impl Header {
    /// Reads the header at the start of `bytes`: it and what follows it, or `None` while it is not all there. What the
    /// first two bytes show to be wrong is refused as soon as they are there.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, &[u8])>, Violation> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        if first & RSV2_AND_3 != 0 {
            return Err(broken("a reserved bit is set"));
        }
        let Some(opcode) = Opcode::from_bits(first & OPCODE) else { return Err(broken("a reserved opcode")) };
        if second & MASKED == 0 {
            return Err(broken("frames of a client must be masked"));
        }
        let fin = first & FIN != 0;
        let short = second & LENGTH;
        if opcode.is_control() && !fin {
            return Err(broken("a control frame can't be fragmented"));
        }
        if opcode.is_control() && usize::from(short) > CONTROL_BYTES {
            return Err(broken("a control frame has at most 125 bytes"));
        }
        let Some((length, rest)) = read_length(short, rest)? else { return Ok(None) };
        let Some((&mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some((Self { opcode, fin, rsv1: first & RSV1 != 0, length, mask }, rest)))
    }
}

/// The payload's length and what follows it; it must be written in the shortest way.
fn read_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (length, shortest, rest) = match short {
        LENGTH_IN_2 => {
            let Some((&length, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(length)), u64::from(LENGTH_IN_2), rest)
        }
        LENGTH_IN_8 => {
            let Some((&length, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from_be_bytes(length), u64::from(u16::MAX) + 1, rest)
        }
        _ => (u64::from(short), 0, rest),
    };
    if length < shortest {
        return Err(broken("a length must be written in the fewest bytes"));
    }
    if length > u64::MAX >> 1 {
        return Err(broken("the highest bit of a length must be 0"));
    }
    Ok(Some((length, rest)))
}

/// The client broke RFC 6455.
pub(super) const fn broken(reason: &'static str) -> Violation {
    Violation { code: CloseCode::ProtocolError, reason }
}

/// Appends the header of a server's frame, which is not masked; `payload` bytes must follow it.
pub fn put_header(out: &mut Vec<u8>, opcode: Opcode, fin: bool, rsv1: bool, payload: usize) {
    out.push(opcode as u8 | if fin { FIN } else { 0 } | if rsv1 { RSV1 } else { 0 });
    match (u8::try_from(payload), u16::try_from(payload)) {
        (Ok(length), _) if length < LENGTH_IN_2 => out.push(length),
        (_, Ok(length)) => {
            out.push(LENGTH_IN_2);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(LENGTH_IN_8);
            out.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
}

/// A whole message or control frame, ready to be sent and shared.
#[must_use]
pub fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    assemble(opcode, false, payload)
}

/// A whole message whose payload was compressed by [`super::deflate::compress`], for connections that agreed to that.
#[must_use]
pub fn compressed_frame(opcode: Opcode, compressed: &[u8]) -> Bytes {
    assemble(opcode, true, compressed)
}

/// A Close frame; what of `reason` does not fit into a control frame is cut off, between characters.
#[must_use]
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    let code = code.to_be_bytes();
    let room = reason.len().min(CONTROL_BYTES - code.len());
    let end = (0..=room).rev().find(|&end| reason.is_char_boundary(end)).unwrap_or(0);
    let (reason, _) = reason.as_bytes().split_at(end);
    frame(Opcode::Close, &[&code, reason].concat())
}

fn assemble(opcode: Opcode, rsv1: bool, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(SERVER_HEADER_BYTES + payload.len());
    put_header(&mut out, opcode, true, rsv1, payload.len());
    out.extend_from_slice(payload);
    Bytes::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_fewest_bytes() {
        for (length, header) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xFF, 0xFF]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let sent = frame(Opcode::Binary, &vec![7; length]);
            assert_eq!(sent.len(), header.len() + length);
            assert!(sent.starts_with(header));
        }
    }

    #[test]
    fn the_bits_of_the_first_byte() {
        let first = |opcode, fin, rsv1| {
            let mut out = Vec::new();
            put_header(&mut out, opcode, fin, rsv1, 0);
            out[0]
        };
        assert_eq!(first(Opcode::Text, true, false), 0x81);
        assert_eq!(first(Opcode::Binary, false, true), 0x42);
        assert_eq!(first(Opcode::Continuation, true, false), 0x80);
        assert_eq!(first(Opcode::Pong, true, false), 0x8A);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(close_frame(1000, "bye"), &[0x88, 5, 0x03, 0xE8, b'b', b'y', b'e'][..]);
        let longest = close_frame(4000, &"x".repeat(124));
        assert_eq!(longest.len(), 2 + CONTROL_BYTES);
        let cut = close_frame(4000, &format!("{}€", "x".repeat(121)));
        assert_eq!(&cut[4..], "x".repeat(121).as_bytes());
    }
}
