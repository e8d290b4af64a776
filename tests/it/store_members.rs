//! Members in the database: pages of them, and watermarks that only move forward.

use crate::store_messages::world::World;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::permission::Permission;
use palabre::model::{ConversationId, ProjectId, UserId};
use palabre::store::members::{self, Advance};
use palabre::store::schema::members as member_table;
use palabre::wire::shapes::ConversationKind;

/// Delivered, read, told delivered, told read.
async fn watermarks(world: &mut World, conversation: ConversationId, user: UserId) -> (i64, i64, i64, i64) {
    member_table::table
        .find((conversation, user))
        .select((
            member_table::delivered_seq,
            member_table::read_seq,
            member_table::told_delivered_seq,
            member_table::told_read_seq,
        ))
        .first(&mut world.conn)
        .await
        .unwrap()
}

/// Delivered and read of all members, as the viewer sees them.
async fn seen(world: &mut World, conversation: ConversationId, viewer: UserId) -> Vec<(i64, i64)> {
    let (page, _) = members::page(&mut world.conn, conversation, viewer, None, 9).await.unwrap();
    page.iter().map(|member| (member.delivered_seq, member.read_seq)).collect()
}

#[tokio::test]
async fn pages_follow_each_other() {
    let mut world = World::new().await;
    let people = world.users(5).await;
    let id = world.group(&people).await;
    let (first, more) = members::page(&mut world.conn, id, people[0], None, 2).await.unwrap();
    let ids = |page: &[palabre::wire::shapes::Member]| page.iter().map(|member| member.user.id).collect::<Vec<_>>();
    assert_eq!((ids(&first), more), (people[..2].to_vec(), true));
    let (rest, more) = members::page(&mut world.conn, id, people[0], Some(people[1]), 3).await.unwrap();
    assert_eq!((ids(&rest), more), (people[2..].to_vec(), false));
    let stranger = members::page(&mut world.conn, id, people[0], Some(UserId::random()), 3).await.unwrap();
    assert_eq!(stranger, (Vec::new(), false));
}

#[tokio::test]
async fn one_sees_ones_own_watermarks_and_of_others_what_was_told() {
    let mut world = World::new().await;
    let people = world.users(3).await;
    let id = world.group(&people).await;
    world.say(id, people[0], &["one", "two", "three"]).await;
    let batch: Vec<_> = [(0, false), (1, true), (2, true)]
        .map(|(at, tell)| Advance { conversation: id, user: people[at], delivered: 3, read: 2, tell })
        .to_vec();
    members::advance(&mut world.conn, &batch).await.unwrap();
    world.block(people[2], people[0]).await;
    assert_eq!(seen(&mut world, id, people[0]).await, [(3, 2), (3, 2), (0, 0)]);
    assert_eq!(seen(&mut world, id, people[1]).await, [(0, 0), (3, 2), (3, 2)]);
}

#[tokio::test]
async fn watermarks_move_forward_only_and_not_beyond_the_last_message() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let id = world.group(&[ann, ben]).await;
    world.say(id, ann, &["one", "two", "three"]).await;
    let step = |delivered, read, tell| Advance { conversation: id, user: ben, delivered, read, tell };
    assert_eq!(members::advance(&mut world.conn, &[step(0, 2, true)]).await.unwrap(), 1);
    assert_eq!(watermarks(&mut world, id, ben).await, (2, 2, 2, 2));
    assert_eq!(members::advance(&mut world.conn, &[step(1, 1, true)]).await.unwrap(), 0);
    assert_eq!(members::advance(&mut world.conn, &[step(99, 0, false), step(0, 1, true)]).await.unwrap(), 1);
    assert_eq!(watermarks(&mut world, id, ben).await, (3, 2, 2, 2));
    assert_eq!(members::advance(&mut world.conn, &[step(0, i64::MAX, true)]).await.unwrap(), 1);
    assert_eq!(watermarks(&mut world, id, ben).await, (3, 3, 3, 3));
    let nobody = Advance { user: UserId::random(), ..step(1, 1, true) };
    assert_eq!(members::advance(&mut world.conn, &[nobody]).await.unwrap(), 0);
}

#[tokio::test]
async fn batches_in_opposite_orders_do_not_block_each_other() {
    let mut world = World::new().await;
    let people = world.users(20).await;
    let id = world.group(&people).await;
    world.say(id, people[0], &["one"; 50]).await;
    let (mut here, mut there) = (world.db.connection().await, world.db.connection().await);
    for seq in 1..=50 {
        let batch: Vec<_> = people
            .iter()
            .map(|user| Advance { conversation: id, user: *user, delivered: seq, read: seq, tell: true })
            .collect();
        let backwards: Vec<_> = batch.iter().rev().copied().collect();
        let (one, other) = tokio::join!(members::advance(&mut here, &batch), members::advance(&mut there, &backwards));
        one.unwrap();
        other.unwrap();
    }
    for user in people {
        assert_eq!(watermarks(&mut world, id, user).await, (50, 50, 50, 50));
    }
}

#[tokio::test]
async fn who_is_no_member_has_no_permission() {
    let mut world = World::new().await;
    let (ann, eve) = (world.user("ann").await, world.user("eve").await);
    let id = world.conversation(ConversationKind::Support, &[ann]).await;
    let project = world.project;
    assert_eq!(members::permission(&mut world.conn, project, id, ann).await.unwrap(), Some(Permission::Write));
    assert_eq!(members::permission(&mut world.conn, project, id, eve).await.unwrap(), None);
    assert_eq!(members::permission(&mut world.conn, ProjectId::random(), id, ann).await.unwrap(), None);
}
