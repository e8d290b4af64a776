//! Requests: made, listed, looked at, tagged, rated.

use super::super::paging::truncate;
use super::super::schema::{conversations, members, projects, support_requests, support_sessions, users};
use super::super::{messages, modes};
use super::audit::NewStep;
use super::shape::{RequestRow, shape};
use super::{Actor, Changed, Moved, changed_at, lock, matter};
use crate::model::permission::Permission;
use crate::model::support::{self, Kind, Priority, Standing, Status, Step};
use crate::model::{ChatbotId, ConversationId, Failure, MessageId, ProjectId, RequestId, SupportSessionId, UserId};
use crate::wire::shapes::{ConversationKind, MessageKind, Mode, Role};
use crate::wire::support::Request;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

/// Requests of one customer that are open at once: more of them help nobody, and the queue is for all.
pub const OPEN_REQUESTS: i64 = 20;

/// A request to be made, its texts checked by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    pub kind: Kind,
    pub priority: Priority,
    pub subject: String,
    /// The first message.
    pub message: Option<String>,
    /// The project's chatbot answers until an agent does.
    pub bot: bool,
}

/// Makes a request; with a message or a bot its first session as well.
///
/// # Errors
/// [`Failure::Conflict`] for one with too many open ones, [`Failure::Invalid`] for a bot where the project has none.
pub async fn create(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    new: &NewRequest,
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    let id = RequestId::random();
    conn.transaction(async |conn| {
        // One after the other, so that several at once don't pass the bound together.
        users::table.find(actor.user).for_no_key_update().select(users::id).first::<UserId>(conn).await?;
        let open: i64 = support_requests::table
            .filter(support_requests::customer_id.eq(actor.user))
            .filter(support_requests::status.eq_any([Status::New, Status::InProgress]))
            .count()
            .get_result(conn)
            .await?;
        if open >= OPEN_REQUESTS {
            return Err(Failure::Conflict("you have as many open requests as one may have"));
        }
        diesel::insert_into(support_requests::table)
            .values((
                support_requests::id.eq(id),
                support_requests::project_id.eq(actor.project),
                support_requests::customer_id.eq(actor.user),
                support_requests::kind.eq(new.kind),
                support_requests::priority.eq(new.priority),
                support_requests::subject.eq(&new.subject),
                support_requests::created_at.eq(now),
                support_requests::updated_at.eq(now),
                support_requests::queued_at.eq(now),
            ))
            .execute(conn)
            .await?;
        NewStep::new(id, Step::Created, now, Some(actor.user)).write(conn).await?;
        let mut changed = Changed { queue: true, ..Changed::of(id) };
        if new.message.is_none() && !new.bot {
            return Ok(changed);
        }
        let bot = if new.bot { Some(modes::assistant(conn, actor.project).await?) } else { None };
        let opening = Opening { actor, request: id, customer: actor.user, agent: None, bot };
        let (session, moved) = make_session(conn, &opening, now).await?;
        if let Some(body) = &new.message {
            store_first(conn, actor, moved.conversation, body, now).await?;
            changed.said = Some(moved.conversation);
        }
        changed.sessions.push(session);
        changed.moved.push(moved);
        Ok(changed)
    })
    .await
}

/// A session to be made.
pub(super) struct Opening {
    pub actor: Actor,
    pub request: RequestId,
    pub customer: UserId,
    pub agent: Option<UserId>,
    pub bot: Option<ChatbotId>,
}

/// Makes a session and its conversation; that there is no other is the caller's to check.
pub(super) async fn make_session(
    conn: &mut AsyncPgConnection,
    opening: &Opening,
    now: DateTime<Utc>,
) -> QueryResult<(SupportSessionId, Moved)> {
    let Opening { actor, request, customer, agent, bot } = opening;
    let (session, conversation) = (SupportSessionId::random(), ConversationId::random());
    let subject: String = support_requests::table.find(request).select(support_requests::subject).first(conn).await?;
    diesel::insert_into(conversations::table)
        .values((
            conversations::id.eq(conversation),
            conversations::project_id.eq(actor.project),
            conversations::kind.eq(ConversationKind::Support),
            conversations::title.eq(&subject),
            conversations::mode.eq(if bot.is_some() { Mode::Bot } else { Mode::Human }),
            conversations::chatbot_id.eq(bot),
            conversations::member_count.eq(1 + i32::from(agent.is_some())),
            conversations::created_at.eq(now),
            conversations::updated_at.eq(now),
            conversations::active_at.eq(now),
        ))
        .execute(conn)
        .await?;
    let row = |user: UserId, permission: Permission| {
        (
            members::conversation_id.eq(conversation),
            members::user_id.eq(user),
            members::permission.eq(permission),
            members::joined_at.eq(now),
        )
    };
    let mut rows = vec![row(*customer, Permission::Write)];
    rows.extend(agent.map(|agent| row(agent, Permission::Administer)));
    diesel::insert_into(members::table).values(rows).execute(conn).await?;
    let timeout: i32 = projects::table.find(actor.project).select(projects::support_timeout_s).first(conn).await?;
    diesel::insert_into(support_sessions::table)
        .values((
            support_sessions::id.eq(session),
            support_sessions::request_id.eq(request),
            support_sessions::conversation_id.eq(conversation),
            support_sessions::created_at.eq(now),
            support_sessions::updated_at.eq(now),
            support_sessions::due_at.eq(now + TimeDelta::seconds(timeout.into())),
        ))
        .execute(conn)
        .await?;
    NewStep::new(*request, Step::SessionOpened, now, Some(actor.user)).about(session).write(conn).await?;
    let joined = std::iter::once(*customer).chain(*agent).collect();
    Ok((session, Moved { conversation, left: None, joined, changed: Vec::new(), mode_changed: false }))
}

/// Message 1. Nobody else knows the conversation yet, so no room and no scribe is passed by.
async fn store_first(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    conversation: ConversationId,
    body: &str,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let message = messages::NewMessage {
        conversation,
        version: 1,
        project: actor.project,
        id: MessageId::random(),
        author: actor.user,
        kind: MessageKind::Text,
        role: Role::User,
        chatbot: None,
        body: body.to_owned(),
        reply_to: None,
        tone: None,
        digest: messages::digest(MessageKind::Text, body, None, None, &[], None),
        attachments: Vec::new(),
        game: None,
        created_at: now,
    };
    match messages::store_batch(conn, &[message]).await?.as_slice() {
        [messages::Outcome::Stored { .. }] => Ok(()),
        other => {
            log::error!(target: "palabre::store", "the first message of a request was not stored: {other:?}");
            Err(Failure::Internal)
        }
    }
}

/// Which requests to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    pub customer: Option<UserId>,
    pub agent: Option<UserId>,
    pub status: Option<Status>,
    pub priority: Option<Priority>,
}

/// A page of the project's requests, newest first, those behind `after`; and where it ended if more follow.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    filter: Filter,
    after: Option<(DateTime<Utc>, RequestId)>,
    limit: i64,
) -> QueryResult<(Vec<Request>, Option<(DateTime<Utc>, RequestId)>)> {
    let mut query = support_requests::table
        .filter(support_requests::project_id.eq(project))
        .order((support_requests::created_at.desc(), support_requests::id.desc()))
        .limit(limit.saturating_add(1))
        .select(RequestRow::as_select())
        .into_boxed();
    if let Some(customer) = filter.customer {
        query = query.filter(support_requests::customer_id.eq(customer));
    }
    if let Some(agent) = filter.agent {
        query = query.filter(support_requests::agent_id.eq(agent));
    }
    if let Some(status) = filter.status {
        query = query.filter(support_requests::status.eq(status));
    }
    if let Some(priority) = filter.priority {
        query = query.filter(support_requests::priority.eq(priority));
    }
    if let Some((moment, id)) = after {
        let same = support_requests::created_at.eq(moment).and(support_requests::id.lt(id));
        query = query.filter(support_requests::created_at.lt(moment).or(same));
    }
    let mut rows: Vec<RequestRow> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    let end = rows.last().filter(|_| more).map(|row| (row.created_at, row.id));
    Ok((shape(conn, rows).await?, end))
}

/// A request as agents see it.
///
/// # Errors
/// [`Failure::NotFound`] if the project has none of this id.
pub async fn one(conn: &mut AsyncPgConnection, project: ProjectId, id: RequestId) -> Result<Request, Failure> {
    let row = support_requests::table
        .filter(support_requests::project_id.eq(project).and(support_requests::id.eq(id)))
        .select(RequestRow::as_select())
        .first(conn)
        .await
        .optional()?;
    let mut shaped = shape(conn, row.into_iter().collect()).await?;
    shaped.pop().ok_or(super::NO_REQUEST)
}

/// A request as the actor sees it.
///
/// # Errors
/// [`Failure::NotFound`] for strangers.
pub async fn seen(conn: &mut AsyncPgConnection, actor: Actor, id: RequestId) -> Result<Request, Failure> {
    let standing = matter(conn, actor.project, id).await?.standing(actor)?;
    let request = one(conn, actor.project, id).await?;
    Ok(if standing == Standing::Customer { request.for_customer() } else { request })
}

/// Gives a request these tags in place of those it had.
///
/// # Errors
/// [`Failure::NotFound`] for strangers, [`Failure::Forbidden`] for the customer.
pub async fn tag(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: RequestId,
    tags: &[String],
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        lock(conn, actor.project, id).await?.standing(actor)?.check_staff()?;
        diesel::update(support_requests::table.find(id))
            .set((support_requests::tags.eq(tags), support_requests::updated_at.eq(changed_at(now))))
            .execute(conn)
            .await?;
        NewStep::new(id, Step::Tagged, now, Some(actor.user)).saying(tags.join(", ")).write(conn).await?;
        Ok(Changed::of(id))
    })
    .await
}

/// The customer says how it went.
///
/// # Errors
/// [`Failure::NotFound`] for strangers, [`Failure::Forbidden`] for all but the customer, [`Failure::Conflict`] before the end and again.
pub async fn rate(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    id: RequestId,
    (stars, comment): (i16, Option<&str>),
    now: DateTime<Utc>,
) -> Result<Changed, Failure> {
    conn.transaction(async |conn| {
        let matter = lock(conn, actor.project, id).await?;
        if matter.standing(actor)? != Standing::Customer {
            return Err(Failure::Forbidden("this is for the customer"));
        }
        support::check_rating(matter.status, matter.stars.is_some())?;
        diesel::update(support_requests::table.find(id))
            .set((
                support_requests::stars.eq(stars),
                support_requests::comment.eq(comment),
                support_requests::updated_at.eq(changed_at(now)),
            ))
            .execute(conn)
            .await?;
        NewStep::new(id, Step::Rated, now, Some(actor.user)).saying(stars.to_string()).write(conn).await?;
        Ok(Changed::of(id))
    })
    .await
}
