//! The group commit: numbers, ids used twice, authors gone meanwhile, and what comes with a message.

use super::world::{World, at, seqs};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::{ChatbotId, ConversationId, MessageId, OrganizationId, ProjectId};
use palabre::store::messages::{NewMessage, Outcome, by_id, edit};
use palabre::store::schema::{chatbots, conversations, media, messages, projects, users};
use palabre::wire::shapes::{MessageKind, Role};

#[tokio::test]
async fn numbers_follow_the_batch_in_each_conversation() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let (one, two) = (world.group(&[alice]).await, world.group(&[alice]).await);
    let batch: Vec<_> = [one, two, one, one, two].map(|place| world.text(place, alice, "hi")).into();
    assert_eq!(seqs(&world.store(&batch).await), [1, 1, 2, 3, 2]);
    assert_eq!(seqs(&world.store(&[world.text(one, alice, "more")]).await), [4]);
    let ids: Vec<_> = world.stored(one).await.into_iter().take(3).map(|(_, id)| id).collect();
    assert_eq!(ids, [batch[0].id, batch[2].id, batch[3].id]);
    assert_eq!((world.last_seq(one).await, world.last_seq(two).await), (4, 2));
}

#[tokio::test]
async fn an_empty_batch_is_nothing() {
    let mut world = World::new().await;
    assert_eq!(world.store(&[]).await, []);
}

#[tokio::test]
async fn dates_never_go_back_within_a_conversation() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let on = |seconds| NewMessage { created_at: at(seconds), ..world.text(place, alice, "hi") };
    let batches = [vec![on(10), on(5), on(20)], vec![on(15), on(30)]];
    let mut dates = Vec::new();
    for batch in &batches {
        for outcome in world.store(batch).await {
            let Outcome::Stored { created_at, .. } = outcome else { panic!("{outcome:?}") };
            dates.push(created_at);
        }
    }
    assert_eq!(dates, [at(10), at(10), at(20), at(20), at(30)]);
    let active_at = conversations::table.find(place).select(conversations::active_at);
    assert_eq!(active_at.first::<chrono::DateTime<chrono::Utc>>(&mut world.conn).await.unwrap(), at(30));
}

#[tokio::test]
async fn nothing_is_stored_where_the_conversation_is_not_as_expected() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let good = world.text(place, alice, "good");
    let batch = [
        NewMessage { version: 2, ..world.text(place, alice, "too new") },
        world.text(ConversationId::random(), alice, "nowhere"),
        NewMessage { project: ProjectId::random(), ..world.text(place, alice, "of another project") },
        good.clone(),
    ];
    let outcomes = world.store(&batch).await;
    assert_eq!(outcomes[..3], [Outcome::Stale, Outcome::Gone, Outcome::Gone]);
    assert_eq!(seqs(&outcomes[3..]), [1]);
    assert_eq!(world.stored(place).await, [(1, good.id)]);
}

#[tokio::test]
async fn the_same_message_again_confirms_the_first_as_it_is_now() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let first = world.text(place, alice, "hi");
    world.store(std::slice::from_ref(&first)).await;
    edit(&mut world.conn, world.project, place, first.id, alice, "hello", at(1)).await.unwrap();

    let batch = [world.text(place, alice, "before"), first.clone(), world.text(place, alice, "after")];
    let outcomes = world.store(&batch).await;
    let Outcome::Confirmed(again) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!((again.id, again.seq, again.body.as_str()), (first.id, 1, "hello"));
    assert_eq!(seqs(&[outcomes[0].clone(), outcomes[2].clone()]), [2, 3]);
    assert_eq!(world.last_seq(place).await, 3);
}

#[tokio::test]
async fn an_id_used_for_something_else_is_taken() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (place, other) = (world.group(&[alice, bob]).await, world.group(&[alice]).await);
    let first = world.text(place, alice, "hi");
    world.store(std::slice::from_ref(&first)).await;
    let used = |message: NewMessage| NewMessage { id: first.id, ..message };
    let batch = [
        used(world.text(place, bob, "hi")),
        used(world.text(other, alice, "hi")),
        used(world.text(place, alice, "something else")),
    ];
    for message in &batch {
        assert_eq!(world.store(std::slice::from_ref(message)).await, [Outcome::IdTaken]);
    }
    assert_eq!(world.store(&batch).await, [Outcome::IdTaken, Outcome::IdTaken, Outcome::IdTaken]);
    assert_eq!((world.last_seq(place).await, world.last_seq(other).await), (1, 0));
}

#[tokio::test]
async fn ids_are_of_the_project() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let first = world.text(place, alice, "hi");
    world.store(std::slice::from_ref(&first)).await;
    let elsewhere = ProjectId::random();
    let owner: OrganizationId = projects::table.select(projects::organization_id).first(&mut world.conn).await.unwrap();
    diesel::insert_into(projects::table)
        .values((projects::id.eq(elsewhere), projects::organization_id.eq(owner), projects::name.eq("q")))
        .execute(&mut world.conn)
        .await
        .unwrap();
    world.project = elsewhere;
    let carol = world.user("carol").await;
    let there = world.group(&[carol]).await;
    let same_id = NewMessage { id: first.id, ..world.text(there, carol, "hi") };
    assert_eq!(seqs(&world.store(&[same_id]).await), [1]);
}

#[tokio::test]
async fn twice_in_one_batch_is_stored_once() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let first = world.text(place, alice, "hi");
    let other = NewMessage { id: first.id, ..world.text(place, alice, "other") };
    let game = world.invitation(place, alice, 2);
    let batch = [first.clone(), first.clone(), other, game.clone(), game.clone()];
    let outcomes = world.store(&batch).await;
    assert_eq!(seqs(&[outcomes[0].clone(), outcomes[3].clone()]), [1, 2]);
    assert!(matches!(&outcomes[1], Outcome::Confirmed(message) if message.seq == 1), "{outcomes:?}");
    assert_eq!(outcomes[2], Outcome::IdTaken);
    // The confirmation is whole: its invitation is there although it came in the same batch.
    assert!(matches!(&outcomes[4], Outcome::Confirmed(message) if message.game.is_some()), "{outcomes:?}");
    assert_eq!(world.last_seq(place).await, 2);
}

#[tokio::test]
async fn a_deleted_user_is_an_author_no_more() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    let first = world.text(place, bob, "0");
    assert_eq!(seqs(&world.store(std::slice::from_ref(&first)).await), [1]);
    diesel::delete(users::table.find(bob)).execute(&mut world.conn).await.unwrap();
    let kept = by_id(&mut world.conn, world.project, place, first.id, None, at(0)).await.unwrap().unwrap();
    assert_eq!(kept.author.username, "deleted");
    // With the user went a membership: what was checked before that is checked anew, whoever wrote it.
    let mut batch = [world.text(place, alice, "1"), world.text(place, bob, "2"), world.text(place, alice, "3")];
    assert_eq!(world.store(&batch).await, [Outcome::Stale, Outcome::Stale, Outcome::Stale]);
    batch.iter_mut().for_each(|message| message.version += 1);
    let [one, _, three] = batch;
    assert_eq!(seqs(&world.store(&[one, three]).await), [2, 3]);
}

#[tokio::test]
async fn a_deleted_conversation_takes_its_messages_along() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let (place, other) = (world.group(&[alice]).await, world.group(&[alice]).await);
    let batch = [world.text(place, alice, "1"), world.text(other, alice, "2")];
    assert_eq!(seqs(&world.store(&batch).await), [1, 1]);
    diesel::delete(conversations::table.find(place)).execute(&mut world.conn).await.unwrap();
    let left: Vec<ConversationId> =
        messages::table.select(messages::conversation_id).load(&mut world.conn).await.unwrap();
    assert_eq!(left, [other]);
}

#[tokio::test]
async fn bots_write_too_also_when_deleted_meanwhile() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let bot = ChatbotId::random();
    diesel::insert_into(chatbots::table)
        .values((
            chatbots::id.eq(bot),
            chatbots::project_id.eq(world.project),
            chatbots::name.eq("helper"),
            chatbots::llm.eq("echo"),
        ))
        .execute(&mut world.conn)
        .await
        .unwrap();
    let of_bot = |id| NewMessage { chatbot: Some(id), role: Role::Assistant, ..world.text(place, alice, "hello") };
    let (message, orphan) = (of_bot(bot), of_bot(ChatbotId::random()));
    assert_eq!(seqs(&world.store(std::slice::from_ref(&message)).await), [1]);
    assert!(matches!(world.store(std::slice::from_ref(&message)).await[..], [Outcome::Confirmed(_)]));
    assert_eq!(seqs(&world.store(std::slice::from_ref(&orphan)).await), [2]);
    let mut names = Vec::new();
    for id in [message.id, orphan.id] {
        let shape = by_id(&mut world.conn, world.project, place, id, None, at(0)).await.unwrap().unwrap();
        names.push(shape.author.username.clone());
    }
    assert_eq!(names, ["helper", "deleted"]);
}

#[tokio::test]
async fn attachments_and_invitations_are_stored_with_their_message() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let (one, two, gone) =
        (world.file(alice, "one").await, world.file(alice, "two").await, world.file(alice, "gone").await);
    diesel::delete(media::table.find(gone)).execute(&mut world.conn).await.unwrap();
    let with_files = NewMessage {
        attachments: vec![two, gone, one],
        reply_to: Some(MessageId::random()),
        tone: Some("/j".to_owned()),
        ..world.text(place, alice, "look")
    };
    let batch = [world.text(place, alice, "plain"), with_files.clone(), world.invitation(place, alice, 3)];
    assert_eq!(seqs(&world.store(&batch).await), [1, 2, 3]);

    let mut shapes = Vec::new();
    for message in &batch {
        shapes.push(by_id(&mut world.conn, world.project, place, message.id, None, at(0)).await.unwrap().unwrap());
    }
    assert!(shapes[0].attachments.is_empty() && shapes[0].game.is_none());
    let names: Vec<_> = shapes[1].attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["two", "one"]);
    assert_eq!((&shapes[1].reply_to, &shapes[1].tone), (&with_files.reply_to, &with_files.tone));
    let game = shapes[2].game.as_ref().unwrap();
    assert_eq!((game.name.as_str(), game.capacity, game.seats.len()), ("chess", 3, 0));
    assert_eq!(game.payload, serde_json::json!({"board": [1, 2]}));
}

#[tokio::test]
async fn every_word_and_character_comes_back() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    for body in ["{\"a\",NULL}", "NULL", "", "\\ ' \" {}", "👩‍👩‍👧 ß\n\t\u{1}", &"x".repeat(16_384)] {
        let message = NewMessage { kind: MessageKind::System, ..world.text(place, alice, body) };
        world.store(std::slice::from_ref(&message)).await;
        let shape = by_id(&mut world.conn, world.project, place, message.id, None, at(0)).await.unwrap().unwrap();
        assert_eq!((shape.body.as_str(), shape.kind), (body, MessageKind::System));
    }
}
