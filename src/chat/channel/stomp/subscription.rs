//! One subscription: what it is to, and what of its deliveries is not acknowledged.

use crate::model::ConversationId;
use crate::wire::outgoing::Outgoing;
use crate::wire::stomp::{AckMode, Head};
use std::collections::VecDeque;
use std::sync::Arc;

/// Events that may wait while a subscription is told what came before them: some seconds' worth.
const HELD: usize = 1_024;

/// What a subscription is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What is said in a conversation.
    Conversation(ConversationId),
    /// All else that the user is told.
    Events,
}

/// A delivery, as an `ACK` or `NACK` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered<'a> {
    /// `None` where the version doesn't ask for it: any of the session's.
    pub subscription: Option<&'a str>,
    pub topic: Topic,
    pub number: i64,
}

/// What an `ACK` or `NACK` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    Refused,
}

/// There is no such delivery that waits for an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

/// One subscription.
pub(super) struct Subscription {
    pub head: Head,
    pub topic: Topic,
    pub mode: AckMode,
    /// Delivered and not acknowledged, in that order.
    pub waiting: VecDeque<i64>,
    /// The first that never will be on this subscription: it was refused, or left out.
    pub barrier: Option<i64>,
    /// The newest that was delivered, or came before the subscription.
    pub newest: i64,
    /// Up to where all was acknowledged, as the session was told.
    pub taken: i64,
    /// What came while older messages are being told; `None` when that is over.
    pub held: Option<Held>,
}

/// More waits than a session may have.
pub(super) struct TooMuch;

/// What waits for older messages to be told.
#[derive(Default)]
pub(super) struct Held {
    pub events: Vec<Arc<Outgoing>>,
    bytes: usize,
}

impl Held {
    /// Keeps an event, if no more than so many bytes wait by then.
    pub fn push(&mut self, event: &Arc<Outgoing>, most: usize) -> Result<(), TooMuch> {
        self.bytes += event.stomp_bytes();
        if self.events.len() >= HELD || self.bytes > most {
            return Err(TooMuch);
        }
        self.events.push(Arc::clone(event));
        Ok(())
    }
}

impl Subscription {
    /// In 1.0 a subscription may have no name; then its destination is one.
    pub fn is_called(&self, name: Option<&str>, destination: &str) -> bool {
        match name {
            Some(_) => self.head.subscription.as_deref() == name,
            None => self.head.subscription.is_none() && &*self.head.destination == destination,
        }
    }

    pub fn is_meant(&self, delivered: &Delivered<'_>) -> bool {
        self.topic == delivered.topic
            && delivered.subscription.is_none_or(|name| self.head.subscription.as_deref() == Some(name))
    }

    /// Takes what is settled out of what waits. Up to where all is acknowledged, if that moved.
    pub fn settle(&mut self, at: usize, verdict: Verdict) -> Option<i64> {
        let first = if self.mode == AckMode::Client { 0 } else { at };
        let lowest = self.waiting.get(first).copied();
        self.waiting.drain(first..=at);
        if verdict == Verdict::Refused {
            self.barrier = self.barrier.into_iter().chain(lowest).min();
        }
        let open = self.waiting.front().copied().into_iter().chain(self.barrier).min();
        let taken = open.map_or(self.newest, |open| open - 1);
        (taken > self.taken).then(|| {
            self.taken = taken;
            taken
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stomp::Version;

    fn subscription(mode: AckMode, delivered: &[i64]) -> Subscription {
        Subscription {
            head: Head {
                version: Version::V12,
                subscription: Some("a".to_owned()),
                destination: "/x".into(),
                acknowledged: true,
            },
            topic: Topic::Events,
            mode,
            waiting: delivered.iter().copied().collect(),
            barrier: None,
            newest: delivered.last().copied().unwrap_or(0),
            taken: delivered.first().map_or(0, |first| first - 1),
            held: None,
        }
    }

    #[test]
    fn an_ack_in_client_mode_stands_for_all_before() {
        let mut one = subscription(AckMode::Client, &[3, 4, 7, 9]);
        assert_eq!(one.settle(2, Verdict::Taken), Some(8));
        assert_eq!(one.waiting, [9]);
        assert_eq!(one.settle(0, Verdict::Taken), Some(9));
    }

    #[test]
    fn an_individual_ack_moves_nothing_past_what_is_open() {
        let mut one = subscription(AckMode::ClientIndividual, &[3, 4, 5]);
        assert_eq!(one.settle(1, Verdict::Taken), None);
        assert_eq!(one.settle(1, Verdict::Taken), None);
        assert_eq!(one.settle(0, Verdict::Taken), Some(5));
    }

    #[test]
    fn nothing_moves_past_what_was_refused_or_left_out() {
        let mut one = subscription(AckMode::ClientIndividual, &[3, 4, 5]);
        assert_eq!(one.settle(1, Verdict::Refused), None);
        assert_eq!(one.settle(0, Verdict::Taken), Some(3));
        assert_eq!(one.settle(0, Verdict::Taken), None);
        let mut all = subscription(AckMode::Client, &[3, 4, 5]);
        assert_eq!(all.settle(1, Verdict::Refused), None);
        assert_eq!(all.settle(0, Verdict::Taken), None);
        let mut cut = subscription(AckMode::Client, &[3, 4, 9]);
        cut.barrier = Some(5);
        assert_eq!(cut.settle(2, Verdict::Taken), Some(4));
    }
}
