//! `ACK` and `NACK`: which delivery they are about.

use super::required;
use crate::chat::channel::stomp::{Delivered, Topic, Verdict};
use crate::model::{ConversationId, Failure};
use crate::wire::stomp::{Command, Frame, Version};

/// An acknowledgement that keeps what it needs of its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    subscription: Option<String>,
    topic: Topic,
    number: i64,
    pub verdict: Verdict,
}

/// What no delivery of the session is called.
pub const UNKNOWN: Failure = Failure::NotFound("delivery to acknowledge");

impl Acknowledgement {
    /// Reads an `ACK` or `NACK` as the version has it.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a header that is missing, [`Failure::NotFound`] for what names no delivery.
    pub fn read(frame: &Frame, version: Version) -> Result<Self, Failure> {
        let (name, subscription) = match version {
            Version::V12 => {
                let id = required(frame, "id")?;
                let mut parts = id.splitn(3, '/');
                let (Some(kind), Some(number), Some(subscription)) = (parts.next(), parts.next(), parts.next()) else {
                    return Err(UNKNOWN);
                };
                ((kind, number), Some(subscription))
            }
            Version::V11 => (message_id(frame)?, Some(required(frame, "subscription")?)),
            Version::V10 => (message_id(frame)?, frame.header("subscription")),
        };
        let (kind, number) = name;
        let topic = match kind {
            "event" => Topic::Events,
            id => Topic::Conversation(id.parse::<ConversationId>().map_err(|_| UNKNOWN)?),
        };
        let number = number.parse().map_err(|_| UNKNOWN)?;
        let verdict = if frame.command == Command::Nack { Verdict::Refused } else { Verdict::Taken };
        Ok(Self { subscription: subscription.map(str::to_owned), topic, number, verdict })
    }

    /// The delivery that it is about.
    #[must_use]
    pub fn delivered(&self) -> Delivered<'_> {
        Delivered { subscription: self.subscription.as_deref(), topic: self.topic, number: self.number }
    }
}

fn message_id(frame: &Frame) -> Result<(&str, &str), Failure> {
    required(frame, "message-id")?.split_once('/').ok_or(UNKNOWN)
}
