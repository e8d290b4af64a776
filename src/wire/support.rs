//! The shapes of the support desk as the server writes them, over REST and in pushes.

use super::shapes::{Message, User};
use super::time::Timestamp;
use crate::model::support::{AgentStatus, Kind, Priority, SessionStatus, Status, Step};
use crate::model::{ConversationId, RequestId, SupportSessionId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A customer's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportRequest)]
pub struct Request {
    pub id: RequestId,
    pub customer: User,
    /// Who looks after it, or did at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<User>,
    pub r#type: Kind,
    pub status: Status,
    pub priority: Priority,
    #[schema(example = "The car did not start")]
    pub subject: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// What the customer said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// The customer's place in the queue; in answers about one request that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub place: Option<i64>,
    /// Seconds that the customer may expect to wait, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub wait_s: Option<i64>,
    /// What only agents and administrators see.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub desk: Option<Desk>,
}

/// What the customer does not see of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportDesk)]
pub struct Desk {
    pub tags: Vec<String>,
    /// Seconds from the beginning to the first word of an agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_response_s: Option<i64>,
    /// Seconds from the beginning to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution_s: Option<i64>,
}

impl Request {
    /// As its customer sees it.
    #[must_use]
    pub fn for_customer(&self) -> Self {
        Self { desk: None, ..self.clone() }
    }
}

/// What a customer said of how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportRating)]
pub struct Rating {
    #[schema(minimum = 1, maximum = 5)]
    pub stars: i16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A talk about a request, in a conversation of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportSession)]
pub struct Session {
    pub id: SupportSessionId,
    pub request: RequestId,
    pub status: SessionStatus,
    pub conversation: ConversationId,
    pub created_at: Timestamp,
    /// The last thing that happened in it.
    pub updated_at: Timestamp,
}

/// A part of what was said in a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SupportMessages)]
pub struct Messages {
    /// In the order of their numbers.
    pub messages: Vec<Message>,
    /// There are more in the direction that was asked for.
    pub more: bool,
}

/// How an agent works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportAgent)]
pub struct Agent {
    pub user: User,
    pub status: AgentStatus,
    /// Requests that the agent takes at once.
    #[schema(minimum = 1, maximum = 100)]
    pub capacity: i64,
    /// Requests in progress that the agent has.
    #[schema(minimum = 0)]
    pub load: i64,
}

/// `support.agent`: an agent's status, for the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportAgentStatus)]
pub struct AgentPush {
    pub user: User,
    pub status: AgentStatus,
}

/// `support.queue`: where a customer who waits stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportPlace)]
pub struct Place {
    pub request: RequestId,
    #[schema(minimum = 1)]
    pub place: i64,
    /// Seconds that the customer may expect to wait, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub wait_s: Option<i64>,
}

/// What agents tell each other about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportNote)]
pub struct Note {
    pub id: Uuid,
    pub author: User,
    pub body: String,
    pub created_at: Timestamp,
}

/// An answer that agents have at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportCanned)]
pub struct Canned {
    pub id: Uuid,
    pub name: String,
    pub body: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A step of a request: who did what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SupportStep)]
pub struct AuditStep {
    pub step: Step,
    pub at: Timestamp,
    /// Who did it; absent where the desk itself did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<User>,
    /// Who had the request before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<User>,
    /// Who has it since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SupportSessionId>,
    /// More about it: the tags, the stars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
