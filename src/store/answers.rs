//! Answers of bots, from the question to the message: one at a time in a conversation, on whichever node.
//!
//! A row of `answers` is the right to answer. Whoever has it renews it, with what was said so far; one that is not renewed belongs
//! to a node that is gone, and another ends the answer. The row goes in the very transaction that stores the message and books the
//! tokens: so each answer is stored once, and booked once.

mod left;
mod usage;

pub use left::{Orphan, take_over, unanswered, waits};
pub(super) use usage::keep_usage;
pub use usage::usage_of;

use super::exchanges::held::is_held;
use super::messages::{self, NewMessage, Outcome};
use super::schema::{answers, chatbots, conversations, exchanges, messages as message_table, projects, users};
use crate::model::{ChatbotId, ConversationId, Failure, MessageId, ProjectId, Usage, UserId};
use crate::wire::shapes::{ConversationKind, Ended, MessageKind, Mode, Role};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{exists, not, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// What was said longer ago than this waits for no answer any more.
const RECENT: TimeDelta = TimeDelta::minutes(10);

/// The time of the database, which is one for all nodes.
fn database_time() -> SqlLiteral<Timestamptz> {
    sql("clock_timestamp()")
}

/// Until when the right to an answer lasts if it is not renewed.
fn held_until() -> SqlLiteral<Timestamptz> {
    sql("clock_timestamp() + interval '10 seconds'")
}

/// An answer that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The message that it becomes.
    pub id: MessageId,
    pub turn: i64,
    pub kind: ConversationKind,
    pub chatbot: ChatbotId,
    pub name: String,
    pub llm: String,
    pub prompt: String,
    /// Whom it answers.
    pub asker: Option<UserId>,
    pub asker_name: String,
    pub project_name: String,
    /// The newest message that it knows of.
    pub up_to: i64,
    /// Messages that no answer has looked at before.
    pub new: i64,
}

/// The turn of a conversation whose messages are for a bot.
#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations, check_for_backend(diesel::pg::Pg))]
struct Place {
    kind: ConversationKind,
    mode: Mode,
    chatbot_id: Option<ChatbotId>,
    turn: i64,
    version: i64,
    last_seq: i64,
    answered_seq: i64,
}

async fn lock(conn: &mut AsyncPgConnection, project: ProjectId, id: ConversationId) -> QueryResult<Option<Place>> {
    conversations::table
        .filter(conversations::project_id.eq(project).and(conversations::id.eq(id)))
        .for_update()
        .select(Place::as_select())
        .first(conn)
        .await
        .optional()
}

/// Begins an answer if there is something for a bot to answer, and nobody does already.
///
/// # Errors
/// Those of the database.
pub async fn begin(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    id: MessageId,
    holder: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Begun>, Failure> {
    conn.transaction(async |conn| {
        let Some(place) = lock(conn, project, conversation).await? else { return Ok(None) };
        let (Mode::Bot, Some(chatbot)) = (place.mode, place.chatbot_id) else { return Ok(None) };
        if is_held(conn, conversation).await? {
            return Ok(None);
        }
        let asked: Option<(Option<UserId>, Option<String>, Option<String>)> = message_table::table
            .left_join(users::table.on(users::id.nullable().eq(message_table::author_id)))
            .filter(message_table::conversation_id.eq(conversation))
            .filter(message_table::seq.gt(place.answered_seq))
            .filter(message_table::role.eq(Role::User).and(message_table::kind.eq(MessageKind::Text)))
            .filter(message_table::deleted_at.is_null().and(not(exists(answered_together()))))
            .order(message_table::seq.desc())
            .select((message_table::author_id, users::username.nullable(), users::name.nullable()))
            .first(conn)
            .await
            .optional()?;
        let Some((asker, username, display)) = asked else { return Ok(None) };
        let known: Option<(String, String, String, String)> = chatbots::table
            .inner_join(projects::table.on(projects::id.eq(chatbots::project_id)))
            .filter(chatbots::project_id.eq(project).and(chatbots::id.eq(chatbot)))
            .select((chatbots::name, chatbots::llm, chatbots::prompt, projects::name))
            .first(conn)
            .await
            .optional()?;
        let Some((name, llm, prompt, project_name)) = known else { return Ok(None) };
        let begun = diesel::insert_into(answers::table)
            .values((
                answers::conversation_id.eq(conversation),
                answers::id.eq(id),
                answers::project_id.eq(project),
                answers::chatbot_id.eq(chatbot),
                answers::asker_id.eq(asker),
                answers::turn.eq(place.turn),
                answers::llm.eq(&llm),
                answers::holder.eq(holder),
                answers::held_until.eq(held_until()),
                answers::begun_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        if begun == 0 {
            return Ok(None);
        }
        diesel::update(conversations::table.find(conversation))
            .set(conversations::answered_seq.eq(place.last_seq))
            .execute(conn)
            .await?;
        Ok(Some(Begun {
            id,
            turn: place.turn,
            kind: place.kind,
            chatbot,
            name,
            llm,
            prompt,
            asker,
            asker_name: display.or(username).unwrap_or_default(),
            project_name,
            up_to: place.last_seq,
            new: place.last_seq - place.answered_seq,
        }))
    })
    .await
}

/// Of a message: it is a question that was stored together with its answer.
#[diesel::dsl::auto_type(no_type_alias)]
fn answered_together() -> _ {
    exchanges::table.filter(
        exchanges::conversation_id.eq(message_table::conversation_id).and(exchanges::seq.eq(message_table::seq)),
    )
}

/// Something said: who wrote it in which role, and what.
pub type Line = (Role, String, String);

/// The last texts of a conversation up to a message, oldest first; but what was said after `answered` and waits for an answer comes
/// last, also where others were answered meanwhile.
///
/// # Errors
/// Those of the database.
pub async fn memory(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    up_to: i64,
    answered: i64,
    limit: i64,
) -> QueryResult<Vec<Line>> {
    type Row = (i64, bool, Role, Option<String>, Option<String>, String);
    let mut lines: Vec<Row> = message_table::table
        .left_join(users::table.on(users::id.nullable().eq(message_table::author_id)))
        .filter(message_table::project_id.eq(project).and(message_table::conversation_id.eq(conversation)))
        .filter(message_table::seq.le(up_to).and(message_table::kind.eq(MessageKind::Text)))
        .filter(message_table::deleted_at.is_null())
        .order(message_table::seq.desc())
        .limit(limit)
        .select((
            message_table::seq,
            exists(answered_together()),
            message_table::role,
            users::name.nullable(),
            users::username.nullable(),
            message_table::body,
        ))
        .load(conn)
        .await?;
    lines.reverse();
    let waits = |(seq, is_answered, role, ..): &Row| *seq > answered && *role == Role::User && !is_answered;
    // Keeps the order of those on the same side.
    lines.sort_by_key(waits);
    let line = |(_, _, role, name, username, body): Row| {
        (role, name.or(username).unwrap_or_else(|| "somebody".to_owned()), body)
    };
    Ok(lines.into_iter().map(line).collect())
}

/// What became of an answer since its holder looked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    GoOn,
    /// Somebody asked for its end.
    Stop,
    /// Somebody else is to answer by now.
    TurnIsOver,
    /// It is another holder's by now.
    Lost,
    /// There is none any more: it was ended by another, or went with its bot.
    Gone,
}

/// Renews the right to an answer, and keeps what was said so far.
///
/// # Errors
/// Those of the database.
pub async fn keep(
    conn: &mut AsyncPgConnection,
    id: MessageId,
    holder: Uuid,
    body: &str,
    input_characters: i64,
) -> QueryResult<Kept> {
    let row: Option<(ConversationId, i64, bool)> =
        diesel::update(answers::table.filter(answers::id.eq(id).and(answers::holder.eq(holder))))
            .set((
                answers::held_until.eq(held_until()),
                answers::body.eq(body),
                answers::input_characters.eq(input_characters),
            ))
            .returning((answers::conversation_id, answers::turn, answers::stopped))
            .get_result(conn)
            .await
            .optional()?;
    let Some((conversation, turn, stopped)) = row else {
        let others = diesel::select(exists(answers::table.filter(answers::id.eq(id))));
        return Ok(if others.get_result(conn).await? { Kept::Lost } else { Kept::Gone });
    };
    let now: Option<i64> =
        conversations::table.find(conversation).select(conversations::turn).first(conn).await.optional()?;
    Ok(if now != Some(turn) {
        Kept::TurnIsOver
    } else if stopped {
        Kept::Stop
    } else {
        Kept::GoOn
    })
}

/// Asks whichever node works on an answer to end it; whether there is one.
///
/// # Errors
/// Those of the database.
pub async fn stop(conn: &mut AsyncPgConnection, project: ProjectId, conversation: ConversationId) -> QueryResult<bool> {
    let row = answers::table.filter(answers::project_id.eq(project).and(answers::conversation_id.eq(conversation)));
    Ok(diesel::update(row).set(answers::stopped.eq(true)).execute(conn).await? > 0)
}

/// An answer that has come to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub id: MessageId,
    pub body: String,
    pub ended: Option<Ended>,
    pub usage: Usage,
}

/// What an ending came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// The message is stored.
    Stored { seq: i64, created_at: DateTime<Utc>, chatbot: ChatbotId, name: String },
    /// Nothing was said, so there is no message.
    Silent,
    /// Somebody else is to answer by now: nothing of it is stored.
    Superseded,
    /// It had ended before: by a try of which nobody heard, by another node, or with its bot.
    EndedBefore { is_stored: bool },
    /// There is no such conversation any more.
    Gone,
}

/// Ends an answer: stores its message, books its tokens, and gives up the right to it, all or nothing.
///
/// # Errors
/// Those of the database.
pub async fn finish(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    ending: &Ending,
    now: DateTime<Utc>,
) -> Result<Finished, Failure> {
    conn.transaction(async |conn| {
        let Some(place) = lock(conn, project, conversation).await? else { return Ok(Finished::Gone) };
        let row: Option<(ChatbotId, i64)> = diesel::delete(answers::table.filter(answers::id.eq(ending.id)))
            .returning((answers::chatbot_id, answers::turn))
            .get_result(conn)
            .await
            .optional()?;
        let Some((chatbot, turn)) = row else {
            let stored = message_table::table
                .filter(message_table::project_id.eq(project).and(message_table::id.eq(ending.id)))
                .filter(message_table::conversation_id.eq(conversation));
            let is_stored = diesel::select(exists(stored)).get_result(conn).await?;
            return Ok(Finished::EndedBefore { is_stored });
        };
        if place.turn != turn {
            return Ok(Finished::Superseded);
        }
        if ending.body.trim().is_empty() {
            return Ok(Finished::Silent);
        }
        let name: String = chatbots::table.find(chatbot).select(chatbots::name).first(conn).await?;
        let message = NewMessage {
            conversation,
            version: place.version,
            project,
            id: ending.id,
            author: UserId(chatbot.0),
            kind: MessageKind::Text,
            role: Role::Assistant,
            chatbot: Some(chatbot),
            body: ending.body.clone(),
            reply_to: None,
            tone: None,
            digest: messages::digest(MessageKind::Text, &ending.body, None, None, &[], None),
            attachments: Vec::new(),
            game: None,
            created_at: now,
        };
        let outcome = messages::store_batch(conn, &[message]).await?.pop();
        let Some(Outcome::Stored { seq, created_at }) = outcome else { return Err(Failure::Internal) };
        // Where nothing was said meanwhile nothing is left to look at.
        let seen = conversations::table.find(conversation).filter(conversations::answered_seq.eq(seq - 1));
        diesel::update(seen).set(conversations::answered_seq.eq(seq)).execute(conn).await?;
        keep_usage(conn, conversation, ending.id, ending.usage).await?;
        if let Some(ended) = ending.ended {
            diesel::update(message_table::table.find((conversation, seq)))
                .set(message_table::ended.eq(ended))
                .execute(conn)
                .await?;
        }
        Ok(Finished::Stored { seq, created_at, chatbot, name })
    })
    .await
}
