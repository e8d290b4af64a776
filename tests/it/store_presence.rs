//! Presence in the database: what is kept, and who may see it.

use crate::store_messages::world::{World, at};
use palabre::model::contact::Action;
use palabre::model::presence::Choice;
use palabre::model::{ConversationId, UserId};
use palabre::store::presence::{self, Kept};
use palabre::store::{contacts, groups};

async fn act(world: &mut World, actor: UserId, target: UserId, action: Action) {
    contacts::apply(&mut world.conn, world.project, actor, target, action, ConversationId::random()).await.unwrap();
}

async fn befriend(world: &mut World, one: UserId, other: UserId) {
    act(world, one, other, Action::Invite).await;
    act(world, other, one, Action::Accept).await;
}

async fn group(world: &mut World, creator: UserId, others: &[UserId]) {
    let id = ConversationId::random();
    let edit = groups::GroupEdit { add: others.to_vec(), ..groups::GroupEdit::default() };
    groups::create_group(&mut world.conn, world.project, creator, id, &edit).await.unwrap();
}

async fn watchers(world: &mut World, user: UserId) -> Vec<UserId> {
    let mut watchers = presence::watchers(&mut world.conn, world.project, user).await.unwrap();
    watchers.sort_unstable();
    watchers
}

async fn seen(world: &mut World, viewer: UserId, named: Option<&[UserId]>) -> Vec<UserId> {
    let seen = presence::visible(&mut world.conn, world.project, viewer, named).await.unwrap();
    let mut ids: Vec<_> = seen.into_iter().map(|seen| seen.user.id).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn what_a_user_chose_is_kept() {
    let mut world = World::new().await;
    let ann = world.user("ann").await;
    assert_eq!(presence::load(&mut world.conn, ann).await.unwrap(), Kept::default());
    presence::save_choice(&mut world.conn, ann, Choice::Busy, Some("cooking")).await.unwrap();
    let nobody = UserId::random();
    presence::save_last_seen(&mut world.conn, &[(ann, at(5)), (nobody, at(5)), (ann, at(9))]).await.unwrap();
    presence::save_last_seen(&mut world.conn, &[(ann, at(7))]).await.unwrap();
    let kept = Kept { choice: Choice::Busy, text: Some("cooking".to_owned()), last_seen: Some(at(9)) };
    assert_eq!(presence::load(&mut world.conn, ann).await.unwrap(), kept);
    presence::save_choice(&mut world.conn, ann, Choice::Online, None).await.unwrap();
    let kept = Kept { choice: Choice::Online, text: None, last_seen: Some(at(9)) };
    assert_eq!(presence::load(&mut world.conn, ann).await.unwrap(), kept);
}

#[tokio::test]
async fn contacts_and_members_of_small_groups_see_each_other() {
    let mut world = World::new().await;
    let (ann, friend, mate, stranger) =
        (world.user("ann").await, world.user("friend").await, world.user("mate").await, world.user("stranger").await);
    befriend(&mut world, ann, friend).await;
    act(&mut world, ann, stranger, Action::Invite).await;
    group(&mut world, mate, &[ann]).await;
    let crowd = world.users(50).await;
    group(&mut world, ann, &crowd).await;

    let mut near = vec![friend, mate];
    near.sort_unstable();
    assert_eq!(watchers(&mut world, ann).await, near);
    assert_eq!(seen(&mut world, ann, None).await, [friend]);
    assert_eq!(seen(&mut world, ann, Some(&[friend, mate, stranger, crowd[0], ann])).await, near);
    for peer in near {
        assert_eq!(watchers(&mut world, peer).await, [ann]);
    }
}

#[tokio::test]
async fn a_block_hides_both_ways_and_an_ended_contact_too() {
    let mut world = World::new().await;
    let (ann, ben, cat) = (world.user("ann").await, world.user("ben").await, world.user("cat").await);
    befriend(&mut world, ann, ben).await;
    befriend(&mut world, ann, cat).await;
    group(&mut world, ann, &[ben]).await;
    act(&mut world, ann, ben, Action::Block).await;
    act(&mut world, cat, ann, Action::Remove).await;
    for (viewer, peer) in [(ann, ben), (ben, ann), (ann, cat), (cat, ann)] {
        assert!(watchers(&mut world, viewer).await.is_empty());
        assert!(seen(&mut world, viewer, None).await.is_empty());
        assert!(seen(&mut world, viewer, Some(&[peer])).await.is_empty());
    }
}
