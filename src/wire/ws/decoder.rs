//! A client's bytes to messages and control frames, however the bytes are cut.

use super::deflate::{self, Agreement};
use super::frame::{CLIENT_HEADER_BYTES, Header, Opcode, broken};
use super::mask;
use crate::wire::close::{CloseCode, Violation};
use bytes::Bytes;
use std::mem;

const TOO_LONG: Violation = Violation { code: CloseCode::TooBig, reason: "the message is over the size limit" };
const TOO_MANY_FRAGMENTS: Violation = Violation { code: CloseCode::TooBig, reason: "too many fragments" };
const NOT_UTF8: Violation = Violation { code: CloseCode::InvalidData, reason: "text must be UTF-8" };

/// How much one message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of payload over all fragments: as they arrive, and again when inflated.
    pub message_bytes: usize,
    /// Frames of a message; bounds also those that are empty.
    pub fragments: usize,
}

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    Text(String),
    Binary(Bytes),
    /// To be answered with a Pong of the same bytes.
    Ping(Bytes),
    Pong(Bytes),
    /// To be answered with a Close; the code and reason if there were any.
    Close(Option<(u16, String)>),
}

/// The decoder of one connection. It reads from a buffer that connections share, and keeps what is incomplete itself:
/// between messages it owns no heap memory, and within one no more than [`Limits::message_bytes`] for the payload (of a
/// compressed message twice that for a moment) and [`super::frame::CONTROL_BYTES`] for a control frame.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    deflate: bool,
    header: PartialHeader,
    /// The frame whose payload is arriving.
    frame: Option<Frame>,
    message: Message,
    /// What has arrived of a control frame's payload.
    control: Vec<u8>,
    ended: bool,
}

/// The beginning of a header of which the rest has not come.
#[derive(Debug, Default)]
struct PartialHeader {
    bytes: [u8; CLIENT_HEADER_BYTES],
    filled: usize,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// The mask, turned so that it begins at the next byte.
    mask: [u8; 4],
    /// Bytes of payload that have not come.
    missing: usize,
}

/// The message whose fragments are arriving.
#[derive(Debug, Default)]
struct Message {
    /// False between messages.
    open: bool,
    text: bool,
    compressed: bool,
    fragments: usize,
    payload: Vec<u8>,
    /// Bytes at the start of `payload` that are whole characters; counted only where text can be checked as it comes.
    valid: usize,
}

impl Decoder {
    /// `deflate` is what the handshake agreed on, if it did.
    #[must_use]
    pub fn new(limits: Limits, deflate: Option<Agreement>) -> Self {
        Self {
            limits,
            deflate: deflate.is_some(),
            header: PartialHeader::default(),
            frame: None,
            message: Message::default(),
            control: Vec::new(),
            ended: false,
        }
    }

    /// Bytes of memory that an incomplete message or control frame takes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.message.payload.capacity() + self.control.capacity()
    }

    /// Takes the next message or control frame off the front of `input`. `None`: all of it was taken, and more is needed.
    ///
    /// After a Close or an error nothing can follow; whatever still comes is taken and thrown away.
    ///
    /// # Errors
    /// The client broke the protocol or a limit: the connection is to be closed with that code. Lengths are refused when
    /// they are declared, text as soon as it can't become UTF-8 any more. More fragments than the limit are `TooBig`,
    /// like too many bytes: the client did nothing that the protocol forbids.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, Violation> {
        if self.ended {
            *input = &[];
            return Ok(None);
        }
        let result = self.next(input);
        if matches!(result, Err(_) | Ok(Some(Incoming::Close(_)))) {
            *self = Self { ended: true, ..Self::new(self.limits, None) };
        }
        result
    }

    fn next(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, Violation> {
        loop {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.header.read(input)? {
                    Some(header) => self.begin(&header)?,
                    None => return Ok(None),
                },
            };
            let waits = input.len() < frame.missing;
            let incoming = self.take_payload(frame, input)?;
            if incoming.is_some() || waits {
                return Ok(incoming);
            }
        }
    }

    /// Checks a new frame against what came before it and against the limits, before any of its payload is kept.
    fn begin(&mut self, header: &Header) -> Result<Frame, Violation> {
        let starts_message = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        if header.rsv1 && !(self.deflate && starts_message) {
            return Err(broken("the compression bit is set where it has no meaning"));
        }
        if starts_message {
            if self.message.open {
                return Err(broken("a new message inside of another"));
            }
            self.message.open = true;
            self.message.text = header.opcode == Opcode::Text;
            self.message.compressed = header.rsv1;
        }
        let missing = usize::try_from(header.length).map_err(|_| TOO_LONG)?;
        if !header.opcode.is_control() {
            self.message.admit(missing, self.limits)?;
        }
        Ok(Frame { opcode: header.opcode, fin: header.fin, mask: header.mask, missing })
    }

    /// Takes what `input` has of the frame's payload. `Some` when that completes a message or a control frame.
    fn take_payload(&mut self, mut frame: Frame, input: &mut &[u8]) -> Result<Option<Incoming>, Violation> {
        let arrived = input.split_off(..frame.missing.min(input.len())).unwrap_or_default();
        let control = frame.opcode.is_control();
        let payload = if control { &mut self.control } else { &mut self.message.payload };
        let known_end = control || frame.fin;
        let most = if known_end { payload.len() + frame.missing } else { self.limits.message_bytes };
        make_room(payload, arrived.len(), most);
        mask::append_unmasked(payload, arrived, frame.mask);

        frame.missing -= arrived.len();
        if frame.missing == 0 && control {
            return control_event(frame.opcode, mem::take(&mut self.control)).map(Some);
        }
        if frame.missing == 0 && frame.fin {
            return mem::take(&mut self.message).complete(self.limits).map(Some);
        }
        if !control {
            self.message.check_text()?;
        }
        if frame.missing > 0 {
            let turn = arrived.len() % frame.mask.len();
            frame.mask.rotate_left(turn);
            self.frame = Some(frame);
        }
        Ok(None)
    }
}

impl PartialHeader {
    /// Takes a header off the front of `input`, with what was left over from earlier input.
    fn read(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        if self.filled == 0
            && let Some((header, rest)) = Header::parse(input)?
        {
            *input = rest;
            return Ok(Some(header));
        }
        while let Some(slot) = self.bytes.get_mut(self.filled)
            && let Some((&byte, rest)) = input.split_first()
        {
            *slot = byte;
            *input = rest;
            self.filled += 1;
            let (header, _) = self.bytes.split_at(self.filled);
            if let Some((header, _)) = Header::parse(header)? {
                self.filled = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

impl Message {
    /// Counts a fragment of `bytes` in, if the message may have it.
    fn admit(&mut self, bytes: usize, limits: Limits) -> Result<(), Violation> {
        if !self.open {
            return Err(broken("a continuation of nothing"));
        }
        self.fragments += 1;
        if self.fragments > limits.fragments {
            return Err(TOO_MANY_FRAGMENTS);
        }
        if bytes > limits.message_bytes.saturating_sub(self.payload.len()) {
            return Err(TOO_LONG);
        }
        Ok(())
    }

    /// Refuses text as soon as it can't become UTF-8 any more. Text that is compressed is checked when it is complete.
    fn check_text(&mut self) -> Result<(), Violation> {
        if !self.text || self.compressed {
            return Ok(());
        }
        let (_, unchecked) = self.payload.split_at_checked(self.valid).unwrap_or_default();
        match std::str::from_utf8(unchecked) {
            Ok(_) => self.valid = self.payload.len(),
            // The last character has only begun.
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(NOT_UTF8),
        }
        Ok(())
    }

    fn complete(self, limits: Limits) -> Result<Incoming, Violation> {
        let payload =
            if self.compressed { deflate::inflate(&self.payload, limits.message_bytes)? } else { self.payload };
        if self.text {
            String::from_utf8(payload).map(Incoming::Text).map_err(|_| NOT_UTF8)
        } else {
            Ok(Incoming::Binary(Bytes::from(payload)))
        }
    }
}

/// Makes room for `more` bytes: twofold each time, so that many small pieces cost few copies, but never above `most`.
fn make_room(buffer: &mut Vec<u8>, more: usize, most: usize) {
    let needed = buffer.len() + more;
    if needed > buffer.capacity() {
        let capacity = (buffer.capacity() * 2).min(most).max(needed);
        buffer.reserve_exact(capacity - buffer.len());
    }
}

fn control_event(opcode: Opcode, payload: Vec<u8>) -> Result<Incoming, Violation> {
    Ok(match opcode {
        Opcode::Ping => Incoming::Ping(payload.into()),
        Opcode::Pong => Incoming::Pong(payload.into()),
        _ => Incoming::Close(close_body(&payload)?),
    })
}

/// The code and reason in a Close frame's payload: nothing, or a code that may be sent, and UTF-8.
fn close_body(payload: &[u8]) -> Result<Option<(u16, String)>, Violation> {
    let Some((&code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(broken("half a close code")) };
    };
    let code = u16::from_be_bytes(code);
    // 1004 to 1006 and 1015 are never sent, what is between the ranges is not given out (RFC 6455, section 7.4; IANA).
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(broken("not a close code"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| NOT_UTF8)?;
    Ok(Some((code, reason.to_owned())))
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
