//! Conversations as a whole: one, all of a user's, and what a room must know of its own.

use super::members;
use super::messages;
use super::paging::truncate;
use super::schema::{conversations, members as member_table};
use super::statement::statement;
use crate::model::permission::Permission;
use crate::model::{ChatbotId, ConversationId, ProjectId, UserId};
use crate::wire::limits;
use crate::wire::shapes::{self, ConversationKind, Mode, Own};
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int8, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

/// What a room keeps in memory of its conversation, good for one `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRow {
    pub kind: ConversationKind,
    pub mode: Mode,
    pub chatbot: Option<ChatbotId>,
    /// Goes up whenever somebody else is to answer.
    pub turn: i64,
    pub name: Option<String>,
    /// Goes up with every change of members, permissions, mode or name.
    pub version: i64,
    pub last_seq: i64,
    pub members: Vec<RoomMember>,
}

/// A member as a room keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = member_table, check_for_backend(diesel::pg::Pg))]
pub struct RoomMember {
    pub user_id: UserId,
    pub permission: Permission,
    pub delivered_seq: i64,
    pub read_seq: i64,
    /// What the others were told of the delivered watermark.
    pub told_delivered_seq: i64,
    /// What the others were told of the read watermark.
    pub told_read_seq: i64,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = conversations, check_for_backend(diesel::pg::Pg))]
struct ConversationRow {
    id: ConversationId,
    kind: ConversationKind,
    name: Option<String>,
    title: Option<String>,
    mode: Mode,
    chatbot_id: Option<ChatbotId>,
    member_count: i32,
    last_seq: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl ConversationRow {
    /// The conversation without what depends on who looks.
    fn into_shape(self) -> shapes::Conversation {
        shapes::Conversation {
            id: self.id,
            kind: self.kind,
            name: self.name,
            title: self.title,
            mode: self.mode,
            chatbot: self.chatbot_id.map(|id| id.0),
            member_count: self.member_count,
            members: None,
            last_seq: self.last_seq,
            last_message: None,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            own: None,
        }
    }
}

/// The conversations of a user, all kinds. One statement.
///
/// # Errors
/// Those of the database.
pub async fn ids_of(conn: &mut AsyncPgConnection, user: UserId) -> QueryResult<Vec<ConversationId>> {
    member_table::table.filter(member_table::user_id.eq(user)).select(member_table::conversation_id).load(conn).await
}

/// A page of the viewer's conversations, newest activity first (`updated_at`: something said, or a change of the group), and whether more follow:
/// those active before `before`, or the latest. `now` tells which game invitations have expired. Three statements and those of
/// [`messages::last_of`], however many conversations there are.
///
/// # Errors
/// Those of the database.
pub async fn summary(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    viewer: UserId,
    before: Option<DateTime<Utc>>,
    limit: i64,
    now: DateTime<Utc>,
) -> QueryResult<(Vec<shapes::Conversation>, bool)> {
    let mut query = of_member(project, viewer).limit(limit.saturating_add(1));
    if let Some(before) = before {
        query = query.filter(conversations::updated_at.lt(before));
    }
    let mut rows: Vec<ConversationRow> = query.load(conn).await?;
    let more = end_between_moments(&mut rows, limit);
    Ok((complete(conn, viewer, rows, now).await?, more))
}

/// Where a page of conversations ended: when the last one was active, and which it was.
pub type Activity = (DateTime<Utc>, ConversationId);

/// As [`summary`], but by the exact place behind which the page begins, so that it may have any length. Returns where it ended if
/// more follow.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    viewer: UserId,
    after: Option<Activity>,
    limit: i64,
    now: DateTime<Utc>,
) -> QueryResult<(Vec<shapes::Conversation>, Option<Activity>)> {
    let mut query = of_member(project, viewer).limit(limit.saturating_add(1));
    if let Some((moment, id)) = after {
        let same = conversations::updated_at.eq(moment).and(conversations::id.lt(id));
        query = query.filter(conversations::updated_at.lt(moment).or(same));
    }
    let mut rows: Vec<ConversationRow> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    let end = rows.last().filter(|_| more).map(|row| (row.updated_at, row.id));
    Ok((complete(conn, viewer, rows, now).await?, end))
}

/// A user's conversations, newest activity first.
#[diesel::dsl::auto_type(no_type_alias)]
fn of_member<'a>(project: ProjectId, viewer: UserId) -> _ {
    let rows: diesel::dsl::AsSelect<ConversationRow, Pg> = ConversationRow::as_select();
    conversations::table
        .inner_join(member_table::table)
        .filter(conversations::project_id.eq(project).and(member_table::user_id.eq(viewer)))
        .order((conversations::updated_at.desc(), conversations::id.desc()))
        .select(rows)
        .into_boxed::<'a, Pg>()
}

/// Conversations with what they are to the viewer.
async fn complete(
    conn: &mut AsyncPgConnection,
    viewer: UserId,
    rows: Vec<ConversationRow>,
    now: DateTime<Utc>,
) -> QueryResult<Vec<shapes::Conversation>> {
    let ids: Vec<ConversationId> = rows.iter().map(|row| row.id).collect();
    let private: Vec<ConversationId> =
        rows.iter().filter(|row| row.kind == ConversationKind::Private).map(|row| row.id).collect();

    let own = own(conn, viewer, &ids).await?;
    let mut listed = members::listed(conn, Some(viewer), &private, i64::MAX).await?;
    let mut last = messages::last_of(conn, viewer, &ids, now).await?;
    let shape = |row: ConversationRow| {
        let id = row.id;
        Some(shapes::Conversation {
            members: listed.remove(&id),
            last_message: last.remove(&id),
            // Who was removed since the first statement doesn't get it.
            own: Some(*own.get(&id)?),
            ..row.into_shape()
        })
    };
    Ok(rows.into_iter().filter_map(shape).collect())
}

/// Cuts a page that was read with one row more than its limit. Returns whether there was more.
///
/// The next page is asked for by a time of the wire, in milliseconds. So a page never ends within one, or the rest of
/// it would be skipped, unless all of the page is of the same.
fn end_between_moments(rows: &mut Vec<ConversationRow>, limit: i64) -> bool {
    let next =
        usize::try_from(limit).ok().and_then(|limit| rows.get(limit)).map(|row| row.updated_at.timestamp_millis());
    let more = truncate(rows, limit);
    if let Some(next) = next {
        let end = rows.partition_point(|row| row.updated_at.timestamp_millis() > next);
        if end > 0 {
            rows.truncate(end);
        }
    }
    more
}

/// One conversation with up to 50 of its members, longest-standing first. `own` is of the viewer, if a member;
/// without a viewer it is what all members may see, for pushes. Four statements at most.
///
/// # Errors
/// Those of the database.
pub async fn one(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ConversationId,
    viewer: Option<UserId>,
) -> QueryResult<Option<shapes::Conversation>> {
    let row: Option<ConversationRow> = conversations::table
        .filter(conversations::project_id.eq(project).and(conversations::id.eq(id)))
        .select(ConversationRow::as_select())
        .first(conn)
        .await
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let mut listed = members::listed(conn, viewer, &[id], limits::LISTED_MEMBERS).await?;
    let own = match viewer {
        Some(viewer) => own(conn, viewer, &[id]).await?.remove(&id),
        None => None,
    };
    Ok(Some(shapes::Conversation { members: Some(listed.remove(&id).unwrap_or_default()), own, ..row.into_shape() }))
}

/// What a room keeps of its conversation. One statement, so that the members are those of the version.
///
/// # Errors
/// Those of the database.
pub async fn load(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ConversationId,
) -> QueryResult<Option<RoomRow>> {
    type Columns = (ConversationKind, Mode, Option<ChatbotId>, i64, Option<String>, i64, i64);
    let rows: Vec<(Columns, Option<RoomMember>)> = conversations::table
        .left_join(member_table::table)
        .filter(conversations::project_id.eq(project).and(conversations::id.eq(id)))
        .select((
            (
                conversations::kind,
                conversations::mode,
                conversations::chatbot_id,
                conversations::turn,
                conversations::name,
                conversations::version,
                conversations::last_seq,
            ),
            Option::<RoomMember>::as_select(),
        ))
        .load(conn)
        .await?;
    let [(columns, _), ..] = rows.as_slice() else { return Ok(None) };
    let (kind, mode, chatbot, turn, name, version, last_seq) = columns.clone();
    let members = rows.into_iter().filter_map(|(_, member)| member).collect();
    Ok(Some(RoomRow { kind, mode, chatbot, turn, name, version, last_seq, members }))
}

statement! {
    /// Counts at most [`MOST_UNREAD`] messages of each, along the index: without the order PostgreSQL may think that it finds
    /// as many sooner by looking through all messages of all conversations, and with a join against the blocked that there
    /// are hardly any.
    struct OwnOf<'a> { viewers: &'a [UserId], conversations: &'a [ConversationId], most: i64 }
        -> (SqlUuid, SqlUuid, Text, Int8, Int8);
    "SELECT own.user_id, own.conversation_id, own.permission, own.read_seq, ( \
         SELECT count(*) FROM ( \
             SELECT FROM messages \
             WHERE messages.conversation_id = own.conversation_id AND messages.seq > own.read_seq \
             AND messages.deleted_at IS NULL AND messages.author_id IS DISTINCT FROM own.user_id \
             AND (messages.author_id = ANY (ARRAY(SELECT contacts.peer_id FROM contacts \
                 WHERE contacts.user_id = own.user_id AND contacts.blocked))) IS NOT TRUE \
             ORDER BY messages.seq LIMIT " [most as Int8] ") unread) \
     FROM members own \
     WHERE own.user_id = ANY (" [viewers as Array<SqlUuid>] ") \
     AND own.conversation_id = ANY (" [conversations as Array<SqlUuid>] ")"
}

/// What a conversation is to each of these users; who is no member is left out. One statement.
///
/// # Errors
/// Those of the database.
pub async fn owns_of(
    conn: &mut AsyncPgConnection,
    id: ConversationId,
    users: &[UserId],
) -> QueryResult<Vec<(UserId, Own)>> {
    let rows = load_own(conn, users, &[id]).await?;
    Ok(rows.into_iter().map(|(user, _, own)| (user, own)).collect())
}

statement! {
    struct BlockedPair { conversation: ConversationId } -> Bool;
    "SELECT EXISTS (SELECT FROM contacts \
         JOIN conversations ON (contacts.user_id, contacts.peer_id) IN ((pair_low, pair_high), (pair_high, pair_low)) \
         WHERE conversations.id = " [conversation as SqlUuid] " AND contacts.blocked)"
}

/// Whether one of the two of a private conversation blocks the other. One statement.
///
/// # Errors
/// Those of the database.
pub async fn is_blocked_pair(conn: &mut AsyncPgConnection, conversation: ConversationId) -> QueryResult<bool> {
    BlockedPair { conversation }.get_result(conn).await
}

/// The highest count of unread messages; more look the same to anybody and cost more to count.
const MOST_UNREAD: i64 = 1_000;

/// What these conversations are to one of their members; those of which the user is none are left out.
async fn own(
    conn: &mut AsyncPgConnection,
    viewer: UserId,
    conversations: &[ConversationId],
) -> QueryResult<HashMap<ConversationId, Own>> {
    let rows = load_own(conn, &[viewer], conversations).await?;
    Ok(rows.into_iter().map(|(_, id, own)| (id, own)).collect())
}

async fn load_own(
    conn: &mut AsyncPgConnection,
    viewers: &[UserId],
    conversations: &[ConversationId],
) -> QueryResult<Vec<(UserId, ConversationId, Own)>> {
    if viewers.is_empty() || conversations.is_empty() {
        return Ok(Vec::new());
    }
    let query = OwnOf { viewers, conversations, most: MOST_UNREAD };
    let rows: Vec<(UserId, ConversationId, Permission, i64, i64)> = query.load(conn).await?;
    let own = |(user, id, permission, read_seq, unread)| (user, id, Own { permission, read_seq, unread });
    Ok(rows.into_iter().map(own).collect())
}
