//! The client's side of the framing, for tests: frames with a mask, right or wrong in every field.

use super::mask;
use super::{Decoder, Incoming, Limits, Opcode};
use crate::wire::close::Violation;

pub(super) const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A masked frame with the given first byte.
pub(super) fn raw(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, payload.len() as u64);
    out.extend_from_slice(payload);
    let start = out.len() - payload.len();
    mask::apply(&mut out[start..], MASK);
    out
}

/// The header of a masked frame, its length in the fewest bytes.
pub(super) fn header(first: u8, length: u64) -> Vec<u8> {
    let mut out = vec![first];
    match length {
        0..126 => out.push(0x80 | u8::try_from(length).unwrap()),
        126..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out
}

pub(super) fn masked(opcode: Opcode, fin: bool, payload: &[u8]) -> Vec<u8> {
    raw(opcode as u8 | if fin { 0x80 } else { 0 }, payload)
}

pub(super) fn text(payload: &str) -> Vec<u8> {
    masked(Opcode::Text, true, payload.as_bytes())
}

/// A text message as compressed frames of at most `fragment` bytes.
pub(super) fn compressed(compressed: &[u8], fragment: usize) -> Vec<u8> {
    let pieces = compressed.chunks(fragment).count();
    let frames = compressed.chunks(fragment).enumerate().map(|(index, piece)| {
        let first = if index == 0 { 0x41 } else { 0x00 };
        raw(first | if index + 1 == pieces { 0x80 } else { 0 }, piece)
    });
    frames.collect::<Vec<_>>().concat()
}

/// A decoder with limits of 1 KiB and 16 fragments, without compression.
pub(super) fn decoder() -> Decoder {
    Decoder::new(Limits { message_bytes: 1_024, fragments: 16 }, None)
}

/// All that `input` decodes to, and how it ended.
pub(super) fn drain(decoder: &mut Decoder, mut input: &[u8]) -> (Vec<Incoming>, Result<(), Violation>) {
    let mut incoming = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(event)) => incoming.push(event),
            Ok(None) => {
                assert!(input.is_empty(), "None means that all was taken");
                return (incoming, Ok(()));
            }
            Err(violation) => return (incoming, Err(violation)),
        }
    }
}

/// Like [`drain`], with the input in pieces that end at `cuts`.
pub(super) fn drain_pieces(
    decoder: &mut Decoder,
    input: &[u8],
    cuts: &[usize],
) -> (Vec<Incoming>, Result<(), Violation>) {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).chain([input.len()]).collect();
    ends.sort_unstable();
    let mut incoming = Vec::new();
    let mut start = 0;
    for end in ends {
        let (events, result) = drain(decoder, &input[start..end]);
        incoming.extend(events);
        if result.is_err() {
            return (incoming, result);
        }
        start = end;
    }
    (incoming, Ok(()))
}
