//! Lists that end before a frame of the server's is too large, and say that there is more.

use super::who::Who;
use crate::model::ConversationId;
use crate::wire::msgpack;
use crate::wire::outgoing::Format;
use crate::wire::shapes::{Contact, Conversation, Member, Message, Status};
use serde::Serialize;
use std::io::{self, Write};
use utoipa::ToSchema;

/// Bytes of a frame beside the items of its list.
const ENVELOPE_BYTES: usize = 512;

/// The data of `group.summary`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationList)]
pub struct Summary {
    conversations: Vec<Conversation>,
    more: bool,
}

impl Summary {
    pub fn new((conversations, more): (Vec<Conversation>, bool), who: &Who) -> Self {
        let (conversations, cut) = fit(conversations, who);
        Self { conversations, more: more || cut }
    }
}

/// The data of `contact.summary`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContactList)]
pub struct Contacts {
    contacts: Vec<Contact>,
    more: bool,
}

impl Contacts {
    pub fn new((contacts, more): (Vec<Contact>, bool), who: &Who) -> Self {
        let (contacts, cut) = fit(contacts, who);
        Self { contacts, more: more || cut }
    }
}

/// The data of `group.members`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MemberList)]
pub struct Members {
    conversation: ConversationId,
    members: Vec<Member>,
    more: bool,
}

impl Members {
    pub fn new(conversation: ConversationId, (members, more): (Vec<Member>, bool), who: &Who) -> Self {
        let (members, cut) = fit(members, who);
        Self { conversation, members, more: more || cut }
    }
}

/// The data of `status.fetch`. It has no further pages: who asks for that many names them in several requests.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatusList)]
pub struct Statuses {
    statuses: Vec<Status>,
}

impl Statuses {
    pub fn new(statuses: Vec<Status>, who: &Who) -> Self {
        Self { statuses: fit(statuses, who).0 }
    }
}

/// The data of `message.fetch`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageList)]
pub struct History {
    conversation: ConversationId,
    messages: Vec<Message>,
    more: bool,
}

impl History {
    /// A page in ascending order. `backward`: the reader goes toward the older ones, so those are cut.
    pub fn new(
        conversation: ConversationId,
        (mut messages, more): (Vec<Message>, bool),
        backward: bool,
        who: &Who,
    ) -> Self {
        if backward {
            messages.reverse();
        }
        let (mut messages, cut) = fit(messages, who);
        if backward {
            messages.reverse();
        }
        Self { conversation, messages, more: more || cut }
    }
}

/// As many items as fit in a frame, one at least; and whether some were cut.
fn fit<T: Serialize>(items: Vec<T>, who: &Who) -> (Vec<T>, bool) {
    fit_into(who.chat.limits.server_frame_bytes, who.channel.encoding().format, items)
}

/// As many items as fit in so many bytes together with what stands around them, one at least; and whether some were cut.
pub fn fit_into<T: Serialize>(bytes: usize, format: Format, mut items: Vec<T>) -> (Vec<T>, bool) {
    let limit = bytes.saturating_sub(ENVELOPE_BYTES);
    let mut bytes = 0;
    let fitting = items.iter().take_while(|item| {
        bytes += 1 + encoded_len(item, format);
        bytes <= limit
    });
    let count = fitting.count().max(1);
    let cut = count < items.len();
    items.truncate(count);
    (items, cut)
}

fn encoded_len<T: Serialize>(item: &T, format: Format) -> usize {
    match format {
        Format::BinMsgPack => msgpack::to_vec(item).map_or(0, |bytes| bytes.len()),
        Format::Json | Format::BinJson | Format::Stomp => {
            let mut count = Count(0);
            serde_json::to_writer(&mut count, item).map_or(0, |()| count.0)
        }
    }
}

/// Takes bytes for their number alone.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
