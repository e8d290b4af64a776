//! Members of conversations: pages of them, their permissions, and how far they have received and read.

use super::contacts;
use super::paging::truncate;
use super::schema::{conversations, members, users};
use super::statement::statement;
use super::users::{UserRow, shape};
use crate::model::permission::Permission;
use crate::model::{ConversationId, ProjectId, UserId};
use crate::wire::shapes::{self, ConversationKind};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int8, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::{HashMap, HashSet};

/// How far a member has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    pub conversation: ConversationId,
    pub user: UserId,
    /// Everything up to this `seq` was delivered; 0 for no change.
    pub delivered: i64,
    /// Everything up to this `seq` was read, and with that delivered; 0 for no change.
    pub read: i64,
    /// Whether the others get to know.
    pub tell: bool,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = members, check_for_backend(diesel::pg::Pg))]
struct MemberRow {
    conversation_id: ConversationId,
    permission: Permission,
    joined_at: DateTime<Utc>,
    delivered_seq: i64,
    read_seq: i64,
    told_delivered_seq: i64,
    told_read_seq: i64,
}

type Row = (ConversationKind, MemberRow, UserRow);

/// Who looks at members, and what that hides from them.
struct Viewer {
    /// `None`: many look at once, and see what everybody may.
    user: Option<UserId>,
    /// With whom no receipts pass.
    severed: HashSet<UserId>,
}

impl Viewer {
    async fn load(conn: &mut AsyncPgConnection, user: Option<UserId>, rows: &[Row]) -> QueryResult<Self> {
        let hides = rows.iter().filter(|(kind, ..)| hides_receipts(*kind));
        let (conversations, listed): (HashSet<_>, Vec<_>) =
            hides.map(|(_, member, user)| (member.conversation_id, user.id)).unzip();
        let severed = match user {
            _ if listed.is_empty() => HashSet::new(),
            Some(user) => contacts::severed(conn, user).await?,
            // Any member may be among the many: hidden is who is severed from one of them.
            None => contacts::severed_from_members(conn, &listed, conversations).await?,
        };
        Ok(Self { user, severed })
    }

    fn shape(&self, kind: ConversationKind, member: &MemberRow, user: &UserRow) -> shapes::Member {
        let is_hidden = hides_receipts(kind) && self.severed.contains(&user.id);
        let (delivered_seq, read_seq) = if self.user == Some(user.id) {
            (member.delivered_seq, member.read_seq)
        } else if is_hidden {
            (0, 0)
        } else {
            (member.told_delivered_seq, member.told_read_seq)
        };
        shapes::Member {
            user: shape(user),
            permission: member.permission,
            joined_at: member.joined_at.into(),
            delivered_seq,
            read_seq,
        }
    }
}

/// Whether the watermarks of somebody who blocks or is blocked are hidden. In a private conversation what others were
/// told stands still during a block, and hiding it would give the block away.
fn hides_receipts(kind: ConversationKind) -> bool {
    kind != ConversationKind::Private
}

/// A page of a conversation's members, longest-standing first, and whether more follow: those behind `after` in that
/// order, or the first ones; none where `after` is no member. Watermarks are as the viewer may see them. Three
/// statements at most.
///
/// The conversation is the viewer's own, as the caller found it.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    viewer: UserId,
    after: Option<UserId>,
    limit: i64,
) -> QueryResult<(Vec<shapes::Member>, bool)> {
    let mut query = members::table
        .inner_join(users::table)
        .inner_join(conversations::table)
        .filter(members::conversation_id.eq(conversation))
        .order((members::joined_at, members::user_id))
        .limit(limit.saturating_add(1))
        .select((conversations::kind, MemberRow::as_select(), UserRow::as_select()))
        .into_boxed();
    if let Some(after) = after {
        let joined: Option<DateTime<Utc>> =
            members::table.find((conversation, after)).select(members::joined_at).first(conn).await.optional()?;
        let Some(joined) = joined else { return Ok((Vec::new(), false)) };
        query = query
            .filter(members::joined_at.gt(joined).or(members::joined_at.eq(joined).and(members::user_id.gt(after))));
    }
    let mut rows: Vec<Row> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    let viewer = Viewer::load(conn, Some(viewer), &rows).await?;
    Ok((rows.iter().map(|(kind, member, user)| viewer.shape(*kind, member, user)).collect(), more))
}

/// The members of these conversations, longest-standing first, `limit` in all, as this viewer sees them; `None` sees
/// what all may. Two statements at most.
///
/// # Errors
/// Those of the database.
pub(super) async fn listed(
    conn: &mut AsyncPgConnection,
    viewer: Option<UserId>,
    conversations: &[ConversationId],
    limit: i64,
) -> QueryResult<HashMap<ConversationId, Vec<shapes::Member>>> {
    let mut listed: HashMap<ConversationId, Vec<shapes::Member>> = HashMap::new();
    if conversations.is_empty() {
        return Ok(listed);
    }
    let rows: Vec<Row> = members::table
        .inner_join(users::table)
        .inner_join(conversations::table)
        .filter(members::conversation_id.eq_any(conversations))
        .order((members::conversation_id, members::joined_at, members::user_id))
        .limit(limit)
        .select((conversations::kind, MemberRow::as_select(), UserRow::as_select()))
        .load(conn)
        .await?;
    let viewer = Viewer::load(conn, viewer, &rows).await?;
    for (kind, member, user) in &rows {
        listed.entry(member.conversation_id).or_default().push(viewer.shape(*kind, member, user));
    }
    Ok(listed)
}

/// A user's permission in a conversation; `None` for who is no member of it, or where the project has no such
/// conversation.
///
/// # Errors
/// Those of the database.
pub async fn permission(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    user: UserId,
) -> QueryResult<Option<Permission>> {
    members::table
        .inner_join(conversations::table)
        .filter(members::conversation_id.eq(conversation).and(members::user_id.eq(user)))
        .filter(conversations::project_id.eq(project))
        .select(members::permission)
        .first(conn)
        .await
        .optional()
}

/// Up to where a member's messages were delivered; `None` as for [`permission`].
///
/// # Errors
/// Those of the database.
pub async fn delivered(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    user: UserId,
) -> QueryResult<Option<i64>> {
    members::table
        .inner_join(conversations::table)
        .filter(members::conversation_id.eq(conversation).and(members::user_id.eq(user)))
        .filter(conversations::project_id.eq(project))
        .select(members::delivered_seq)
        .first(conn)
        .await
        .optional()
}

statement! {
    /// Rows are locked in one order before any is written. `GREATEST` stands in the update, not in what it is given,
    /// for only there it sees what was committed while the locks were waited for.
    struct AdvanceAll {
        conversations: Vec<ConversationId>,
        users: Vec<UserId>,
        delivered: Vec<i64>,
        read: Vec<i64>,
        tell: Vec<bool>,
    };
    "WITH moves AS ( \
         SELECT conversation_id, user_id, max(GREATEST(delivered, read)) AS delivered, max(read) AS read, \
             COALESCE(max(GREATEST(delivered, read)) FILTER (WHERE tell), 0) AS told_delivered, \
             COALESCE(max(read) FILTER (WHERE tell), 0) AS told_read \
         FROM unnest(" [conversations as Array<SqlUuid>] ", " [users as Array<SqlUuid>] ", "
             [delivered as Array<Int8>] ", " [read as Array<Int8>] ", " [tell as Array<Bool>] ") \
             AS move (conversation_id, user_id, delivered, read, tell) \
         GROUP BY conversation_id, user_id \
     ), locked AS ( \
         SELECT members.conversation_id, members.user_id, \
             LEAST(moves.delivered, conversations.last_seq) AS delivered, \
             LEAST(moves.read, conversations.last_seq) AS read, \
             LEAST(moves.told_delivered, conversations.last_seq) AS told_delivered, \
             LEAST(moves.told_read, conversations.last_seq) AS told_read \
         FROM members \
         JOIN moves ON moves.conversation_id = members.conversation_id AND moves.user_id = members.user_id \
         JOIN conversations ON conversations.id = members.conversation_id \
         ORDER BY members.conversation_id, members.user_id \
         FOR NO KEY UPDATE OF members \
     ) \
     UPDATE members SET \
         delivered_seq = GREATEST(members.delivered_seq, locked.delivered), \
         read_seq = GREATEST(members.read_seq, locked.read), \
         told_delivered_seq = GREATEST(members.told_delivered_seq, locked.told_delivered), \
         told_read_seq = GREATEST(members.told_read_seq, locked.told_read) \
     FROM locked \
     WHERE members.conversation_id = locked.conversation_id AND members.user_id = locked.user_id \
     AND (members.delivered_seq < locked.delivered OR members.read_seq < locked.read \
         OR members.told_delivered_seq < locked.told_delivered OR members.told_read_seq < locked.told_read)"
}

/// Moves watermarks forward, never back and never beyond a conversation's newest message; all in one statement.
/// Returns how many members moved; who is no member any more doesn't.
///
/// # Errors
/// Those of the database.
pub async fn advance(conn: &mut AsyncPgConnection, batch: &[Advance]) -> QueryResult<usize> {
    if batch.is_empty() {
        return Ok(0);
    }
    let statement = AdvanceAll {
        conversations: batch.iter().map(|advance| advance.conversation).collect(),
        users: batch.iter().map(|advance| advance.user).collect(),
        delivered: batch.iter().map(|advance| advance.delivered).collect(),
        read: batch.iter().map(|advance| advance.read).collect(),
        tell: batch.iter().map(|advance| advance.tell).collect(),
    };
    statement.execute(conn).await
}
