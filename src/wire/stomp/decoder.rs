//! A client's bytes to frames.

use super::header::unescape;
use super::{Command, Frame, Version};
use crate::wire::close::{CloseCode, Violation};
use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2};

/// Headers of a frame; ours need five, and clients add some of their own.
pub const HEADERS: usize = 64;
/// Bytes of a line: a header that carries the longest token fits.
pub const HEADER_BYTES: usize = 8 * 1024;
/// Bytes of a frame before its body.
const HEAD_BYTES: usize = 32 * 1024;

const HEADER_TOO_LONG: Violation = too_big("a header over the size limit");
const HEADS_TOO_LONG: Violation = too_big("headers over the size limit");
const TOO_MANY_HEADERS: Violation = too_big("too many headers");
const BODY_TOO_LONG: Violation = too_big("a body over the size limit");
const UNKNOWN_COMMAND: Violation = broken("unknown command");
const NO_COLON: Violation = broken("a header is a name, a colon and a value");
const BAD_ESCAPE: Violation = broken("this version has no such escape in headers");
const NOT_UTF8: Violation = broken("headers must be UTF-8");
const NUL_IN_HEADERS: Violation = broken("NUL within the headers");
const BAD_LENGTH: Violation = broken("content-length must be a number");
const LYING_LENGTH: Violation = broken("no NUL where content-length says that the body ends");
const NO_BODY: Violation = broken("only SEND has a body");

const fn too_big(reason: &'static str) -> Violation {
    Violation { code: CloseCode::TooBig, reason }
}

const fn broken(reason: &'static str) -> Violation {
    Violation { code: CloseCode::Protocol, reason }
}

/// The decoder of one connection. A frame that lies within one WebSocket message shares its bytes; what is incomplete is gathered,
/// copied once, up to the limits.
#[derive(Debug)]
pub struct Decoder {
    body_bytes: usize,
    /// As the client's `CONNECT` settled it.
    version: Option<Version>,
    /// What came last and was not looked at.
    input: Bytes,
    /// What came before that of a frame that is not whole.
    held: BytesMut,
    scan: Scan,
    ended: bool,
}

/// How far the frame at the front has been read. Positions count from its first byte.
#[derive(Debug, Default)]
struct Scan {
    /// Where the line that is looked for begins; with a head, where the body does.
    at: usize,
    /// Up to where no end was found.
    seen: usize,
    command: Option<Command>,
    headers: Vec<(String, String)>,
    /// The head is whole; the body's length, if it was told.
    body: Option<Option<usize>>,
}

impl Decoder {
    /// For bodies of so many bytes at most.
    #[must_use]
    pub fn new(body_bytes: usize) -> Self {
        Self {
            body_bytes,
            version: None,
            input: Bytes::new(),
            held: BytesMut::new(),
            scan: Scan::default(),
            ended: false,
        }
    }

    /// Bytes of memory that an incomplete frame takes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.capacity() + self.input.len()
    }

    /// Takes what came. All that was fed before must have been read by [`Self::next_frame`].
    pub fn feed(&mut self, bytes: Bytes) {
        if self.ended {
            return;
        }
        if self.held.is_empty() {
            self.input = bytes;
        } else {
            self.held.extend_from_slice(&bytes);
        }
    }

    /// The next whole frame; `None`: more is needed. After an error nothing can follow.
    ///
    /// # Errors
    /// What is no frame, or over a limit; lengths are refused when they are declared.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Violation> {
        if self.ended {
            return Ok(None);
        }
        let result = self.advance();
        if result.is_err() {
            *self = Self { ended: true, ..Self::new(self.body_bytes) };
        }
        result
    }

    fn advance(&mut self) -> Result<Option<Frame>, Violation> {
        let is_held = !self.held.is_empty();
        if self.scan.command.is_none() && self.scan.at == 0 {
            // Heart-beats, and what clients put behind the end of a frame.
            let blank = leading_ends(if is_held { &self.held } else { &self.input });
            if is_held {
                self.held.advance(blank);
            } else {
                self.input.advance(blank);
            }
            self.scan.seen = self.scan.seen.saturating_sub(blank);
        }
        let bytes: &[u8] = if is_held { &self.held } else { &self.input };
        let Some((start, end)) = self.scan.run(bytes, self.version, self.body_bytes)? else {
            if !is_held {
                self.held = BytesMut::from(bytes);
                self.input = Bytes::new();
            }
            return Ok(None);
        };
        let mut whole = if is_held {
            let whole = self.held.split_to(end + 1).freeze();
            // A long frame must not leave its memory with an idle connection.
            if self.held.is_empty() {
                self.held = BytesMut::new();
            }
            whole
        } else {
            self.input.split_to(end + 1)
        };
        let body = whole.split_off(start).slice(..end - start);
        let Scan { command, headers, .. } = std::mem::take(&mut self.scan);
        let mut frame = Frame { command: command.ok_or(UNKNOWN_COMMAND)?, headers, body };
        if frame.command == Command::Connect && self.version.is_none() {
            self.version = Version::negotiate(frame.header("accept-version").map(str::trim));
            if self.version == Some(Version::V10) {
                // Padded by many clients of then.
                for text in frame.headers.iter_mut().flat_map(|(name, value)| [name, value]) {
                    *text = text.trim().to_owned();
                }
            }
        }
        Ok(Some(frame))
    }
}

impl Scan {
    /// Reads on. Where the body begins and where its NUL is, once all is there.
    fn run(
        &mut self,
        bytes: &[u8],
        version: Option<Version>,
        body_bytes: usize,
    ) -> Result<Option<(usize, usize)>, Violation> {
        while self.body.is_none() {
            let fresh = bytes.get(self.seen..).unwrap_or_default();
            let Some(found) = memchr2(b'\n', b'\0', fresh) else {
                self.seen = bytes.len();
                self.check_line(bytes.len())?;
                return Ok(None);
            };
            let end = self.seen + found;
            self.check_line(end)?;
            if bytes.get(end) == Some(&b'\0') {
                return Err(NUL_IN_HEADERS);
            }
            let line = bytes.get(self.at..end).unwrap_or_default();
            (self.at, self.seen) = (end + 1, end + 1);
            self.take_line(line, version, body_bytes)?;
        }
        let start = self.at;
        let end = match self.body.flatten() {
            Some(length) => {
                let Some(&end) = bytes.get(start + length) else { return Ok(None) };
                if end != b'\0' {
                    return Err(LYING_LENGTH);
                }
                start + length
            }
            None => match memchr(b'\0', bytes.get(self.seen..).unwrap_or_default()) {
                Some(found) => self.seen + found,
                None => {
                    self.seen = bytes.len();
                    return if bytes.len() - start > body_bytes { Err(BODY_TOO_LONG) } else { Ok(None) };
                }
            },
        };
        if end - start > body_bytes {
            return Err(BODY_TOO_LONG);
        }
        if end > start && self.command != Some(Command::Send) {
            return Err(NO_BODY);
        }
        Ok(Some((start, end)))
    }

    /// Refuses a line, or all of them together, that goes on for too long up to `end`.
    fn check_line(&self, end: usize) -> Result<(), Violation> {
        if end - self.at > HEADER_BYTES {
            return Err(if self.command.is_none() { UNKNOWN_COMMAND } else { HEADER_TOO_LONG });
        }
        if end > HEAD_BYTES { Err(HEADS_TOO_LONG) } else { Ok(()) }
    }

    fn take_line(&mut self, line: &[u8], version: Option<Version>, body_bytes: usize) -> Result<(), Violation> {
        // In 1.1 a CR is part of the line; before the version is settled nobody can tell.
        let line = match line {
            [line @ .., b'\r'] if version != Some(Version::V11) => line,
            line => line,
        };
        let Some(command) = self.command else {
            let command = Command::from_bytes(line).ok_or(UNKNOWN_COMMAND)?;
            if command == Command::Nack && version == Some(Version::V10) {
                return Err(UNKNOWN_COMMAND);
            }
            self.command = Some(command);
            return Ok(());
        };
        if line.is_empty() {
            let length = self.headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value);
            let length = length.map(|value| read_length(value)).transpose()?;
            if length.is_some_and(|length| length > body_bytes) {
                return Err(BODY_TOO_LONG);
            }
            self.body = Some(length);
            return Ok(());
        }
        if self.headers.len() >= HEADERS {
            return Err(TOO_MANY_HEADERS);
        }
        let line = std::str::from_utf8(line).map_err(|_| NOT_UTF8)?;
        let (name, value) = line.split_once(':').ok_or(NO_COLON)?;
        // What opens a connection is not escaped in any version, as nobody knows yet which it is.
        let version = version.filter(|_| command != Command::Connect);
        let (name, value) = if version == Some(Version::V10) { (name.trim(), value.trim()) } else { (name, value) };
        let name = unescape(version, name).ok_or(BAD_ESCAPE)?;
        let value = unescape(version, value).ok_or(BAD_ESCAPE)?;
        if name.is_empty() {
            return Err(NO_COLON);
        }
        self.headers.push((name.into_owned(), value.into_owned()));
        Ok(())
    }
}

/// Bytes of the ends of lines at the front. A CR whose LF has not come stays.
fn leading_ends(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match bytes.get(at..).unwrap_or_default() {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            _ => return at,
        }
    }
}

fn read_length(value: &str) -> Result<usize, Violation> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BAD_LENGTH);
    }
    // Digits that are no number of ours are too many.
    value.parse().map_err(|_| BODY_TOO_LONG)
}
