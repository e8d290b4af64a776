//! The group commit: many messages of many conversations stored and numbered by one statement.

use super::super::schema::{
    app_invitations, apps, attachments, chatbots, conversations, games, media, messages, users,
};
use super::MessageRow;
use super::insert::{Entry, insert};
use super::shape::assemble_one;
use crate::model::{ChatbotId, ConversationId, Failure, MediaId, MessageId, ProjectId, UserId};
use crate::wire::shapes::{Message, MessageKind, Role};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// How often a batch is looked through anew because another node stored one of its ids in that moment. Each time needs another
/// such id, so only a client that uses ids twice on purpose gets beyond one.
pub(super) const ATTEMPTS: usize = 4;

/// A message to be stored, already checked: the author may write in the conversation as it was at `version`.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    pub conversation: ConversationId,
    /// The conversation's version that the check was made on.
    pub version: i64,
    pub project: ProjectId,
    pub id: MessageId,
    /// Who wrote it; of no meaning where `chatbot` is given.
    pub author: UserId,
    pub kind: MessageKind,
    pub role: Role,
    /// The bot that wrote it.
    pub chatbot: Option<ChatbotId>,
    pub body: String,
    pub reply_to: Option<MessageId>,
    pub tone: Option<String>,
    /// See [`super::digest`].
    pub digest: [u8; 16],
    /// As [`super::check_attachments`] let them pass; a file deleted since is left out.
    pub attachments: Vec<MediaId>,
    /// With kind `game`.
    pub game: Option<NewGame>,
    pub created_at: DateTime<Utc>,
}

/// The invitation that a message of kind `game` carries.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGame {
    pub name: String,
    pub payload: Value,
    /// Seats, 1 to 100, the author's not among them.
    pub capacity: i32,
    pub expires_at: Option<DateTime<Utc>>,
    /// The app that invites, for itself or for the author.
    pub by_app: Option<ByApp>,
}

/// The app that invites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByApp {
    pub app: Uuid,
    /// Where it wants to hear what becomes of the invitation; checked by the caller.
    pub callback_url: Option<String>,
}

/// What became of one message of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Stored under this number.
    Stored {
        seq: i64,
        /// The message's date: as given, or the date of the message before it where that is later (clocks of nodes differ),
        /// so that dates never go back within a conversation.
        created_at: DateTime<Utc>,
    },
    /// It was stored before; this is how it stands now.
    Confirmed(Box<Message>),
    /// The id is in use for something else.
    IdTaken,
    /// Nothing was stored: the conversation is not at the expected version, or the author was deleted. Check the right anew.
    Stale,
    /// There is no such conversation (any more).
    Gone,
}

/// Stores a batch in one transaction and says for each message, in order, what became of it.
///
/// Numbers follow the order of the batch within each conversation. Plain new messages, nearly all there are, take one
/// statement; ids met before, invitations and attachments take a transaction of several.
///
/// # Errors
/// With an error nothing of the batch is stored, except where the connection broke while committing: then nobody can tell,
/// and sending the batch again is safe.
pub async fn store_batch(conn: &mut AsyncPgConnection, batch: &[NewMessage]) -> Result<Vec<Outcome>, Failure> {
    if batch.iter().all(|message| message.game.is_none() && message.attachments.is_empty()) {
        let entries: Vec<Entry<'_>> = batch.iter().map(Entry::of).collect();
        match insert(conn, &entries.iter().collect::<Vec<_>>()).await {
            Err(error) if is_conflict(&error) => {}
            result => return Ok(result?),
        }
    }
    for _ in 1..ATTEMPTS {
        match store_carefully(conn, batch).await {
            Err(error) if is_conflict(&error) => {}
            result => return Ok(result?),
        }
    }
    Ok(store_carefully(conn, batch).await?)
}

/// Whether a row met one that exists (an id used before) or missed one that it needs (a bot deleted since).
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ForeignKeyViolation, _)
    )
}

/// Stores a batch step by step: looks up ids and authors before it inserts, and adds invitations and attachments.
pub(super) async fn store_carefully(conn: &mut AsyncPgConnection, batch: &[NewMessage]) -> QueryResult<Vec<Outcome>> {
    conn.transaction(async |conn| {
        let conversations = conversations_of(batch.iter());
        conversations::table
            .filter(conversations::id.eq_any(&conversations))
            .order(conversations::id)
            .select(conversations::id)
            .for_update()
            .load::<ConversationId>(conn)
            .await?;
        let authors = Authors::load(conn, batch).await?;
        let mut ids: HashSet<_> = stored_rows(conn, batch).await?.into_keys().collect();
        let fresh: Vec<Option<Entry<'_>>> = batch
            .iter()
            .map(|message| authors.entry(message).filter(|entry| ids.insert((entry.message.project, entry.message.id))))
            .collect();

        let entries: Vec<&Entry<'_>> = fresh.iter().flatten().collect();
        let inserted = insert(conn, &entries).await?;
        insert_belongings(conn, entries.into_iter().zip(&inserted)).await?;

        // By now this has what stood there before and what this very batch inserted: either may be met again in it.
        let stored = stored_rows(conn, batch).await?;
        let mut inserted = inserted.into_iter();
        let mut outcomes = Vec::with_capacity(batch.len());
        for (message, entry) in batch.iter().zip(&fresh) {
            let outcome = match (entry, stored.get(&(message.project, message.id))) {
                (Some(_), _) => inserted.next().unwrap_or(Outcome::Stale),
                (None, Some(row)) if is_same(row, message) => {
                    let viewer = Some(message.author);
                    Outcome::Confirmed(Box::new(assemble_one(conn, row.clone(), viewer, message.created_at).await?))
                }
                (None, Some(_)) => Outcome::IdTaken,
                (None, None) => Outcome::Stale,
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    })
    .await
}

/// The message as it stands now, if it is stored already: the same one, by the rule of ids. Whether its author may write does not matter.
///
/// # Errors
/// Those of the database.
pub async fn confirm(conn: &mut AsyncPgConnection, message: &NewMessage) -> QueryResult<Option<Message>> {
    let stored = stored_rows(conn, std::slice::from_ref(message)).await?;
    match stored.into_values().find(|row| is_same(row, message)) {
        Some(row) => Ok(Some(assemble_one(conn, row, Some(message.author), message.created_at).await?)),
        None => Ok(None),
    }
}

/// Whether this row is what `message` was stored as when it came first.
fn is_same(row: &MessageRow, message: &NewMessage) -> bool {
    let entry = Entry::of(message);
    row.conversation == message.conversation
        && row.author == entry.author
        && row.chatbot == entry.chatbot
        && row.digest == message.digest
}

/// The rows that have the ids of the batch.
async fn stored_rows(
    conn: &mut AsyncPgConnection,
    batch: &[NewMessage],
) -> QueryResult<HashMap<(ProjectId, MessageId), MessageRow>> {
    let projects: BTreeSet<ProjectId> = batch.iter().map(|message| message.project).collect();
    let rows: Vec<MessageRow> = messages::table
        .filter(messages::project_id.eq_any(projects))
        .filter(messages::id.eq_any(batch.iter().map(|message| message.id)))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.project, row.id), row)).collect())
}

/// The authors of a batch that still exist; they can't be deleted before the transaction ends.
struct Authors {
    users: HashSet<UserId>,
    chatbots: HashSet<ChatbotId>,
}

impl Authors {
    async fn load(conn: &mut AsyncPgConnection, batch: &[NewMessage]) -> QueryResult<Self> {
        let named: BTreeSet<UserId> = batch.iter().filter_map(|message| Entry::of(message).author).collect();
        let users = users::table
            .filter(users::id.eq_any(named))
            .order(users::id)
            .select(users::id)
            .for_key_share()
            .load(conn)
            .await?;
        let named: BTreeSet<ChatbotId> = batch.iter().filter_map(|message| message.chatbot).collect();
        let chatbots = chatbots::table
            .filter(chatbots::id.eq_any(named))
            .order(chatbots::id)
            .select(chatbots::id)
            .for_key_share()
            .load(conn)
            .await?;
        Ok(Self { users: users.into_iter().collect(), chatbots: chatbots.into_iter().collect() })
    }

    /// The message with its author; `None` where that is a user deleted since. What a deleted bot wrote is nobody's, as it
    /// would be had the bot been deleted a moment later.
    fn entry<'a>(&self, message: &'a NewMessage) -> Option<Entry<'a>> {
        let mut entry = Entry::of(message);
        entry.chatbot = entry.chatbot.filter(|id| self.chatbots.contains(id));
        entry.author.is_none_or(|id| self.users.contains(&id)).then_some(entry)
    }
}

/// Adds the invitations and attachments of the messages that were stored.
async fn insert_belongings<'a>(
    conn: &mut AsyncPgConnection,
    entries: impl Iterator<Item = (&'a Entry<'a>, &'a Outcome)>,
) -> QueryResult<()> {
    let stored: Vec<(&NewMessage, i64)> = entries
        .filter_map(|(entry, outcome)| match outcome {
            Outcome::Stored { seq, .. } => Some((entry.message, *seq)),
            _ => None,
        })
        .collect();
    let named: BTreeSet<MediaId> = stored.iter().flat_map(|(message, _)| message.attachments.iter().copied()).collect();
    if !named.is_empty() {
        let existing: HashSet<MediaId> = media::table
            .filter(media::id.eq_any(named))
            .order(media::id)
            .select(media::id)
            .for_key_share()
            .load(conn)
            .await?
            .into_iter()
            .collect();
        let rows: Vec<_> = stored
            .iter()
            .flat_map(|(message, seq)| {
                message.attachments.iter().filter(|file| existing.contains(file)).zip(0..).map(|(file, position)| {
                    (
                        attachments::conversation_id.eq(message.conversation),
                        attachments::seq.eq(*seq),
                        attachments::position.eq(position),
                        attachments::media_id.eq(*file),
                    )
                })
            })
            .collect();
        diesel::insert_into(attachments::table).values(rows).execute(conn).await?;
    }
    let rows: Vec<_> = stored
        .iter()
        .filter_map(|(message, seq)| {
            let game = message.game.as_ref()?;
            Some((
                games::conversation_id.eq(message.conversation),
                games::seq.eq(*seq),
                games::name.eq(&game.name),
                games::payload.eq(&game.payload),
                games::capacity.eq(game.capacity),
                games::expires_at.eq(game.expires_at),
            ))
        })
        .collect();
    if !rows.is_empty() {
        diesel::insert_into(games::table).values(rows).execute(conn).await?;
    }
    insert_apps(conn, &stored).await
}

/// Notes which invitations are an app's. One that was deleted since is left out: nobody is there to be told.
async fn insert_apps(conn: &mut AsyncPgConnection, stored: &[(&NewMessage, i64)]) -> QueryResult<()> {
    let by_app = |message: &NewMessage| message.game.as_ref().and_then(|game| game.by_app.clone());
    let named: BTreeSet<Uuid> = stored.iter().filter_map(|(message, _)| by_app(message)).map(|by| by.app).collect();
    if named.is_empty() {
        return Ok(());
    }
    let existing: Vec<Uuid> =
        apps::table.filter(apps::id.eq_any(named)).order(apps::id).select(apps::id).for_key_share().load(conn).await?;
    let rows: Vec<_> = stored
        .iter()
        .filter_map(|(message, seq)| {
            let ByApp { app, callback_url } = by_app(message).filter(|by| existing.contains(&by.app))?;
            Some((
                app_invitations::conversation_id.eq(message.conversation),
                app_invitations::seq.eq(*seq),
                app_invitations::app_id.eq(app),
                app_invitations::callback_url.eq(callback_url),
            ))
        })
        .collect();
    diesel::insert_into(app_invitations::table).values(rows).execute(conn).await?;
    Ok(())
}

fn conversations_of<'a>(messages: impl Iterator<Item = &'a NewMessage>) -> Vec<ConversationId> {
    messages.map(|message| message.conversation).collect::<BTreeSet<_>>().into_iter().collect()
}
