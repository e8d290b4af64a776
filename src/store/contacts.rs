//! Contacts: the relation of two users as each of them knows it, and the private conversation that comes of it.

use super::paging::truncate;
use super::schema::{contacts, conversations, members, users};
use super::users::{UserRow, shape};
use crate::model::contact::{self, Action, Effect, Pair, Relation, Side};
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, ProjectId, UserId};
use crate::wire::shapes::{self, ConversationKind};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::collections::{HashMap, HashSet};

/// What an action did, for those who are to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The contact as the one who acted knows it now.
    pub mine: shapes::Contact,
    /// The contact as the other knows it, if they are to hear of it.
    pub theirs: Option<shapes::Contact>,
    pub effect: Effect,
    /// The private conversation of the two, where there is one.
    pub conversation: Option<ConversationId>,
    /// It was made just now.
    pub conversation_created: bool,
    /// The permission of its two members changed.
    pub permission_changed: bool,
}

#[derive(Debug, Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = contacts, check_for_backend(diesel::pg::Pg))]
struct ContactRow {
    user_id: UserId,
    relation: Relation,
    blocked: bool,
}

impl From<ContactRow> for Side {
    fn from(row: ContactRow) -> Self {
        Self { relation: row.relation, blocked: row.blocked }
    }
}

/// A page of a user's contacts in the order of their ids, those behind `after`, and whether more follow. Two
/// statements, one for a user without contacts.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    user: UserId,
    after: Option<UserId>,
    limit: i64,
) -> QueryResult<(Vec<shapes::Contact>, bool)> {
    let mut query = contacts::table
        .inner_join(users::table.on(users::id.eq(contacts::peer_id)))
        .filter(contacts::user_id.eq(user))
        .filter(contacts::relation.ne(Relation::None).or(contacts::blocked))
        .order(contacts::peer_id)
        .limit(limit.saturating_add(1))
        .select((ContactRow::as_select(), UserRow::as_select()))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(contacts::peer_id.gt(after));
    }
    let mut rows: Vec<(ContactRow, UserRow)> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    let peers: Vec<UserId> = rows.iter().map(|(_, peer)| peer.id).collect();
    let shared = private_conversations(conn, user, &peers).await?;
    let contact =
        |(row, peer): &(ContactRow, UserRow)| contact_shape(peer, (*row).into(), shared.get(&peer.id).copied());
    Ok((rows.iter().map(contact).collect(), more))
}

/// A user's contact with this peer; `None` if there never was anything between them, as far as the user knows.
///
/// # Errors
/// Those of the database.
pub async fn one(conn: &mut AsyncPgConnection, user: UserId, peer: UserId) -> QueryResult<Option<shapes::Contact>> {
    let row: Option<(ContactRow, UserRow)> = contacts::table
        .inner_join(users::table.on(users::id.eq(contacts::peer_id)))
        .filter(contacts::user_id.eq(user).and(contacts::peer_id.eq(peer)))
        .filter(contacts::relation.ne(Relation::None).or(contacts::blocked))
        .select((ContactRow::as_select(), UserRow::as_select()))
        .first(conn)
        .await
        .optional()?;
    let Some((row, peer)) = row else { return Ok(None) };
    let shared = private_conversations(conn, user, &[peer.id]).await?;
    Ok(Some(contact_shape(&peer, row.into(), shared.get(&peer.id).copied())))
}

/// Whom a user blocks. One statement.
///
/// # Errors
/// Those of the database.
pub async fn blocked_by(conn: &mut AsyncPgConnection, user: UserId) -> QueryResult<Vec<UserId>> {
    contacts::table.filter(contacts::user_id.eq(user).and(contacts::blocked)).select(contacts::peer_id).load(conn).await
}

/// Those who block the user or whom the user blocks. One statement.
///
/// # Errors
/// Those of the database.
pub async fn severed(conn: &mut AsyncPgConnection, user: UserId) -> QueryResult<HashSet<UserId>> {
    let rows: Vec<(UserId, UserId)> = contacts::table
        .filter(contacts::blocked.and(contacts::user_id.eq(user).or(contacts::peer_id.eq(user))))
        .select((contacts::user_id, contacts::peer_id))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(blocker, blocked)| if blocker == user { blocked } else { blocker }).collect())
}

/// Those of `users` who block a member of one of these conversations, or are blocked by one; others may be among them. One
/// statement.
///
/// # Errors
/// Those of the database.
pub(super) async fn severed_from_members(
    conn: &mut AsyncPgConnection,
    users: &[UserId],
    conversations: HashSet<ConversationId>,
) -> QueryResult<HashSet<UserId>> {
    let all = members::table.filter(members::conversation_id.eq_any(conversations)).select(members::user_id);
    let blocks = contacts::user_id.eq_any(users).and(contacts::peer_id.eq_any(all.clone()));
    let is_blocked = contacts::peer_id.eq_any(users).and(contacts::user_id.eq_any(all));
    let rows: Vec<(UserId, UserId)> = contacts::table
        .filter(contacts::blocked.and(blocks.or(is_blocked)))
        .select((contacts::user_id, contacts::peer_id))
        .load(conn)
        .await?;
    Ok(rows.into_iter().flat_map(|(blocker, blocked)| [blocker, blocked]).collect())
}

/// The private conversation of a user with an accepted contact, as the user knows it: one who is blocked finds it all
/// the same.
///
/// # Errors
/// Those of the database.
pub async fn accepted_conversation(
    conn: &mut AsyncPgConnection,
    user: UserId,
    peer: UserId,
) -> QueryResult<Option<ConversationId>> {
    let (low, high) = ordered(user, peer);
    let accepted = contacts::table
        .find((user, peer))
        .filter(contacts::relation.eq(Relation::Accepted).and(diesel::dsl::not(contacts::blocked)));
    conversations::table
        .filter(conversations::pair_low.eq(low).and(conversations::pair_high.eq(high)))
        .filter(diesel::dsl::exists(accepted))
        .select(conversations::id)
        .first(conn)
        .await
        .optional()
}

/// Does what `actor` asks for about `target`, with all that follows for their private conversation;
/// `new_conversation` is its id if it has to be made. The caller may repeat it: asking for what already is confirms
/// it.
///
/// # Errors
/// - [`Failure::Invalid`] if the two are one.
/// - [`Failure::NotFound`] if the project has no such user.
/// - [`Failure::Conflict`] if the relation doesn't allow the action: see [`contact::apply`].
pub async fn apply(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    actor: UserId,
    target: UserId,
    action: Action,
    new_conversation: ConversationId,
) -> Result<Applied, Failure> {
    if actor == target {
        return Err(Failure::invalid("user", "must be somebody else"));
    }
    conn.transaction(async |conn| {
        let (me, peer) = both_users(conn, project, actor, target).await?;
        let effect = contact::apply(lock_pair(conn, actor, target).await?, action)?;
        if effect.changed {
            save(conn, actor, target, effect.pair.mine).await?;
            save(conn, target, actor, effect.pair.theirs).await?;
        }
        let shared = link_conversation(conn, project, (actor, target), &effect, new_conversation).await?;
        let conversation = shared.as_ref().map(|shared| shared.id);
        Ok(Applied {
            mine: contact_shape(&peer, effect.pair.mine, conversation),
            theirs: effect.tell_other.then(|| contact_shape(&me, effect.pair.theirs, conversation)),
            effect,
            conversation,
            conversation_created: shared.as_ref().is_some_and(|shared| shared.created),
            permission_changed: shared.as_ref().is_some_and(|shared| shared.permission_changed),
        })
    })
    .await
}

async fn both_users(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    actor: UserId,
    target: UserId,
) -> Result<(UserRow, UserRow), Failure> {
    let users: Vec<UserRow> = users::table
        .filter(users::project_id.eq(project).and(users::id.eq_any([actor, target])))
        .select(UserRow::as_select())
        .load(conn)
        .await?;
    let find = |id: UserId| users.iter().find(|user| user.id == id).cloned().ok_or(Failure::NotFound("user"));
    Ok((find(actor)?, find(target)?))
}

/// Reads both sides of a pair, which stay locked to the end of the transaction.
async fn lock_pair(conn: &mut AsyncPgConnection, actor: UserId, target: UserId) -> QueryResult<Pair> {
    let (low, high) = ordered(actor, target);
    // Rows that are missing can't be locked.
    diesel::insert_into(contacts::table)
        .values([
            (contacts::user_id.eq(low), contacts::peer_id.eq(high)),
            (contacts::user_id.eq(high), contacts::peer_id.eq(low)),
        ])
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let one_side = contacts::user_id.eq(low).and(contacts::peer_id.eq(high));
    let other_side = contacts::user_id.eq(high).and(contacts::peer_id.eq(low));
    let rows: Vec<ContactRow> = contacts::table
        .filter(one_side.or(other_side))
        .order((contacts::user_id, contacts::peer_id))
        .for_update()
        .select(ContactRow::as_select())
        .load(conn)
        .await?;
    let side =
        |user: UserId| rows.iter().find(|row| row.user_id == user).map(|row| Side::from(*row)).unwrap_or_default();
    Ok(Pair { mine: side(actor), theirs: side(target) })
}

async fn save(conn: &mut AsyncPgConnection, user: UserId, peer: UserId, side: Side) -> QueryResult<()> {
    diesel::update(contacts::table.find((user, peer)))
        .set((contacts::relation.eq(side.relation), contacts::blocked.eq(side.blocked), contacts::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(())
}

/// The private conversation of a pair after an action.
struct Shared {
    id: ConversationId,
    created: bool,
    permission_changed: bool,
}

/// Finds the private conversation of a pair, makes it for two who became contacts, and sets what the two may do in it.
async fn link_conversation(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    (actor, target): (UserId, UserId),
    effect: &Effect,
    new_conversation: ConversationId,
) -> QueryResult<Option<Shared>> {
    let (low, high) = ordered(actor, target);
    let permission = if contact::may_write(&effect.pair) { Permission::Write } else { Permission::Read };
    // No two transactions make it at once, for both hold the pair's contacts. If one did, the constraint would refuse
    // it.
    let known: Option<ConversationId> = conversations::table
        .filter(conversations::project_id.eq(project))
        .filter(conversations::pair_low.eq(low).and(conversations::pair_high.eq(high)))
        .for_update()
        .select(conversations::id)
        .first(conn)
        .await
        .optional()?;
    match known {
        Some(id) if effect.changed => set_permission(conn, id, permission).await.map(Some),
        Some(id) => Ok(Some(Shared { id, created: false, permission_changed: false })),
        None if effect.befriended => {
            make_conversation(conn, project, (low, high), new_conversation, permission).await.map(Some)
        }
        None => Ok(None),
    }
}

async fn set_permission(
    conn: &mut AsyncPgConnection,
    id: ConversationId,
    permission: Permission,
) -> QueryResult<Shared> {
    let differing: Vec<UserId> = members::table
        .filter(members::conversation_id.eq(id).and(members::permission.ne(permission)))
        .order(members::user_id)
        .for_update()
        .select(members::user_id)
        .load(conn)
        .await?;
    if differing.is_empty() {
        return Ok(Shared { id, created: false, permission_changed: false });
    }
    diesel::update(members::table.filter(members::conversation_id.eq(id).and(members::user_id.eq_any(differing))))
        .set(members::permission.eq(permission))
        .execute(conn)
        .await?;
    diesel::update(conversations::table.find(id))
        // Nothing was said: the conversation keeps its place among the others.
        .set(conversations::version.eq(conversations::version + 1))
        .execute(conn)
        .await?;
    Ok(Shared { id, created: false, permission_changed: true })
}

async fn make_conversation(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    (low, high): (UserId, UserId),
    id: ConversationId,
    permission: Permission,
) -> QueryResult<Shared> {
    diesel::insert_into(conversations::table)
        .values((
            conversations::id.eq(id),
            conversations::project_id.eq(project),
            conversations::kind.eq(ConversationKind::Private),
            conversations::pair_low.eq(low),
            conversations::pair_high.eq(high),
            conversations::member_count.eq(2),
        ))
        .execute(conn)
        .await?;
    let member =
        |user: UserId| (members::conversation_id.eq(id), members::user_id.eq(user), members::permission.eq(permission));
    diesel::insert_into(members::table).values([member(low), member(high)]).execute(conn).await?;
    Ok(Shared { id, created: true, permission_changed: false })
}

/// The private conversations of a user with these peers, by peer.
async fn private_conversations(
    conn: &mut AsyncPgConnection,
    user: UserId,
    peers: &[UserId],
) -> QueryResult<HashMap<UserId, ConversationId>> {
    if peers.is_empty() {
        return Ok(HashMap::new());
    }
    let as_low = conversations::pair_low.eq(user).and(conversations::pair_high.eq_any(peers));
    let as_high = conversations::pair_high.eq(user).and(conversations::pair_low.eq_any(peers));
    let rows: Vec<(ConversationId, Option<UserId>, Option<UserId>)> = conversations::table
        .filter(as_low.or(as_high))
        .select((conversations::id, conversations::pair_low, conversations::pair_high))
        .load(conn)
        .await?;
    let by_peer = |(id, low, high): (ConversationId, Option<UserId>, Option<UserId>)| {
        let peer = if low == Some(user) { high } else { low };
        peer.map(|peer| (peer, id))
    };
    Ok(rows.into_iter().filter_map(by_peer).collect())
}

fn contact_shape(peer: &UserRow, side: Side, conversation: Option<ConversationId>) -> shapes::Contact {
    shapes::Contact { user: shape(peer), status: side.view(), conversation }
}

/// The two in the order of their ids, as a private conversation keeps them.
fn ordered(one: UserId, other: UserId) -> (UserId, UserId) {
    if one <= other { (one, other) } else { (other, one) }
}
