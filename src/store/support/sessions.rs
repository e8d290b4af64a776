//! Sessions: talks about a request, each in a conversation of its own.

use super::super::groups::lock as lock_conversation;
use super::super::schema::{conversations, members, projects, support_requests, support_sessions};
use super::audit::NewStep;
use super::first_response::note_first_response;
use super::requests::{Opening, make_session};
use super::shape::{SessionColumns, session, session_columns};
use super::{Actor, Changed, Matter, Moved, NO_SESSION, Talk, lock, matter};
use crate::model::permission::Permission;
use crate::model::support::{SessionStatus, Standing, Step, check_open};
use crate::model::{ConversationId, Failure, ProjectId, RequestId, SupportSessionId, UserId};
use crate::wire::shapes::Mode;
use crate::wire::support::Session;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

/// Sessions of one request: its people come back now and then, for years at most.
pub const SESSIONS: i64 = 100;

/// Opens a session, or finds the one that is under way. Returns which, and what changed if it was made.
///
/// # Errors
/// [`Failure::NotFound`] for strangers, [`Failure::Forbidden`] for agents who do not have the request, [`Failure::Conflict`] when it is over.
pub async fn open(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    request: RequestId,
    now: DateTime<Utc>,
) -> Result<(SupportSessionId, Option<Changed>), Failure> {
    conn.transaction(async |conn| {
        let matter = lock(conn, actor.project, request).await?;
        matter.standing(actor)?.check_talks()?;
        check_open(matter.status)?;
        if let Some(talk) = active_of(conn, request).await? {
            return Ok((talk.id, None));
        }
        let made: i64 =
            support_sessions::table.filter(support_sessions::request_id.eq(request)).count().get_result(conn).await?;
        if made >= SESSIONS {
            return Err(Failure::Conflict("the request has as many sessions as it may"));
        }
        let customer = matter.customer.ok_or(Failure::Conflict("the customer is gone"))?;
        let opening = Opening { actor, request, customer, agent: matter.agent, bot: None };
        let (id, moved) = make_session(conn, &opening, now).await?;
        Ok((id, Some(Changed { moved: vec![moved], sessions: vec![id], ..Changed::of(request) })))
    })
    .await
}

/// Ends a session.
///
/// # Errors
/// [`Failure::NotFound`] for all but the customer, the request's agent and administrators, [`Failure::Conflict`] if it is over already.
pub async fn close(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: SupportSessionId,
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        let (talk, _) = find(conn, actor, id).await?;
        let matter = lock(conn, actor.project, talk.request).await?;
        if !matter.standing(actor).map_err(|_| NO_SESSION)?.reads() {
            return Err(NO_SESSION);
        }
        let mut changed = Changed::of(matter.id);
        end_active(conn, &matter, SessionStatus::Closed, Some(actor.user), now, &mut changed).await?;
        if changed.sessions.contains(&id) { Ok(changed) } else { Err(Failure::Conflict("the session is over")) }
    })
    .await
}

/// Sessions that seem to have been quiet for as long as their project allows, at most so many.
///
/// # Errors
/// Those of the database.
pub async fn due(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    most: i64,
) -> QueryResult<Vec<(ProjectId, RequestId, SupportSessionId)>> {
    support_sessions::table
        .inner_join(support_requests::table)
        .filter(support_sessions::status.eq(SessionStatus::Active).and(support_sessions::due_at.le(now)))
        .order(support_sessions::due_at)
        .limit(most)
        .select((support_requests::project_id, support_requests::id, support_sessions::id))
        .load(conn)
        .await
}

/// Ends a session in which nobody said anything for too long, or puts off the next look at it. Returns what changed if it ended here
/// and now.
///
/// # Errors
/// Those of the database.
pub async fn time_out(
    conn: &mut AsyncPgConnection,
    (project, request, id): (ProjectId, RequestId, SupportSessionId),
    now: DateTime<Utc>,
) -> Result<Option<Changed>, Failure> {
    conn.transaction(async |conn| {
        let matter = lock(conn, project, request).await?;
        let Some(talk) = active_of(conn, request).await?.filter(|talk| talk.id == id) else { return Ok(None) };
        // Whoever speaks waits for this lock, so nothing is said between the look and the end.
        lock_conversation(conn, project, talk.conversation).await?;
        let timeout: i32 = projects::table.find(project).select(projects::support_timeout_s).first(conn).await?;
        let (updated, active): (DateTime<Utc>, DateTime<Utc>) = support_sessions::table
            .find(id)
            .inner_join(conversations::table)
            .select((support_sessions::updated_at, conversations::active_at))
            .first(conn)
            .await?;
        let due = updated.max(active) + TimeDelta::seconds(timeout.into());
        if due > now {
            diesel::update(support_sessions::table.find(id))
                .set(support_sessions::due_at.eq(due))
                .execute(conn)
                .await?;
            return Ok(None);
        }
        let mut changed = Changed::of(request);
        end_active(conn, &matter, SessionStatus::Timeout, None, now, &mut changed).await?;
        Ok(Some(changed))
    })
    .await
}

/// Has all active sessions of a project looked at anew: its time-out is another one.
///
/// # Errors
/// Those of the database.
pub async fn look_again(conn: &mut AsyncPgConnection, project: ProjectId, now: DateTime<Utc>) -> QueryResult<usize> {
    let requests =
        support_requests::table.filter(support_requests::project_id.eq(project)).select(support_requests::id);
    let active = support_sessions::table
        .filter(support_sessions::request_id.eq_any(requests).and(support_sessions::status.eq(SessionStatus::Active)));
    diesel::update(active).set(support_sessions::due_at.eq(now)).execute(conn).await
}

/// The session under way about a request that is held, held too.
async fn active_of(conn: &mut AsyncPgConnection, request: RequestId) -> QueryResult<Option<Talk>> {
    support_sessions::table
        .filter(support_sessions::request_id.eq(request).and(support_sessions::status.eq(SessionStatus::Active)))
        .for_update()
        .select(Talk::as_select())
        .first(conn)
        .await
        .optional()
}

/// Ends the session under way about a request that is held, if there is one: nobody says anything there any more.
pub(super) async fn end_active(
    conn: &mut AsyncPgConnection,
    matter: &Matter,
    status: SessionStatus,
    by: Option<UserId>,
    now: DateTime<Utc>,
    changed: &mut Changed,
) -> Result<(), Failure> {
    let Some(talk) = active_of(conn, matter.id).await? else { return Ok(()) };
    let conversation = lock_conversation(conn, matter.project_id, talk.conversation).await?;
    note_first_response(conn, matter.id).await?;
    let readers: Vec<UserId> = diesel::update(members::table.filter(members::conversation_id.eq(talk.conversation)))
        .set(members::permission.eq(Permission::Read))
        .returning(members::user_id)
        .get_results(conn)
        .await?;
    diesel::update(conversations::table.find(talk.conversation))
        .set((
            conversations::mode.eq(Mode::Human),
            conversations::turn.eq(conversations::turn + 1),
            conversations::answered_seq.eq(conversations::last_seq),
            conversations::version.eq(conversations::version + 1),
            conversations::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    diesel::update(support_sessions::table.find(talk.id))
        .set((support_sessions::status.eq(status), support_sessions::updated_at.eq(now)))
        .execute(conn)
        .await?;
    let step = if status == SessionStatus::Timeout { Step::SessionTimedOut } else { Step::SessionClosed };
    NewStep::new(matter.id, step, now, by).about(talk.id).write(conn).await?;
    changed.sessions.push(talk.id);
    changed.moved.push(Moved {
        conversation: talk.conversation,
        left: None,
        joined: Vec::new(),
        changed: readers,
        mode_changed: conversation.mode == Mode::Bot,
    });
    Ok(())
}

/// A session that the actor may read: the customer, the request's agent of now, an administrator.
///
/// # Errors
/// [`Failure::NotFound`] for all others.
pub async fn find(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: SupportSessionId,
) -> Result<(Talk, Standing), Failure> {
    let talk: Talk =
        support_sessions::table.find(id).select(Talk::as_select()).first(conn).await.optional()?.ok_or(NO_SESSION)?;
    let gone = |_| NO_SESSION;
    let standing = matter(conn, actor.project, talk.request).await.and_then(|matter| matter.standing(actor));
    let standing = standing.map_err(|failure| if failure == super::NO_REQUEST { gone(()) } else { failure })?;
    if standing.reads() { Ok((talk, standing)) } else { Err(NO_SESSION) }
}

/// The conversation of a session, for one of its members: the customer, or the request's agent of now. `None` for all others, whether
/// there is such a session or not; a session that is over is there to be read.
///
/// # Errors
/// Those of the database.
pub async fn conversation_of_session(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    user: UserId,
    id: SupportSessionId,
) -> QueryResult<Option<ConversationId>> {
    support_sessions::table
        .inner_join(support_requests::table)
        .inner_join(members::table.on(members::conversation_id.eq(support_sessions::conversation_id)))
        .filter(support_requests::project_id.eq(project).and(support_sessions::id.eq(id)))
        .filter(members::user_id.eq(user))
        .select(support_sessions::conversation_id)
        .first(conn)
        .await
        .optional()
}

/// Sessions as both sides see them, in the order of their ids; those that are gone are left out.
///
/// # Errors
/// Those of the database.
pub async fn shapes(conn: &mut AsyncPgConnection, ids: &[SupportSessionId]) -> QueryResult<Vec<Session>> {
    let rows: Vec<SessionColumns> = support_sessions::table
        .inner_join(conversations::table)
        .filter(support_sessions::id.eq_any(ids))
        .order(support_sessions::id)
        .select(session_columns())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(session).collect())
}

/// The sessions of a request, oldest first; at most [`SESSIONS`].
///
/// # Errors
/// [`Failure::NotFound`] for strangers, [`Failure::Forbidden`] for agents who do not have the request.
pub async fn of_request(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    request: RequestId,
) -> Result<Vec<Session>, Failure> {
    matter(conn, actor.project, request).await?.standing(actor)?.check_talks()?;
    let rows: Vec<SessionColumns> = support_sessions::table
        .inner_join(conversations::table)
        .filter(support_sessions::request_id.eq(request))
        .order((support_sessions::created_at, support_sessions::id))
        .limit(SESSIONS)
        .select(session_columns())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(session).collect())
}

/// The conversation of the session under way about a request, if there is one.
///
/// # Errors
/// Those of the database.
pub async fn active_conversation(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    request: RequestId,
) -> QueryResult<Option<ConversationId>> {
    support_sessions::table
        .inner_join(support_requests::table)
        .filter(support_requests::project_id.eq(project).and(support_requests::id.eq(request)))
        .filter(support_sessions::status.eq(SessionStatus::Active))
        .select(support_sessions::conversation_id)
        .first(conn)
        .await
        .optional()
}
