//! The binary frames of `palabre.v1.bin`: a header of 12 bytes, big-endian, then a payload.
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 1 | `0x50` |
//! | 1 | 1 | version, 1 |
//! | 2 | 1 | kind |
//! | 3 | 1 | flags: bit 0 the payload is JSON, else MessagePack; the others 0 |
//! | 4 | 4 | bytes of the payload |
//! | 8 | 4 | correlation: the request's id in requests, replies and errors; 0 otherwise |

use super::close::{CloseCode, Violation};
use bytes::Bytes;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 12;
const MAGIC: u8 = 0x50;
const VERSION: u8 = 1;
const JSON: u8 = 1;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Request = 1,
    Reply = 2,
    Push = 3,
    Error = 4,
    Ping = 5,
    Pong = 6,
    Close = 7,
}

impl Kind {
    const ALL: [Self; 7] = [Self::Request, Self::Reply, Self::Push, Self::Error, Self::Ping, Self::Pong, Self::Close];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Whether a client may send it.
    #[must_use]
    pub const fn of_clients(self) -> bool {
        matches!(self, Self::Request | Self::Ping | Self::Pong | Self::Close)
    }
}

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: Kind,
    /// The payload is JSON, else MessagePack.
    pub json: bool,
    /// The request's id; 0 where there is none.
    pub correlation: u32,
    pub payload: Bytes,
}

/// What the first 12 bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// The payload is JSON, else MessagePack.
    pub json: bool,
    /// Bytes of the payload.
    pub length: u32,
    /// The request's id; 0 where there is none.
    pub correlation: u32,
}

impl Header {
    /// Reads a header of either side.
    ///
    /// # Errors
    /// Bytes that are no header.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Violation> {
        check_start(bytes)?;
        let [_, _, kind, flags, l0, l1, l2, l3, c0, c1, c2, c3] = *bytes;
        Ok(Self {
            kind: Kind::from_byte(kind).ok_or(UNKNOWN_KIND)?,
            json: flags == JSON,
            length: u32::from_be_bytes([l0, l1, l2, l3]),
            correlation: u32::from_be_bytes([c0, c1, c2, c3]),
        })
    }

    /// The header's bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        let [c0, c1, c2, c3] = self.correlation.to_be_bytes();
        [MAGIC, VERSION, self.kind as u8, u8::from(self.json), l0, l1, l2, l3, c0, c1, c2, c3]
    }

    /// Fails unless a client may send such a frame, and of that size: `limit` bytes with the header.
    fn check_from_client(self, limit: usize) -> Result<(), Violation> {
        if !self.kind.of_clients() {
            return Err(violation("frames of this kind come from the server only"));
        }
        if self.kind != Kind::Request && self.correlation != 0 {
            return Err(violation("the correlation of a ping, pong or close must be 0"));
        }
        if matches!(self.kind, Kind::Ping | Kind::Pong) && self.length != 0 {
            return Err(violation("a ping or pong must be empty"));
        }
        let allowed = limit.saturating_sub(HEADER_BYTES);
        if usize::try_from(self.length).is_ok_and(|length| length <= allowed) {
            Ok(())
        } else {
            Err(Violation { code: CloseCode::TooBig, reason: "a frame over the size limit" })
        }
    }
}

/// Appends a frame to `out`.
///
/// # Errors
/// A payload over `u32::MAX` bytes, which no header can declare; `out` is as it was.
pub fn encode(
    kind: Kind,
    json: bool,
    correlation: u32,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), std::num::TryFromIntError> {
    let length = u32::try_from(payload.len())?;
    out.reserve(HEADER_BYTES + payload.len());
    out.extend_from_slice(&Header { kind, json, length, correlation }.to_bytes());
    out.extend_from_slice(payload);
    Ok(())
}

/// Reads a client's frames from a stream that is cut anywhere. Between frames it owns no heap; in one, never more than the
/// header declared, and not much more than has come.
#[derive(Debug)]
pub struct Decoder {
    /// The most bytes of a frame, header included.
    limit: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many bytes of a header have come.
    Header { bytes: [u8; HEADER_BYTES], filled: usize },
    /// So much of the payload has come.
    Payload { header: Header, length: usize, payload: Vec<u8> },
}

impl State {
    const IDLE: Self = Self::Header { bytes: [0; HEADER_BYTES], filled: 0 };
}

impl Decoder {
    /// A decoder of frames of up to `limit` bytes, header included.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, state: State::IDLE }
    }

    /// Whether the last frame was whole: a WebSocket message must not end inside one.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Header { filled: 0, .. })
    }

    /// Bytes of memory that an incomplete frame takes.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.state {
            State::Header { .. } => 0,
            State::Payload { payload, .. } => payload.capacity(),
        }
    }

    /// Takes bytes from `input` up to the end of a frame. None: all were taken, and the frame is not whole yet.
    ///
    /// # Errors
    /// What no client may send, as soon as its bytes are there. After that the stream has no meaning: the connection closes.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Violation> {
        if let State::Header { bytes, filled } = &mut self.state {
            let missing = bytes.get_mut(*filled..).unwrap_or_default();
            let taken = take(input, missing.len());
            missing.iter_mut().zip(taken).for_each(|(to, from)| *to = *from);
            *filled += taken.len();
            if *filled < HEADER_BYTES {
                return check_start(bytes.get(..*filled).unwrap_or_default()).map(|()| None);
            }
            let header = Header::parse(bytes)?;
            header.check_from_client(self.limit)?;
            let length = usize::try_from(header.length).map_err(|_| violation("this length can't be"))?;
            self.state = State::Payload { header, length, payload: Vec::new() };
        }
        if let State::Payload { header, length, payload } = &mut self.state {
            let missing = *length - payload.len();
            let taken = take(input, missing);
            // Doubles like any vector, but never beyond what was declared.
            if payload.capacity() - payload.len() < taken.len() {
                payload.reserve_exact(taken.len().max(payload.len()).min(missing));
            }
            payload.extend_from_slice(taken);
            if payload.len() == *length {
                let Header { kind, json, correlation, .. } = *header;
                let payload = Bytes::from(std::mem::take(payload));
                self.state = State::IDLE;
                return Ok(Some(Frame { kind, json, correlation, payload }));
            }
        }
        Ok(None)
    }
}

const UNKNOWN_KIND: Violation = violation("an unknown kind of frame");

const fn violation(reason: &'static str) -> Violation {
    Violation { code: CloseCode::ProtocolError, reason }
}

/// Checks as much of a header as is there, so that what never was one is refused at its first byte.
fn check_start(bytes: &[u8]) -> Result<(), Violation> {
    let is = |at: usize, allowed: fn(u8) -> bool| bytes.get(at).is_none_or(|byte| allowed(*byte));
    if !is(0, |byte| byte == MAGIC) {
        Err(violation("a frame must begin with 0x50"))
    } else if !is(1, |byte| byte == VERSION) {
        Err(violation("the only version is 1"))
    } else if !is(2, |byte| Kind::from_byte(byte).is_some()) {
        Err(UNKNOWN_KIND)
    } else if !is(3, |byte| byte & !JSON == 0) {
        Err(violation("unknown flags"))
    } else {
        Ok(())
    }
}

/// Up to `length` bytes from the front of `input`.
fn take<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at_checked(length).unwrap_or((*input, &[]));
    *input = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 100;

    fn bytes_of(frame: &Frame) -> Vec<u8> {
        let mut out = Vec::new();
        encode(frame.kind, frame.json, frame.correlation, &frame.payload, &mut out).unwrap();
        out
    }

    /// All that comes out of a stream that arrives in these pieces.
    fn decode_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Frame>, Result<Decoder, Violation>) {
        let mut decoder = Decoder::new(LIMIT);
        let mut frames = Vec::new();
        for mut piece in pieces {
            loop {
                match decoder.decode(&mut piece) {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(violation) => return (frames, Err(violation)),
                }
            }
            assert!(piece.is_empty());
        }
        (frames, Ok(decoder))
    }

    fn refusal(bytes: &[u8]) -> Option<CloseCode> {
        decode_all([bytes]).1.err().map(|violation| violation.code)
    }

    fn header(kind: u8, flags: u8, length: u32, correlation: u32) -> Vec<u8> {
        let mut bytes = vec![MAGIC, VERSION, kind, flags];
        bytes.extend(length.to_be_bytes());
        bytes.extend(correlation.to_be_bytes());
        bytes
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let frame = Frame { kind: Kind::Request, json: true, correlation: 7, payload: Bytes::from_static(b"{}") };
        assert_eq!(bytes_of(&frame), b"\x50\x01\x01\x01\x00\x00\x00\x02\x00\x00\x00\x07{}");
    }

    #[test]
    fn the_limit_counts_the_whole_frame() {
        let frame = |size: usize| header(1, 0, u32::try_from(size - HEADER_BYTES).unwrap(), 1);
        for size in [LIMIT - 1, LIMIT] {
            assert_eq!(refusal(&frame(size)), None);
        }
        assert_eq!(refusal(&frame(LIMIT + 1)), Some(CloseCode::TooBig));
        assert_eq!(refusal(&header(1, 0, u32::MAX, 1)), Some(CloseCode::TooBig));
    }

    #[test]
    fn bad_headers_are_refused_at_the_first_wrong_byte() {
        for bytes in [
            &b"\x51"[..],
            b"\x50\x02",
            b"\x50\x01\x00",
            b"\x50\x01\x08",
            b"\x50\x01\x01\x02",
            b"\x50\x01\x01\x81",
            b"GET ",
        ] {
            assert_eq!(refusal(bytes), Some(CloseCode::ProtocolError), "{bytes:?}");
            assert_eq!(refusal(&bytes[..bytes.len() - 1]).is_some(), bytes == b"GET ", "{bytes:?}");
        }
    }

    #[test]
    fn clients_send_only_their_kinds() {
        for kind in [2, 3, 4] {
            assert_eq!(refusal(&header(kind, 0, 0, 0)), Some(CloseCode::ProtocolError));
        }
        for kind in [5, 6, 7] {
            assert_eq!(refusal(&header(kind, 0, 0, 0)), None);
            assert_eq!(refusal(&header(kind, 0, 0, 1)), Some(CloseCode::ProtocolError), "a correlation");
        }
        assert_eq!(refusal(&header(5, 0, 1, 0)), Some(CloseCode::ProtocolError));
        assert_eq!(refusal(&header(6, 0, 1, 0)), Some(CloseCode::ProtocolError));
        assert_eq!(refusal(&header(7, 0, 1, 0)), None);
        assert_eq!(refusal(&header(1, 0, 0, 0)), None, "a request without an id is the envelope's business");
    }

    #[test]
    fn memory_follows_what_has_come() {
        let mut decoder = Decoder::new(usize::MAX);
        let bytes = header(1, 0, 1 << 30, 1);
        assert_eq!(decoder.decode(&mut &bytes[..]), Ok(None));
        assert_eq!(decoder.decode(&mut &[0_u8; 100][..]), Ok(None));
        let State::Payload { payload, .. } = &decoder.state else { panic!() };
        assert!(payload.capacity() <= 200);
    }

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let payload = prop::collection::vec(any::<u8>(), 0..=LIMIT - HEADER_BYTES).prop_map(Bytes::from);
        let request = (any::<bool>(), any::<u32>(), payload.clone()).prop_map(|(json, correlation, payload)| Frame {
            kind: Kind::Request,
            json,
            correlation,
            payload,
        });
        let close = (any::<bool>(), payload).prop_map(|(json, payload)| Frame {
            kind: Kind::Close,
            json,
            correlation: 0,
            payload,
        });
        let ping = Just(Frame { kind: Kind::Ping, json: false, correlation: 0, payload: Bytes::new() });
        prop::collection::vec(prop_oneof![request, close, ping], 0..6)
    }

    proptest! {
        #[test]
        fn frames_split_anywhere_are_the_same(frames in frames(), size in 1_usize..40) {
            let stream = frames.iter().flat_map(bytes_of).collect::<Vec<_>>();
            for pieces in [vec![&stream[..]], stream.chunks(size).collect()] {
                let (decoded, end) = decode_all(pieces);
                prop_assert_eq!(&decoded, &frames);
                prop_assert!(end.unwrap().is_idle());
            }
        }

        #[test]
        fn any_bytes_split_anywhere_are_the_same(
            frames in frames(),
            noise in prop::collection::vec(any::<u8>(), 0..60),
            at in any::<prop::sample::Index>(),
            size in 1_usize..20,
        ) {
            let mut stream = frames.iter().flat_map(bytes_of).collect::<Vec<_>>();
            let at = at.index(stream.len() + 1);
            stream.splice(at..at, noise);
            let (whole, whole_end) = decode_all([&stream[..]]);
            let (split, split_end) = decode_all(stream.chunks(size));
            prop_assert_eq!(whole, split);
            prop_assert_eq!(whole_end.err(), split_end.err());
        }
    }
}
