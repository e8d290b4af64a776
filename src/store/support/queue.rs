//! The queue: who waits, at which place, for how long about, and who could have it.

use super::super::paging::truncate;
use super::super::schema::{conversations, projects, support_agents, support_requests, support_sessions, users};
use super::super::statement::statement;
use super::agents::{STAFF, TOLD_AGENTS};
use super::shape::{RequestRow, shape};
use crate::model::support::{AgentStatus, Candidate, Priority, SessionStatus, Status, Waiting};
use crate::model::{ProjectId, RequestId, UserId};
use crate::wire::shapes::Mode;
use crate::wire::support::Request;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Places of a project's queue that are told as they change: whoever stands behind learns theirs when they ask, and by then it is a long
/// way.
const TOLD_PLACES: i64 = 1_000;
/// The expected wait is told from the last so many that were taken …
const RECENT_TAKES: i64 = 20;
/// … within this time: what was before that says nothing of now.
const RECENT: TimeDelta = TimeDelta::hours(1);

/// A place in the queue's order.
pub type Place = (Priority, DateTime<Utc>, RequestId);

fn rank(priority: Priority) -> i16 {
    match priority {
        Priority::High => 0,
        Priority::Medium => 1,
        Priority::Low => 2,
    }
}

/// A page of the project's requests of a status in the queue's order, those behind `after`; and where it ended if more follow.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    (status, priority): (Status, Option<Priority>),
    after: Option<Place>,
    limit: i64,
) -> QueryResult<(Vec<Request>, Option<Place>)> {
    let mut query = support_requests::table
        .filter(support_requests::project_id.eq(project).and(support_requests::status.eq(status)))
        .order((support_requests::rank, support_requests::queued_at, support_requests::id))
        .limit(limit.saturating_add(1))
        .select(RequestRow::as_select())
        .into_boxed();
    if let Some(priority) = priority {
        query = query.filter(support_requests::rank.eq(rank(priority)));
    }
    if let Some((priority, moment, id)) = after {
        let rank = rank(priority);
        let same = support_requests::queued_at.eq(moment).and(support_requests::id.gt(id));
        let later = support_requests::rank.eq(rank).and(support_requests::queued_at.gt(moment).or(same));
        query = query.filter(support_requests::rank.gt(rank).or(later));
    }
    let mut rows: Vec<RequestRow> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    let end = rows.last().filter(|_| more).map(|row| (row.priority, row.queued_at, row.id));
    Ok((shape(conn, rows).await?, end))
}

/// A customer who waits, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Standing {
    pub request: RequestId,
    pub project: ProjectId,
    pub customer: UserId,
    pub place: i64,
}

statement! {
    struct Places<'a> { projects: &'a [ProjectId], most: i64 } -> (SqlUuid, SqlUuid, SqlUuid, BigInt);
    "SELECT q.id, p.id, q.customer_id, q.place FROM unnest(" [projects as Array<SqlUuid>] ") AS p (id) \
     CROSS JOIN LATERAL (SELECT r.id, r.customer_id, row_number() OVER (ORDER BY r.rank, r.queued_at, r.id) AS place \
         FROM support_requests r WHERE r.project_id = p.id AND r.status = 'NEW' \
         ORDER BY r.rank, r.queued_at, r.id LIMIT " [most as BigInt] ") q WHERE q.customer_id IS NOT NULL"
}

/// Who waits where in these projects; the first [`TOLD_PLACES`] of each. One statement.
///
/// # Errors
/// Those of the database.
pub async fn places(conn: &mut AsyncPgConnection, projects: &[ProjectId]) -> QueryResult<Vec<Standing>> {
    if projects.is_empty() {
        return Ok(Vec::new());
    }
    Places { projects, most: TOLD_PLACES }.load(conn).await
}

statement! {
    struct PlaceOf { request: RequestId } -> BigInt;
    "SELECT count(*) FROM support_requests own JOIN support_requests r ON r.project_id = own.project_id AND r.status = 'NEW' \
         AND (r.rank, r.queued_at, r.id) <= (own.rank, own.queued_at, own.id) \
     WHERE own.id = " [request as SqlUuid] " AND own.status = 'NEW'"
}

/// The place of a request that waits; `None` for one that does not.
///
/// # Errors
/// Those of the database.
pub async fn place_of(conn: &mut AsyncPgConnection, request: RequestId) -> QueryResult<Option<i64>> {
    let place: i64 = PlaceOf { request }.get_result(conn).await?;
    Ok((place > 0).then_some(place))
}

/// When requests of the project were taken of late, newest first.
///
/// # Errors
/// Those of the database.
pub async fn recent_takes(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<DateTime<Utc>>> {
    support_requests::table
        .filter(support_requests::project_id.eq(project))
        .filter(support_requests::taken_at.gt(now - RECENT))
        .order(support_requests::taken_at.desc())
        .limit(RECENT_TAKES)
        .select(support_requests::taken_at.assume_not_null())
        .load(conn)
        .await
}

/// Projects whose desk assigns and where somebody waits.
///
/// # Errors
/// Those of the database.
pub async fn assigning(conn: &mut AsyncPgConnection) -> QueryResult<Vec<ProjectId>> {
    let waiting = support_requests::table
        .filter(support_requests::project_id.eq(projects::id).and(support_requests::status.eq(Status::New)));
    projects::table.filter(projects::support_auto_assign.and(exists(waiting))).select(projects::id).load(conn).await
}

/// The first of the queue that could be given to somebody: those with whom no bot talks any more.
///
/// # Errors
/// Those of the database.
pub async fn assignable(conn: &mut AsyncPgConnection, project: ProjectId, most: i64) -> QueryResult<Vec<Waiting>> {
    let with_bot = support_sessions::table
        .inner_join(conversations::table)
        .filter(support_sessions::request_id.eq(support_requests::id))
        .filter(support_sessions::status.eq(SessionStatus::Active).and(conversations::mode.eq(Mode::Bot)));
    let rows: Vec<(RequestId, UserId, Priority, DateTime<Utc>)> = support_requests::table
        .filter(support_requests::project_id.eq(project).and(support_requests::status.eq(Status::New)))
        .filter(support_requests::customer_id.is_not_null().and(not(exists(with_bot))))
        .order((support_requests::rank, support_requests::queued_at, support_requests::id))
        .limit(most)
        .select((
            support_requests::id,
            support_requests::customer_id.assume_not_null(),
            support_requests::priority,
            support_requests::queued_at,
        ))
        .load(conn)
        .await?;
    let waiting = |(request, customer, priority, queued_at)| Waiting { request, customer, priority, queued_at };
    Ok(rows.into_iter().map(waiting).collect())
}

/// The available agents of a project and what they have; at most [`TOLD_AGENTS`].
///
/// # Errors
/// Those of the database.
pub async fn candidates(conn: &mut AsyncPgConnection, project: ProjectId) -> QueryResult<Vec<Candidate>> {
    let rows: Vec<(UserId, i32, Option<DateTime<Utc>>)> = support_agents::table
        .inner_join(users::table)
        .filter(support_agents::project_id.eq(project).and(support_agents::status.eq(AgentStatus::Available)))
        .filter(users::deactivated_at.is_null().and(users::role.eq_any(STAFF)))
        .order(users::id)
        .limit(TOLD_AGENTS)
        .select((users::id, support_agents::capacity, support_agents::assigned_at))
        .load(conn)
        .await?;
    let ids: Vec<UserId> = rows.iter().map(|(id, ..)| *id).collect();
    let loads: Vec<(Option<UserId>, i64)> = support_requests::table
        .filter(support_requests::agent_id.eq_any(&ids).and(support_requests::status.eq(Status::InProgress)))
        .group_by(support_requests::agent_id)
        .select((support_requests::agent_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    let load = |id| loads.iter().find(|(agent, _)| *agent == Some(id)).map_or(0, |(_, load)| *load);
    let candidate = |(agent, capacity, assigned_at): (UserId, i32, _)| Candidate {
        agent,
        load: load(agent),
        capacity: capacity.into(),
        assigned_at,
    };
    Ok(rows.into_iter().map(candidate).collect())
}
