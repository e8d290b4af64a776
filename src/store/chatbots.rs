//! Chatbots: their models, instructions, attachments and access keys.

use super::paging::truncate;
use super::schema::{chatbot_attachments, chatbot_passages, chatbots, conversations, media};
use super::statement::statement;
use crate::model::{ChatbotId, ConversationId, Failure, MediaId, ProjectId, UserId};
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
    /// All of them, in order, each with its comment.
    pub attachments: Option<Vec<(MediaId, String)>>,
    pub key: Option<String>,
}

/// Who names a file for a chatbot, and so which files they may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// An app, or a chatbot's own key: any of the project.
    Project,
    User(UserId),
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
    reader: Reader,
    changes: &Changes,
    most: i64,
) -> Result<(), Failure> {
    conn.transaction(async |conn| {
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
            set_attachments(conn, project, id, reader, attachments).await?;
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
    reader: Reader,
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
            set_attachments(conn, project, id, reader, attachments).await?;
        }
        Ok(true)
    })
    .await
}

/// Gives a chatbot these files in place of the ones before. Those that stay keep what was read of them.
///
/// # Errors
/// [`Failure::Invalid`] for a file named twice, one that the reader can't see, and one that can't be read as text.
async fn set_attachments(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ChatbotId,
    reader: Reader,
    attachments: &[(MediaId, String)],
) -> Result<(), Failure> {
    let at = |place: usize, why: &str| Failure::invalid(format!("attachments[{place}].id"), why);
    let wanted: Vec<MediaId> = attachments.iter().map(|(media, _)| *media).collect();
    let mut query = media::table
        .filter(media::project_id.eq(project).and(media::id.eq_any(&wanted)))
        .select((media::id, media::mime, media::name))
        .into_boxed();
    if let Reader::User(user) = reader {
        // What others uploaded is not theirs to read; what the bot has already is.
        let has = chatbot_attachments::table
            .filter(chatbot_attachments::chatbot_id.eq(id))
            .select(chatbot_attachments::media_id);
        query = query.filter(media::owner_id.eq(user).or(media::id.eq_any(has)));
    }
    let known: Vec<(MediaId, String, String)> = query.load(conn).await?;
    let known: HashMap<MediaId, (String, String)> =
        known.into_iter().map(|(media, mime, name)| (media, (mime, name))).collect();
    for (place, media) in wanted.iter().enumerate() {
        match known.get(media) {
            None => return Err(at(place, "there is no such file")),
            Some((mime, _)) if !is_text(mime) => return Err(at(place, "can't be read: only texts can")),
            Some(_) if wanted.iter().take(place).any(|before| before == media) => {
                return Err(at(place, "is named twice"));
            }
            Some(_) => {}
        }
    }
    diesel::delete(
        chatbot_attachments::table
            .filter(chatbot_attachments::chatbot_id.eq(id).and(chatbot_attachments::media_id.ne_all(&wanted))),
    )
    .execute(conn)
    .await?;
    for (position, (media, comment)) in (0_i32..).zip(attachments) {
        let row = (chatbot_attachments::position.eq(position), chatbot_attachments::comment.eq(comment));
        diesel::insert_into(chatbot_attachments::table)
            .values((chatbot_attachments::chatbot_id.eq(id), chatbot_attachments::media_id.eq(media), row))
            .on_conflict((chatbot_attachments::chatbot_id, chatbot_attachments::media_id))
            .do_update()
            .set(row)
            .execute(conn)
            .await?;
        // The first passage is what is said of the file; those of the file itself come after it.
        let name = known.get(media).map(|(_, name)| name.as_str()).unwrap_or_default();
        let said = format!("{name}\n{comment}");
        diesel::insert_into(chatbot_passages::table)
            .values((
                chatbot_passages::chatbot_id.eq(id),
                chatbot_passages::media_id.eq(media),
                chatbot_passages::position.eq(0),
                chatbot_passages::body.eq(&said),
            ))
            .on_conflict((chatbot_passages::chatbot_id, chatbot_passages::media_id, chatbot_passages::position))
            .do_update()
            .set(chatbot_passages::body.eq(&said))
            .execute(conn)
            .await?;
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

/// Files of chatbots of which nothing but the comment was read yet, at most so many.
///
/// # Errors
/// Those of the database.
pub async fn unread(conn: &mut AsyncPgConnection, limit: i64) -> QueryResult<Vec<(ChatbotId, MediaId)>> {
    let read = chatbot_passages::table
        .filter(chatbot_passages::chatbot_id.eq(chatbot_attachments::chatbot_id))
        .filter(chatbot_passages::media_id.eq(chatbot_attachments::media_id))
        .filter(chatbot_passages::position.gt(0));
    chatbot_attachments::table
        .filter(diesel::dsl::not(diesel::dsl::exists(read)))
        .limit(limit)
        .select((chatbot_attachments::chatbot_id, chatbot_attachments::media_id))
        .load(conn)
        .await
}

/// Puts what was read of a file where it is found, in place of what was read before.
///
/// # Errors
/// Those of the database; nothing happens if the chatbot does not have the file any more.
pub async fn set_passages(
    conn: &mut AsyncPgConnection,
    id: ChatbotId,
    file: MediaId,
    passages: &[String],
) -> Result<(), Failure> {
    conn.transaction(async |conn| {
        let has: Option<i32> = chatbot_attachments::table
            .find((id, file))
            .for_update()
            .select(chatbot_attachments::position)
            .first(conn)
            .await
            .optional()?;
        if has.is_none() {
            return Ok(());
        }
        let of_file = chatbot_passages::table
            .filter(chatbot_passages::chatbot_id.eq(id).and(chatbot_passages::media_id.eq(file)))
            .filter(chatbot_passages::position.gt(0));
        diesel::delete(of_file).execute(conn).await?;
        let rows: Vec<_> = (1_i32..)
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
        Ok(())
    })
    .await
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
