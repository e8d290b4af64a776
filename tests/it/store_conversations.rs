//! Conversations in the database: summaries as their viewer may see them, and what a room loads.

use crate::store_messages::world::{World, at};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::contact::Action;
use palabre::model::{ConversationId, ProjectId, UserId};
use palabre::store::members::{self, Advance};
use palabre::store::schema::conversations as conversation_table;
use palabre::store::{contacts, conversations};
use palabre::wire::shapes::{Conversation, ConversationKind};

async fn summary(
    world: &mut World,
    viewer: UserId,
    before: Option<DateTime<Utc>>,
    limit: i64,
) -> (Vec<Conversation>, bool) {
    conversations::summary(&mut world.conn, world.project, viewer, before, limit, at(100)).await.unwrap()
}

/// Makes a conversation look active at a time.
async fn active(world: &mut World, id: ConversationId, time: DateTime<Utc>) {
    diesel::update(conversation_table::table.find(id))
        .set(conversation_table::updated_at.eq(time))
        .execute(&mut world.conn)
        .await
        .unwrap();
}

fn ids(conversations: &[Conversation]) -> Vec<ConversationId> {
    conversations.iter().map(|conversation| conversation.id).collect()
}

#[tokio::test]
async fn a_summary_leaves_out_what_blocked_authors_wrote() {
    let mut world = World::new().await;
    let people = world.users(3).await;
    let [ann, ben, foe] = people[..] else { panic!("three were asked for") };
    let id = world.group(&people).await;
    world.say(id, ben, &["one", "two"]).await;
    world.say(id, ann, &["mine"]).await;
    world.say(id, foe, &["noise", "noise"]).await;
    world.block(ann, foe).await;
    members::advance(&mut world.conn, &[Advance { conversation: id, user: ann, delivered: 0, read: 1, tell: true }])
        .await
        .unwrap();

    let (of_ann, more) = summary(&mut world, ann, None, 10).await;
    let [conversation] = &of_ann[..] else { panic!("one conversation: {of_ann:?}") };
    let own = conversation.own.unwrap();
    assert_eq!(conversation.last_message.as_ref().unwrap().body, "mine");
    assert_eq!((conversation.last_seq, conversation.members.is_none(), more), (5, true, false));
    assert_eq!((own.read_seq, own.unread), (1, 1));

    let (of_ben, _) = summary(&mut world, ben, None, 10).await;
    assert_eq!(of_ben[0].last_message.as_ref().unwrap().body, "noise");
}

#[tokio::test]
async fn unread_is_counted_up_to_a_thousand() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let id = world.group(&[ann, ben]).await;
    world.say(id, ann, &["more"; 1_001]).await;
    assert_eq!(summary(&mut world, ben, None, 10).await.0[0].own.unwrap().unread, 1_000);
    assert_eq!(summary(&mut world, ann, None, 10).await.0[0].own.unwrap().unread, 0);
}

#[tokio::test]
async fn pages_go_from_the_latest_activity_back() {
    let mut world = World::new().await;
    let ann = world.user("ann").await;
    let mut groups = Vec::new();
    for age in 0..5 {
        let id = world.group(&[ann]).await;
        active(&mut world, id, at(-age)).await;
        groups.push(id);
    }
    let (first, more) = summary(&mut world, ann, None, 2).await;
    assert_eq!((ids(&first), more), (groups[..2].to_vec(), true));
    let (rest, more) = summary(&mut world, ann, Some(at(-1)), 5).await;
    assert_eq!((ids(&rest), more), (groups[2..].to_vec(), false));
}

#[tokio::test]
async fn a_page_does_not_end_within_a_millisecond() {
    let mut world = World::new().await;
    let ann = world.user("ann").await;
    let first = world.group(&[ann]).await;
    active(&mut world, first, at(1)).await;
    let mut twins = Vec::new();
    for micros in [20, 10] {
        let id = world.group(&[ann]).await;
        active(&mut world, id, at(0) + TimeDelta::microseconds(micros)).await;
        twins.push(id);
    }
    let (page, more) = summary(&mut world, ann, None, 2).await;
    assert_eq!((ids(&page), more), (vec![first], true));
    let (page, more) = summary(&mut world, ann, Some(at(1)), 2).await;
    assert_eq!((ids(&page), more), (twins, false));
}

#[tokio::test]
async fn private_conversations_are_listed_with_both_members() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let (project, id) = (world.project, ConversationId::random());
    contacts::apply(&mut world.conn, project, ann, ben, Action::Invite, id).await.unwrap();
    contacts::apply(&mut world.conn, project, ben, ann, Action::Accept, id).await.unwrap();
    world.say(id, ann, &["hello"]).await;
    let (page, _) = summary(&mut world, ben, None, 10).await;
    assert_eq!((ids(&page), page[0].kind), (vec![id], ConversationKind::Private));
    assert_eq!((page[0].members.as_ref().unwrap().len(), page[0].member_count), (2, 2));
    assert_eq!(page[0].own.unwrap().unread, 1);
}

#[tokio::test]
async fn one_conversation_is_shown_with_fifty_members_at_most() {
    let mut world = World::new().await;
    let people = world.users(51).await;
    let stranger = world.user("stranger").await;
    let id = world.group(&people).await;
    let project = world.project;
    let pushed = conversations::one(&mut world.conn, project, id, None).await.unwrap().unwrap();
    let listed: Vec<_> = pushed.members.unwrap().iter().map(|member| member.user.id).collect();
    assert_eq!((listed, pushed.own), (people[..50].to_vec(), None));
    let own = conversations::one(&mut world.conn, project, id, Some(people[50])).await.unwrap().unwrap().own;
    assert!(own.is_some());
    assert!(conversations::one(&mut world.conn, project, id, Some(stranger)).await.unwrap().unwrap().own.is_none());
    assert_eq!(conversations::one(&mut world.conn, ProjectId::random(), id, None).await.unwrap(), None);
}

#[tokio::test]
async fn a_room_loads_its_members() {
    let mut world = World::new().await;
    let mut people = world.users(3).await;
    let id = world.group(&people).await;
    let empty = world.group(&[]).await;
    let room = conversations::load(&mut world.conn, world.project, id).await.unwrap().unwrap();
    let mut ids: Vec<_> = room.members.iter().map(|member| member.user_id).collect();
    ids.sort_unstable();
    people.sort_unstable();
    assert_eq!((ids, room.version, room.last_seq), (people, 1, 0));
    assert!(conversations::load(&mut world.conn, world.project, empty).await.unwrap().unwrap().members.is_empty());
    assert_eq!(conversations::load(&mut world.conn, ProjectId::random(), id).await.unwrap(), None);
}
