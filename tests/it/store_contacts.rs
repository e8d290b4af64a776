//! Contacts in the database: both sides of a pair, and the private conversation that follows them.

use crate::store_messages::world::World;
use diesel_async::AsyncPgConnection;
use palabre::model::contact::{Action, View};
use palabre::model::permission::Permission;
use palabre::model::{ConversationId, Failure, ProjectId, UserId};
use palabre::store::contacts::{self, Applied};
use palabre::store::{conversations, members};

async fn act(world: &mut World, actor: UserId, target: UserId, action: Action) -> Applied {
    act_on(&mut world.conn, world.project, actor, target, action).await.unwrap()
}

async fn act_on(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    actor: UserId,
    target: UserId,
    action: Action,
) -> Result<Applied, Failure> {
    contacts::apply(conn, project, actor, target, action, ConversationId::random()).await
}

async fn befriend(world: &mut World, one: UserId, other: UserId) -> ConversationId {
    act(world, one, other, Action::Invite).await;
    act(world, other, one, Action::Accept).await.conversation.unwrap()
}

async fn permissions(world: &mut World, id: ConversationId, of: &[UserId]) -> Vec<Permission> {
    let mut permissions = Vec::new();
    for user in of {
        permissions.extend(members::permission(&mut world.conn, world.project, id, *user).await.unwrap());
    }
    permissions
}

#[tokio::test]
async fn an_accepted_invitation_makes_a_conversation_for_two() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let invited = act(&mut world, ann, ben, Action::Invite).await;
    assert_eq!((invited.mine.status, invited.mine.user.id), (View::Invited, ben));
    let theirs = invited.theirs.unwrap();
    assert_eq!((theirs.status, theirs.user.id, theirs.conversation), (View::Pending, ann, None));

    let accepted = act(&mut world, ben, ann, Action::Accept).await;
    let id = accepted.conversation.unwrap();
    assert!(accepted.conversation_created && !accepted.permission_changed && accepted.effect.befriended);
    assert_eq!((accepted.mine.status, accepted.mine.conversation), (View::Accepted, Some(id)));
    assert_eq!(permissions(&mut world, id, &[ann, ben]).await, [Permission::Write; 2]);
    let room = conversations::load(&mut world.conn, world.project, id).await.unwrap().unwrap();
    assert_eq!((room.version, room.members.len()), (1, 2));
    for (user, peer) in [(ann, ben), (ben, ann)] {
        assert_eq!(contacts::accepted_conversation(&mut world.conn, user, peer).await.unwrap(), Some(id));
        let contact = contacts::one(&mut world.conn, user, peer).await.unwrap().unwrap();
        assert_eq!((contact.status, contact.conversation), (View::Accepted, Some(id)));
    }
}

#[tokio::test]
async fn the_end_of_a_contact_closes_the_conversation_until_it_begins_again() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let id = befriend(&mut world, ann, ben).await;
    let removed = act(&mut world, ann, ben, Action::Remove).await;
    assert!(removed.permission_changed);
    assert_eq!(conversations::load(&mut world.conn, world.project, id).await.unwrap().unwrap().version, 2);
    assert_eq!(permissions(&mut world, id, &[ann, ben]).await, [Permission::Read; 2]);
    assert_eq!(contacts::accepted_conversation(&mut world.conn, ann, ben).await.unwrap(), None);

    act(&mut world, ben, ann, Action::Invite).await;
    let again = act(&mut world, ann, ben, Action::Accept).await;
    assert_eq!((again.conversation, again.conversation_created, again.permission_changed), (Some(id), false, true));
    assert_eq!(permissions(&mut world, id, &[ann, ben]).await, [Permission::Write; 2]);
}

#[tokio::test]
async fn a_conversation_opens_when_neither_blocks_any_more() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let id = befriend(&mut world, ann, ben).await;
    let blocked = act(&mut world, ann, ben, Action::Block).await;
    assert_eq!((blocked.mine.status, blocked.theirs, blocked.permission_changed), (View::Blocked, None, true));
    assert!(!act(&mut world, ben, ann, Action::Block).await.permission_changed);
    assert!(!act(&mut world, ann, ben, Action::Unblock).await.permission_changed);
    assert_eq!(permissions(&mut world, id, &[ann, ben]).await, [Permission::Read; 2]);
    assert_eq!(contacts::blocked_by(&mut world.conn, ben).await.unwrap(), [ann]);
    assert!(contacts::severed(&mut world.conn, ann).await.unwrap().contains(&ben));
    assert!(act(&mut world, ben, ann, Action::Unblock).await.permission_changed);
    assert_eq!(permissions(&mut world, id, &[ann, ben]).await, [Permission::Write; 2]);
}

#[tokio::test]
async fn who_is_blocked_sees_the_contact_as_before() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let id = befriend(&mut world, ann, ben).await;
    act(&mut world, ann, ben, Action::Block).await;
    let contact = contacts::one(&mut world.conn, ben, ann).await.unwrap().unwrap();
    assert_eq!((contact.status, contact.conversation), (View::Accepted, Some(id)));
    assert_eq!(contacts::accepted_conversation(&mut world.conn, ben, ann).await.unwrap(), Some(id));
    assert_eq!(contacts::accepted_conversation(&mut world.conn, ann, ben).await.unwrap(), None);
}

#[tokio::test]
async fn pages_follow_each_other_without_what_never_was() {
    let mut world = World::new().await;
    let ann = world.user("ann").await;
    let mut peers = world.users(5).await;
    peers.sort_unstable();
    for peer in &peers {
        act(&mut world, ann, *peer, Action::Block).await;
    }
    // Leaves a row with nothing in it.
    act(&mut world, ann, peers[4], Action::Unblock).await;
    let (first, more) = contacts::page(&mut world.conn, ann, None, 3).await.unwrap();
    assert_eq!((first.iter().map(|contact| contact.user.id).collect::<Vec<_>>(), more), (peers[..3].to_vec(), true));
    let (rest, more) = contacts::page(&mut world.conn, ann, Some(peers[2]), 3).await.unwrap();
    assert_eq!((rest.iter().map(|contact| contact.user.id).collect::<Vec<_>>(), more), (peers[3..4].to_vec(), false));
    assert!(rest.iter().all(|contact| contact.status == View::Blocked));
    assert_eq!(contacts::one(&mut world.conn, ann, peers[4]).await.unwrap(), None);
    assert!(contacts::page(&mut world.conn, peers[0], None, 3).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn only_others_of_the_project_can_be_contacts() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let project = world.project;
    let own = act_on(&mut world.conn, project, ann, ann, Action::Invite).await.unwrap_err();
    assert!(matches!(own, Failure::Invalid { field, .. } if field == "user"));
    let foreign = act_on(&mut world.conn, ProjectId::random(), ann, ben, Action::Invite).await;
    assert_eq!(foreign.unwrap_err(), Failure::NotFound("user"));
}

#[tokio::test]
async fn two_who_invite_each_other_at_once_become_contacts_once() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let (mut here, mut there) = (world.db.connection().await, world.db.connection().await);
    let (one, other) = tokio::join!(
        act_on(&mut here, world.project, ann, ben, Action::Invite),
        act_on(&mut there, world.project, ben, ann, Action::Invite),
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one.conversation_created != other.conversation_created);
    assert_eq!(contacts::one(&mut world.conn, ann, ben).await.unwrap().unwrap().status, View::Accepted);
    assert_eq!(conversations::ids_of(&mut world.conn, ann).await.unwrap().len(), 1);
}
