//! Chatbots: their models, instructions, attachments and access keys.

use super::paging::truncate;
use super::projects;
use super::schema::{chatbot_attachments, chatbot_passages, chatbots, conversations, instances, media};
use super::statement::statement;
use crate::model::{ChatbotId, ConversationId, Failure, MediaId, ProjectId};
use crate::wire::shapes::Mode;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// A chatbot as its project's administrators know it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = chatbots, check_for_backend(diesel::pg::Pg))]
pub struct ChatbotRow {
    pub id: ChatbotId,
    pub project_id: ProjectId,
    pub name: String,
    pub llm: String,
    pub prompt: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A file that a chatbot knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentRow {
    pub id: MediaId,
    pub name: String,
    pub mime: String,
    pub comment: String,
}

/// What is to become of a chatbot; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    pub name: Option<String>,
    pub llm: Option<String>,
    pub prompt: Option<String>,
    /// All of them, in order.
    pub attachments: Option<Vec<NewAttachment>>,
    pub key: Option<String>,
}

/// A file for a chatbot to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    pub media: MediaId,
    pub comment: String,
    /// What was read of it, and what is said of it.
    pub passages: Vec<String>,
}

fn hash(key: &str) -> Vec<u8> {
    Sha256::digest(key.as_bytes()).to_vec()
}

fn name_taken(error: Error) -> Failure {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Failure::NameTaken,
        other => other.into(),
    }
}

/// A page of the chatbots of a project, by name, behind a name; and whether more follow.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    after: Option<&str>,
    limit: i64,
) -> QueryResult<(Vec<ChatbotRow>, bool)> {
    let mut query = chatbots::table
        .filter(chatbots::project_id.eq(project))
        .order(chatbots::name)
        .limit(limit.saturating_add(1))
        .select(ChatbotRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(chatbots::name.gt(after));
    }
    let mut rows = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    Ok((rows, more))
}

/// A chatbot of a project.
///
/// # Errors
/// Those of the database.
pub async fn find(conn: &mut AsyncPgConnection, project: ProjectId, id: ChatbotId) -> QueryResult<Option<ChatbotRow>> {
    let one = chatbots::table.filter(chatbots::project_id.eq(project).and(chatbots::id.eq(id)));
    one.select(ChatbotRow::as_select()).first(conn).await.optional()
}

/// The chatbot whose access key this is.
///
/// # Errors
/// Those of the database.
pub async fn by_key(conn: &mut AsyncPgConnection, key: &str) -> QueryResult<Option<ChatbotRow>> {
    let one = chatbots::table.filter(chatbots::key_hash.eq(hash(key)));
    one.select(ChatbotRow::as_select()).first(conn).await.optional()
}

/// The files of some chatbots, in order.
///
/// # Errors
/// Those of the database.
pub async fn attachments_of(
    conn: &mut AsyncPgConnection,
    ids: &[ChatbotId],
) -> QueryResult<HashMap<ChatbotId, Vec<AttachmentRow>>> {
    let rows: Vec<(ChatbotId, MediaId, String, String, String)> = chatbot_attachments::table
        .inner_join(media::table)
        .filter(chatbot_attachments::chatbot_id.eq_any(ids))
        .order((chatbot_attachments::chatbot_id, chatbot_attachments::position))
        .select((chatbot_attachments::chatbot_id, media::id, media::name, media::mime, chatbot_attachments::comment))
        .load(conn)
        .await?;
    let mut found: HashMap<ChatbotId, Vec<AttachmentRow>> = HashMap::new();
    for (chatbot, id, name, mime, comment) in rows {
        found.entry(chatbot).or_default().push(AttachmentRow { id, name, mime, comment });
    }
    Ok(found)
}

/// Makes a chatbot with its access key. The project has at most so many.
///
/// # Errors
/// [`Failure::NameTaken`]; [`Failure::Conflict`] beyond the limit; those of [`set_attachments`].
pub async fn create(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ChatbotId,
    changes: &Changes,
    most: i64,
) -> Result<(), Failure> {
    conn.transaction(async |conn| {
        projects::hold(conn, project).await?;
        let count: i64 = chatbots::table.filter(chatbots::project_id.eq(project)).count().get_result(conn).await?;
        if count >= most {
            return Err(Failure::Conflict("the project has as many chatbots as it may"));
        }
        diesel::insert_into(chatbots::table)
            .values((
                chatbots::id.eq(id),
                chatbots::project_id.eq(project),
                chatbots::name.eq(changes.name.as_deref().unwrap_or_default()),
                chatbots::llm.eq(changes.llm.as_deref().unwrap_or_default()),
                chatbots::prompt.eq(changes.prompt.as_deref().unwrap_or_default()),
                chatbots::key_hash.eq(changes.key.as_deref().map(hash)),
            ))
            .execute(conn)
            .await
            .map_err(name_taken)?;
        if let Some(attachments) = &changes.attachments {
            set_attachments(conn, id, attachments).await?;
        }
        Ok(())
    })
    .await
}

/// Changes a chatbot; false if the project has none of this id.
///
/// # Errors
/// As for [`create`].
pub async fn change(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ChatbotId,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    #[derive(AsChangeset)]
    #[diesel(table_name = chatbots)]
    struct Set<'a> {
        name: Option<&'a str>,
        llm: Option<&'a str>,
        prompt: Option<&'a str>,
        key_hash: Option<Vec<u8>>,
        updated_at: DateTime<Utc>,
    }
    let set = Set {
        name: changes.name.as_deref(),
        llm: changes.llm.as_deref(),
        prompt: changes.prompt.as_deref(),
        key_hash: changes.key.as_deref().map(hash),
        updated_at: now,
    };
    conn.transaction(async |conn| {
        let row = chatbots::table.filter(chatbots::project_id.eq(project).and(chatbots::id.eq(id)));
        if diesel::update(row).set(set).execute(conn).await.map_err(name_taken)? == 0 {
            return Ok(false);
        }
        if let Some(attachments) = &changes.attachments {
            set_attachments(conn, id, attachments).await?;
        }
        Ok(true)
    })
    .await
}

/// Gives a chatbot these files in place of the ones before, with what was read of them.
///
/// # Errors
/// [`Failure::Invalid`] for a file that has gone meanwhile.
async fn set_attachments(
    conn: &mut AsyncPgConnection,
    id: ChatbotId,
    attachments: &[NewAttachment],
) -> Result<(), Failure> {
    // What was read of them goes with them.
    diesel::delete(chatbot_attachments::table.filter(chatbot_attachments::chatbot_id.eq(id))).execute(conn).await?;
    for (position, (place, attachment)) in (0_i32..).zip(attachments.iter().enumerate()) {
        let NewAttachment { media: file, comment, passages } = attachment;
        let inserted = diesel::insert_into(chatbot_attachments::table)
            .values((
                chatbot_attachments::chatbot_id.eq(id),
                chatbot_attachments::media_id.eq(file),
                chatbot_attachments::position.eq(position),
                chatbot_attachments::comment.eq(comment),
            ))
            .execute(conn)
            .await;
        if let Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) = inserted {
            return Err(Failure::invalid(format!("attachments[{place}].id"), "there is no such file"));
        }
        inserted?;
        let rows: Vec<_> = (0_i32..)
            .zip(passages)
            .map(|(position, body)| {
                (
                    chatbot_passages::chatbot_id.eq(id),
                    chatbot_passages::media_id.eq(file),
                    chatbot_passages::position.eq(position),
                    chatbot_passages::body.eq(body),
                )
            })
            .collect();
        // A statement takes 65 535 values.
        for rows in rows.chunks(1_000) {
            diesel::insert_into(chatbot_passages::table).values(rows).execute(conn).await?;
        }
    }
    Ok(())
}

/// Files of this type hold text that can be searched.
#[must_use]
pub fn is_text(mime: &str) -> bool {
    let mime = mime.split(';').next().unwrap_or_default().trim();
    mime.starts_with("text/")
        || matches!(
            mime,
            "application/json" | "application/xml" | "application/yaml" | "application/x-yaml" | "application/toml"
        )
}

statement! {
    /// Passages with any of the words, those with the most of them first. Each language's own words of no meaning are left out.
    struct Passages<'a> { chatbot: ChatbotId, question: &'a str, limit: i64 } -> (Text, Text);
    "WITH asked AS (SELECT replace(plainto_tsquery('french', " [question as Text] ")::text, ' & ', ' | ')::tsquery \
         || replace(plainto_tsquery('english', " [question as Text] ")::text, ' & ', ' | ')::tsquery AS words) \
     SELECT media.name, p.body FROM chatbot_passages p JOIN media ON media.id = p.media_id, asked \
     WHERE p.chatbot_id = " [chatbot as SqlUuid] " AND search_words(p.body) @@ asked.words \
     ORDER BY ts_rank(search_words(p.body), asked.words) DESC, p.media_id, p.position LIMIT " [limit as BigInt]
}

/// Characters of a question that are looked at: more words than that find nothing better.
const QUESTION_CHARACTERS: usize = 2_000;

/// The pieces of a chatbot's attachments that fit a question best: each with the name of its file.
///
/// # Errors
/// Those of the database.
pub async fn find_passages(
    conn: &mut AsyncPgConnection,
    chatbot: ChatbotId,
    question: &str,
    limit: i64,
) -> QueryResult<Vec<(String, String)>> {
    let end = question.char_indices().nth(QUESTION_CHARACTERS).map_or(question.len(), |(at, _)| at);
    let (question, _) = question.split_at(end);
    Passages { chatbot, question, limit }.load(conn).await
}

/// Deletes a chatbot; where it answered, people do from now on. Those conversations, or `None` if the project has no such bot.
///
/// # Errors
/// Those of the database.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ChatbotId,
) -> Result<Option<Vec<ConversationId>>, Failure> {
    conn.transaction(async |conn| {
        let held: Vec<ConversationId> = conversations::table
            .filter(conversations::project_id.eq(project).and(conversations::chatbot_id.eq(id)))
            .order(conversations::id)
            .for_update()
            .select(conversations::id)
            .load(conn)
            .await?;
        // Nobody is left who could reach what other back ends had with it.
        let of_instances = instances::table.filter(instances::chatbot_id.eq(id)).select(instances::conversation_id);
        diesel::delete(conversations::table.filter(conversations::id.eq_any(of_instances))).execute(conn).await?;
        diesel::update(conversations::table.filter(conversations::id.eq_any(&held)))
            .set((
                conversations::mode.eq(Mode::Human),
                conversations::chatbot_id.eq(None::<ChatbotId>),
                conversations::turn.eq(conversations::turn + 1),
                conversations::version.eq(conversations::version + 1),
            ))
            .execute(conn)
            .await?;
        let row = chatbots::table.filter(chatbots::project_id.eq(project).and(chatbots::id.eq(id)));
        let gone = diesel::delete(row).execute(conn).await?;
        Ok((gone > 0).then_some(held))
    })
    .await
}
