//! From rows to the shapes of the wire, in a fixed number of queries however many messages there are.

use super::super::schema::{chatbots, users};
use super::super::statement::statement;
use super::columns::{MediaColumns, UserColumns, attachment, chatbot, user};
use super::status::Statuses;
use super::{Key, MessageRow, invitations, reactions};
use crate::model::{ChatbotId, ConversationId, UserId};
use crate::wire::shapes::{Attachment, Message, MessageKind, User};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The messages of these rows, in their order.
///
/// What users whom `viewer` blocks did with them (reactions, answers) is left out; with no viewer all of it is there. `now`
/// decides which invitations have expired. Of a deleted message only its place remains.
pub(in crate::store) async fn assemble(
    conn: &mut AsyncPgConnection,
    rows: Vec<MessageRow>,
    viewer: Option<UserId>,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Message>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let conversations: BTreeSet<ConversationId> = rows.iter().map(|row| row.conversation).collect();
    let statuses = Statuses::load(conn, &conversations.into_iter().collect::<Vec<_>>()).await?;
    let authors = Authors::load(conn, &rows).await?;
    let alive = || rows.iter().filter(|row| row.deleted_at.is_none());
    let keys: Vec<Key> = alive().map(MessageRow::key).collect();
    let with_game: Vec<Key> = alive().filter(|row| row.kind == MessageKind::Game).map(MessageRow::key).collect();
    let mut reactions = reactions::of(conn, &keys, viewer).await?;
    let mut attachments = attachments_of(conn, &keys).await?;
    let mut games = invitations::of(conn, &with_game, viewer, now).await?;

    Ok(rows
        .into_iter()
        .map(|row| {
            let key = row.key();
            let reactions = reactions.remove(&key).unwrap_or_default();
            Message {
                id: row.id,
                conversation: row.conversation,
                seq: row.seq,
                author: authors.of(&row),
                kind: row.kind,
                role: row.role,
                body: row.body,
                reply_to: row.reply_to,
                tone: row.tone,
                attachments: attachments.remove(&key).unwrap_or_default(),
                game: games.remove(&key),
                reactions: reactions.users,
                reaction_counts: reactions.counts,
                status: statuses.of(row.conversation, row.seq, row.author),
                date: row.created_at.into(),
                edited_at: row.edited_at.map(Into::into),
                deleted_at: row.deleted_at.map(Into::into),
                ended: row.ended,
            }
        })
        .collect())
}

/// As [`assemble`], for one row.
pub(in crate::store) async fn assemble_one(
    conn: &mut AsyncPgConnection,
    row: MessageRow,
    viewer: Option<UserId>,
    now: DateTime<Utc>,
) -> QueryResult<Message> {
    assemble(conn, vec![row], viewer, now).await?.pop().ok_or(diesel::NotFound)
}

/// The people and bots that wrote some messages, each shared by all of theirs.
struct Authors {
    users: HashMap<UserId, Arc<User>>,
    chatbots: HashMap<ChatbotId, Arc<User>>,
    deleted: Arc<User>,
}

impl Authors {
    async fn load(conn: &mut AsyncPgConnection, rows: &[MessageRow]) -> QueryResult<Self> {
        let mut authors = Self { users: HashMap::new(), chatbots: HashMap::new(), deleted: Arc::new(User::deleted()) };
        let ids: BTreeSet<UserId> = rows.iter().filter_map(|row| row.author).collect();
        if !ids.is_empty() {
            let columns = (users::id, users::username, users::name, users::avatar, users::profile);
            let found: Vec<UserColumns> = users::table.filter(users::id.eq_any(ids)).select(columns).load(conn).await?;
            authors.users = found.into_iter().map(|columns| (columns.0, Arc::new(user(columns)))).collect();
        }
        let ids: BTreeSet<ChatbotId> = rows.iter().filter_map(|row| row.chatbot).collect();
        if !ids.is_empty() {
            let found: Vec<(ChatbotId, String)> = chatbots::table
                .filter(chatbots::id.eq_any(ids))
                .select((chatbots::id, chatbots::name))
                .load(conn)
                .await?;
            authors.chatbots = found.into_iter().map(|(id, name)| (id, Arc::new(chatbot(id, name)))).collect();
        }
        Ok(authors)
    }

    fn of(&self, row: &MessageRow) -> Arc<User> {
        let user = row.author.and_then(|id| self.users.get(&id));
        let chatbot = || row.chatbot.and_then(|id| self.chatbots.get(&id));
        Arc::clone(user.or_else(chatbot).unwrap_or(&self.deleted))
    }
}

statement! {
    struct Attached<'a> {
        conversations: &'a [ConversationId],
        seqs: &'a [i64],
    } -> ((SqlUuid, BigInt), (SqlUuid, Text, Text, BigInt, Nullable<Integer>, Nullable<Integer>));
    "SELECT a.conversation_id, a.seq, m.id, m.name, m.mime, m.size, m.width, m.height FROM unnest("
         [conversations as Array<SqlUuid>] ", " [seqs as Array<BigInt>]
         ") AS k (conversation_id, seq) JOIN attachments a USING (conversation_id, seq) \
     JOIN media m ON m.id = a.media_id ORDER BY a.conversation_id, a.seq, a.position"
}

/// The files of these messages, in the order in which they were attached.
async fn attachments_of(conn: &mut AsyncPgConnection, keys: &[Key]) -> QueryResult<HashMap<Key, Vec<Attachment>>> {
    let (conversations, seqs): (Vec<_>, Vec<_>) = keys.iter().copied().unzip();
    let rows = Attached { conversations: &conversations, seqs: &seqs }.load::<(Key, MediaColumns)>(conn).await?;
    let mut found: HashMap<Key, Vec<Attachment>> = HashMap::new();
    for (key, columns) in rows {
        found.entry(key).or_default().push(attachment(columns));
    }
    Ok(found)
}
