//! What a member may do in a conversation.

use super::words::words;
use super::{Failure, UserId};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use utoipa::ToSchema;

/// A member's permission; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Permission {
    /// Read, and move one's own watermarks.
    #[serde(rename = "r")]
    Read,
    /// Write, react, type.
    #[serde(rename = "w")]
    Write,
    /// Add, remove, name, delete any message, set `r` `w` `a` for anyone but owners.
    #[serde(rename = "a")]
    Administer,
    /// Give and take ownership, delete the conversation.
    #[serde(rename = "o")]
    Own,
}

words!(Permission { Read => "r", Write => "w", Administer => "a", Own => "o" });

impl Permission {
    /// Send, edit one's own, react and type.
    #[must_use]
    pub fn may_write(self) -> bool {
        self >= Self::Write
    }

    /// Add, remove, name, set the mode, delete any message.
    #[must_use]
    pub fn may_administer(self) -> bool {
        self >= Self::Administer
    }

    /// Give and take ownership, delete the conversation.
    #[must_use]
    pub fn may_own(self) -> bool {
        self >= Self::Own
    }
}

/// Whether a member may send, react and type.
///
/// # Errors
/// [`Failure::ReadOnly`] without `w`.
pub fn check_write(permission: Permission) -> Result<(), Failure> {
    if permission.may_write() { Ok(()) } else { Err(Failure::ReadOnly) }
}

/// Whether a member may edit a message: their own, with `w`.
///
/// # Errors
/// [`Failure::Forbidden`] for another's message, [`Failure::ReadOnly`] without `w`.
pub fn check_edit(permission: Permission, is_own: bool) -> Result<(), Failure> {
    if !is_own {
        return Err(Failure::Forbidden("only its author may edit a message"));
    }
    check_write(permission)
}

/// Whether a member may delete a message: their own with any permission, since one may always take back what one said;
/// any message with `a`.
///
/// # Errors
/// [`Failure::Forbidden`] otherwise.
pub fn check_delete(permission: Permission, is_own: bool) -> Result<(), Failure> {
    if is_own || permission.may_administer() {
        Ok(())
    } else {
        Err(Failure::Forbidden("only its author or an administrator may delete a message"))
    }
}

/// What one `group.update` asks for, its users resolved to ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// A name or a title is given.
    pub rename: bool,
    /// Users to add. Who is a member already stays one, as if not named.
    pub add: Vec<UserId>,
    /// Members to remove; the one who asks may be among them, to leave.
    pub remove: Vec<UserId>,
    /// Permissions for members, and for users in `add`.
    pub permissions: Vec<(UserId, Permission)>,
}

/// Whether `actor` may make this change to a group, all of it at once: what counts for the rights is the state before,
/// and for the last owner the state after, so that an owner may hand over and leave in one request.
///
/// `permission_of` knows the members of before, and `owners` is how many of them own the group. For a group about to be
/// created, its creator is the only member and owns it.
///
/// # Errors
/// - [`Failure::NotFound`] if the actor is no member.
/// - [`Failure::Invalid`] if a user is named twice, or who is no member is removed or given a permission.
/// - [`Failure::Forbidden`] if the actor's permission doesn't reach that far.
/// - [`Failure::Conflict`] if the last owner would leave or be demoted.
pub fn check_group_change(
    actor: UserId,
    permission_of: &dyn Fn(UserId) -> Option<Permission>,
    owners: usize,
    change: &GroupChange,
) -> Result<(), Failure> {
    let own = permission_of(actor).ok_or(Failure::NotFound("conversation"))?;
    refuse_repeated(change)?;
    check_rights(actor, own, permission_of, change)?;
    check_members(permission_of, change)?;
    if owners > 0 && owners_after(permission_of, owners, change) == 0 {
        return Err(Failure::Conflict("a group must keep an owner"));
    }
    Ok(())
}

/// A user may be added and given a permission; any other way of being named twice would leave open what is meant.
fn refuse_repeated(change: &GroupChange) -> Result<(), Failure> {
    let twice = |field: String, user: &UserId| Failure::invalid(field, format!("user {user} is named twice"));
    let mut named = HashSet::new();
    for (list, users) in [("add", &change.add), ("remove", &change.remove)] {
        for (index, user) in users.iter().enumerate() {
            if !named.insert(user) {
                return Err(twice(format!("{list}[{index}]"), user));
            }
        }
    }
    let mut set: HashSet<_> = change.remove.iter().collect();
    for (user, _) in &change.permissions {
        if !set.insert(user) {
            return Err(twice(format!("permissions.{user}"), user));
        }
    }
    Ok(())
}

fn check_rights(
    actor: UserId,
    own: Permission,
    permission_of: &dyn Fn(UserId) -> Option<Permission>,
    change: &GroupChange,
) -> Result<(), Failure> {
    let others_removed = change.remove.iter().filter(|user| **user != actor);
    let administers =
        change.rename || !change.add.is_empty() || !change.permissions.is_empty() || others_removed.clone().count() > 0;
    if administers && !own.may_administer() {
        return Err(Failure::Forbidden("only administrators and owners may change a group"));
    }
    let owns = |user: UserId| permission_of(user).is_some_and(Permission::may_own);
    let touches_owners = others_removed.clone().any(|user| owns(*user))
        || change.permissions.iter().any(|(user, permission)| permission.may_own() || owns(*user));
    if touches_owners && !own.may_own() {
        return Err(Failure::Forbidden("only an owner may make or unmake an owner"));
    }
    Ok(())
}

fn check_members(permission_of: &dyn Fn(UserId) -> Option<Permission>, change: &GroupChange) -> Result<(), Failure> {
    let stranger = |field: String, user: &UserId| Failure::invalid(field, format!("user {user} is no member"));
    for (index, user) in change.remove.iter().enumerate() {
        if permission_of(*user).is_none() {
            return Err(stranger(format!("remove[{index}]"), user));
        }
    }
    let added: HashSet<_> = change.add.iter().collect();
    for (user, _) in &change.permissions {
        if permission_of(*user).is_none() && !added.contains(user) {
            return Err(stranger(format!("permissions.{user}"), user));
        }
    }
    Ok(())
}

fn owners_after(permission_of: &dyn Fn(UserId) -> Option<Permission>, owners: usize, change: &GroupChange) -> usize {
    let removed = change.remove.iter().map(|user| (user, false));
    let set = change.permissions.iter().map(|(user, permission)| (user, permission.may_own()));
    let (mut gained, mut lost) = (0_usize, 0_usize);
    for (user, owns_then) in removed.chain(set).collect::<HashMap<_, _>>() {
        let owns_now = permission_of(*user).is_some_and(Permission::may_own);
        gained = gained.saturating_add(usize::from(owns_then && !owns_now));
        lost = lost.saturating_add(usize::from(owns_now && !owns_then));
    }
    owners.saturating_add(gained).saturating_sub(lost)
}

#[cfg(test)]
#[path = "permission_tests.rs"]
mod tests;
