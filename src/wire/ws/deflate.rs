//! permessage-deflate (RFC 7692), without context takeover in both directions: nothing is kept for a connection between
//! its messages, and a message for many is compressed once.

use super::header::{Malformed, list, token};
use crate::wire::close::{CloseCode, Violation};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;

/// Payloads of fewer bytes are sent as they are: the gain would be less than the work.
pub const COMPRESS_FROM_BYTES: usize = 1_025;
/// What ends every sync flush; it is not sent, and to be put back before inflating (RFC 7692, section 7.2).
const FLUSH_TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// Window bits that need not be named: the whole window of 32 KiB.
const WHOLE_WINDOW: u8 = 15;
/// How much larger than its compressed form a message is expected to be; only the first guess of its buffer.
const USUAL_RATIO: usize = 4;

const CORRUPT: Violation = Violation { code: CloseCode::InvalidData, reason: "the compressed data is corrupt" };
const TOO_LONG: Violation =
    Violation { code: CloseCode::TooBig, reason: "the inflated message is over the size limit" };

thread_local! {
    // The state of either is tens to hundreds of KiB, too much to allocate for each message. One of each is enough for a
    // thread, as no state outlives a message.
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static INFLATER: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// The offer of the extension that can be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// The offer named the server's window, so the answer must too.
    names_server_window: bool,
}

impl Agreement {
    /// The value of `Sec-WebSocket-Extensions` that accepts it.
    #[must_use]
    pub const fn header(self) -> &'static str {
        if self.names_server_window {
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15"
        } else {
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        }
    }
}

/// The first offer in the `Sec-WebSocket-Extensions` headers that can be accepted. Offers that would have the server
/// compress with a smaller window are passed over: the compressor has only the whole one. The client's window may be any,
/// as inflating with the whole one always works.
pub(super) fn negotiate<'a>(headers: impl Iterator<Item = &'a str>) -> Result<Option<Agreement>, Malformed> {
    let mut accepted = None;
    for offer in headers.flat_map(list) {
        let mut parts = offer.split(';');
        let name = token(parts.next().unwrap_or_default())?;
        let parameters = parts.map(parameter).collect::<Result<Vec<_>, _>>()?;
        if accepted.is_none() && name.eq_ignore_ascii_case("permessage-deflate") {
            accepted = accept(&parameters);
        }
    }
    Ok(accepted)
}

/// A parameter's name and value; the value may be in quotes but is a token all the same.
fn parameter(text: &str) -> Result<(&str, Option<&str>), Malformed> {
    let Some((name, value)) = text.split_once('=') else { return Ok((token(text)?, None)) };
    let value = value.trim();
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Ok((token(name)?, Some(token(unquoted.unwrap_or(value))?)))
}

/// Accepts an offer, or declines it: parameters that are unknown, given twice or with a wrong value (RFC 7692, section 7.1).
fn accept(parameters: &[(&str, Option<&str>)]) -> Option<Agreement> {
    let mut agreement = Agreement { names_server_window: false };
    for (index, &(name, value)) in parameters.iter().enumerate() {
        if parameters.iter().take(index).any(|&(earlier, _)| earlier == name) {
            return None;
        }
        match (name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits", None) => {}
            ("client_max_window_bits", Some(bits)) => {
                window_bits(bits)?;
            }
            ("server_max_window_bits", Some(bits)) if window_bits(bits)? == WHOLE_WINDOW => {
                agreement.names_server_window = true;
            }
            _ => return None,
        }
    }
    Some(agreement)
}

/// 8 to 15, without leading zeros.
fn window_bits(value: &str) -> Option<u8> {
    let bits: u8 = value.parse().ok()?;
    (value == bits.to_string() && (8..=WHOLE_WINDOW).contains(&bits)).then_some(bits)
}

/// Compresses a message's payload for [`super::frame::compressed_frame`]. `None` when it had better be sent as it is: below
/// [`COMPRESS_FROM_BYTES`], or not made smaller.
#[must_use]
pub fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < COMPRESS_FROM_BYTES {
        return None;
    }
    // Just too small for a result that is not smaller than the payload.
    let mut out = Vec::with_capacity(payload.len() + FLUSH_TAIL.len());
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        compressor.compress_vec(payload, &mut out, FlushCompress::Sync).ok()
    })?;
    // With room left the flush is complete, and all of the payload in it.
    if out.len() == out.capacity() {
        return None;
    }
    out.truncate(out.strip_suffix(&FLUSH_TAIL)?.len());
    Some(out)
}

/// Inflates a message's payload.
///
/// A final block may be followed by nothing but the padding of RFC 7692, section 7.2.3.4: starting anew after each of
/// thousands of empty final blocks would be cheap to ask for and dear to do.
///
/// # Errors
/// `TooBig` as soon as `limit` bytes are passed, for which no more than one byte above the limit is allocated;
/// `InvalidData` for what is not DEFLATE data.
pub(super) fn inflate(payload: &[u8], limit: usize) -> Result<Vec<u8>, Violation> {
    let mut out = Vec::with_capacity(payload.len().saturating_mul(USUAL_RATIO).min(limit.saturating_add(1)));
    INFLATER.with_borrow_mut(|inflater| {
        // This also clears the window, so that a reference to before the message finds nothing of another client's.
        inflater.reset(false);
        match inflate_part(inflater, payload, &mut out, limit)? {
            Some([] | [0]) => Ok(out),
            Some(_) => Err(CORRUPT),
            None => match inflate_part(inflater, &FLUSH_TAIL, &mut out, limit)? {
                Some(_) => Err(CORRUPT),
                None => Ok(out),
            },
        }
    })
}

/// Appends what `input` inflates to. `Some`: the final block ended, and what follows it.
fn inflate_part<'a>(
    inflater: &mut Decompress,
    mut input: &'a [u8],
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<Option<&'a [u8]>, Violation> {
    loop {
        if out.len() == out.capacity() {
            // Up to one byte over the limit, which shows that there is more than the limit.
            let room = limit.saturating_add(1) - out.len();
            out.reserve_exact(out.len().max(COMPRESS_FROM_BYTES).min(room));
        }
        let (taken_before, given_before) = (inflater.total_in(), out.len());
        let status = inflater.decompress_vec(input, out, FlushDecompress::None).map_err(|_| CORRUPT)?;
        let taken = usize::try_from(inflater.total_in() - taken_before).map_err(|_| CORRUPT)?;
        input = input.get(taken..).unwrap_or_default();
        if out.len() > limit {
            return Err(TOO_LONG);
        }
        if status == Status::StreamEnd {
            return Ok(Some(input));
        }
        // Room that is left does not mean that this was all: only that nothing moves any more.
        if taken == 0 && out.len() == given_before {
            return if input.is_empty() { Ok(None) } else { Err(CORRUPT) };
        }
    }
}

#[cfg(test)]
#[path = "deflate_tests.rs"]
mod tests;
