//! `SUBSCRIBE`: from now on, or from what was not delivered yet.

use super::destination::Destination;
use super::required;
use crate::chat::channel::stomp::{SAME_DESTINATION, SUBSCRIPTIONS, Stomp, Topic};
use crate::model::{ConversationId, Failure};
use crate::session::who::Who;
use crate::store::members;
use crate::store::messages::{self, Page};
use crate::wire::limits::PAGE_MESSAGES;
use crate::wire::shapes::Message;
use crate::wire::stomp::{AckMode, Frame, Head, Version};
use std::collections::VecDeque;
use std::rc::Rc;

/// Bytes of a subscription's name or destination: each is kept, and repeated in each message.
const NAME_BYTES: usize = 256;
/// Messages of a backlog in memory at once: at their longest a megabyte, as much as may wait for the client.
const PART: i64 = 20;

/// What a subscription must be told before what is said from now on: read part by part, as the client reads it.
pub struct Backlog {
    pub name: Option<String>,
    pub destination: String,
    conversation: ConversationId,
    /// What was read and not told yet.
    pub messages: VecDeque<Message>,
    /// The newest that was read, or where the client stood already.
    pub last: i64,
    /// How many may still be read.
    left: i64,
    /// Something lies behind those that were read.
    pub more: bool,
}

impl Backlog {
    /// The next part is to be read when this one is told.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.more && self.left > 0
    }

    /// Reads the next part. To who is no member any more nothing more comes.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub async fn read(mut self, who: Rc<Who>) -> Result<Self, Failure> {
        let (conversation, after, limit) = (self.conversation, self.last, self.left.min(PART));
        let page = who.chat.run(async |conn| {
            if members::permission(conn, who.project, conversation, who.id()).await?.is_none() {
                return Ok((Vec::new(), false));
            }
            let (from, now) = (Page::AfterSeq(after), who.chat.now());
            Ok(messages::page(conn, who.project, conversation, who.id(), from, limit, now).await?)
        });
        let (messages, more) = page.await?;
        self.last = messages.last().map_or(after, |message| message.seq);
        self.left -= limit;
        self.more = more;
        self.messages = messages.into();
        Ok(self)
    }
}

/// A subscription that is asked for.
pub struct Wish {
    head: Head,
    destination: Destination,
    mode: AckMode,
}

impl Wish {
    /// Reads a `SUBSCRIBE`.
    ///
    /// # Errors
    /// [`Failure::Invalid`], [`Failure::NotFound`] for a destination that can't be, [`Failure::Conflict`] for a name in use, and
    /// [`Failure::Full`] for too many.
    pub fn read(frame: &Frame, version: Version, stomp: &Stomp) -> Result<Self, Failure> {
        let name = name(frame, version)?;
        let destination = required(frame, "destination")?;
        for (header, text) in [("id", name.unwrap_or_default()), ("destination", destination)] {
            if text.len() > NAME_BYTES {
                return Err(Failure::invalid(header, format!("must take at most {NAME_BYTES} bytes")));
            }
        }
        let mode = AckMode::read(frame.header("ack"))
            .ok_or_else(|| Failure::invalid("ack", "must be auto, client or client-individual"))?;
        let to = Destination::to_hear(destination)?;
        if stomp.has(name, destination) {
            return Err(Failure::Conflict("there is a subscription of this id"));
        }
        let (all, same) = stomp.count(destination);
        if all >= SUBSCRIPTIONS || same >= SAME_DESTINATION {
            return Err(Failure::Conflict("too many subscriptions"));
        }
        let head = Head {
            version,
            subscription: name.map(str::to_owned),
            destination: destination.into(),
            acknowledged: mode != AckMode::Auto,
        };
        Ok(Self { head, destination: to, mode })
    }

    /// Begins the subscription. One that acknowledges gets what lies above its user's delivered watermark first.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for who is no member, [`Failure::Unavailable`].
    pub async fn begin(self, who: Rc<Who>) -> Result<Option<Backlog>, Failure> {
        let Self { head, destination, mode } = self;
        let (topic, delivered) = destination.listen(&who).await?;
        let Some(stomp) = who.channel.stomp.get() else { return Err(Failure::Internal) };
        let (name, text) = (head.subscription.clone(), head.destination.to_string());
        match topic {
            Topic::Conversation(conversation) if mode != AckMode::Auto => {
                // Before the page is read: what is said from here on waits behind it.
                stomp.subscribe(head, topic, mode, Some(delivered));
                let backlog = Backlog {
                    name,
                    destination: text,
                    conversation,
                    messages: VecDeque::new(),
                    last: delivered,
                    left: PAGE_MESSAGES,
                    more: true,
                };
                Ok(Some(backlog.read(who).await?))
            }
            _ => {
                stomp.subscribe(head, topic, mode, None);
                Ok(None)
            }
        }
    }
}

/// The name in a `SUBSCRIBE` or `UNSUBSCRIBE`. In 1.0 there may be none.
///
/// # Errors
/// [`Failure::Invalid`] where it is missing.
pub fn name(frame: &Frame, version: Version) -> Result<Option<&str>, Failure> {
    match version {
        Version::V10 => Ok(frame.header("id")),
        Version::V11 | Version::V12 => required(frame, "id").map(Some),
    }
}
