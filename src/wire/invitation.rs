//! Invitations to games as apps see them, and what callbacks tell of them.

use super::shapes::{Game, Message, User};
use super::time::Timestamp;
use crate::model::game::{Answer, State};
use crate::model::{ConversationId, MessageId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// An invitation to a game that an app made: a message of kind `game`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Invitation {
    /// The id of the message.
    pub id: MessageId,
    pub conversation: ConversationId,
    /// Its number in the conversation.
    pub seq: i64,
    /// Who invites: the user on whose behalf, or the app's own user.
    pub author: User,
    #[schema(example = "chess")]
    pub game: String,
    /// What the app gave, any JSON.
    #[schema(value_type = Value, example = json!({"table": 12}))]
    pub payload: Value,
    #[schema(minimum = 1, maximum = 100)]
    pub capacity: i32,
    /// Who accepted, first come first.
    pub seats: Vec<User>,
    /// Who declined, the first hundred.
    pub declined: Vec<User>,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where the app is told of answers; gone once it answered 410.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://games.example.org/palabre")]
    pub callback_url: Option<String>,
    pub created_at: Timestamp,
}

impl Invitation {
    /// The invitation that a message carries; `None` for any other message.
    #[must_use]
    pub fn of(message: Message, callback_url: Option<String>) -> Option<Self> {
        let Message { id, conversation, seq, author, game, date, .. } = message;
        let Game { name, payload, capacity, seats, declined, state, expires_at } = game?;
        Some(Self {
            id,
            conversation,
            seq,
            author: User::clone(&author),
            game: name,
            payload,
            capacity,
            seats,
            declined,
            state,
            expires_at,
            callback_url,
            created_at: date,
        })
    }
}

/// What has happened to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Happening {
    #[serde(rename = "invitation.accepted")]
    Accepted,
    #[serde(rename = "invitation.declined")]
    Declined,
    #[serde(rename = "invitation.withdrawn")]
    Withdrawn,
    #[serde(rename = "invitation.expired")]
    Expired,
}

impl From<Answer> for Happening {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Accept => Self::Accepted,
            Answer::Decline => Self::Declined,
            Answer::Withdraw => Self::Withdrawn,
        }
    }
}

/// The body of a callback.
#[derive(Debug, Serialize)]
pub struct CallbackBody {
    /// The id of the delivery: the same each time it is tried.
    pub id: Uuid,
    #[serde(rename = "type")]
    pub happening: Happening,
    /// When it happened.
    pub created_at: Timestamp,
    /// The invitation right after it.
    pub invitation: Invitation,
    /// Who answered, or took it back; nobody where the app or time did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// What the user did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Answer>,
}
