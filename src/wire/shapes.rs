//! The shapes of `docs/protocol.md` as the server writes them. Absent optional fields are left out.

use super::limits::GAME_PAYLOAD_BYTES;
use super::time::Timestamp;
use crate::model::permission::Permission;
use crate::model::{ConversationId, MediaId, MessageId, UserId};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// A person, or the bot or deleted author of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct User {
    pub id: UserId,
    #[schema(example = "alice")]
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Alice L.")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<MediaId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

impl User {
    /// Stands where the author of a message was deleted.
    #[must_use]
    pub fn deleted() -> Self {
        Self { id: UserId(Uuid::nil()), username: "deleted".to_owned(), name: None, avatar: None, profile: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    Private,
    Group,
    Assistant,
    Support,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Human,
    Bot,
}

/// A conversation. `own` is left out of pushes, except to a member just added or whose own permission changed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Conversation {
    pub id: ConversationId,
    pub kind: ConversationKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "map-night")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Friday: new maps")]
    pub title: Option<String>,
    pub mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chatbot: Option<Uuid>,
    pub member_count: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Member>>,
    pub last_seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
}

/// What a conversation is to the one who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Own {
    pub permission: Permission,
    pub read_seq: i64,
    pub unread: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Member {
    pub user: User,
    pub permission: Permission,
    pub joined_at: Timestamp,
    pub delivered_seq: i64,
    pub read_seq: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    Text,
    Game,
    System,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Assistant,
}

/// How a bot's message ended, where that was not by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Somebody stopped it.
    Stopped,
    /// The model, or the server, failed in the middle.
    BrokenOff,
}

/// How far a message has come, as its author sees it. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MessageStatus {
    Sent,
    Delivered,
    Read,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Message {
    pub id: MessageId,
    pub conversation: ConversationId,
    pub seq: i64,
    pub author: Arc<User>,
    pub kind: MessageKind,
    pub role: Role,
    #[schema(example = "Salut !")]
    pub body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone: Option<String>,
    pub attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game: Option<Game>,
    /// At most 20 users an emoji and 20 emoji; `reaction_counts` has them all.
    pub reactions: BTreeMap<String, Vec<User>>,
    pub reaction_counts: BTreeMap<String, i64>,
    pub status: MessageStatus,
    pub date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// A bot's message that did not come to its own end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

impl Message {
    /// About how many bytes the texts in it take when encoded.
    #[must_use]
    pub fn texts(&self) -> usize {
        let user = |user: &User| {
            let texts = [&user.name, &user.profile];
            texts.into_iter().flatten().map(String::len).sum::<usize>() + user.username.len()
        };
        let game = |game: &Game| game.seats.len() + game.declined.len();
        let people = self.reactions.values().map(Vec::len).sum::<usize>() + self.game.as_ref().map_or(0, game);
        let attachments = self.attachments.iter().map(|file| file.name.len() + TYPICAL_ATTACHMENT);
        escaped(&self.body)
            + user(&self.author)
            + people * TYPICAL_PERSON
            + attachments.sum::<usize>()
            + self.game.as_ref().map_or(0, |_| GAME_PAYLOAD_BYTES)
    }

    /// It names people beside its author: in its reactions, or in a game's seats.
    #[must_use]
    pub fn names_others(&self) -> bool {
        let answered = |game: &Game| !game.seats.is_empty() || !game.declined.is_empty();
        !self.reactions.is_empty() || self.game.as_ref().is_some_and(answered)
    }

    /// A copy without what these people did, or `None` if there is nothing of theirs in it.
    #[must_use]
    pub fn without(&self, hidden: &HashSet<UserId>) -> Option<Self> {
        let is_hidden = |user: &User| hidden.contains(&user.id);
        let game_hides = |game: &Game| game.seats.iter().chain(&game.declined).any(is_hidden);
        if !self.reactions.values().flatten().any(is_hidden) && !self.game.as_ref().is_some_and(game_hides) {
            return None;
        }
        let mut copy = self.clone();
        for (emoji, users) in &mut copy.reactions {
            let before = users.len();
            users.retain(|user| !is_hidden(user));
            if let Some(count) = copy.reaction_counts.get_mut(emoji) {
                *count -= i64::try_from(before - users.len()).unwrap_or(0);
            }
        }
        copy.reaction_counts.retain(|_, count| *count > 0);
        copy.reactions.retain(|_, users| !users.is_empty());
        if let Some(game) = &mut copy.game {
            game.seats.retain(|user| !is_hidden(user));
            game.declined.retain(|user| !is_hidden(user));
        }
        Some(copy)
    }
}

/// About what a person in a list takes.
const TYPICAL_PERSON: usize = 128;
/// About what a file takes beside its name.
const TYPICAL_ATTACHMENT: usize = 192;

/// Bytes of a text in JSON: a control character takes six.
fn escaped(text: &str) -> usize {
    text.bytes().map(|byte| if byte < b' ' { 6 } else { 1 + usize::from(matches!(byte, b'"' | b'\\')) }).sum()
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attachment {
    pub id: MediaId,
    pub name: String,
    pub mime: String,
    pub size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Game {
    pub name: String,
    pub payload: serde_json::Value,
    pub capacity: i32,
    pub seats: Vec<User>,
    pub declined: Vec<User>,
    pub state: crate::model::game::State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// One user's relation to another, as the one knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Contact {
    pub user: User,
    pub status: crate::model::contact::View,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
}

/// A user's presence, as others may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Status {
    pub user: User,
    pub status: crate::model::presence::Presence,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

/// The data of `quota.warning`: most of a month's quota is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QuotaWarning {
    #[schema(pattern = "^(user|conversation|project|organization)$", example = "user")]
    pub level: &'static str,
    /// Tokens, or with `currency` millionths of it.
    #[schema(minimum = 0, example = 40_120)]
    pub used: u64,
    #[schema(minimum = 0, example = 50_000)]
    pub quota: u64,
    /// Three letters, where the quota is one in money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: Option<String>,
    /// Which one, at the level of conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
}
