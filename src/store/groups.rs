//! Making, changing and deleting groups: each one transaction that holds the conversation's row while it looks at the
//! caller's rights.

use super::schema::{contacts, conversations, members, users};
use super::users::name_taken_or;
use crate::model::permission::{self, GroupChange, Permission};
use crate::model::{ChatbotId, ConversationId, Failure, ProjectId, UserId};
use crate::wire::shapes::{ConversationKind, Mode};
use diesel::dsl::{exists, not, now};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::collections::{BTreeSet, HashMap};

/// A group that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedGroup {
    /// Its members, the creator first.
    pub members: Vec<(UserId, Permission)>,
}

/// What is to change in a group, its users resolved to ids of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupEdit {
    /// Another name, checked by the caller.
    pub name: Option<String>,
    /// Another title; an empty one takes it away.
    pub title: Option<String>,
    pub add: Vec<UserId>,
    pub remove: Vec<UserId>,
    pub permissions: Vec<(UserId, Permission)>,
}

/// What did change in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedGroup {
    /// Who is a member now and wasn't.
    pub added: Vec<UserId>,
    /// Who was a member and isn't now.
    pub removed: Vec<UserId>,
    /// Members of before and now who have another permission.
    pub permissions_changed: Vec<UserId>,
    /// Whether anything changed at all.
    pub changed: bool,
}

/// Makes a group that its creator owns; the others begin with `w` where `permissions` says nothing else. Who blocks
/// the creator, is deactivated or not of the project is left out.
///
/// # Errors
/// - [`Failure::NameTaken`] if the project has a conversation of this name, regardless of case.
/// - Those of [`permission::check_group_change`].
pub async fn create_group(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    creator: UserId,
    id: ConversationId,
    edit: &GroupEdit,
) -> Result<CreatedGroup, Failure> {
    let GroupEdit { name, title, add, permissions, .. } = edit;
    let change = GroupChange { rename: true, add: add.clone(), remove: Vec::new(), permissions: permissions.clone() };
    let creator_owns = |user: UserId| (user == creator).then_some(Permission::Own);
    permission::check_group_change(creator, &creator_owns, 1, &change)?;
    conn.transaction(async |conn| {
        let others: Vec<UserId> = add.iter().copied().filter(|user| *user != creator).collect();
        let mut all = vec![creator];
        all.extend(addable(conn, project, creator, &others).await?);
        diesel::insert_into(conversations::table)
            .values((
                conversations::id.eq(id),
                conversations::project_id.eq(project),
                conversations::kind.eq(ConversationKind::Group),
                conversations::name.eq(name.as_deref()),
                conversations::title.eq(title.as_deref().filter(|title| !title.is_empty())),
                conversations::member_count.eq(count(&all)?),
            ))
            .execute(conn)
            .await
            .map_err(name_taken_or)?;
        let mut given: HashMap<UserId, Permission> = permissions.iter().copied().collect();
        given.entry(creator).or_insert(Permission::Own);
        insert_members(conn, id, &all, &given, 0).await?;
        let permission = |user: &UserId| given.get(user).copied().unwrap_or(Permission::Write);
        let members = all.iter().map(|user| (*user, permission(user))).collect();
        Ok(CreatedGroup { members })
    })
    .await
}

/// Changes a group. Who blocks the actor, is deactivated or not of the project is not added; those added may read
/// everything and have nothing unread.
///
/// # Errors
/// - [`Failure::NotFound`] if the actor is no member of such a conversation.
/// - [`Failure::Forbidden`] for a private conversation, and for one of the support desk's; for the members of one with an assistant.
/// - [`Failure::NameTaken`] if the project has another conversation of this name, regardless of case.
/// - Those of [`permission::check_group_change`].
pub async fn change_group(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ConversationId,
    actor: UserId,
    edit: &GroupEdit,
) -> Result<ChangedGroup, Failure> {
    conn.transaction(async |conn| {
        let group = lock(conn, project, id).await?;
        let before = lock_members(conn, id, actor, edit).await?;
        refuse_unchangeable(&group, before.get(&actor).copied())?;
        let concerns_members = !(edit.add.is_empty() && edit.remove.is_empty() && edit.permissions.is_empty());
        if group.kind == ConversationKind::Assistant && concerns_members {
            return Err(Failure::Forbidden("one person talks with a bot here, and nobody else"));
        }
        let change = GroupChange {
            rename: edit.name.is_some() || edit.title.is_some(),
            add: edit.add.clone(),
            remove: edit.remove.clone(),
            permissions: edit.permissions.clone(),
        };
        let owners = count_owners(conn, id).await?;
        permission::check_group_change(actor, &|user| before.get(&user).copied(), owners, &change)?;

        let given: HashMap<UserId, Permission> = edit.permissions.iter().copied().collect();
        let removed = remove_members(conn, id, &edit.remove).await?;
        let permissions_changed = set_permissions(conn, id, &before, &given).await?;
        let strangers: Vec<UserId> = edit.add.iter().copied().filter(|user| !before.contains_key(user)).collect();
        let added = addable(conn, project, actor, &strangers).await?;
        insert_members(conn, id, &added, &given, group.last_seq).await?;

        let members_changed = !(added.is_empty() && removed.is_empty() && permissions_changed.is_empty());
        let changed = change.rename || members_changed;
        if changed {
            update_group(conn, id, edit, count(&added)?.saturating_sub(count(&removed)?)).await?;
        }
        Ok(ChangedGroup { added, removed, permissions_changed, changed })
    })
    .await
}

/// Deletes a group with all that was written there. Returns who were its members.
///
/// # Errors
/// [`Failure::NotFound`] if the actor is no member of such a conversation, [`Failure::Forbidden`] if it is private or
/// the actor doesn't own it.
pub async fn delete_group(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ConversationId,
    actor: UserId,
) -> Result<Vec<UserId>, Failure> {
    conn.transaction(async |conn| {
        let group = lock(conn, project, id).await?;
        let all: Vec<(UserId, Permission)> = members::table
            .filter(members::conversation_id.eq(id))
            .order(members::user_id)
            .for_update()
            .select((members::user_id, members::permission))
            .load(conn)
            .await?;
        let own = all.iter().find(|(user, _)| *user == actor).map(|(_, permission)| *permission);
        if !refuse_unchangeable(&group, own)?.may_own() {
            return Err(Failure::Forbidden("only an owner may delete a group"));
        }
        diesel::delete(conversations::table.find(id)).execute(conn).await?;
        Ok(all.into_iter().map(|(user, _)| user).collect())
    })
    .await
}

/// What who is no member hears, whether there is such a conversation or not.
pub(super) const NOT_FOUND: Failure = Failure::NotFound("conversation");

/// A conversation's own row, held.
#[derive(Debug, Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = conversations, check_for_backend(diesel::pg::Pg))]
pub(super) struct Locked {
    pub kind: ConversationKind,
    pub mode: Mode,
    pub chatbot_id: Option<ChatbotId>,
    pub last_seq: i64,
}

/// Holds the conversation to the end of the transaction: nobody else changes its members or stores messages meanwhile.
pub(super) async fn lock(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ConversationId,
) -> Result<Locked, Failure> {
    conversations::table
        .filter(conversations::project_id.eq(project).and(conversations::id.eq(id)))
        .for_update()
        .select(Locked::as_select())
        .first(conn)
        .await
        .optional()?
        .ok_or(NOT_FOUND)
}

/// The permission of the one who asks for a change, if a member of what people may change among themselves.
fn refuse_unchangeable(conversation: &Locked, own: Option<Permission>) -> Result<Permission, Failure> {
    let own = own.ok_or(NOT_FOUND)?;
    if conversation.kind == ConversationKind::Private {
        return Err(Failure::Forbidden("a private conversation stays as it is"));
    }
    if conversation.kind == ConversationKind::Support {
        return Err(Failure::Forbidden("the support desk decides who is in this conversation"));
    }
    Ok(own)
}

/// Those of the actor and the users an edit names who are members, locked in their one order.
async fn lock_members(
    conn: &mut AsyncPgConnection,
    id: ConversationId,
    actor: UserId,
    edit: &GroupEdit,
) -> QueryResult<HashMap<UserId, Permission>> {
    let permitted = edit.permissions.iter().map(|(user, _)| user);
    let named: BTreeSet<UserId> =
        edit.add.iter().chain(&edit.remove).chain(permitted).chain([&actor]).copied().collect();
    let rows: Vec<(UserId, Permission)> = members::table
        .filter(members::conversation_id.eq(id).and(members::user_id.eq_any(named)))
        .order(members::user_id)
        .for_update()
        .select((members::user_id, members::permission))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

async fn count_owners(conn: &mut AsyncPgConnection, id: ConversationId) -> QueryResult<usize> {
    let owners: i64 = members::table
        .filter(members::conversation_id.eq(id).and(members::permission.eq(Permission::Own)))
        .count()
        .get_result(conn)
        .await?;
    Ok(usize::try_from(owners).unwrap_or(0))
}

/// Those of `users` whom the actor may add.
async fn addable(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    actor: UserId,
    users: &[UserId],
) -> QueryResult<Vec<UserId>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let blocks_actor = contacts::table
        .filter(contacts::user_id.eq(users::id).and(contacts::peer_id.eq(actor)))
        .filter(contacts::blocked);
    users::table
        .filter(users::project_id.eq(project).and(users::deactivated_at.is_null()))
        .filter(users::id.eq_any(users).and(not(exists(blocks_actor))))
        .order(users::id)
        .select(users::id)
        // Who is being deleted is waited for, and is none of them then.
        .for_key_share()
        .load(conn)
        .await
}

/// Adds members that have received and read everything up to `seq`, with the permissions given, else `w`.
pub(super) async fn insert_members(
    conn: &mut AsyncPgConnection,
    id: ConversationId,
    users: &[UserId],
    given: &HashMap<UserId, Permission>,
    seq: i64,
) -> QueryResult<()> {
    let row = |user: &UserId| {
        (
            members::conversation_id.eq(id),
            members::user_id.eq(*user),
            members::permission.eq(given.get(user).copied().unwrap_or(Permission::Write)),
            members::delivered_seq.eq(seq),
            members::read_seq.eq(seq),
            members::told_delivered_seq.eq(seq),
            members::told_read_seq.eq(seq),
        )
    };
    diesel::insert_into(members::table).values(users.iter().map(row).collect::<Vec<_>>()).execute(conn).await?;
    Ok(())
}

async fn remove_members(
    conn: &mut AsyncPgConnection,
    id: ConversationId,
    users: &[UserId],
) -> QueryResult<Vec<UserId>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    diesel::delete(members::table.filter(members::conversation_id.eq(id).and(members::user_id.eq_any(users))))
        .returning(members::user_id)
        .get_results(conn)
        .await
}

/// Gives members of before the permissions meant for them. Returns whose differ now.
async fn set_permissions(
    conn: &mut AsyncPgConnection,
    id: ConversationId,
    before: &HashMap<UserId, Permission>,
    given: &HashMap<UserId, Permission>,
) -> QueryResult<Vec<UserId>> {
    let mut by_permission: HashMap<Permission, Vec<UserId>> = HashMap::new();
    for (user, permission) in given {
        if before.get(user).is_some_and(|old| old != permission) {
            by_permission.entry(*permission).or_default().push(*user);
        }
    }
    let mut changed = Vec::new();
    for (permission, users) in by_permission {
        diesel::update(members::table.filter(members::conversation_id.eq(id).and(members::user_id.eq_any(&users))))
            .set(members::permission.eq(permission))
            .execute(conn)
            .await?;
        changed.extend(users);
    }
    Ok(changed)
}

/// Writes what changed in the conversation's own row, as its next version.
async fn update_group(
    conn: &mut AsyncPgConnection,
    id: ConversationId,
    edit: &GroupEdit,
    growth: i32,
) -> Result<(), Failure> {
    let title = edit.title.as_deref().map(|title| conversations::title.eq((!title.is_empty()).then_some(title)));
    diesel::update(conversations::table.find(id))
        .set((
            edit.name.as_deref().map(|name| conversations::name.eq(name)),
            title,
            conversations::member_count.eq(conversations::member_count + growth),
            conversations::version.eq(conversations::version + 1),
            conversations::updated_at.eq(now),
        ))
        .execute(conn)
        .await
        .map_err(name_taken_or)?;
    Ok(())
}

/// How many there are, as a column keeps it.
fn count(users: &[UserId]) -> Result<i32, Failure> {
    i32::try_from(users.len()).map_err(|_| Failure::TooLarge("too many members".to_owned()))
}
