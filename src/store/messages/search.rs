//! Full-text search. Texts are copied for it in the background, a conversation at a time, up to a mark; so storing a message costs
//! nothing more.

use super::super::paging::truncate;
use super::super::schema::messages;
use super::super::statement::statement;
use super::MessageRow;
use super::shape::assemble;
use crate::model::{ConversationId, ProjectId, UserId};
use crate::wire::shapes::Message;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

/// Matches that are ranked: the newest ones. More cost time, and nobody looks through them.
pub const RANKED: i64 = 1_000;
/// How long looking for matches may take the database, in milliseconds: beyond it people have given up, and the connection is for
/// others. Words that are in a million messages take a tenth of it.
const PATIENCE: &str = "2000";
/// Messages of one conversation that are copied at once.
const COPIED: i64 = 100;

statement! {
    /// The language of the one who asks stems the question. A text that was changed since it was copied is none that was found.
    struct Found<'a> {
        viewer: UserId,
        words: &'a str,
        project: ProjectId,
        conversation: Option<ConversationId>,
        ranked: i64,
        limit: i64,
        offset: i64,
    } -> messages::SqlType;
    "WITH asked AS MATERIALIZED (SELECT websearch_to_tsquery(\
         CASE WHEN lower(users.language) LIKE 'fr%' THEN 'french'::regconfig ELSE 'english'::regconfig END, "
         [words as Text] ") AS query FROM users WHERE users.id = " [viewer as SqlUuid] "), \
     newest AS (SELECT m.*, ts_rank_cd(search_words(s.body), asked.query) AS rank \
         FROM asked CROSS JOIN members own \
         JOIN searchable s ON s.conversation_id = own.conversation_id AND search_words(s.body) @@ asked.query \
         JOIN messages m ON m.conversation_id = s.conversation_id AND m.seq = s.seq \
         WHERE own.user_id = " [viewer as SqlUuid] " AND m.project_id = " [project as SqlUuid] " \
         AND COALESCE(own.conversation_id = " [conversation as Nullable<SqlUuid>] ", TRUE) \
         AND m.deleted_at IS NULL AND m.body = s.body \
         AND NOT EXISTS (SELECT FROM contacts c WHERE c.user_id = own.user_id AND c.peer_id = m.author_id AND c.blocked) \
         ORDER BY m.created_at DESC, m.id LIMIT " [ranked as BigInt] ") \
     SELECT conversation_id, seq, project_id, id, author_id, chatbot_id, kind, role, body, reply_to, tone, digest, \
         created_at, edited_at, deleted_at, ended FROM newest \
     ORDER BY rank DESC, created_at DESC, id LIMIT " [limit as BigInt] " OFFSET " [offset as BigInt]
}

statement! {
    struct Patience<'a> { millis: &'a str } -> (Text,);
    "SELECT set_config('statement_timeout', " [millis as Text] ", true)"
}

/// What a member may see and search for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub project: ProjectId,
    pub viewer: UserId,
    /// As people write it into a search box: words, `"a phrase"`, `or`, `-without`.
    pub words: &'a str,
    /// Only there.
    pub conversation: Option<ConversationId>,
}

/// A page of the messages that fit best, best first, and whether more follow: in conversations of the viewer's own, not deleted, and
/// not of somebody the viewer blocks. Of all matches the newest [`RANKED`] count.
///
/// # Errors
/// Those of the database, among them that it would take too long.
pub async fn search(
    conn: &mut AsyncPgConnection,
    question: Question<'_>,
    (offset, limit): (i64, i64),
    now: DateTime<Utc>,
) -> diesel::QueryResult<(Vec<Message>, bool)> {
    let Question { project, viewer, words, conversation } = question;
    let found = Found { viewer, words, project, conversation, ranked: RANKED, limit: limit.saturating_add(1), offset };
    conn.transaction(async |conn| {
        // For this transaction only. A request that is given up would leave its statement running, and the connection with it.
        Patience { millis: PATIENCE }.execute(conn).await?;
        let mut rows: Vec<MessageRow> = found.load(conn).await?;
        let more = truncate(&mut rows, limit);
        Ok((assemble(conn, rows, Some(viewer), now).await?, more))
    })
    .await
}

/// Messages of a conversation that were copied together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub conversation: ConversationId,
    pub above: i64,
    pub up_to: i64,
    /// There are more.
    pub more: bool,
}

statement! {
    struct Copy<'a> { conversations: &'a [ConversationId], most: i64 } -> (SqlUuid, BigInt, BigInt, BigInt);
    "WITH due AS MATERIALIZED (\
         SELECT c.id, COALESCE(k.seq, 0) AS above, LEAST(c.last_seq, COALESCE(k.seq, 0) + " [most as BigInt] ") AS up_to, \
             c.last_seq \
         FROM conversations c LEFT JOIN search_marks k ON k.conversation_id = c.id \
         WHERE c.id = ANY (" [conversations as Array<SqlUuid>] ")), \
     copied AS (INSERT INTO searchable (conversation_id, seq, body) \
         SELECT m.conversation_id, m.seq, m.body FROM due \
         JOIN messages m ON m.conversation_id = due.id AND m.seq > due.above AND m.seq <= due.up_to \
         WHERE m.body <> '' ORDER BY m.conversation_id, m.seq ON CONFLICT DO NOTHING), \
     marked AS (INSERT INTO search_marks (conversation_id, seq) SELECT id, up_to FROM due ORDER BY id \
         ON CONFLICT (conversation_id) DO UPDATE SET seq = GREATEST(search_marks.seq, excluded.seq)) \
     SELECT id, above, up_to, last_seq FROM due"
}

/// Copies what is new in these conversations, some of it at once.
///
/// # Errors
/// Those of the database.
pub async fn copy(conn: &mut AsyncPgConnection, conversations: &[ConversationId]) -> diesel::QueryResult<Vec<Copied>> {
    let rows: Vec<(ConversationId, i64, i64, i64)> = Copy { conversations, most: COPIED }.load(conn).await?;
    let copied = |(conversation, above, up_to, last)| Copied { conversation, above, up_to, more: up_to < last };
    Ok(rows.into_iter().map(copied).collect())
}

statement! {
    struct Mend { conversations: Vec<ConversationId>, above: Vec<i64>, up_to: Vec<i64> };
    "UPDATE searchable s SET body = m.body \
     FROM unnest(" [conversations as Array<SqlUuid>] ", " [above as Array<BigInt>] ", " [up_to as Array<BigInt>]
         ") AS copied (id, above, up_to) \
     JOIN messages m ON m.conversation_id = copied.id AND m.seq > copied.above AND m.seq <= copied.up_to \
     WHERE s.conversation_id = m.conversation_id AND s.seq = m.seq AND s.body <> m.body"
}

/// Looks again at what was copied a while ago: an edit may have been under way then, and have missed the copy.
///
/// # Errors
/// Those of the database.
pub async fn mend(conn: &mut AsyncPgConnection, copied: &[Copied]) -> diesel::QueryResult<usize> {
    if copied.is_empty() {
        return Ok(0);
    }
    let conversations = copied.iter().map(|copied| copied.conversation).collect();
    let (above, up_to) = copied.iter().map(|copied| (copied.above, copied.up_to)).unzip();
    Mend { conversations, above, up_to }.execute(conn).await
}

statement! {
    struct Behind { most: i64 } -> (SqlUuid,);
    "WITH stray AS (DELETE FROM search_marks k WHERE NOT EXISTS (SELECT FROM conversations c WHERE c.id = k.conversation_id) \
         RETURNING k.conversation_id), \
     swept AS (DELETE FROM searchable s USING stray WHERE s.conversation_id = stray.conversation_id) \
     SELECT c.id FROM conversations c LEFT JOIN search_marks k ON k.conversation_id = c.id \
     WHERE c.last_seq > COALESCE(k.seq, 0) LIMIT " [most as BigInt]
}

/// Conversations of all projects with messages that were not copied, at most so many; what was copied of conversations while they
/// were deleted goes.
///
/// # Errors
/// Those of the database.
pub async fn behind(conn: &mut AsyncPgConnection, most: i64) -> diesel::QueryResult<Vec<ConversationId>> {
    let rows: Vec<(ConversationId,)> = Behind { most }.load(conn).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
