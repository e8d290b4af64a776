//! Who waits in this process to ask in a conversation: in the order in which they came.

use crate::model::{ConversationId, Failure};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// Questions that may wait for their turn in one conversation: a person has few open windows.
const IN_A_LINE: usize = 64;
/// Questions under way in one process, those that wait among them: each is a task and up to a MiB of text.
const IN_ALL: usize = 1_024;
/// Of those, questions of one asker, a user or a bot's key, so that one leaves places to the others.
const OF_ONE: usize = 128;

/// The lines of all conversations in which somebody asks.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    lines: HashMap<ConversationId, Line>,
    askers: HashMap<Uuid, usize>,
    people: usize,
}

struct Line {
    turn: Arc<Semaphore>,
    people: usize,
}

/// A place in a line. Dropped, it is the next one's turn.
#[derive(Debug)]
pub struct Place {
    lines: Lines,
    conversation: ConversationId,
    asker: Uuid,
    turn: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("people", &self.inner().people).finish()
    }
}

impl Lines {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Counts are right after any single step, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn in a conversation.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] if too many wait already.
    pub async fn enter(&self, conversation: ConversationId, asker: Uuid) -> Result<Place, Failure> {
        let (mut place, turn) = self.line_up(conversation, asker)?;
        // Never closed.
        place.turn = turn.acquire_owned().await.ok();
        Ok(place)
    }

    fn line_up(&self, conversation: ConversationId, asker: Uuid) -> Result<(Place, Arc<Semaphore>), Failure> {
        let mut inner = self.inner();
        let of_one = inner.askers.get(&asker).copied().unwrap_or_default();
        if inner.people >= IN_ALL || of_one >= OF_ONE {
            return Err(Failure::Unavailable);
        }
        let line =
            inner.lines.entry(conversation).or_insert_with(|| Line { turn: Arc::new(Semaphore::new(1)), people: 0 });
        if line.people >= IN_A_LINE {
            return Err(Failure::Unavailable);
        }
        line.people += 1;
        let turn = Arc::clone(&line.turn);
        inner.people += 1;
        inner.askers.insert(asker, of_one + 1);
        drop(inner);
        Ok((Place { lines: self.clone(), conversation, asker, turn: None }, turn))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.turn.take());
        let mut inner = self.lines.inner();
        inner.people -= 1;
        if let Some(of_one) = inner.askers.get_mut(&self.asker) {
            *of_one -= 1;
            if *of_one == 0 {
                inner.askers.remove(&self.asker);
            }
        }
        if let Some(line) = inner.lines.get_mut(&self.conversation) {
            line.people -= 1;
            if line.people == 0 {
                inner.lines.remove(&self.conversation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn one_at_a_time_in_order_and_nothing_is_left() {
        let (lines, id, asker) = (Lines::default(), ConversationId::random(), Uuid::new_v4());
        let first = lines.enter(id, asker).await.unwrap();
        let mut second = Box::pin(lines.enter(id, asker));
        let mut third = Box::pin(lines.enter(id, asker));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        // Another conversation has a line of its own.
        assert!(lines.enter(ConversationId::random(), asker).now_or_never().is_some());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        let second = second.await.unwrap();
        // Who goes away while waiting leaves no hole.
        drop(third);
        drop(second);
        drop(lines.enter(id, asker).await.unwrap());
        assert!(lines.inner().lines.is_empty() && lines.inner().askers.is_empty());
        assert_eq!(lines.inner().people, 0);
    }

    #[tokio::test]
    async fn a_line_is_bounded() {
        let (lines, id) = (Lines::default(), ConversationId::random());
        let places: Vec<_> = (0..IN_A_LINE).map(|_| lines.line_up(id, Uuid::new_v4()).unwrap()).collect();
        assert_eq!(lines.line_up(id, Uuid::new_v4()).err(), Some(Failure::Unavailable));
        drop(places);
        assert!(lines.line_up(id, Uuid::new_v4()).is_ok());
    }

    #[tokio::test]
    async fn one_asker_leaves_places_to_the_others() {
        let (lines, asker) = (Lines::default(), Uuid::new_v4());
        let places: Vec<_> = (0..OF_ONE).map(|_| lines.line_up(ConversationId::random(), asker).unwrap()).collect();
        assert_eq!(lines.line_up(ConversationId::random(), asker).err(), Some(Failure::Unavailable));
        assert!(lines.line_up(ConversationId::random(), Uuid::new_v4()).is_ok());
        drop(places);
        assert!(lines.line_up(ConversationId::random(), asker).is_ok());
    }
}
