//! Question and answer, stored together: both, with what they took, or nothing.

use super::super::messages::{self, NewMessage, Outcome};
use super::super::schema::{
    conversations, exchange_turns, exchanges, instances, members, messages as message_table, projects,
};
use super::super::usage::{self, Warning};
use super::super::{answers, quotas};
use super::turns::{Begun, Party, Seat, check};
use crate::model::permission::Permission;
use crate::model::quota::{Level, Used, month_of};
use crate::model::{ChatbotId, ConversationId, Failure, MessageId, ProjectId, Usage, UserId};
use crate::wire::shapes::{ConversationKind, MessageKind, Mode, Role};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

/// Characters of the title that a conversation gets from its first question.
const TITLE_CHARS: usize = 255;

/// A question and its answer, to be stored.
#[derive(Debug, Clone)]
pub struct Pair {
    pub seat: Seat,
    /// Who holds the turn.
    pub holder: Uuid,
    pub begun: Begun,
    pub question: MessageId,
    pub text: String,
    /// Names and sizes of the files that came along.
    pub files: Value,
    pub asked_at: DateTime<Utc>,
    pub answer: MessageId,
    pub body: String,
    pub usage: Usage,
    /// What was kept of the quotas for it, and the tokens of users for whom nobody set a quota.
    pub reservation: Uuid,
    pub user_tokens: u64,
}

/// What was stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The number of the answer; the question's is the one before.
    pub seq: i64,
    pub is_new: bool,
    pub warnings: Vec<Warning>,
    /// Tokens that the user has used this month, with these; and what they may, unless there is no limit.
    pub used: u64,
    pub quota: Option<u64>,
}

/// Stores a pair, books what it took, and gives up the turn: all or nothing. Again, it says the same.
///
/// # Errors
/// - [`Failure::Conflict`] if the turn was lost meanwhile, or somebody else is to answer by now.
/// - [`Failure::Forbidden`], [`Failure::NotFound`] if the asker lost the right to.
pub async fn store(conn: &mut AsyncPgConnection, pair: &Pair, now: DateTime<Utc>) -> Result<Stored, Failure> {
    let Seat { project, conversation, party } = pair.seat;
    conn.transaction(async |conn| {
        // First, as everywhere: what books the use locks it too, and whoever deletes the project goes from there to the conversation.
        let found = projects::table.find(project).for_key_share().select(projects::id);
        found.first::<ProjectId>(conn).await.optional()?.ok_or(Failure::NotFound("project"))?;
        if let Some(seq) = stored_before(conn, project, pair.answer).await? {
            let (used, quota) = standing(conn, party, pair.user_tokens, now).await?;
            return Ok(Stored { seq, is_new: pair.begun.turn.is_none(), warnings: Vec::new(), used, quota });
        }
        let version = match pair.begun.turn {
            Some(turn) => open(conn, pair.seat, turn).await?,
            None => found_conversation(conn, pair).await?,
        };
        let held = exchange_turns::table.find(conversation).filter(exchange_turns::holder.eq(pair.holder));
        if diesel::delete(held).execute(conn).await? == 0 {
            return Err(Failure::Conflict("the turn to ask is over"));
        }
        let seq = insert(conn, pair, version, now).await?;
        // What was said beside and waits for an answer is still to be looked at.
        if !answers::waits(conn, conversation, now).await? {
            diesel::update(conversations::table.find(conversation))
                .set(conversations::answered_seq.eq(seq))
                .execute(conn)
                .await?;
        }
        if let Party::Person(user) = party {
            has_read(conn, conversation, user, seq).await?;
        }
        let Usage { input_tokens: input, output_tokens: output } = pair.usage;
        let warnings = usage::settle(conn, pair.reservation, Some(Used { input, output }), pair.user_tokens).await?;
        let (used, quota) = standing(conn, party, pair.user_tokens, now).await?;
        Ok(Stored { seq, is_new: pair.begun.turn.is_none(), warnings, used, quota })
    })
    .await
}

/// An attempt of which nobody heard may have stored it.
async fn stored_before(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    answer: MessageId,
) -> QueryResult<Option<i64>> {
    message_table::table
        .filter(message_table::project_id.eq(project).and(message_table::id.eq(answer)))
        .select(message_table::seq)
        .first(conn)
        .await
        .optional()
}

/// Locks the conversation, if the asker still may ask there and the bot still answer; its version.
async fn open(conn: &mut AsyncPgConnection, seat: Seat, turn: i64) -> Result<i64, Failure> {
    let place: Option<(i64, i64)> = conversations::table
        .filter(conversations::project_id.eq(seat.project).and(conversations::id.eq(seat.conversation)))
        .for_update()
        .select((conversations::version, conversations::turn))
        .first(conn)
        .await
        .optional()?;
    let (version, turn_now) = place.ok_or(Failure::NotFound("conversation"))?;
    if turn_now != turn {
        return Err(Failure::Conflict("somebody else is to answer by now"));
    }
    check(conn, seat).await?;
    Ok(version)
}

/// Makes the conversation of a first question.
async fn found_conversation(conn: &mut AsyncPgConnection, pair: &Pair) -> Result<i64, Failure> {
    let Seat { project, conversation, party } = pair.seat;
    // An instance is made before anything is asked in it.
    let Party::Person(user) = party else { return Err(Failure::NotFound("instance")) };
    let title: String = pair.text.chars().take(TITLE_CHARS).collect();
    let version: Option<i64> = diesel::insert_into(conversations::table)
        .values((
            conversations::id.eq(conversation),
            conversations::project_id.eq(project),
            conversations::kind.eq(ConversationKind::Assistant),
            conversations::title.eq(title),
            conversations::mode.eq(Mode::Bot),
            conversations::chatbot_id.eq(pair.begun.chatbot),
            conversations::member_count.eq(1),
            conversations::created_at.eq(pair.asked_at),
            conversations::updated_at.eq(pair.asked_at),
            conversations::active_at.eq(pair.asked_at),
        ))
        .on_conflict_do_nothing()
        .returning(conversations::version)
        .get_result(conn)
        .await
        .optional()?;
    let version = version.ok_or(Failure::Conflict("somebody made this conversation meanwhile"))?;
    diesel::insert_into(members::table)
        .values((
            members::conversation_id.eq(conversation),
            members::user_id.eq(user),
            members::permission.eq(Permission::Own),
            members::joined_at.eq(pair.asked_at),
        ))
        .execute(conn)
        .await?;
    Ok(version)
}

/// Stores the two messages and what hangs on them; the number of the second.
async fn insert(conn: &mut AsyncPgConnection, pair: &Pair, version: i64, now: DateTime<Utc>) -> Result<i64, Failure> {
    let Seat { project, conversation, party } = pair.seat;
    let chatbot = pair.begun.chatbot;
    let message = |id, role, author, chatbot: Option<ChatbotId>, body: &str, created_at| NewMessage {
        conversation,
        version,
        project,
        id,
        author,
        kind: MessageKind::Text,
        role,
        chatbot,
        body: body.to_owned(),
        reply_to: None,
        tone: None,
        digest: messages::digest(MessageKind::Text, body, None, None, &[], None),
        attachments: Vec::new(),
        game: None,
        created_at,
    };
    let author = match party {
        Party::Person(user) => user,
        Party::Instance(_) => UserId(Uuid::nil()),
    };
    let batch = [
        message(pair.question, Role::User, author, None, &pair.text, pair.asked_at),
        message(pair.answer, Role::Assistant, UserId(chatbot.0), Some(chatbot), &pair.body, now),
    ];
    let outcomes = messages::store_batch(conn, &batch).await?;
    let [Outcome::Stored { seq: asked, .. }, Outcome::Stored { seq, .. }] = outcomes.as_slice() else {
        return Err(Failure::Conflict("the conversation, or who asked, is gone"));
    };
    if matches!(party, Party::Instance(_)) {
        // A back end is nobody of the project.
        diesel::update(message_table::table.find((conversation, asked)))
            .set(message_table::author_id.eq(None::<UserId>))
            .execute(conn)
            .await?;
    }
    diesel::insert_into(exchanges::table)
        .values((
            exchanges::conversation_id.eq(conversation),
            exchanges::seq.eq(asked),
            exchanges::files.eq(&pair.files),
        ))
        .execute(conn)
        .await?;
    answers::keep_usage(conn, conversation, pair.answer, pair.usage).await?;
    Ok(*seq)
}

/// Who asked has read what came back.
async fn has_read(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    user: UserId,
    seq: i64,
) -> QueryResult<()> {
    diesel::update(members::table.find((conversation, user)))
        .set((
            members::delivered_seq.eq(seq),
            members::read_seq.eq(seq),
            members::told_delivered_seq.eq(seq),
            members::told_read_seq.eq(seq),
        ))
        .execute(conn)
        .await
        .map(|_| ())
}

/// What a user has used this month, and may.
async fn standing(
    conn: &mut AsyncPgConnection,
    party: Party,
    user_tokens: u64,
    now: DateTime<Utc>,
) -> QueryResult<(u64, Option<u64>)> {
    let Party::Person(user) = party else { return Ok((0, None)) };
    let balance = quotas::balance(conn, Level::User, user.0, month_of(now)).await?;
    Ok((balance.used.tokens, Some(balance.limit().tokens.unwrap_or(user_tokens))))
}

/// Makes a conversation for a back end that asks a bot.
///
/// # Errors
/// [`Failure::Unavailable`] if the bot is deleted in this moment.
pub async fn create_instance(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    chatbot: ChatbotId,
    id: ConversationId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    conn.transaction(async |conn| {
        diesel::insert_into(conversations::table)
            .values((
                conversations::id.eq(id),
                conversations::project_id.eq(project),
                conversations::kind.eq(ConversationKind::Assistant),
                conversations::mode.eq(Mode::Bot),
                conversations::chatbot_id.eq(chatbot),
                conversations::created_at.eq(now),
                conversations::updated_at.eq(now),
                conversations::active_at.eq(now),
            ))
            .execute(conn)
            .await?;
        diesel::insert_into(instances::table)
            .values((instances::conversation_id.eq(id), instances::chatbot_id.eq(chatbot)))
            .execute(conn)
            .await?;
        Ok(())
    })
    .await
}
