//! Agents: whether they are there, how much they take at once, how much they have.

use super::super::schema::{support_agents, support_requests, users};
use super::super::users::{self as user_rows, UserRow};
use super::Actor;
use crate::model::account::UserRole;
use crate::model::support::{AgentStatus, Status, check_role};
use crate::model::{Failure, ProjectId, UserId};
use crate::wire::support::Agent;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Requests that an agent takes at once who never said how many; the column's default.
pub const CAPACITY: i32 = 5;
/// Agents who are told what goes on at the desk, and listed: a project with more has desks of its own for them.
pub const TOLD_AGENTS: i64 = 500;

/// The roles that work at the desk.
pub(super) const STAFF: [UserRole; 2] = [UserRole::Agent, UserRole::Admin];

/// Holds an agent's row to the end of the transaction, so that nobody gives them more meanwhile; makes it if need be.
pub(super) async fn lock(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    agent: UserId,
) -> QueryResult<(AgentStatus, i32)> {
    diesel::insert_into(support_agents::table)
        .values((support_agents::user_id.eq(agent), support_agents::project_id.eq(project)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    support_agents::table
        .find(agent)
        .for_update()
        .select((support_agents::status, support_agents::capacity))
        .first(conn)
        .await
}

/// Requests in progress that an agent has.
pub(super) async fn load_of(conn: &mut AsyncPgConnection, agent: UserId) -> QueryResult<i64> {
    support_requests::table
        .filter(support_requests::agent_id.eq(agent).and(support_requests::status.eq(Status::InProgress)))
        .count()
        .get_result(conn)
        .await
}

/// Whether the project has such a user who works at the desk, and with an account that is open.
///
/// # Errors
/// Those of the database.
pub async fn is_staff(conn: &mut AsyncPgConnection, project: ProjectId, user: UserId) -> QueryResult<bool> {
    let found: Option<UserId> = users::table
        .filter(users::project_id.eq(project).and(users::id.eq(user)))
        .filter(users::deactivated_at.is_null().and(users::role.eq_any(STAFF)))
        .select(users::id)
        .first(conn)
        .await
        .optional()?;
    Ok(found.is_some())
}

/// How an agent works.
///
/// # Errors
/// [`Failure::Forbidden`] for who is none.
pub async fn show(conn: &mut AsyncPgConnection, actor: Actor, user: &UserRow) -> Result<Agent, Failure> {
    check_role(actor.role)?;
    let row: Option<(AgentStatus, i32)> = support_agents::table
        .find(actor.user)
        .select((support_agents::status, support_agents::capacity))
        .first(conn)
        .await
        .optional()?;
    let (status, capacity) = row.unwrap_or((AgentStatus::Away, CAPACITY));
    let load = load_of(conn, actor.user).await?;
    Ok(Agent { user: user_rows::shape(user), status, capacity: capacity.into(), load })
}

/// An agent says how they work. Returns whether the status is another one than before.
///
/// # Errors
/// [`Failure::Forbidden`] for who is none.
pub async fn set(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    status: AgentStatus,
    capacity: Option<i32>,
) -> Result<bool, Failure> {
    check_role(actor.role)?;
    let before: Option<AgentStatus> =
        support_agents::table.find(actor.user).select(support_agents::status).first(conn).await.optional()?;
    diesel::insert_into(support_agents::table)
        .values((
            support_agents::user_id.eq(actor.user),
            support_agents::project_id.eq(actor.project),
            support_agents::status.eq(status),
            support_agents::capacity.eq(capacity.unwrap_or(CAPACITY)),
        ))
        .on_conflict(support_agents::user_id)
        .do_update()
        .set((support_agents::status.eq(status), capacity.map(|capacity| support_agents::capacity.eq(capacity))))
        .execute(conn)
        .await?;
    Ok(before.unwrap_or(AgentStatus::Away) != status)
}

/// The project's agents who ever said how they work, in the order of their names, at most [`TOLD_AGENTS`].
///
/// # Errors
/// Those of the database.
pub async fn list(conn: &mut AsyncPgConnection, project: ProjectId) -> QueryResult<Vec<Agent>> {
    let rows: Vec<(UserRow, AgentStatus, i32)> = support_agents::table
        .inner_join(users::table)
        .filter(support_agents::project_id.eq(project))
        .filter(users::deactivated_at.is_null().and(users::role.eq_any(STAFF)))
        .order(users::username)
        .limit(TOLD_AGENTS)
        .select((UserRow::as_select(), support_agents::status, support_agents::capacity))
        .load(conn)
        .await?;
    let ids: Vec<UserId> = rows.iter().map(|(user, ..)| user.id).collect();
    let loads: Vec<(Option<UserId>, i64)> = support_requests::table
        .filter(support_requests::agent_id.eq_any(&ids).and(support_requests::status.eq(Status::InProgress)))
        .group_by(support_requests::agent_id)
        .select((support_requests::agent_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    let load = |id| loads.iter().find(|(agent, _)| *agent == Some(id)).map_or(0, |(_, load)| *load);
    let agent = |(user, status, capacity): (UserRow, AgentStatus, i32)| Agent {
        load: load(user.id),
        user: user_rows::shape(&user),
        status,
        capacity: capacity.into(),
    };
    Ok(rows.into_iter().map(agent).collect())
}

/// Who is told what goes on at the desk: agents who said how they work, or only those who are available.
///
/// # Errors
/// Those of the database.
pub async fn told(conn: &mut AsyncPgConnection, project: ProjectId, only_available: bool) -> QueryResult<Vec<UserId>> {
    let mut query = support_agents::table
        .inner_join(users::table)
        .filter(support_agents::project_id.eq(project))
        .filter(users::deactivated_at.is_null().and(users::role.eq_any(STAFF)))
        .order(users::id)
        .limit(TOLD_AGENTS)
        .select(users::id)
        .into_boxed();
    if only_available {
        query = query.filter(support_agents::status.eq(AgentStatus::Available));
    }
    query.load(conn).await
}
