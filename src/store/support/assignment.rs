//! Who has a request: taking, being given, passing on, and how it ends.

use super::super::schema::{support_agents, support_requests};
use super::agents::{self, is_staff, load_of};
use super::audit::NewStep;
use super::first_response::note_first_response;
use super::sessions::end_active;
use super::{Actor, Changed, Matter, changed_at, hand, lock};
use crate::model::support::{AgentStatus, Move, SessionStatus, Status, Step, next};
use crate::model::{Failure, ProjectId, RequestId, UserId};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

const FULL: Failure = Failure::Conflict("this agent has as many requests as they take at once");

/// An agent takes a request out of the queue.
///
/// # Errors
/// [`Failure::NotFound`] for strangers, [`Failure::Forbidden`] for the customer, [`Failure::Conflict`] if it does not wait (any more) or the agent
/// has as many as they take.
pub async fn take(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: RequestId,
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        // Strangers make no row.
        super::matter(conn, actor.project, id).await?.standing(actor)?.check_staff()?;
        let (_, capacity) = agents::lock(conn, actor.project, actor.user).await?;
        let matter = lock(conn, actor.project, id).await?;
        matter.standing(actor)?.check_staff()?;
        next(matter.status, Move::Take)?;
        check_capacity(conn, actor.user, capacity).await?;
        let moved = give(conn, &matter, actor.user, now).await?;
        let step = NewStep::new(id, Step::Taken, now, Some(actor.user)).passing(None, Some(actor.user));
        step.write(conn).await?;
        Ok(Changed { moved, queue: true, ..Changed::of(id) })
    })
    .await
}

/// The desk gives a waiting request to an agent, if both are as they were when it looked.
///
/// # Errors
/// [`Failure::Conflict`] if they are not.
pub async fn give_to(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: RequestId,
    agent: UserId,
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        let (status, capacity) = agents::lock(conn, project, agent).await?;
        let matter = lock(conn, project, id).await?;
        next(matter.status, Move::Take)?;
        if status != AgentStatus::Available || !is_staff(conn, project, agent).await? {
            return Err(Failure::Conflict("the agent is not available any more"));
        }
        check_capacity(conn, agent, capacity).await?;
        let moved = give(conn, &matter, agent, now).await?;
        NewStep::new(id, Step::Assigned, now, None).passing(None, Some(agent)).write(conn).await?;
        Ok(Changed { moved, queue: true, ..Changed::of(id) })
    })
    .await
}

/// The agent passes a request on.
///
/// # Errors
/// [`Failure::NotFound`] for strangers, [`Failure::Forbidden`] for others than its agent and administrators, [`Failure::Conflict`] if nobody has it or the
/// other one has as many as they take, [`Failure::Invalid`] if that one is no agent, has it already, or is the customer.
pub async fn transfer(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: RequestId,
    to: UserId,
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        super::matter(conn, actor.project, id).await?.standing(actor)?.check_decides()?;
        if !is_staff(conn, actor.project, to).await? {
            return Err(Failure::invalid("to", "must be an agent or administrator of the project"));
        }
        let (_, capacity) = agents::lock(conn, actor.project, to).await?;
        let matter = lock(conn, actor.project, id).await?;
        matter.standing(actor)?.check_decides()?;
        next(matter.status, Move::Transfer)?;
        if matter.agent == Some(to) || matter.customer == Some(to) {
            return Err(Failure::invalid("to", "must be somebody else than its agent and its customer"));
        }
        check_capacity(conn, to, capacity).await?;
        let moved = give(conn, &matter, to, now).await?;
        let step = NewStep::new(id, Step::Transferred, now, Some(actor.user)).passing(matter.agent, Some(to));
        step.write(conn).await?;
        Ok(Changed { before: matter.agent, moved, ..Changed::of(id) })
    })
    .await
}

/// Resolves a request; the talk about it ends.
///
/// # Errors
/// As [`transfer`], but for the other one.
pub async fn resolve(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: RequestId,
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        let matter = lock(conn, actor.project, id).await?;
        matter.standing(actor)?.check_decides()?;
        let status = next(matter.status, Move::Resolve)?;
        let mut changed = Changed::of(id);
        end_active(conn, &matter, SessionStatus::Closed, Some(actor.user), now, &mut changed).await?;
        set_status(conn, id, status, Some(now), now).await?;
        NewStep::new(id, Step::Resolved, now, Some(actor.user)).write(conn).await?;
        Ok(changed)
    })
    .await
}

/// Closes a resolved request.
///
/// # Errors
/// As [`resolve`].
pub async fn close(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: RequestId,
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        let matter = lock(conn, actor.project, id).await?;
        matter.standing(actor)?.check_decides()?;
        let status = next(matter.status, Move::Close)?;
        diesel::update(support_requests::table.find(id))
            .set((support_requests::status.eq(status), support_requests::updated_at.eq(changed_at(now))))
            .execute(conn)
            .await?;
        NewStep::new(id, Step::Closed, now, Some(actor.user)).write(conn).await?;
        Ok(Changed::of(id))
    })
    .await
}

/// Takes a request up again: its agent has it, beyond their capacity too; where there is none any more it waits for another, at its old
/// age.
///
/// # Errors
/// As [`resolve`]; any agent may where the request has none.
pub async fn reopen(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: RequestId,
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        let matter = lock(conn, actor.project, id).await?;
        let standing = matter.standing(actor)?;
        match matter.agent {
            Some(_) => standing.check_decides()?,
            None => standing.check_staff()?,
        }
        if matter.customer.is_none() {
            return Err(Failure::Conflict("the customer is gone"));
        }
        let agent = match matter.agent {
            Some(agent) if is_staff(conn, actor.project, agent).await? => Some(agent),
            _ => None,
        };
        let status = next(matter.status, Move::Reopen { has_agent: agent.is_some() })?;
        let moved = hand(conn, &matter, agent, now).await?;
        diesel::update(support_requests::table.find(id))
            .set(support_requests::agent_id.eq(agent))
            .execute(conn)
            .await?;
        set_status(conn, id, status, None, now).await?;
        let step = NewStep::new(id, Step::Reopened, now, Some(actor.user)).passing(matter.agent, agent);
        step.write(conn).await?;
        Ok(Changed {
            before: matter.agent.filter(|before| Some(*before) != agent),
            moved,
            queue: status == Status::New,
            ..Changed::of(id)
        })
    })
    .await
}

async fn check_capacity(conn: &mut AsyncPgConnection, agent: UserId, capacity: i32) -> Result<(), Failure> {
    if load_of(conn, agent).await? >= capacity.into() { Err(FULL) } else { Ok(()) }
}

/// A request that is held becomes an agent's, who is held too.
async fn give(
    conn: &mut AsyncPgConnection,
    matter: &Matter,
    agent: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<super::Moved>, Failure> {
    note_first_response(conn, matter.id).await?;
    let moved = hand(conn, matter, Some(agent), now).await?;
    let taken = (matter.status == Status::New).then_some(support_requests::taken_at.eq(now));
    diesel::update(support_requests::table.find(matter.id))
        .set((
            support_requests::agent_id.eq(agent),
            support_requests::status.eq(Status::InProgress),
            support_requests::updated_at.eq(changed_at(now)),
            taken,
        ))
        .execute(conn)
        .await?;
    diesel::update(support_agents::table.find(agent)).set(support_agents::assigned_at.eq(now)).execute(conn).await?;
    Ok(moved)
}

async fn set_status(
    conn: &mut AsyncPgConnection,
    id: RequestId,
    status: Status,
    resolved_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(support_requests::table.find(id))
        .set((
            support_requests::status.eq(status),
            support_requests::resolved_at.eq(resolved_at),
            support_requests::updated_at.eq(changed_at(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
