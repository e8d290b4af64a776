//! The audit trail: written in the transaction of each step, and never changed.

use super::super::paging::truncate;
use super::super::schema::support_steps;
use super::shape::people;
use crate::model::support::Step;
use crate::model::{RequestId, SupportSessionId, UserId};
use crate::wire::shapes::User;
use crate::wire::support::AuditStep;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// A step to be written down.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = support_steps, treat_none_as_default_value = false)]
pub(super) struct NewStep {
    pub request_id: RequestId,
    pub step: Step,
    pub at: DateTime<Utc>,
    /// `None`: the desk.
    pub actor_id: Option<UserId>,
    pub from_id: Option<UserId>,
    pub to_id: Option<UserId>,
    pub session_id: Option<SupportSessionId>,
    pub detail: Option<String>,
}

impl NewStep {
    pub fn new(request: RequestId, step: Step, at: DateTime<Utc>, actor: Option<UserId>) -> Self {
        Self {
            request_id: request,
            step,
            at,
            actor_id: actor,
            from_id: None,
            to_id: None,
            session_id: None,
            detail: None,
        }
    }

    pub fn passing(self, from: Option<UserId>, to: Option<UserId>) -> Self {
        Self { from_id: from, to_id: to, ..self }
    }

    pub fn about(self, session: SupportSessionId) -> Self {
        Self { session_id: Some(session), ..self }
    }

    pub fn saying(self, detail: String) -> Self {
        Self { detail: Some(detail), ..self }
    }

    pub async fn write(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::insert_into(support_steps::table).values(self).execute(conn).await?;
        Ok(())
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = support_steps, check_for_backend(diesel::pg::Pg))]
struct StepRow {
    id: i64,
    step: Step,
    at: DateTime<Utc>,
    actor_id: Option<UserId>,
    from_id: Option<UserId>,
    to_id: Option<UserId>,
    session_id: Option<SupportSessionId>,
    detail: Option<String>,
}

/// A page of a request's steps, oldest first, those behind `after`; and where it ended if more follow. The request is the caller's to
/// check.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    request: RequestId,
    after: i64,
    limit: i64,
) -> QueryResult<(Vec<AuditStep>, Option<i64>)> {
    let mut rows: Vec<StepRow> = support_steps::table
        .filter(support_steps::request_id.eq(request).and(support_steps::id.gt(after)))
        .order(support_steps::id)
        .limit(limit.saturating_add(1))
        .select(StepRow::as_select())
        .load(conn)
        .await?;
    let more = truncate(&mut rows, limit);
    let end = rows.last().filter(|_| more).map(|row| row.id);
    let ids = rows.iter().flat_map(|row| [row.actor_id, row.from_id, row.to_id]).flatten();
    let people = people(conn, ids.collect()).await?;
    let person = |id: Option<UserId>| -> Option<User> { id.and_then(|id| people.get(&id).cloned()) };
    let step = |row: StepRow| AuditStep {
        step: row.step,
        at: row.at.into(),
        actor: person(row.actor_id),
        from: person(row.from_id),
        to: person(row.to_id),
        session: row.session_id,
        detail: row.detail,
    };
    Ok((rows.into_iter().map(step).collect(), end))
}
