//! `BEGIN`, `COMMIT`, `ABORT`: texts that are stored all or none.

use super::acknowledge::Acknowledgement;
use super::destination::Destination;
use super::send::Text;
use crate::chat::room::say::Attend;
use crate::chat::room::tell::CatchUp;
use crate::model::Failure;
use crate::session::who::Who;
use crate::store::messages::{self, DraftOfMany};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// Frames in a transaction.
pub const FRAMES: usize = 100;
/// How long a transaction may stay open.
pub const TIME: TimeDelta = TimeDelta::seconds(30);
/// Transactions of a session that may be open at once; who needs more has forgotten some.
const OPEN: usize = 16;
/// Bytes that the open transactions of a session may hold: as much as may wait for a client.
const BYTES: usize = 1024 * 1024;
/// Bytes of a transaction's name.
const NAME_BYTES: usize = 256;

/// What waits for a `COMMIT`.
pub enum Step {
    Send(Destination, Text),
    Acknowledge(Acknowledgement),
}

/// An open transaction.
pub struct Transaction {
    pub steps: Vec<Step>,
    bytes: usize,
    until: DateTime<Utc>,
}

/// The open transactions of a session.
#[derive(Default)]
pub struct Transactions {
    open: HashMap<String, Transaction>,
}

const UNKNOWN: Failure = Failure::NotFound("transaction");

impl Transactions {
    /// Opens one.
    ///
    /// # Errors
    /// [`Failure::Conflict`] for one that is open already or too many, [`Failure::Invalid`] for a name that is too long.
    pub fn begin(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), Failure> {
        if name.len() > NAME_BYTES {
            return Err(Failure::invalid("transaction", format!("must take at most {NAME_BYTES} bytes")));
        }
        if self.open.contains_key(name) {
            return Err(Failure::Conflict("this transaction has begun already"));
        }
        if self.open.len() >= OPEN {
            return Err(Failure::Conflict("too many open transactions"));
        }
        self.open.insert(name.to_owned(), Transaction { steps: Vec::new(), bytes: 0, until: now + TIME });
        Ok(())
    }

    /// Adds to one.
    ///
    /// # Errors
    /// [`Failure::NotFound`], and [`Failure::TooLarge`] for more than a transaction may hold.
    pub fn add(&mut self, name: &str, step: Step, bytes: usize) -> Result<(), Failure> {
        let held: usize = self.open.values().map(|transaction| transaction.bytes).sum();
        let transaction = self.open.get_mut(name).ok_or(UNKNOWN)?;
        if transaction.steps.len() >= FRAMES {
            return Err(Failure::TooLarge(format!("a transaction has at most {FRAMES} frames")));
        }
        if held + bytes > BYTES {
            return Err(Failure::TooLarge(format!("transactions hold at most {BYTES} bytes")));
        }
        transaction.bytes += bytes;
        transaction.steps.push(step);
        Ok(())
    }

    /// Ends one.
    ///
    /// # Errors
    /// [`Failure::NotFound`].
    pub fn end(&mut self, name: &str) -> Result<Transaction, Failure> {
        self.open.remove(name).ok_or(UNKNOWN)
    }

    /// When the first of them has been open for too long.
    #[must_use]
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        self.open.values().map(|transaction| transaction.until).min()
    }
}

/// Stores texts, all or none, and has their rooms tell them.
///
/// # Errors
/// As [`messages::store_together`].
pub async fn store(who: Rc<Who>, texts: Vec<(Destination, Text)>) -> Result<(), Failure> {
    let mut drafts = Vec::with_capacity(texts.len());
    for (destination, Text { id, body }) in texts {
        drafts.push(DraftOfMany { conversation: destination.conversation(&who).await?, id, body });
    }
    let conversations: BTreeSet<_> = drafts.iter().map(|draft| draft.conversation).collect();
    if conversations.is_empty() {
        return Ok(());
    }
    for &conversation in &conversations {
        // A room that read its conversation afterwards would take these messages for told.
        who.ask_room(conversation, Attend).await?;
    }
    let (chat, now) = (&who.chat, who.chat.now());
    let stored = chat.run(async |conn| messages::store_together(conn, who.project, who.id(), &drafts, now).await).await;
    if matches!(stored, Ok(_) | Err(Failure::Unavailable)) {
        chat.unindexed.note(conversations.iter().copied());
        for &conversation in &conversations {
            // A room that fails now finds out by itself when it is started anew.
            let _ = who.ask_room(conversation, CatchUp { is_certain: stored.is_ok() }).await;
        }
    }
    let new = stored?;
    chat.metrics.stored.add(new);
    if let Some(figures) = who.channel.figures.get() {
        figures.stored.add(new);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    fn step() -> Step {
        Step::Send(Destination::Session, Text { id: MessageId::random(), body: "x".to_owned() })
    }

    #[test]
    fn transactions_are_bounded() {
        let (mut all, now) = (Transactions::default(), DateTime::UNIX_EPOCH);
        assert_eq!(all.begin("a", now), Ok(()));
        assert!(matches!(all.begin("a", now), Err(Failure::Conflict(_))));
        for _ in 0..FRAMES {
            assert_eq!(all.add("a", step(), 1), Ok(()));
        }
        assert!(matches!(all.add("a", step(), 1), Err(Failure::TooLarge(_))));
        assert_eq!(all.add("b", step(), 1), Err(UNKNOWN));
        for number in 1..OPEN {
            assert_eq!(all.begin(&number.to_string(), now + TIME), Ok(()));
        }
        assert!(matches!(all.begin("one more", now), Err(Failure::Conflict(_))));
        assert!(matches!(all.add("1", step(), BYTES), Err(Failure::TooLarge(_))));
        assert_eq!(all.deadline(), Some(now + TIME));
        assert_eq!(all.end("a").map(|ended| ended.steps.len()), Ok(FRAMES));
        assert!(all.end("a").is_err());
        assert_eq!(all.deadline(), Some(now + TIME + TIME));
    }
}
