//! Requests whose people are gone: found in what is stored, however they went (deleted, deactivated, no agent any more), so that nothing
//! is forgotten by whoever let them go.

use super::super::schema::support_requests;
use super::super::statement::statement;
use super::agents::is_staff;
use super::audit::NewStep;
use super::first_response::note_first_response;
use super::sessions::end_active;
use super::{Changed, changed_at, hand, lock};
use crate::model::support::{SessionStatus, Status, Step};
use crate::model::{Failure, ProjectId, RequestId, UserId};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

statement! {
    struct LeftAlone { most: i64 } -> (SqlUuid, SqlUuid);
    "SELECT r.project_id, r.id FROM support_requests r \
     WHERE r.status IN ('NEW', 'IN_PROGRESS', 'RESOLVED') AND (r.customer_id IS NULL \
         OR r.status = 'IN_PROGRESS' AND NOT EXISTS (SELECT FROM users u WHERE u.id = r.agent_id \
             AND u.deactivated_at IS NULL AND u.role IN ('agent', 'admin'))) \
     LIMIT " [most as BigInt]
}

statement! {
    /// Of those who were agents and are ordinary users now: requests that are over, and whose talks they could still read.
    struct StillRead { most: i64 } -> (SqlUuid, SqlUuid);
    "SELECT DISTINCT r.project_id, r.id FROM support_agents a JOIN users u ON u.id = a.user_id AND u.role = 'user' \
     JOIN members m ON m.user_id = a.user_id JOIN support_sessions s ON s.conversation_id = m.conversation_id \
     JOIN support_requests r ON r.id = s.request_id AND r.agent_id = a.user_id AND r.status IN ('RESOLVED', 'CLOSED') \
     LIMIT " [most as BigInt]
}

/// Requests of all projects whose customer, or whose agent, is gone, at most so many of each kind.
///
/// # Errors
/// Those of the database.
pub async fn left_alone(conn: &mut AsyncPgConnection, most: i64) -> QueryResult<Vec<(ProjectId, RequestId)>> {
    let mut left = LeftAlone { most }.load(conn).await?;
    left.extend(StillRead { most }.load::<(ProjectId, RequestId)>(conn).await?);
    Ok(left)
}

/// A request without its agent waits again, at its old age; one without its customer is over. Who is no agent any more is out of the talks
/// about what is over. `None` if there is nothing to do.
///
/// # Errors
/// Those of the database.
pub async fn settle(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: RequestId,
    now: DateTime<Utc>,
) -> Result<Option<Changed>, Failure> {
    conn.transaction(async |conn| {
        let matter = lock(conn, project, id).await?;
        let mut changed = Changed::of(id);
        if matter.customer.is_none() && matter.status != Status::Closed {
            end_active(conn, &matter, SessionStatus::Closed, None, now, &mut changed).await?;
            diesel::update(support_requests::table.find(id))
                .set((support_requests::status.eq(Status::Closed), support_requests::updated_at.eq(changed_at(now))))
                .execute(conn)
                .await?;
            NewStep::new(id, Step::Closed, now, None).write(conn).await?;
            changed.queue = matter.status == Status::New;
            return Ok(Some(changed));
        }
        let has_agent = match matter.agent {
            Some(agent) => is_staff(conn, project, agent).await?,
            None => false,
        };
        if has_agent {
            return Ok(None);
        }
        if matter.status != Status::InProgress {
            // It stays theirs, for the record; the talks about it are not theirs to read.
            note_first_response(conn, id).await?;
            let moved = hand(conn, &matter, None, now).await?;
            return Ok((!moved.is_empty()).then(|| Changed { moved, ..Changed::default() }));
        }
        note_first_response(conn, id).await?;
        changed.moved = hand(conn, &matter, None, now).await?;
        diesel::update(support_requests::table.find(id))
            .set((
                support_requests::status.eq(Status::New),
                support_requests::agent_id.eq(None::<UserId>),
                support_requests::updated_at.eq(changed_at(now)),
            ))
            .execute(conn)
            .await?;
        NewStep::new(id, Step::Returned, now, None).passing(matter.agent, None).write(conn).await?;
        changed.before = matter.agent;
        changed.queue = true;
        Ok(Some(changed))
    })
    .await
}
