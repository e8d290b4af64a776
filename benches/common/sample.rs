//! Documents such as the server sends, always the same.

use chrono::DateTime;
use palabre::model::permission::Permission;
use palabre::model::{ConversationId, MessageId, UserId};
use palabre::wire::shapes::{Conversation, ConversationKind, Member, Message, MessageKind, MessageStatus, Mode};
use palabre::wire::shapes::{Own, Role, User};
use palabre::wire::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// The data of a `group.summary`.
#[derive(Serialize)]
pub struct Summary {
    pub conversations: Vec<Conversation>,
    pub more: bool,
}

/// Words of a chat; one in 32 needs escapes in JSON.
const WORDS: [&str; 32] = [
    "we",
    "should",
    "meet",
    "at",
    "the",
    "station",
    "tonight",
    "before",
    "it",
    "rains",
    "again",
    "and",
    "take",
    "umbrellas,",
    "because",
    "last",
    "week",
    "nobody",
    "had",
    "one;",
    "Paris",
    "is",
    "cold",
    "in",
    "November",
    "\"really\"",
    "I",
    "will",
    "bring",
    "coffee",
    "for",
    "everybody.",
];

/// A text of so many bytes, of words in no order.
pub fn text(bytes: usize) -> String {
    let mut state = 1_u32;
    let mut text = String::new();
    while text.len() < bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(WORDS[state as usize >> 27]);
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

/// Somebody with a name.
pub fn user(number: u128) -> User {
    User {
        id: UserId(id(1, number)),
        username: format!("user{number:05}"),
        name: Some("Somebody Else".to_owned()),
        avatar: None,
        profile: None,
    }
}

/// A plain message whose text has so many bytes.
pub fn message(conversation: ConversationId, number: u32, bytes: usize) -> Message {
    Message {
        id: MessageId(id(2, number.into())),
        conversation,
        seq: number.into(),
        author: Arc::new(user(1)),
        kind: MessageKind::Text,
        role: Role::User,
        body: text(bytes),
        reply_to: None,
        tone: None,
        attachments: Vec::new(),
        game: None,
        reactions: BTreeMap::new(),
        reaction_counts: BTreeMap::new(),
        status: MessageStatus::Sent,
        date: time(number),
        edited_at: None,
        deleted_at: None,
        ended: None,
    }
}

/// The conversation of that number.
pub fn conversation(number: u128) -> ConversationId {
    ConversationId(id(3, number))
}

/// A whole page: 100 groups of five, each with its last message.
pub fn summary() -> Summary {
    Summary { conversations: (0..100).map(group).collect(), more: true }
}

fn group(number: u32) -> Conversation {
    let id = conversation(number.into());
    let member = |number| Member {
        user: user(number),
        permission: Permission::Write,
        joined_at: time(0),
        delivered_seq: 120,
        read_seq: 118,
    };
    Conversation {
        id,
        kind: ConversationKind::Group,
        name: Some(format!("group {number}")),
        title: None,
        mode: Mode::Human,
        chatbot: None,
        member_count: 5,
        members: Some((0..5).map(member).collect()),
        last_seq: 120,
        last_message: Some(message(id, number, 100)),
        created_at: time(0),
        updated_at: time(number),
        own: Some(Own { permission: Permission::Write, read_seq: 118, unread: 2 }),
    }
}

fn id(kind: u128, number: u128) -> Uuid {
    Uuid::from_u128(0x7c9e_6679_7425_40de_944b_e07f_c1f9_0000 + (kind << 64) + number)
}

fn time(seconds: u32) -> Timestamp {
    DateTime::from_timestamp(1_790_000_000 + i64::from(seconds), 123_000_000).expect("a time").into()
}
