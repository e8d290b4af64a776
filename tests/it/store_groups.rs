//! Groups in the database: made, changed and deleted by those who may, and who answers in them.

use crate::store_messages::world::{World, until_one_waits};
use diesel::prelude::*;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, RunQueryDsl, TransactionManager};
use palabre::model::contact::Action;
use palabre::model::permission::Permission;
use palabre::model::{ChatbotId, ConversationId, Failure, ProjectId, UserId};
use palabre::store::conversations::RoomRow;
use palabre::store::groups::{self, ChangedGroup, CreatedGroup, GroupEdit};
use palabre::store::modes::{self, ChangedMode};
use palabre::store::schema::{chatbots, projects};
use palabre::store::{contacts, conversations, departure};
use palabre::wire::shapes::Mode;

const NOT_FOUND: Failure = Failure::NotFound("conversation");

async fn create(
    world: &mut World,
    creator: UserId,
    name: &str,
    add: &[UserId],
) -> Result<(ConversationId, CreatedGroup), Failure> {
    let id = ConversationId::random();
    let edit = GroupEdit { name: Some(name.to_owned()), add: add.to_vec(), ..GroupEdit::default() };
    groups::create_group(&mut world.conn, world.project, creator, id, &edit).await.map(|created| (id, created))
}

async fn change(
    world: &mut World,
    id: ConversationId,
    actor: UserId,
    edit: GroupEdit,
) -> Result<ChangedGroup, Failure> {
    groups::change_group(&mut world.conn, world.project, id, actor, &edit).await
}

async fn set_mode(
    world: &mut World,
    id: ConversationId,
    actor: UserId,
    mode: Mode,
    chatbot: Option<ChatbotId>,
) -> Result<ChangedMode, Failure> {
    modes::set_mode(&mut world.conn, world.project, id, actor, mode, chatbot).await
}

async fn room(world: &mut World, id: ConversationId) -> RoomRow {
    conversations::load(&mut world.conn, world.project, id).await.unwrap().unwrap()
}

async fn chatbot(world: &mut World, name: &str) -> ChatbotId {
    let id = ChatbotId::random();
    diesel::insert_into(chatbots::table)
        .values((
            chatbots::id.eq(id),
            chatbots::project_id.eq(world.project),
            chatbots::name.eq(name),
            chatbots::llm.eq("echo"),
        ))
        .execute(&mut world.conn)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn who_blocks_the_caller_is_left_out() {
    let mut world = World::new().await;
    let (ann, ben, foe) = (world.user("ann").await, world.user("ben").await, world.user("foe").await);
    world.block(foe, ann).await;
    let (id, created) = create(&mut world, ann, "team", &[ben, foe]).await.unwrap();
    let members = vec![(ann, Permission::Own), (ben, Permission::Write)];
    assert_eq!(created.members, members);
    let edit = GroupEdit { add: vec![foe], permissions: vec![(foe, Permission::Read)], ..GroupEdit::default() };
    let changed = change(&mut world, id, ann, edit).await.unwrap();
    assert_eq!((changed.added.len(), changed.changed), (0, false));
    let shape = conversations::one(&mut world.conn, world.project, id, Some(ann)).await.unwrap().unwrap();
    assert_eq!((shape.member_count, shape.members.unwrap().len()), (2, 2));
    assert_eq!(shape.own.unwrap().permission, Permission::Own);
}

#[tokio::test]
async fn a_name_is_taken_regardless_of_case() {
    let mut world = World::new().await;
    let ann = world.user("ann").await;
    create(&mut world, ann, "Team", &[]).await.unwrap();
    assert_eq!(create(&mut world, ann, "tEAM", &[]).await.unwrap_err(), Failure::NameTaken);
    let (id, _) = create(&mut world, ann, "other", &[]).await.unwrap();
    let rename = GroupEdit { name: Some("TEAM".to_owned()), ..GroupEdit::default() };
    assert_eq!(change(&mut world, id, ann, rename).await.unwrap_err(), Failure::NameTaken);
}

#[tokio::test]
async fn one_change_does_it_all_and_counts_once() {
    let mut world = World::new().await;
    let people = world.users(4).await;
    let [ann, ben, cat, dan] = people[..] else { panic!("four were asked for") };
    let (id, _) = create(&mut world, ann, "team", &[ben, cat]).await.unwrap();
    world.say(id, ann, &["one", "two"]).await;
    let edit = GroupEdit {
        title: Some("The team".to_owned()),
        add: vec![dan, ben],
        remove: vec![cat],
        permissions: vec![(ben, Permission::Administer), (dan, Permission::Read)],
        ..GroupEdit::default()
    };
    let changed = change(&mut world, id, ann, edit).await.unwrap();
    let expected = ChangedGroup { added: vec![dan], removed: vec![cat], permissions_changed: vec![ben], changed: true };
    assert_eq!(changed, expected);
    let room = room(&mut world, id).await;
    let newcomer = room.members.iter().find(|member| member.user_id == dan).unwrap();
    assert_eq!((room.version, room.last_seq, newcomer.permission), (2, 2, Permission::Read));
    assert_eq!((newcomer.delivered_seq, newcomer.told_read_seq), (2, 2));
    let shape = conversations::one(&mut world.conn, world.project, id, Some(dan)).await.unwrap().unwrap();
    assert_eq!((shape.member_count, shape.title.as_deref()), (3, Some("The team")));
    assert_eq!(shape.own.unwrap().unread, 0);
}

#[tokio::test]
async fn rights_are_those_of_the_model() {
    let mut world = World::new().await;
    let (ann, ben, eve) = (world.user("ann").await, world.user("ben").await, world.user("eve").await);
    let (id, _) = create(&mut world, ann, "team", &[ben]).await.unwrap();
    let add_eve = GroupEdit { add: vec![eve], ..GroupEdit::default() };
    assert!(matches!(change(&mut world, id, ben, add_eve.clone()).await, Err(Failure::Forbidden(_))));
    assert_eq!(change(&mut world, id, eve, add_eve).await.unwrap_err(), NOT_FOUND);
    let leave = |user| GroupEdit { remove: vec![user], ..GroupEdit::default() };
    assert!(matches!(change(&mut world, id, ann, leave(ann)).await, Err(Failure::Conflict(_))));
    assert_eq!(change(&mut world, id, ben, leave(ben)).await.unwrap().removed, [ben]);
    assert_eq!(room(&mut world, id).await.members.len(), 1);
    let elsewhere = groups::delete_group(&mut world.conn, ProjectId::random(), id, ann).await;
    assert_eq!(elsewhere.unwrap_err(), NOT_FOUND);
}

#[tokio::test]
async fn only_an_owner_deletes() {
    let mut world = World::new().await;
    let (ann, ben, eve) = (world.user("ann").await, world.user("ben").await, world.user("eve").await);
    let (id, _) = create(&mut world, ann, "team", &[ben]).await.unwrap();
    world.say(id, ann, &["one"]).await;
    let project = world.project;
    assert!(matches!(groups::delete_group(&mut world.conn, project, id, ben).await, Err(Failure::Forbidden(_))));
    assert_eq!(groups::delete_group(&mut world.conn, project, id, eve).await.unwrap_err(), NOT_FOUND);
    let mut members = groups::delete_group(&mut world.conn, project, id, ann).await.unwrap();
    members.sort_unstable();
    let mut expected = vec![ann, ben];
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!(conversations::load(&mut world.conn, project, id).await.unwrap(), None);
}

#[tokio::test]
async fn private_conversations_are_no_groups() {
    let mut world = World::new().await;
    let (ann, ben, eve) = (world.user("ann").await, world.user("ben").await, world.user("eve").await);
    let project = world.project;
    let id = ConversationId::random();
    contacts::apply(&mut world.conn, project, ann, ben, Action::Invite, id).await.unwrap();
    contacts::apply(&mut world.conn, project, ben, ann, Action::Accept, id).await.unwrap();
    let leave = GroupEdit { remove: vec![ann], ..GroupEdit::default() };
    assert!(matches!(change(&mut world, id, ann, leave.clone()).await, Err(Failure::Forbidden(_))));
    assert!(matches!(groups::delete_group(&mut world.conn, project, id, ann).await, Err(Failure::Forbidden(_))));
    assert!(matches!(set_mode(&mut world, id, ann, Mode::Human, None).await, Err(Failure::Forbidden(_))));
    assert_eq!(change(&mut world, id, eve, leave).await.unwrap_err(), NOT_FOUND);
}

#[tokio::test]
async fn mode_bot_finds_a_chatbot_or_asks_for_one() {
    let mut world = World::new().await;
    let (ann, ben) = (world.user("ann").await, world.user("ben").await);
    let (id, _) = create(&mut world, ann, "team", &[ben]).await.unwrap();
    let unnamed = set_mode(&mut world, id, ann, Mode::Bot, None).await.unwrap_err();
    assert!(matches!(unnamed, Failure::Invalid { field, .. } if field == "chatbot"));
    let unknown = set_mode(&mut world, id, ann, Mode::Bot, Some(ChatbotId::random())).await;
    assert_eq!(unknown.unwrap_err(), Failure::NotFound("chatbot"));
    assert!(matches!(set_mode(&mut world, id, ben, Mode::Bot, None).await, Err(Failure::Forbidden(_))));

    let (assistant, other) = (chatbot(&mut world, "assistant").await, chatbot(&mut world, "other").await);
    diesel::update(projects::table.find(world.project))
        .set(projects::assistant_id.eq(assistant))
        .execute(&mut world.conn)
        .await
        .unwrap();
    let on = set_mode(&mut world, id, ann, Mode::Bot, None).await.unwrap();
    assert_eq!((on.chatbot, on.changed), (Some(assistant), true));
    let named = set_mode(&mut world, id, ann, Mode::Bot, Some(other)).await.unwrap();
    assert_eq!(named.chatbot, Some(other));
    let off = set_mode(&mut world, id, ann, Mode::Human, None).await.unwrap();
    assert_eq!(off.chatbot, Some(other));
    assert!(!set_mode(&mut world, id, ann, Mode::Human, None).await.unwrap().changed);
    let room = room(&mut world, id).await;
    assert_eq!((room.mode, room.chatbot, room.version), (Mode::Human, Some(other), 4));
}

/// Two changes at once, each on a connection of its own: the second begins when the first is done but not yet stored.
async fn one_after_the_other<F, S>(
    world: &World,
    first: impl AsyncFnOnce(&mut AsyncPgConnection) -> F,
    second: impl AsyncFnOnce(&mut AsyncPgConnection) -> S,
) -> (F, S) {
    let db = &world.db;
    let (mut holder, mut waiter, mut watcher) = (db.connection().await, db.connection().await, db.connection().await);
    AnsiTransactionManager::begin_transaction(&mut holder).await.unwrap();
    let done = first(&mut holder).await;
    let store = async {
        until_one_waits(&mut watcher).await;
        AnsiTransactionManager::commit_transaction(&mut holder).await.unwrap();
    };
    let (second, ()) = tokio::join!(second(&mut waiter), store);
    (done, second)
}

#[tokio::test]
async fn who_is_deleted_while_being_added_is_counted_out_again() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (group, _) = create(&mut world, alice, "chess", &[]).await.unwrap();
    let project = world.project;
    let edit = GroupEdit { add: vec![bob], ..GroupEdit::default() };
    let (added, departed) = one_after_the_other(
        &world,
        async |conn| groups::change_group(conn, project, group, alice, &edit).await.unwrap().added,
        async |conn| departure::delete(conn, project, bob).await.unwrap(),
    )
    .await;
    assert_eq!(added, [bob]);
    assert_eq!(departed.conversations.iter().map(|left| left.id).collect::<Vec<_>>(), [group]);
    let seen = conversations::one(&mut world.conn, project, group, Some(alice)).await.unwrap().unwrap();
    assert_eq!(seen.member_count, 1);
}

#[tokio::test]
async fn who_is_added_while_being_deleted_is_nobody() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (group, _) = create(&mut world, alice, "chess", &[]).await.unwrap();
    let project = world.project;
    let edit = GroupEdit { add: vec![bob], ..GroupEdit::default() };
    let (_, changed) = one_after_the_other(
        &world,
        async |conn| departure::delete(conn, project, bob).await.unwrap(),
        async |conn| groups::change_group(conn, project, group, alice, &edit).await.unwrap(),
    )
    .await;
    assert!(changed.added.is_empty());
    let seen = conversations::one(&mut world.conn, project, group, Some(alice)).await.unwrap().unwrap();
    assert_eq!(seen.member_count, 1);
}

#[tokio::test]
async fn who_is_invited_while_being_deleted_is_worth_another_try() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let project = world.project;
    let (_, invited) = one_after_the_other(
        &world,
        async |conn| departure::delete(conn, project, bob).await.unwrap(),
        async |conn| contacts::apply(conn, project, alice, bob, Action::Invite, ConversationId::random()).await,
    )
    .await;
    assert_eq!(invited.unwrap_err(), Failure::Unavailable);
    let again = contacts::apply(&mut world.conn, project, alice, bob, Action::Invite, ConversationId::random()).await;
    assert_eq!(again.unwrap_err(), Failure::NotFound("user"));
}
