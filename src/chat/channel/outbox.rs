//! What waits to be written to a connection: bounded, in order, and able to let go of what is not stored.

use super::Outstanding;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::IoSlice;

/// What became of something that was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// It is within the bound.
    None,
    /// It was not stored anyway and was dropped, or others like it were.
    Transient,
    /// Stored events are over the bound: the reader is too slow.
    Stored,
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    frames: usize,
    transient: bool,
}

/// The chunks that wait. An idle outbox owns no memory.
#[derive(Debug)]
pub struct Outbox {
    queue: VecDeque<Chunk>,
    /// Published before the session was open; `None` once it is.
    held: Option<Vec<Chunk>>,
    /// The first chunk was begun.
    begun: bool,
    bytes: usize,
    frames: usize,
}

impl Outbox {
    /// An empty outbox that holds back what is published until [`Outbox::open_gate`].
    pub fn gated() -> Self {
        Self { queue: VecDeque::new(), held: Some(Vec::new()), begun: false, bytes: 0, frames: 0 }
    }

    /// Queues what a hub publishes.
    pub fn publish(&mut self, bytes: Bytes, frames: usize, transient: bool, limits: Outstanding) -> Overflow {
        let chunk = Chunk { bytes, frames, transient };
        let overflow = self.make_room(&chunk, limits);
        if overflow != Overflow::None && (transient || overflow == Overflow::Stored) {
            return overflow;
        }
        self.count(&chunk);
        match &mut self.held {
            Some(held) => held.push(chunk),
            None => self.queue.push_back(chunk),
        }
        overflow
    }

    /// Queues a frame of the session itself: it doesn't wait for the gate.
    pub fn send(&mut self, bytes: Bytes, limits: Outstanding) -> Overflow {
        let chunk = Chunk { bytes, frames: 1, transient: false };
        let overflow = self.make_room(&chunk, limits);
        if overflow == Overflow::Stored {
            return overflow;
        }
        self.count(&chunk);
        self.queue.push_back(chunk);
        overflow
    }

    /// Queues the last frame, whatever the bound.
    pub fn append(&mut self, bytes: Bytes) {
        let chunk = Chunk { bytes, frames: 1, transient: false };
        self.count(&chunk);
        self.queue.push_back(chunk);
    }

    /// What was held back follows what is queued; nothing is held back any more.
    pub fn open_gate(&mut self) {
        self.queue.extend(self.held.take().unwrap_or_default());
    }

    /// Forgets what was held back.
    pub fn drop_held(&mut self) {
        for chunk in self.held.take().unwrap_or_default() {
            self.discount(&chunk);
        }
    }

    /// Forgets what was not begun.
    pub fn drop_unbegun(&mut self) {
        let keep = usize::from(self.begun);
        while self.queue.len() > keep {
            if let Some(chunk) = self.queue.pop_back() {
                self.discount(&chunk);
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self { held: None, ..Self::gated() };
    }

    /// Nothing waits that may be written.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Half of a bound is taken.
    pub fn is_half_full(&self, limits: Outstanding) -> bool {
        self.bytes * 2 >= limits.bytes || self.frames * 2 >= limits.frames
    }

    /// So much more is within the bounds.
    pub fn has_room(&self, bytes: usize, frames: usize, limits: Outstanding) -> bool {
        self.bytes + bytes <= limits.bytes && self.frames + frames <= limits.frames
    }

    /// What waits, if it is one chunk: nearly always.
    pub fn only(&self) -> Option<&[u8]> {
        self.queue.front().filter(|_| self.queue.len() == 1).map(|chunk| &chunk.bytes[..])
    }

    /// Fills `slices` with what comes first; returns how many it filled.
    pub fn chunks<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(&chunk.bytes);
            count += 1;
        }
        count
    }

    /// So many bytes were written.
    pub fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some(first) = self.queue.front_mut() {
            if written < first.bytes.len() {
                first.bytes.advance(written);
                self.begun = self.begun || written > 0;
                return;
            }
            written -= first.bytes.len();
            self.frames = self.frames.saturating_sub(first.frames);
            self.queue.pop_front();
            self.begun = false;
        }
        // A burst must not leave its memory with an idle connection.
        self.queue = VecDeque::new();
    }

    fn make_room(&mut self, next: &Chunk, limits: Outstanding) -> Overflow {
        if self.fits(next, limits) {
            return Overflow::None;
        }
        self.drop_transient();
        match (self.fits(next, limits), next.transient) {
            (true, false) => Overflow::None,
            (_, true) => Overflow::Transient,
            (false, false) => Overflow::Stored,
        }
    }

    fn fits(&self, next: &Chunk, limits: Outstanding) -> bool {
        self.has_room(next.bytes.len(), next.frames, limits)
    }

    fn drop_transient(&mut self) {
        let begun = self.begun;
        let (mut bytes, mut frames, mut index) = (0, 0, 0);
        self.queue.retain(|chunk| {
            let keep = !chunk.transient || (begun && index == 0);
            index += 1;
            if !keep {
                bytes += chunk.bytes.len();
                frames += chunk.frames;
            }
            keep
        });
        if let Some(held) = &mut self.held {
            held.retain(|chunk| {
                if chunk.transient {
                    bytes += chunk.bytes.len();
                    frames += chunk.frames;
                }
                !chunk.transient
            });
        }
        self.bytes -= bytes;
        self.frames -= frames;
    }

    fn count(&mut self, chunk: &Chunk) {
        self.bytes += chunk.bytes.len();
        self.frames += chunk.frames;
    }

    fn discount(&mut self, chunk: &Chunk) {
        self.bytes = self.bytes.saturating_sub(chunk.bytes.len());
        self.frames = self.frames.saturating_sub(chunk.frames);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Outstanding = Outstanding { bytes: 10, frames: 4 };

    fn open() -> Outbox {
        let mut outbox = Outbox::gated();
        outbox.open_gate();
        outbox
    }

    fn content(outbox: &Outbox) -> Vec<u8> {
        outbox.queue.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect()
    }

    #[test]
    fn stored_events_over_the_bound_mean_slow() {
        let mut outbox = open();
        assert_eq!(outbox.publish(Bytes::from_static(b"0123456789"), 1, false, LIMITS), Overflow::None);
        assert_eq!(outbox.publish(Bytes::from_static(b"x"), 1, false, LIMITS), Overflow::Stored);
        assert_eq!(content(&outbox), b"0123456789");
    }

    #[test]
    fn frames_are_bounded_too() {
        let mut outbox = open();
        assert_eq!(outbox.publish(Bytes::from_static(b"abcd"), 4, false, LIMITS), Overflow::None);
        assert_eq!(outbox.publish(Bytes::from_static(b"e"), 1, false, LIMITS), Overflow::Stored);
    }

    #[test]
    fn transient_events_make_room_for_stored_ones() {
        let mut outbox = open();
        outbox.publish(Bytes::from_static(b"tttttt"), 1, true, LIMITS);
        outbox.publish(Bytes::from_static(b"ssss"), 1, false, LIMITS);
        assert_eq!(outbox.publish(Bytes::from_static(b"SSSSSS"), 1, false, LIMITS), Overflow::None);
        assert_eq!(content(&outbox), b"ssssSSSSSS");
        assert_eq!(outbox.publish(Bytes::from_static(b"t"), 1, true, LIMITS), Overflow::Transient);
        assert_eq!(content(&outbox), b"ssssSSSSSS");
    }

    #[test]
    fn a_frame_that_was_begun_is_finished() {
        let mut outbox = open();
        outbox.publish(Bytes::from_static(b"tttt"), 1, true, LIMITS);
        outbox.publish(Bytes::from_static(b"ssss"), 1, false, LIMITS);
        outbox.advance(2);
        assert_eq!(outbox.publish(Bytes::from_static(b"SSSS"), 1, false, LIMITS), Overflow::None);
        assert_eq!(content(&outbox), b"ttssssSSSS");
        outbox.drop_unbegun();
        assert_eq!(content(&outbox), b"tt");
        assert_eq!((outbox.bytes, outbox.frames), (2, 1));
    }

    #[test]
    fn what_is_held_back_comes_after_the_opening() {
        let mut outbox = Outbox::gated();
        outbox.publish(Bytes::from_static(b"push"), 1, false, LIMITS);
        assert!(outbox.is_empty());
        outbox.send(Bytes::from_static(b"ready"), LIMITS);
        outbox.open_gate();
        assert_eq!(content(&outbox), b"readypush");
        outbox.advance(9);
        assert!(outbox.is_empty());
        assert_eq!((outbox.bytes, outbox.frames), (0, 0));
    }
}
