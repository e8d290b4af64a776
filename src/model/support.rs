//! The rules of the support desk: who may do what with a request, which step leads where, the queue's order, and who gets what.

use super::account::UserRole;
use super::words::words;
use super::{Failure, RequestId, UserId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a customer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = SupportType)]
pub enum Kind {
    /// Wants to talk now.
    Chat,
    /// Left a message.
    ContactForm,
}

/// How far a request is: `NEW` → `IN_PROGRESS` → `RESOLVED` → `CLOSED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = SupportStatus)]
pub enum Status {
    /// Waits in the queue.
    New,
    /// An agent has it.
    InProgress,
    Resolved,
    Closed,
}

/// How urgent a request is; the most urgent one is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = SupportPriority)]
pub enum Priority {
    High,
    Medium,
    Low,
}

/// Whether a talk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = SupportSessionStatus)]
pub enum SessionStatus {
    Active,
    /// One of the two ended it, or the request was resolved.
    Closed,
    /// Nobody said anything for too long.
    Timeout,
}

/// Whether an agent is there for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentStatus {
    Available,
    Busy,
    Away,
}

/// What happened to a request, as the audit trail has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SupportStepName)]
pub enum Step {
    Created,
    /// By the agent who has it now.
    Taken,
    /// By the desk, to the least busy agent.
    Assigned,
    Transferred,
    /// Its agent is gone: it waits again.
    Returned,
    Resolved,
    Closed,
    Reopened,
    SessionOpened,
    SessionClosed,
    SessionTimedOut,
    /// People answer from now on, or a bot.
    ModeChanged,
    Noted,
    Tagged,
    Rated,
}

words!(
    Kind { Chat => "CHAT", ContactForm => "CONTACT_FORM" }
    Status { New => "NEW", InProgress => "IN_PROGRESS", Resolved => "RESOLVED", Closed => "CLOSED" }
    Priority { Low => "LOW", Medium => "MEDIUM", High => "HIGH" }
    SessionStatus { Active => "ACTIVE", Closed => "CLOSED", Timeout => "TIMEOUT" }
    AgentStatus { Available => "available", Busy => "busy", Away => "away" }
    Step {
        Created => "created",
        Taken => "taken",
        Assigned => "assigned",
        Transferred => "transferred",
        Returned => "returned",
        Resolved => "resolved",
        Closed => "closed",
        Reopened => "reopened",
        SessionOpened => "session_opened",
        SessionClosed => "session_closed",
        SessionTimedOut => "session_timed_out",
        ModeChanged => "mode_changed",
        Noted => "noted",
        Tagged => "tagged",
        Rated => "rated",
    }
);

/// A step that an agent takes with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    Take,
    Transfer,
    Resolve,
    Close,
    /// Back to its agent, or into the queue where there is none.
    Reopen {
        has_agent: bool,
    },
}

/// Where a step leads.
///
/// # Errors
/// [`Failure::Conflict`] for a step that the status does not allow.
pub fn next(status: Status, step: Move) -> Result<Status, Failure> {
    match (status, step) {
        (Status::New, Move::Take) | (Status::InProgress, Move::Transfer) => Ok(Status::InProgress),
        (Status::InProgress, Move::Resolve) => Ok(Status::Resolved),
        (Status::Resolved, Move::Close) => Ok(Status::Closed),
        (Status::Resolved | Status::Closed, Move::Reopen { has_agent }) => {
            Ok(if has_agent { Status::InProgress } else { Status::New })
        }
        (_, Move::Take) => Err(Failure::Conflict("the request does not wait any more")),
        _ => Err(Failure::Conflict("the request's status does not allow this step")),
    }
}

/// Whether there may be a talk about a request.
///
/// # Errors
/// [`Failure::Conflict`] when it is over.
pub fn check_open(status: Status) -> Result<(), Failure> {
    match status {
        Status::New | Status::InProgress => Ok(()),
        Status::Resolved | Status::Closed => Err(Failure::Conflict("the request is not open any more")),
    }
}

/// Whether a request may be rated: after its end, once.
///
/// # Errors
/// [`Failure::Conflict`] before that, or again.
pub fn check_rating(status: Status, rated: bool) -> Result<(), Failure> {
    match status {
        Status::New | Status::InProgress => Err(Failure::Conflict("a request is rated after its end")),
        Status::Resolved | Status::Closed if rated => Err(Failure::Conflict("the request was rated already")),
        Status::Resolved | Status::Closed => Ok(()),
    }
}

/// What somebody is to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is theirs, whatever else they are in the project.
    Customer,
    /// The agent who has it.
    Assigned,
    /// Another agent.
    Agent,
    Admin,
}

impl Standing {
    /// What a user is to a request; `None` for strangers, to whom it does not exist.
    #[must_use]
    pub fn of(user: UserId, role: UserRole, customer: Option<UserId>, agent: Option<UserId>) -> Option<Self> {
        match role {
            _ if customer == Some(user) => Some(Self::Customer),
            UserRole::User => None,
            UserRole::Admin => Some(Self::Admin),
            UserRole::Agent if agent == Some(user) => Some(Self::Assigned),
            UserRole::Agent => Some(Self::Agent),
        }
    }

    /// Sees notes, tags and the audit trail.
    #[must_use]
    pub fn is_staff(self) -> bool {
        self != Self::Customer
    }

    /// Reads what is said about the request.
    #[must_use]
    pub fn reads(self) -> bool {
        self != Self::Agent
    }

    /// Whether the caller works at the desk, and not as the customer here.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] for the customer.
    pub fn check_staff(self) -> Result<(), Failure> {
        if self.is_staff() {
            Ok(())
        } else {
            Err(Failure::Forbidden("this is for agents, and not for one's own request"))
        }
    }

    /// Whether the caller decides about the request: its agent, or an administrator.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] for all others.
    pub fn check_decides(self) -> Result<(), Failure> {
        match self {
            Self::Assigned | Self::Admin => Ok(()),
            Self::Agent => Err(Failure::Forbidden("this is for the agent who has the request")),
            Self::Customer => self.check_staff(),
        }
    }

    /// Whether the caller takes part in the talk, or may.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] for agents who do not have the request.
    pub fn check_talks(self) -> Result<(), Failure> {
        if self.reads() { Ok(()) } else { Err(Failure::Forbidden("this is for the agent who has the request")) }
    }
}

/// Whether a user of this role works at the desk.
///
/// # Errors
/// [`Failure::Forbidden`] for ordinary users.
pub fn check_role(role: UserRole) -> Result<(), Failure> {
    match role {
        UserRole::Agent | UserRole::Admin => Ok(()),
        UserRole::User => Err(Failure::Forbidden("this is for support agents")),
    }
}

/// A request that waits to be given to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub request: RequestId,
    pub customer: UserId,
    pub priority: Priority,
    pub queued_at: DateTime<Utc>,
}

impl Waiting {
    /// Who comes first: the more urgent, then who waits longer.
    #[must_use]
    pub fn place(&self) -> (Priority, DateTime<Utc>, RequestId) {
        (self.priority, self.queued_at, self.request)
    }
}

/// An available agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub agent: UserId,
    /// Requests in progress that the agent has.
    pub load: i64,
    pub capacity: i64,
    /// When the agent was last given one.
    pub assigned_at: Option<DateTime<Utc>>,
}

/// Who gets what: each request in the queue's order goes to the agent with the least to do, of those alike to the one who was
/// given nothing for longest. Nobody gets more than they take, nor what they asked for themselves.
#[must_use]
pub fn assign(waiting: &[Waiting], agents: &[Candidate]) -> Vec<(RequestId, UserId)> {
    let mut queue: Vec<&Waiting> = waiting.iter().collect();
    queue.sort_by_key(|request| request.place());
    // Within this plan an agent's turn is after all who got nothing in it yet.
    let mut agents: Vec<(Candidate, usize)> = agents.iter().map(|agent| (*agent, 0)).collect();
    let mut plan = Vec::new();
    for (turn, request) in queue.into_iter().enumerate() {
        let free = agents
            .iter_mut()
            .filter(|(agent, _)| agent.load < agent.capacity && agent.agent != request.customer)
            .min_by_key(|(agent, last)| (agent.load, *last, agent.assigned_at, agent.agent));
        if let Some((agent, last)) = free {
            agent.load += 1;
            *last = turn + 1;
            plan.push((request.request, agent.agent));
        }
    }
    plan
}

/// Seconds that the one at this place of the queue may expect to wait, from the moments at which requests were taken of late: the
/// mean time between them, for each place. `None` where too little was taken to tell.
#[must_use]
pub fn expected_wait(place: i64, taken: &[DateTime<Utc>]) -> Option<i64> {
    let gaps = i64::try_from(taken.len().checked_sub(1)?).ok().filter(|gaps| *gaps > 0)?;
    let span = *taken.iter().max()? - *taken.iter().min()?;
    span.num_milliseconds().checked_mul(place)?.checked_div(gaps)?.checked_div(1_000)
}

#[cfg(test)]
#[path = "support_tests.rs"]
mod tests;
