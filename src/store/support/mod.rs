//! The support desk: requests, the talks about them, agents, and what belongs to it.
//!
//! Each step is one transaction that locks the rows it decides on, in one order: `support_agents` by user, `support_requests` by id,
//! `support_sessions` by id, then as everywhere conversations and members.

pub mod agents;
pub mod assignment;
pub mod audit;
pub mod canned;
mod first_response;
pub mod notes;
pub mod orphans;
pub mod queue;
pub mod requests;
pub mod search;
pub mod sessions;
mod shape;

pub use sessions::conversation_of_session;

use super::groups::lock as lock_conversation;
use super::schema::{conversations, members, support_requests, support_sessions, support_steps};
use crate::model::account::UserRole;
use crate::model::permission::Permission;
use crate::model::support::{SessionStatus, Standing, Status, Step};
use crate::model::{ConversationId, Failure, ProjectId, RequestId, SupportSessionId, UserId};
use crate::wire::shapes::Mode;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// What who has no business there hears, whether there is such a request or not.
pub const NO_REQUEST: Failure = Failure::NotFound("request");
/// The same for a session.
pub const NO_SESSION: Failure = Failure::NotFound("session");

#[diesel::declare_sql_function]
extern "SQL" {
    /// The later one.
    fn greatest(one: Timestamptz, other: Timestamptz) -> Timestamptz;
}

/// When a request changed last. Of two steps at once the later may have looked at the clock first: who is told of both takes what has the
/// later time for what holds, so the time never goes back.
#[diesel::dsl::auto_type]
fn changed_at(now: DateTime<Utc>) -> _ {
    greatest(support_requests::updated_at, now)
}

/// Who does something at the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub project: ProjectId,
    pub user: UserId,
    pub role: UserRole,
}

/// A request as rules look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = support_requests, check_for_backend(diesel::pg::Pg))]
pub struct Matter {
    pub id: RequestId,
    pub project_id: ProjectId,
    #[diesel(column_name = customer_id)]
    pub customer: Option<UserId>,
    #[diesel(column_name = agent_id)]
    pub agent: Option<UserId>,
    pub status: Status,
    pub stars: Option<i16>,
}

impl Matter {
    /// What the actor is to it.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for strangers.
    pub fn standing(&self, actor: Actor) -> Result<Standing, Failure> {
        Standing::of(actor.user, actor.role, self.customer, self.agent).ok_or(NO_REQUEST)
    }
}

/// A session as rules look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = support_sessions, check_for_backend(diesel::pg::Pg))]
pub struct Talk {
    pub id: SupportSessionId,
    #[diesel(column_name = request_id)]
    pub request: RequestId,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    pub status: SessionStatus,
}

/// A conversation whose members, or what they may do there, changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub conversation: ConversationId,
    pub left: Option<UserId>,
    pub joined: Vec<UserId>,
    /// Members of before whose own permission changed.
    pub changed: Vec<UserId>,
    /// People answer there now, and not a bot as before.
    pub mode_changed: bool,
}

/// What a step changed, for those who are to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    pub request: Option<RequestId>,
    /// Who had the request before, and has it no longer.
    pub before: Option<UserId>,
    pub moved: Vec<Moved>,
    pub sessions: Vec<SupportSessionId>,
    /// Where the first message was stored.
    pub said: Option<ConversationId>,
    /// It came into the queue or left it.
    pub queue: bool,
}

impl Changed {
    fn of(request: RequestId) -> Self {
        Self { request: Some(request), ..Self::default() }
    }
}

/// A request as it is now.
///
/// # Errors
/// [`Failure::NotFound`] if the project has none of this id.
pub async fn matter(conn: &mut AsyncPgConnection, project: ProjectId, id: RequestId) -> Result<Matter, Failure> {
    support_requests::table
        .filter(support_requests::project_id.eq(project).and(support_requests::id.eq(id)))
        .select(Matter::as_select())
        .first(conn)
        .await
        .optional()?
        .ok_or(NO_REQUEST)
}

/// Holds a request to the end of the transaction.
async fn lock(conn: &mut AsyncPgConnection, project: ProjectId, id: RequestId) -> Result<Matter, Failure> {
    support_requests::table
        .filter(support_requests::project_id.eq(project).and(support_requests::id.eq(id)))
        .for_update()
        .select(Matter::as_select())
        .first(conn)
        .await
        .optional()?
        .ok_or(NO_REQUEST)
}

/// Holds the request that a conversation is about, if it is one of the desk's, to the end of the transaction.
pub(super) async fn lock_request_of(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
) -> QueryResult<Option<RequestId>> {
    let request: Option<RequestId> = support_sessions::table
        .filter(support_sessions::conversation_id.eq(conversation))
        .select(support_sessions::request_id)
        .first(conn)
        .await
        .optional()?;
    let Some(request) = request else { return Ok(None) };
    support_requests::table.find(request).for_update().select(support_requests::id).first(conn).await.optional()
}

/// Writes down who said who answers, of a request that is held. At the database's time, as that step's others are.
pub(super) async fn note_mode(
    conn: &mut AsyncPgConnection,
    request: RequestId,
    actor: UserId,
    mode: Mode,
) -> QueryResult<()> {
    let word = match mode {
        Mode::Human => "human",
        Mode::Bot => "bot",
    };
    diesel::insert_into(support_steps::table)
        .values((
            support_steps::request_id.eq(request),
            support_steps::step.eq(Step::ModeChanged),
            support_steps::at.eq(diesel::dsl::now),
            support_steps::actor_id.eq(actor),
            support_steps::detail.eq(word),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives a request to somebody, or to nobody: the members of its conversations follow, and where a bot answered people do now.
async fn hand(
    conn: &mut AsyncPgConnection,
    matter: &Matter,
    to: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<Vec<Moved>, Failure> {
    let mut talks: Vec<Talk> = support_sessions::table
        .filter(support_sessions::request_id.eq(matter.id))
        .order(support_sessions::id)
        .for_update()
        .select(Talk::as_select())
        .load(conn)
        .await?;
    // Conversations have an order of their own.
    talks.sort_by_key(|talk| talk.conversation);
    let mut moved = Vec::with_capacity(talks.len());
    for talk in talks {
        let active = talk.status == SessionStatus::Active;
        let conversation = lock_conversation(conn, matter.project_id, talk.conversation).await?;
        let left = matter.agent.filter(|agent| Some(*agent) != to);
        let left = match left {
            Some(agent) => diesel::delete(members::table.find((talk.conversation, agent)))
                .returning(members::user_id)
                .get_result(conn)
                .await
                .optional()?,
            None => None,
        };
        let permission = if active { Permission::Administer } else { Permission::Read };
        let joined = match to {
            Some(agent) => join(conn, talk.conversation, agent, permission, conversation.last_seq).await?,
            None => None,
        };
        let mode_changed = active && to.is_some() && conversation.mode == Mode::Bot;
        let growth = i32::from(joined.is_some()) - i32::from(left.is_some());
        let joined: Vec<UserId> = joined.into_iter().collect();
        if left.is_none() && joined.is_empty() && !mode_changed {
            continue;
        }
        diesel::update(conversations::table.find(talk.conversation))
            .set((
                conversations::member_count.eq(conversations::member_count + growth),
                mode_changed.then_some(conversations::mode.eq(Mode::Human)),
                // What the bot was still saying is not said any more, and what people wrote is for people.
                mode_changed.then_some(conversations::turn.eq(conversations::turn + 1)),
                mode_changed.then_some(conversations::answered_seq.eq(conversations::last_seq)),
                conversations::version.eq(conversations::version + 1),
                conversations::updated_at.eq(now),
            ))
            .execute(conn)
            .await?;
        if active && to.is_some() {
            // Somebody comes: that is a sign of life.
            diesel::update(support_sessions::table.find(talk.id))
                .set(support_sessions::updated_at.eq(now))
                .execute(conn)
                .await?;
        }
        moved.push(Moved { conversation: talk.conversation, left, joined, changed: Vec::new(), mode_changed });
    }
    Ok(moved)
}

/// Makes a user a member who has seen everything so far; `None` for one who is a member already.
async fn join(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    user: UserId,
    permission: Permission,
    seq: i64,
) -> QueryResult<Option<UserId>> {
    diesel::insert_into(members::table)
        .values((
            members::conversation_id.eq(conversation),
            members::user_id.eq(user),
            members::permission.eq(permission),
            members::delivered_seq.eq(seq),
            members::read_seq.eq(seq),
            members::told_delivered_seq.eq(seq),
            members::told_read_seq.eq(seq),
        ))
        .on_conflict_do_nothing()
        .returning(members::user_id)
        .get_result(conn)
        .await
        .optional()
}
