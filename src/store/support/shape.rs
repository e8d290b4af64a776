//! Rows as the wire shows them.

use super::super::schema::{support_requests, support_sessions, users};
use super::super::users::{self as user_rows, UserRow};
use super::first_response::first_responses;
use crate::model::support::{Kind, Priority, SessionStatus, Status};
use crate::model::{ConversationId, RequestId, SupportSessionId, UserId};
use crate::wire::shapes::User;
use crate::wire::support::{Desk, Rating, Request, Session};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

/// A request as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = support_requests, check_for_backend(diesel::pg::Pg))]
pub struct RequestRow {
    pub id: RequestId,
    pub customer_id: Option<UserId>,
    pub agent_id: Option<UserId>,
    pub kind: Kind,
    pub status: Status,
    pub priority: Priority,
    pub subject: String,
    pub tags: Vec<Option<String>>,
    pub stars: Option<i16>,
    pub comment: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub queued_at: DateTime<Utc>,
    pub first_response_at: Option<DateTime<Utc>>,
    pub resolved_at: Option<DateTime<Utc>>,
}

/// These users, their accounts open or not.
pub(super) async fn people(conn: &mut AsyncPgConnection, ids: Vec<UserId>) -> QueryResult<HashMap<UserId, User>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<UserRow> = users::table.filter(users::id.eq_any(ids)).select(UserRow::as_select()).load(conn).await?;
    Ok(rows.iter().map(|row| (row.id, user_rows::shape(row))).collect())
}

/// Requests as agents see them. Three statements, however many there are.
pub(super) async fn shape(conn: &mut AsyncPgConnection, rows: Vec<RequestRow>) -> QueryResult<Vec<Request>> {
    let ids = rows.iter().flat_map(|row| [row.customer_id, row.agent_id]).flatten().collect();
    let people = people(conn, ids).await?;
    let unanswered: Vec<RequestId> =
        rows.iter().filter(|row| row.first_response_at.is_none()).map(|row| row.id).collect();
    let answered = first_responses(conn, &unanswered).await?;
    let shape = |row: RequestRow| {
        let since = |moment: DateTime<Utc>| (moment - row.created_at).num_seconds().max(0);
        let first = row.first_response_at.or_else(|| answered.get(&row.id).copied());
        Request {
            id: row.id,
            customer: row.customer_id.and_then(|id| people.get(&id).cloned()).unwrap_or_else(User::deleted),
            agent: row.agent_id.and_then(|id| people.get(&id).cloned()),
            r#type: row.kind,
            status: row.status,
            priority: row.priority,
            subject: row.subject,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            resolved_at: row.resolved_at.map(Into::into),
            rating: row.stars.map(|stars| Rating { stars, comment: row.comment }),
            place: None,
            wait_s: None,
            desk: Some(Desk {
                tags: row.tags.into_iter().flatten().collect(),
                first_response_s: first.map(since),
                resolution_s: row.resolved_at.map(since),
            }),
        }
    };
    Ok(rows.into_iter().map(shape).collect())
}

/// A session with the last thing that was said in it.
pub(super) type SessionColumns =
    (SupportSessionId, RequestId, SessionStatus, ConversationId, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);

/// The columns of [`SessionColumns`] but for the conversation's `active_at`, which comes last.
pub(super) fn session((id, request, status, conversation, created, updated, active): SessionColumns) -> Session {
    // What was said before it ended counts; edits to the conversation afterwards don't.
    let last = if status == SessionStatus::Active { updated.max(active) } else { updated };
    Session { id, request, status, conversation, created_at: created.into(), updated_at: last.into() }
}

#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn session_columns() -> _ {
    (
        support_sessions::id,
        support_sessions::request_id,
        support_sessions::status,
        support_sessions::conversation_id,
        support_sessions::created_at,
        support_sessions::updated_at,
        super::super::schema::conversations::active_at,
    )
}
