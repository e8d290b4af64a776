//! Whose turn it is to ask in a conversation.
//!
//! A row of `exchange_turns` is the right to ask, for as long as it is renewed. While there is one no bot begins an answer of its own
//! (`answers::begin`), and one that is under way is waited for. Both look under the lock of the conversation's row. A
//! conversation that is not there yet has no such row: two who ask in it meet in `exchange_turns` alone.

use super::super::answers::{self, Line};
use super::super::schema::{answers as answer_table, chatbots, conversations, exchange_turns, instances, projects};
use super::super::statement::statement;
use super::held::is_taken;
use super::{Owner, owner};
use crate::model::{ChatbotId, ConversationId, Failure, ProjectId, UserId};
use chrono::{DateTime, Utc};
use diesel::dsl::{exists, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::time::Duration;
use uuid::Uuid;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// A user, in a conversation of theirs with a bot; the project's assistant answers. The conversation is made by its first
    /// question.
    Person(UserId),
    /// Another back end, in an instance of its bot.
    Instance(ChatbotId),
}

/// Where somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    pub project: ProjectId,
    pub conversation: ConversationId,
    pub party: Party,
}

/// What an answer is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The turn of the conversation; `None` if it is not there yet.
    pub turn: Option<i64>,
    pub chatbot: ChatbotId,
    pub name: String,
    pub llm: String,
    pub prompt: String,
    pub project_name: String,
    /// The last of what was said, oldest first.
    pub memory: Vec<Line>,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Somebody else asks or is answered: look again.
    Busy,
    Ready(Box<Begun>),
}

statement! {
    struct Take { conversation: ConversationId, holder: Uuid, lease: i64 };
    "INSERT INTO exchange_turns AS t (conversation_id, holder, held_until) \
     VALUES (" [conversation as SqlUuid] ", " [holder as SqlUuid] ", \
         clock_timestamp() + " [lease as BigInt] " * interval '1 millisecond') \
     ON CONFLICT (conversation_id) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until \
     WHERE t.holder = excluded.holder OR t.held_until < clock_timestamp()"
}

statement! {
    struct Keep { conversation: ConversationId, holder: Uuid, lease: i64 };
    "UPDATE exchange_turns SET held_until = clock_timestamp() + " [lease as BigInt] " * interval '1 millisecond' \
     WHERE conversation_id = " [conversation as SqlUuid] " AND holder = " [holder as SqlUuid]
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn long_ago() -> SqlLiteral<Timestamptz> {
    sql("clock_timestamp() - interval '5 minutes'")
}

/// Takes the turn, or keeps it: with `heed`, not while something that was said before waits for a bot's answer. What the answer is
/// made of, once nobody else is at one. To be called again while it is [`Taken::Busy`]; whoever gives up says so with [`leave`].
///
/// # Errors
/// - [`Failure::Forbidden`] for a conversation of somebody else, or of another kind.
/// - [`Failure::NotFound`] for what is no instance of the bot.
/// - [`Failure::Conflict`] if the project has no assistant.
pub async fn take(
    conn: &mut AsyncPgConnection,
    seat: Seat,
    holder: Uuid,
    lease: Duration,
    heed: bool,
    memory: i64,
    now: DateTime<Utc>,
) -> Result<Taken, Failure> {
    let Seat { project, conversation, .. } = seat;
    conn.transaction(async |conn| {
        check(conn, seat).await?;
        // Without a lock, for those who wait look often.
        if is_taken(conn, conversation, holder).await? {
            return Ok(Taken::Busy);
        }
        let place: Option<(i64, i64)> = conversations::table
            .filter(conversations::project_id.eq(project).and(conversations::id.eq(conversation)))
            .for_update()
            .select((conversations::turn, conversations::last_seq))
            .first(conn)
            .await
            .optional()?;
        if place.is_some() {
            // Somebody else may have made it since.
            check(conn, seat).await?;
        }
        if place.is_some()
            && heed
            && answers::waits(conn, conversation, now).await?
            && !is_mine(conn, seat, holder).await?
        {
            return Ok(Taken::Busy);
        }
        if (Take { conversation, holder, lease: millis(lease) }.execute(conn).await?) == 0 {
            return Ok(Taken::Busy);
        }
        let answering = answer_table::table.filter(answer_table::conversation_id.eq(conversation));
        if diesel::select(exists(answering)).get_result(conn).await? {
            return Ok(Taken::Busy);
        }
        let bot = match seat.party {
            Party::Person(_) => {
                let assistant: Option<Option<ChatbotId>> =
                    projects::table.find(project).select(projects::assistant_id).first(conn).await.optional()?;
                assistant.flatten().ok_or(Failure::Conflict("the project has no assistant"))?
            }
            Party::Instance(bot) => bot,
        };
        let known: Option<(String, String, String, String)> = chatbots::table
            .inner_join(projects::table.on(projects::id.eq(chatbots::project_id)))
            .filter(chatbots::project_id.eq(project).and(chatbots::id.eq(bot)))
            .select((chatbots::name, chatbots::llm, chatbots::prompt, projects::name))
            .first(conn)
            .await
            .optional()?;
        let (name, llm, prompt, project_name) = known.ok_or(Failure::NotFound("chatbot"))?;
        let memory = match place {
            Some((_, last_seq)) => answers::memory(conn, project, conversation, last_seq, i64::MAX, memory).await?,
            None => Vec::new(),
        };
        let turn = place.map(|(turn, _)| turn);
        Ok(Taken::Ready(Box::new(Begun { turn, chatbot: bot, name, llm, prompt, project_name, memory })))
    })
    .await
}

async fn is_mine(conn: &mut AsyncPgConnection, seat: Seat, holder: Uuid) -> QueryResult<bool> {
    let held = exchange_turns::table.find(seat.conversation).filter(exchange_turns::holder.eq(holder));
    diesel::select(exists(held)).get_result(conn).await
}

/// Whether this party may ask there.
///
/// # Errors
/// [`Failure::Forbidden`] for a conversation of somebody else, or of another kind; [`Failure::NotFound`] for what is no instance of the bot.
pub async fn check(conn: &mut AsyncPgConnection, seat: Seat) -> Result<(), Failure> {
    let Seat { project, conversation, party } = seat;
    match party {
        Party::Person(user) => match owner(conn, project, user, conversation).await? {
            Owner::Nobody | Owner::Theirs => Ok(()),
            Owner::Other => Err(Failure::Forbidden("this conversation is somebody else's")),
        },
        Party::Instance(bot) => {
            let instance = instances::table
                .inner_join(conversations::table)
                .filter(instances::conversation_id.eq(conversation).and(instances::chatbot_id.eq(bot)))
                .filter(conversations::project_id.eq(project));
            let found: bool = diesel::select(exists(instance)).get_result(conn).await?;
            if found { Ok(()) } else { Err(Failure::NotFound("instance")) }
        }
    }
}

/// Who holds the turn lives.
///
/// # Errors
/// Those of the database.
pub async fn keep(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    holder: Uuid,
    lease: Duration,
) -> QueryResult<()> {
    Keep { conversation, holder, lease: millis(lease) }.execute(conn).await.map(|_| ())
}

/// Gives the turn up.
///
/// # Errors
/// Those of the database.
pub async fn leave(conn: &mut AsyncPgConnection, conversation: ConversationId, holder: Uuid) -> QueryResult<()> {
    let held = exchange_turns::table.find(conversation).filter(exchange_turns::holder.eq(holder));
    diesel::delete(held).execute(conn).await.map(|_| ())
}

/// Takes away what nodes that are gone have left. Nobody waits for that, and who was only away from the database still has the
/// turn as long as no other took it.
///
/// # Errors
/// Those of the database.
pub async fn sweep(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    let lost = exchange_turns::table.filter(exchange_turns::held_until.lt(long_ago()));
    diesel::delete(lost).execute(conn).await.map(|_| ())
}
