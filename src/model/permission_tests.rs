//! The rules of permissions line by line, and random changes against a reference that carries them out one by one.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use uuid::Uuid;

use Permission::{Administer, Own, Read, Write};

type Members = BTreeMap<UserId, Permission>;

fn user(number: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(number)))
}

const ALL: [Permission; 4] = [Read, Write, Administer, Own];
/// The members of [`group`], by their permission, and one who is none.
const READER: u8 = 1;
const WRITER: u8 = 2;
const ADMIN: u8 = 3;
const OWNER: u8 = 4;
const STRANGER: u8 = 9;

fn group() -> Members {
    [(READER, Read), (WRITER, Write), (ADMIN, Administer), (OWNER, Own)].map(|(n, p)| (user(n), p)).into()
}

fn check(actor: u8, members: &Members, change: &GroupChange) -> Result<(), Failure> {
    let owners = members.values().filter(|permission| permission.may_own()).count();
    check_group_change(user(actor), &|user| members.get(&user).copied(), owners, change)
}

fn change(add: &[u8], remove: &[u8], permissions: &[(u8, Permission)]) -> GroupChange {
    GroupChange {
        rename: false,
        add: add.iter().copied().map(user).collect(),
        remove: remove.iter().copied().map(user).collect(),
        permissions: permissions.iter().map(|(n, p)| (user(*n), *p)).collect(),
    }
}

fn field(result: Result<(), Failure>) -> String {
    match result {
        Err(Failure::Invalid { field, .. }) => field,
        other => panic!("not an invalid field: {other:?}"),
    }
}

#[test]
fn each_permission_includes_those_before_it() {
    assert_eq!(ALL.map(Permission::may_write), [false, true, true, true]);
    assert_eq!(ALL.map(Permission::may_administer), [false, false, true, true]);
    assert_eq!(ALL.map(Permission::may_own), [false, false, false, true]);
}

#[test]
fn the_word_in_the_database_is_the_one_on_the_wire() {
    for permission in ALL {
        assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
    }
}

#[test]
fn writing_takes_w() {
    assert_eq!(ALL.map(|p| check_write(p).is_ok()), [false, true, true, true]);
    assert_eq!(check_write(Read), Err(Failure::ReadOnly));
}

#[test]
fn editing_is_for_the_author_with_w() {
    assert_eq!(ALL.map(|p| check_edit(p, true).is_ok()), [false, true, true, true]);
    assert_eq!(check_edit(Read, true), Err(Failure::ReadOnly));
    for permission in ALL {
        assert!(matches!(check_edit(permission, false), Err(Failure::Forbidden(_))));
    }
}

#[test]
fn deleting_is_for_the_author_and_for_a_and_o() {
    assert!(ALL.iter().all(|p| check_delete(*p, true).is_ok()));
    assert_eq!(ALL.map(|p| check_delete(p, false).is_ok()), [false, false, true, true]);
}

#[test]
fn a_and_o_add_remove_and_name() {
    let rename = GroupChange { rename: true, ..GroupChange::default() };
    for wish in [rename, change(&[STRANGER], &[], &[]), change(&[], &[5], &[]), change(&[], &[], &[(5, Write)])] {
        let mut members = group();
        members.insert(user(5), Read);
        for actor in [READER, WRITER] {
            assert!(matches!(check(actor, &members, &wish), Err(Failure::Forbidden(_))), "{wish:?}");
        }
        for actor in [ADMIN, OWNER] {
            assert_eq!(check(actor, &members, &wish), Ok(()), "{wish:?}");
        }
        assert_eq!(check(STRANGER, &members, &wish), Err(Failure::NotFound("conversation")));
    }
}

#[test]
fn a_sets_r_w_and_a_for_anyone_but_owners() {
    let mut members = group();
    members.insert(user(5), Own);
    for target in [READER, WRITER, ADMIN] {
        for permission in [Read, Write, Administer] {
            assert_eq!(check(ADMIN, &members, &change(&[], &[], &[(target, permission)])), Ok(()));
        }
    }
    for wish in [
        change(&[], &[], &[(WRITER, Own)]),
        change(&[], &[], &[(ADMIN, Own)]),
        change(&[], &[], &[(OWNER, Write)]),
        change(&[], &[OWNER], &[]),
        change(&[STRANGER], &[], &[(STRANGER, Own)]),
    ] {
        assert!(matches!(check(ADMIN, &members, &wish), Err(Failure::Forbidden(_))), "{wish:?}");
        assert_eq!(check(5, &members, &wish), Ok(()), "{wish:?}");
    }
}

#[test]
fn anyone_may_leave_and_only_leave() {
    for actor in [READER, WRITER, ADMIN] {
        assert_eq!(check(actor, &group(), &change(&[], &[actor], &[])), Ok(()));
    }
    assert!(matches!(check(READER, &group(), &change(&[], &[READER, WRITER], &[])), Err(Failure::Forbidden(_))));
    assert!(matches!(check(READER, &group(), &change(&[], &[], &[(READER, Write)])), Err(Failure::Forbidden(_))));
}

#[test]
fn the_last_owner_stays_or_hands_over() {
    let lone = [(user(OWNER), Own)].into();
    for (members, wish) in [
        (group(), change(&[], &[OWNER], &[])),
        (group(), change(&[], &[], &[(OWNER, Administer)])),
        (lone, change(&[], &[OWNER], &[])),
    ] {
        assert!(matches!(check(OWNER, &members, &wish), Err(Failure::Conflict(_))));
    }
    for wish in [
        change(&[], &[OWNER], &[(WRITER, Own)]),
        change(&[], &[], &[(OWNER, Read), (WRITER, Own)]),
        change(&[STRANGER], &[OWNER], &[(STRANGER, Own)]),
        change(&[], &[], &[(OWNER, Own)]),
    ] {
        assert_eq!(check(OWNER, &group(), &wish), Ok(()), "{wish:?}");
    }
}

#[test]
fn two_owners_can_not_both_go() {
    let members: Members = [(user(1), Own), (user(2), Own)].into();
    assert_eq!(check(1, &members, &change(&[], &[2], &[])), Ok(()));
    for wish in [change(&[], &[1, 2], &[]), change(&[], &[1], &[(2, Write)])] {
        assert!(matches!(check(1, &members, &wish), Err(Failure::Conflict(_))));
    }
}

#[test]
fn a_group_whose_owners_were_deleted_can_still_be_left() {
    let members: Members = [(user(1), Administer), (user(2), Write)].into();
    assert_eq!(check(2, &members, &change(&[], &[2], &[])), Ok(()));
}

#[test]
fn who_is_named_twice_is_named_in_the_error() {
    for (wish, at) in [
        (change(&[8, STRANGER, STRANGER], &[], &[]), "add[2]".to_owned()),
        (change(&[], &[WRITER, WRITER], &[]), "remove[1]".to_owned()),
        (change(&[WRITER], &[READER, WRITER], &[]), "remove[1]".to_owned()),
        (change(&[], &[WRITER], &[(WRITER, Read)]), format!("permissions.{}", user(WRITER))),
        (change(&[], &[], &[(WRITER, Read), (WRITER, Write)]), format!("permissions.{}", user(WRITER))),
    ] {
        let Err(failure) = check(OWNER, &group(), &wish) else { panic!("{wish:?} went through") };
        let named = if wish.add.contains(&user(8)) { STRANGER } else { WRITER };
        assert!(failure.to_string().contains(&user(named).to_string()));
        assert_eq!(field(Err(failure)), at);
    }
}

#[test]
fn strangers_are_not_removed_and_get_no_permission_unless_added() {
    assert_eq!(field(check(OWNER, &group(), &change(&[], &[READER, STRANGER], &[]))), "remove[1]");
    assert_eq!(
        field(check(OWNER, &group(), &change(&[], &[], &[(STRANGER, Read)]))),
        format!("permissions.{}", user(STRANGER))
    );
    assert_eq!(check(OWNER, &group(), &change(&[STRANGER], &[], &[(STRANGER, Read)])), Ok(()));
}

#[test]
fn adding_a_member_leaves_them_as_they_are() {
    assert_eq!(check(ADMIN, &group(), &change(&[WRITER, OWNER], &[], &[])), Ok(()));
    assert_eq!(check(ADMIN, &group(), &change(&[WRITER], &[], &[(WRITER, Read)])), Ok(()));
}

/// The rules again, one line each in the order of the contract, on a copy of the group that is really changed.
fn naive(actor: UserId, members: &Members, change: &GroupChange) -> Option<Members> {
    let own = *members.get(&actor)?;
    let strong = own == Administer || own == Own;
    let all = |list: &[UserId], user: &UserId| list.iter().filter(|other| *other == user).count();
    let mut after = members.clone();
    if change.rename && !strong {
        return None;
    }
    for user in &change.add {
        if !strong || all(&change.add, user) + all(&change.remove, user) > 1 {
            return None;
        }
        after.entry(*user).or_insert(Write);
    }
    for user in &change.remove {
        let allowed = *user == actor || own == Own || (own == Administer && members.get(user) != Some(&Own));
        if !allowed || all(&change.remove, user) > 1 || after.remove(user).is_none() {
            return None;
        }
    }
    for (index, (user, permission)) in change.permissions.iter().enumerate() {
        let owner_business = *permission == Own || members.get(user) == Some(&Own);
        let repeated = change.permissions.iter().skip(index + 1).any(|(other, _)| other == user);
        if !strong || (owner_business && own != Own) || repeated {
            return None;
        }
        *after.get_mut(user)? = *permission;
    }
    let owned = |members: &Members| members.values().any(|permission| *permission == Own);
    (owned(&after) || !owned(members)).then_some(after)
}

fn changes() -> impl Strategy<Value = (u8, GroupChange)> {
    let people = || proptest::collection::vec(0..7_u8, 0..3);
    let permissions = proptest::collection::vec((0..7_u8, proptest::sample::select(ALL.to_vec())), 0..3);
    (0..7_u8, proptest::bool::weighted(0.1), people(), people(), permissions).prop_map(
        |(actor, rename, add, remove, permissions)| {
            (actor, GroupChange { rename, ..change(&add, &remove, &permissions) })
        },
    )
}

proptest! {
    #[test]
    fn any_sequence_of_changes_goes_as_the_naive_rules_say(wishes in proptest::collection::vec(changes(), 1..60)) {
        let mut members: Members = [(user(0), Own), (user(1), Administer), (user(2), Write), (user(3), Read)].into();
        for (actor, wish) in wishes {
            let result = check(actor, &members, &wish);
            let after = naive(user(actor), &members, &wish);
            prop_assert_eq!(result.is_ok(), after.is_some(), "{} asks {:?} of {:?}: {:?}", actor, wish, members, result);
            let Some(after) = after else { continue };
            prop_assert!(after.values().any(|permission| permission.may_own()), "a group keeps an owner");
            if members.get(&user(actor)) != Some(&Own) {
                let owners = |members: &Members| -> Vec<_> {
                    members.iter().filter(|(_, p)| p.may_own()).map(|(user, _)| *user).collect()
                };
                prop_assert_eq!(owners(&members), owners(&after), "only an owner makes or unmakes owners");
            }
            members = after;
        }
    }
}
