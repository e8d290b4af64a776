//! Reading back: pages of history, ranges, and the newest message of many conversations.

use super::super::paging::truncate;
use super::super::schema::{contacts, messages};
use super::super::statement::statement;
use super::shape::{assemble, assemble_one};
use super::{MessageRow, find};
use crate::model::{ConversationId, MessageId, ProjectId, UserId};
use crate::wire::limits;
use crate::wire::shapes::Message;
use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

/// Which page of a history; bounds exclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The newest messages.
    Latest,
    /// Those right before this number.
    BeforeSeq(i64),
    /// Those right after this number.
    AfterSeq(i64),
    /// Those right before this moment.
    Before(DateTime<Utc>),
}

/// On which side of a number a page is; it is read from there outward.
enum Side {
    Below(i64),
    Above(i64),
}

/// A page of at most `limit` messages, always ascending, and whether there are more in its direction.
///
/// What users whom the viewer blocks wrote is left out, and so is what they did with the others. That the viewer is a member
/// is for the caller to check. `now` decides which invitations have expired.
pub async fn page(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    viewer: UserId,
    from: Page,
    limit: i64,
    now: DateTime<Utc>,
) -> QueryResult<(Vec<Message>, bool)> {
    let blocked = contacts::table
        .filter(contacts::user_id.eq(viewer))
        .filter(contacts::blocked)
        .filter(contacts::peer_id.nullable().eq(messages::author_id));
    let visible = messages::table
        .filter(messages::conversation_id.eq(conversation))
        .filter(messages::project_id.eq(project))
        .filter(not(exists(blocked)));
    let side = match from {
        Page::Latest => Side::Below(i64::MAX),
        Page::BeforeSeq(seq) => Side::Below(seq),
        Page::Before(moment) => Side::Below(first_since(conn, conversation, moment).await?),
        Page::AfterSeq(seq) => Side::Above(seq),
    };
    // One row beyond the page tells whether there are more.
    let mut rows: Vec<MessageRow> = match side {
        Side::Below(seq) => {
            visible.filter(messages::seq.lt(seq)).order(messages::seq.desc()).limit(limit + 1).load(conn).await?
        }
        Side::Above(seq) => {
            visible.filter(messages::seq.gt(seq)).order(messages::seq.asc()).limit(limit + 1).load(conn).await?
        }
    };
    let more = truncate(&mut rows, limit);
    if matches!(side, Side::Below(_)) {
        rows.reverse();
    }
    Ok((assemble(conn, rows, Some(viewer), now).await?, more))
}

statement! {
    /// Halves the numbers of a conversation until it has found the first message that is not before a moment.
    ///
    /// Dates never go back within a conversation and numbers have no gaps, so this needs no index by date.
    struct FirstSince<'a> { moment: &'a DateTime<Utc>, conversation: ConversationId } -> (BigInt,);
    "WITH RECURSIVE wanted AS (SELECT c.id, c.last_seq, w.moment FROM conversations c, (SELECT " [moment as Timestamptz]
         " AS moment) w WHERE c.id = " [conversation as SqlUuid] "), search (low, high) AS (\
         SELECT 0::bigint, last_seq + 1 FROM wanted \
         UNION ALL \
         SELECT CASE WHEN m.created_at < w.moment THEN m.seq ELSE s.low END, \
             CASE WHEN m.created_at < w.moment THEN s.high ELSE m.seq END \
         FROM search s, wanted w, messages m \
         WHERE m.conversation_id = w.id AND m.seq = (s.low + s.high) / 2 AND s.high - s.low > 1\
     ) \
     SELECT high FROM search ORDER BY high - low LIMIT 1"
}

/// The number of the first message at or after this moment; one beyond the last where there is none.
async fn first_since(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    moment: DateTime<Utc>,
) -> QueryResult<i64> {
    let found: Option<(i64,)> = FirstSince { moment: &moment, conversation }.get_result(conn).await.optional()?;
    Ok(found.map_or(0, |(seq,)| seq))
}

/// The messages with these numbers, both included, each with the user who wrote it: to push again what a node missed.
///
/// For nobody in particular: blocks are for who delivers them to regard. The caller bounds the range.
pub async fn range(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    from_seq: i64,
    to_seq: i64,
    now: DateTime<Utc>,
) -> QueryResult<Vec<(Option<UserId>, Message)>> {
    let rows: Vec<MessageRow> = messages::table
        .filter(messages::conversation_id.eq(conversation))
        .filter(messages::project_id.eq(project))
        .filter(messages::seq.between(from_seq, to_seq))
        .order(messages::seq)
        .load(conn)
        .await?;
    let authors: Vec<Option<UserId>> = rows.iter().map(|row| row.author).collect();
    Ok(authors.into_iter().zip(assemble(conn, rows, None, now).await?).collect())
}

statement! {
    /// The newest message of each conversation that nobody wrote whom the viewer blocks; of its body only the beginning is
    /// read.
    struct Newest<'a> {
        conversations: &'a [ConversationId],
        body_chars: i32,
        viewer: Option<UserId>,
    } -> messages::SqlType;
    "SELECT m.* FROM unnest(" [conversations as Array<SqlUuid>] ") AS k (id) CROSS JOIN LATERAL (\
         SELECT n.conversation_id, n.seq, n.project_id, n.id, n.author_id, n.chatbot_id, n.kind, n.role, left(n.body, "
         [body_chars as Integer]
         "), n.reply_to, n.tone, n.digest, n.created_at, n.edited_at, n.deleted_at, n.ended FROM messages n \
         WHERE n.conversation_id = k.id AND NOT EXISTS (\
             SELECT FROM contacts c WHERE c.peer_id = n.author_id AND c.blocked AND c.user_id = "
         [viewer as Nullable<SqlUuid>] ") ORDER BY n.seq DESC LIMIT 1) m"
}

/// The newest message of each of these conversations that was not written by somebody whom the viewer blocks, its body cut to
/// [`limits::SUMMARY_BODY_CHARS`]. Conversations without any are left out.
///
/// The conversations are the viewer's own, as the caller found them.
pub async fn last_of(
    conn: &mut AsyncPgConnection,
    viewer: UserId,
    conversations: &[ConversationId],
    now: DateTime<Utc>,
) -> QueryResult<HashMap<ConversationId, Message>> {
    let body_chars = i32::try_from(limits::SUMMARY_BODY_CHARS).unwrap_or(i32::MAX);
    let rows = Newest { conversations, body_chars, viewer: Some(viewer) }.load::<MessageRow>(conn).await?;
    let messages = assemble(conn, rows, Some(viewer), now).await?;
    Ok(messages.into_iter().map(|message| (message.conversation, message)).collect())
}

/// One message of a conversation as the viewer may see it; with no viewer, all that was done with it.
pub async fn by_id(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    message: MessageId,
    viewer: Option<UserId>,
    now: DateTime<Utc>,
) -> QueryResult<Option<Message>> {
    match find(conn, project, conversation, message).await? {
        Some(row) => assemble_one(conn, row, viewer, now).await.map(Some),
        None => Ok(None),
    }
}
