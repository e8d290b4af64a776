//! The statement of the group commit: new messages are numbered and stored.

use super::super::statement::statement;
use super::{NewMessage, Outcome};
use crate::model::{ChatbotId, ConversationId, MessageId, ProjectId, UserId};
use crate::wire::shapes::{MessageKind, Role};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

/// A message and whom its row will name as the author.
pub(super) struct Entry<'a> {
    pub(super) message: &'a NewMessage,
    pub(super) author: Option<UserId>,
    pub(super) chatbot: Option<ChatbotId>,
}

impl<'a> Entry<'a> {
    pub(super) fn of(message: &'a NewMessage) -> Self {
        Self { message, author: message.chatbot.is_none().then_some(message.author), chatbot: message.chatbot }
    }
}

statement! {
    /// Locks the conversations, stores the messages and raises the conversations' counters.
    ///
    /// Where another node holds a conversation, the lock waits for it, and the row that `locked` then returns is the newest
    /// one, not the one of this statement's snapshot; the update at the end follows it there as well. So the numbers have
    /// neither gaps nor doubles, without a second statement.
    ///
    /// Rows go in by order of their ids: two nodes that store the same ids at once wait for each other in that order, so
    /// neither holds what the other waits for. They come in that order, so that sorting them takes no more than a look.
    ///
    /// PostgreSQL plans a prepared statement anew for each run as long as plans made for the values look cheaper than one for
    /// all. Those for short arrays would always, by less than the planning takes; `ARRAY(SELECT unnest(…))` hides the
    /// length from the planner, so that it settles for one plan. That plan joins by hash, which is good for any length.
    struct Insert<'a> {
        group_conversation: Vec<ConversationId>,
        group_project: Vec<ProjectId>,
        group_version: Vec<i64>,
        group_count: Vec<i64>,
        group_newest: Vec<DateTime<Utc>>,
        conversation: Vec<ConversationId>,
        project: Vec<ProjectId>,
        version: Vec<i64>,
        nth: Vec<i64>,
        id: Vec<MessageId>,
        author: Vec<Option<UserId>>,
        chatbot: Vec<Option<ChatbotId>>,
        kind: Vec<MessageKind>,
        role: Vec<Role>,
        body: Vec<&'a str>,
        reply_to: Vec<Option<MessageId>>,
        tone: Vec<Option<&'a str>>,
        digest: Vec<&'a [u8]>,
        created_at: Vec<DateTime<Utc>>,
    } -> (SqlUuid, SqlUuid, BigInt, BigInt, Timestamptz);
    "WITH locked AS MATERIALIZED (\
         SELECT id, project_id, version, last_seq, active_at FROM conversations \
         WHERE id = ANY(ARRAY(SELECT unnest(" [group_conversation as Array<SqlUuid>] "))) ORDER BY id FOR UPDATE\
     ), inserted AS (\
         INSERT INTO messages (conversation_id, seq, project_id, id, author_id, chatbot_id, kind, role, body, reply_to, \
             tone, digest, created_at) \
         SELECT i.conversation_id, l.last_seq + i.nth, i.project_id, i.id, i.author_id, i.chatbot_id, i.kind, i.role, \
             i.body, i.reply_to, i.tone, i.digest, greatest(l.active_at, i.created_at) \
         FROM unnest(" [conversation as Array<SqlUuid>] ", " [project as Array<SqlUuid>] ", " [version as Array<BigInt>]
         ", " [nth as Array<BigInt>] ", " [id as Array<SqlUuid>] ", " [author as Array<Nullable<SqlUuid>>] ", "
         [chatbot as Array<Nullable<SqlUuid>>] ", " [kind as Array<Text>] ", " [role as Array<Text>] ", "
         [body as Array<Text>] ", " [reply_to as Array<Nullable<SqlUuid>>] ", " [tone as Array<Nullable<Text>>] ", "
         [digest as Array<Binary>] ", " [created_at as Array<Timestamptz>]
         ") AS i (conversation_id, project_id, version, nth, id, author_id, chatbot_id, kind, role, body, reply_to, \
             tone, digest, created_at) \
         JOIN locked l ON l.id = i.conversation_id AND l.project_id = i.project_id AND l.version = i.version \
         ORDER BY i.project_id, i.id\
     ), raised AS (\
         UPDATE conversations c SET last_seq = l.last_seq + g.count, active_at = greatest(l.active_at, g.newest), \
             updated_at = greatest(c.updated_at, l.active_at, g.newest) \
         FROM unnest(" [group_conversation as Array<SqlUuid>] ", " [group_project as Array<SqlUuid>] ", "
         [group_version as Array<BigInt>] ", " [group_count as Array<BigInt>] ", "
         [group_newest as Array<Timestamptz>] ") AS g (conversation_id, project_id, version, count, newest) \
         JOIN locked l ON l.id = g.conversation_id AND l.project_id = g.project_id AND l.version = g.version \
         WHERE c.id = l.id\
     ) \
     SELECT id, project_id, version, last_seq, active_at FROM locked"
}

/// A conversation as the statement found it.
#[derive(Queryable)]
struct Locked {
    id: ConversationId,
    project: ProjectId,
    version: i64,
    last_seq: i64,
    active_at: DateTime<Utc>,
}

/// Messages of one batch that are stored all or none: those of one conversation that were checked on one version of it. At most
/// one group of a conversation is stored, so its messages can be counted before anybody knows from where.
struct Group {
    count: i64,
    newest: DateTime<Utc>,
}

/// A message's place in its group, from 1, and its date as far as the group decides on it.
#[derive(Clone, Copy)]
struct Place {
    nth: i64,
    created_at: DateTime<Utc>,
}

type GroupKey = (ConversationId, ProjectId, i64);

fn key(message: &NewMessage) -> GroupKey {
    (message.conversation, message.project, message.version)
}

/// Counts the messages of each group.
fn count(entries: &[&Entry<'_>]) -> (HashMap<GroupKey, Group>, Vec<Place>) {
    let mut groups = HashMap::new();
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        // As exact as the database keeps it, so that what is reported is what is stored.
        let given = entry.message.created_at;
        let given = DateTime::from_timestamp_micros(given.timestamp_micros()).unwrap_or(given);
        let group = groups.entry(key(entry.message)).or_insert(Group { count: 0, newest: given });
        group.count += 1;
        group.newest = group.newest.max(given);
        places.push(Place { nth: group.count, created_at: group.newest });
    }
    (groups, places)
}

/// Stores messages whose ids and authors are as they should be, and says of each what became of it.
pub(super) async fn insert(conn: &mut AsyncPgConnection, entries: &[&Entry<'_>]) -> QueryResult<Vec<Outcome>> {
    let (groups, places) = count(entries);
    let mut rows: Vec<(&Entry<'_>, Place)> = entries.iter().copied().zip(places.iter().copied()).collect();
    rows.sort_unstable_by_key(|(entry, _)| (entry.message.project, entry.message.id));
    let messages = || rows.iter().map(|(entry, _)| entry.message);
    let statement = Insert {
        group_conversation: groups.keys().map(|key| key.0).collect(),
        group_project: groups.keys().map(|key| key.1).collect(),
        group_version: groups.keys().map(|key| key.2).collect(),
        group_count: groups.values().map(|group| group.count).collect(),
        group_newest: groups.values().map(|group| group.newest).collect(),
        conversation: messages().map(|message| message.conversation).collect(),
        project: messages().map(|message| message.project).collect(),
        version: messages().map(|message| message.version).collect(),
        nth: rows.iter().map(|(_, place)| place.nth).collect(),
        id: messages().map(|message| message.id).collect(),
        author: rows.iter().map(|(entry, _)| entry.author).collect(),
        chatbot: rows.iter().map(|(entry, _)| entry.chatbot).collect(),
        kind: messages().map(|message| message.kind).collect(),
        role: messages().map(|message| message.role).collect(),
        body: messages().map(|message| message.body.as_str()).collect(),
        reply_to: messages().map(|message| message.reply_to).collect(),
        tone: messages().map(|message| message.tone.as_deref()).collect(),
        digest: messages().map(|message| message.digest.as_slice()).collect(),
        created_at: rows.iter().map(|(_, place)| place.created_at).collect(),
    };
    let locked = statement.load::<Locked>(conn).await?;
    let locked: HashMap<ConversationId, Locked> = locked.into_iter().map(|it| (it.id, it)).collect();
    let outcome = |(entry, place): (&&Entry<'_>, Place)| {
        let message = entry.message;
        match locked.get(&message.conversation).filter(|found| found.project == message.project) {
            None => Outcome::Gone,
            // The same condition as in the statement.
            Some(found) if found.version != message.version => Outcome::Stale,
            Some(found) => {
                Outcome::Stored { seq: found.last_seq + place.nth, created_at: found.active_at.max(place.created_at) }
            }
        }
    };
    Ok(entries.iter().zip(places).map(outcome).collect())
}
