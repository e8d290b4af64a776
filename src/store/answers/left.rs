//! What is left to do when nobody does it: answers whose node is gone, and questions of which nobody heard.

use super::{RECENT, answered_together, database_time, held_until};
use crate::model::{ConversationId, MessageId, ProjectId};
use crate::store::schema::{answers, conversations, messages as message_table};
use crate::store::statement::statement;
use crate::wire::shapes::{MessageKind, Mode, Role};
use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// An answer whose node is gone, taken over to be ended.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Orphan {
    pub conversation: ConversationId,
    pub id: MessageId,
    pub project: ProjectId,
    pub body: String,
    pub input_characters: i64,
}

/// Takes over answers that nobody renewed in time, at most so many, but none of those conversations.
///
/// # Errors
/// Those of the database.
pub async fn take_over(
    conn: &mut AsyncPgConnection,
    holder: Uuid,
    but: &[ConversationId],
    limit: i64,
) -> QueryResult<Vec<Orphan>> {
    let lost = answers::table
        .filter(answers::held_until.lt(database_time()).and(answers::conversation_id.ne_all(but)))
        .order(answers::held_until)
        .limit(limit)
        .for_update()
        .skip_locked()
        .select(answers::conversation_id)
        .load::<ConversationId>(conn)
        .await?;
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let row =
        answers::table.filter(answers::conversation_id.eq_any(lost)).filter(answers::held_until.lt(database_time()));
    diesel::update(row)
        .set((answers::holder.eq(holder), answers::held_until.eq(held_until())))
        .returning((
            answers::conversation_id,
            answers::id,
            answers::project_id,
            answers::body,
            answers::input_characters,
        ))
        .load(conn)
        .await
}

statement! {
    /// The condition of [`unanswered`], for one conversation.
    struct Waits { id: ConversationId, since: DateTime<Utc> } -> Bool;
    "SELECT EXISTS (SELECT FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.seq > c.answered_seq \
     WHERE c.id = " [id as SqlUuid] " AND c.mode = 'bot' AND c.chatbot_id IS NOT NULL AND m.created_at > " [since as Timestamptz] " \
     AND m.role = 'user' AND m.kind = 'text' AND m.deleted_at IS NULL AND NOT EXISTS (\
         SELECT FROM exchanges e WHERE e.conversation_id = m.conversation_id AND e.seq = m.seq))"
}

/// Whether something waits in this conversation that a bot is to answer.
///
/// # Errors
/// Those of the database.
pub async fn waits(conn: &mut AsyncPgConnection, id: ConversationId, now: DateTime<Utc>) -> QueryResult<bool> {
    Waits { id, since: now - RECENT }.get_result(conn).await
}

/// Conversations in which something waits for a bot's answer of which nobody heard: said a moment before a node was gone, or more
/// than it could take. Newest first, at most so many.
///
/// # Errors
/// Those of the database.
pub async fn unanswered(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<(ProjectId, ConversationId)>> {
    let somebody_answers = answers::table.filter(answers::conversation_id.eq(conversations::id));
    let asked = message_table::table
        .filter(message_table::conversation_id.eq(conversations::id))
        .filter(message_table::seq.gt(conversations::answered_seq).and(message_table::created_at.gt(now - RECENT)))
        .filter(message_table::role.eq(Role::User).and(message_table::kind.eq(MessageKind::Text)))
        .filter(message_table::deleted_at.is_null().and(not(exists(answered_together()))));
    conversations::table
        .filter(conversations::mode.eq(Mode::Bot).and(conversations::chatbot_id.is_not_null()))
        .filter(conversations::last_seq.gt(conversations::answered_seq))
        .filter(conversations::active_at.gt(now - RECENT))
        .filter(not(exists(somebody_answers)))
        .filter(exists(asked))
        .order(conversations::active_at.desc())
        .limit(limit)
        .select((conversations::project_id, conversations::id))
        .load(conn)
        .await
}
