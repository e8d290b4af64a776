//! Full-text search through what was said in sessions.

use super::super::messages::{MessageRow, RANKED, assemble};
use super::super::paging::truncate;
use super::super::schema::messages;
use super::super::statement::statement;
use super::Actor;
use crate::model::account::UserRole;
use crate::model::{ProjectId, UserId};
use crate::wire::shapes::Message;
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

statement! {
    /// As the search through one's own conversations, but only through sessions; an administrator finds those of all.
    struct Found<'a> {
        viewer: UserId,
        words: &'a str,
        project: ProjectId,
        all: bool,
        ranked: i64,
        limit: i64,
        offset: i64,
    } -> messages::SqlType;
    "WITH asked AS MATERIALIZED (SELECT websearch_to_tsquery(\
         CASE WHEN lower(users.language) LIKE 'fr%' THEN 'french'::regconfig ELSE 'english'::regconfig END, "
         [words as Text] ") AS query FROM users WHERE users.id = " [viewer as SqlUuid] "), \
     newest AS (SELECT m.*, ts_rank_cd(search_words(s.body), asked.query) AS rank \
         FROM asked JOIN searchable s ON search_words(s.body) @@ asked.query \
         JOIN messages m ON m.conversation_id = s.conversation_id AND m.seq = s.seq \
         JOIN support_sessions talk ON talk.conversation_id = m.conversation_id \
         WHERE m.project_id = " [project as SqlUuid] " \
         AND (" [all as Bool] " OR EXISTS (SELECT FROM members own WHERE own.conversation_id = m.conversation_id \
             AND own.user_id = " [viewer as SqlUuid] ")) \
         AND m.deleted_at IS NULL AND m.body = s.body \
         AND NOT EXISTS (SELECT FROM contacts c WHERE c.user_id = " [viewer as SqlUuid] " AND c.peer_id = m.author_id \
             AND c.blocked) \
         ORDER BY m.created_at DESC, m.id LIMIT " [ranked as BigInt] ") \
     SELECT conversation_id, seq, project_id, id, author_id, chatbot_id, kind, role, body, reply_to, tone, digest, \
         created_at, edited_at, deleted_at, ended FROM newest \
     ORDER BY rank DESC, created_at DESC, id LIMIT " [limit as BigInt] " OFFSET " [offset as BigInt]
}

/// A page of what fits best, best first, and whether more follow: in the sessions that the actor may read.
///
/// # Errors
/// Those of the database.
pub async fn search(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    words: &str,
    (offset, limit): (i64, i64),
    now: DateTime<Utc>,
) -> diesel::QueryResult<(Vec<Message>, bool)> {
    let found = Found {
        viewer: actor.user,
        words,
        project: actor.project,
        all: actor.role == UserRole::Admin,
        ranked: RANKED,
        limit: limit.saturating_add(1),
        offset,
    };
    let mut rows: Vec<MessageRow> = found.load(conn).await?;
    let more = truncate(&mut rows, limit);
    Ok((assemble(conn, rows, Some(actor.user), now).await?, more))
}
