//! The group commit: numbers, ids used twice, what changed meanwhile, and writers at the same time.

use super::world::{World, at, seqs};
use crate::support::db::TestDb;
use crate::support::wait::until_async;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, RunQueryDsl, TransactionManager};
use palabre::model::{ChatbotId, ConversationId, Failure, MessageId, ProjectId};
use palabre::store::messages::{NewMessage, Outcome, by_id, digest, store_batch};
use palabre::store::schema::{chatbots, conversations, media, users};
use palabre::wire::shapes::{MessageKind, Role};
use std::collections::{HashMap, HashSet};

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
    palabre::store::messages::edit(&mut world.conn, world.project, place, first.id, alice, "hello", at(1))
        .await
        .unwrap();

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
    let organization = palabre::store::schema::projects::table;
    let owner: palabre::model::OrganizationId =
        organization.select(palabre::store::schema::projects::organization_id).first(&mut world.conn).await.unwrap();
    diesel::insert_into(organization)
        .values((
            palabre::store::schema::projects::id.eq(elsewhere),
            palabre::store::schema::projects::organization_id.eq(owner),
            palabre::store::schema::projects::name.eq("q"),
        ))
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
async fn a_deleted_author_does_not_stop_the_others() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    diesel::delete(users::table.find(bob)).execute(&mut world.conn).await.unwrap();
    let batch = [world.text(place, alice, "1"), world.text(place, bob, "2"), world.text(place, alice, "3")];
    let outcomes = world.store(&batch).await;
    assert_eq!(outcomes[1], Outcome::Stale);
    assert_eq!(seqs(&[outcomes[0].clone(), outcomes[2].clone()]), [1, 2]);
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

/// Waits until a connection of this database waits for a lock.
async fn until_one_waits(conn: &mut AsyncPgConnection) {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let waiting = "SELECT count(*) AS count FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until_async("a connection that waits for a lock", async || {
        let count = diesel::sql_query(waiting).get_result::<Count>(conn).await.unwrap().count;
        (count > 0).then_some(())
    })
    .await;
}

/// Runs `change` in a transaction that commits only when the batch already waits for it, and returns the batch's outcomes.
async fn overtaken(
    db: &TestDb,
    batch: Vec<NewMessage>,
    change: impl AsyncFnOnce(&mut AsyncPgConnection),
) -> Result<Vec<Outcome>, Failure> {
    let (mut holder, mut writer, mut watcher) = (db.connection().await, db.connection().await, db.connection().await);
    AnsiTransactionManager::begin_transaction(&mut holder).await.unwrap();
    change(&mut holder).await;
    let waiting = tokio::spawn(async move { store_batch(&mut writer, &batch).await });
    until_one_waits(&mut watcher).await;
    AnsiTransactionManager::commit_transaction(&mut holder).await.unwrap();
    waiting.await.unwrap()
}

#[tokio::test]
async fn a_change_of_members_that_wins_makes_the_batch_stale() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let (changed, untouched) = (world.group(&[alice]).await, world.group(&[alice]).await);
    let batch = vec![world.text(changed, alice, "late"), world.text(untouched, alice, "fine")];
    let outcomes = overtaken(&world.db, batch, async |conn| {
        diesel::update(conversations::table.find(changed))
            .set(conversations::version.eq(conversations::version + 1))
            .execute(conn)
            .await
            .unwrap();
    })
    .await
    .unwrap();
    assert_eq!(outcomes[0], Outcome::Stale);
    assert_eq!(seqs(&outcomes[1..]), [1]);
    assert_eq!((world.last_seq(changed).await, world.last_seq(untouched).await), (0, 1));
}

#[tokio::test]
async fn a_deletion_that_wins_leaves_the_conversation_gone() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let batch = vec![world.text(place, alice, "late")];
    let outcomes = overtaken(&world.db, batch, async |conn| {
        diesel::delete(conversations::table.find(place)).execute(conn).await.unwrap();
    })
    .await;
    assert_eq!(outcomes.unwrap(), [Outcome::Gone]);
}

#[tokio::test]
async fn a_batch_that_waited_counts_on_from_the_one_before() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let first = [world.text(place, alice, "1"), world.text(place, alice, "2")];
    let second = vec![world.text(place, alice, "3"), world.text(place, alice, "4")];
    let outcomes = overtaken(&world.db, second, async |conn| {
        store_batch(conn, &first).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!(seqs(&outcomes), [3, 4]);
    assert_eq!(world.last_seq(place).await, 4);
}

#[tokio::test]
async fn the_same_message_through_two_nodes_at_once_is_stored_once() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let (place, other) = (world.group(&[alice]).await, world.group(&[alice]).await);
    let message = world.text(place, alice, "hi");
    let same = vec![message.clone()];
    let outcomes = overtaken(&world.db, same, async |conn| {
        store_batch(conn, std::slice::from_ref(&message)).await.unwrap();
    })
    .await
    .unwrap();
    assert!(matches!(&outcomes[..], [Outcome::Confirmed(shape)] if shape.seq == 1), "{outcomes:?}");

    // In another conversation nothing but the id itself makes one wait for the other.
    let message = world.text(place, alice, "again");
    let elsewhere = vec![NewMessage { id: message.id, ..world.text(other, alice, "again") }];
    let outcomes = overtaken(&world.db, elsewhere, async |conn| {
        store_batch(conn, std::slice::from_ref(&message)).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!(outcomes, [Outcome::IdTaken]);
    assert_eq!((world.last_seq(place).await, world.last_seq(other).await), (2, 0));
}

/// Writers on connections of their own, as many nodes would be, on the same conversations in different orders, some of the
/// ids used by all of them: every message is stored once, numbers have no gap, and each writer's stand in its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_at_the_same_time_leave_no_gap_and_lose_nothing() {
    const WRITERS: usize = 4;
    const BATCHES: usize = 25;
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let places = [world.group(&[alice]).await, world.group(&[alice]).await, world.group(&[alice]).await];
    let shared: Vec<_> = (0..BATCHES).map(|n| world.text(places[n % 3], alice, "of all")).collect();

    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let batches: Vec<Vec<NewMessage>> = (0..BATCHES)
            .map(|n| {
                let own = (0..1 + (n * 7 + writer * 3) % 9)
                    .map(|m| world.text(places[(n + m * (writer + 1)) % 3], alice, "own"));
                let mut batch: Vec<_> = own.collect();
                if writer % 2 == 0 {
                    batch.push(shared[n].clone());
                } else {
                    batch.insert(0, shared[n].clone());
                }
                batch
            })
            .collect();
        let mut conn = world.db.connection().await;
        writers.push(tokio::spawn(async move {
            let mut done = Vec::new();
            for batch in batches {
                let outcomes = store_batch(&mut conn, &batch).await.unwrap();
                done.extend(batch.into_iter().zip(outcomes));
            }
            done
        }));
    }

    let mut numbers: HashMap<MessageId, (ConversationId, i64)> = HashMap::new();
    let mut stored_times: HashMap<MessageId, usize> = HashMap::new();
    for writer in writers {
        let mut latest: HashMap<ConversationId, i64> = HashMap::new();
        for (message, outcome) in writer.await.unwrap() {
            let seq = match outcome {
                Outcome::Stored { seq, .. } => {
                    *stored_times.entry(message.id).or_default() += 1;
                    let before = latest.insert(message.conversation, seq);
                    assert!(before.is_none_or(|before| before < seq), "a writer's own messages out of order");
                    seq
                }
                Outcome::Confirmed(shape) => shape.seq,
                other => panic!("{other:?}"),
            };
            let known = numbers.entry(message.id).or_insert((message.conversation, seq));
            assert_eq!(*known, (message.conversation, seq));
        }
    }
    assert!(stored_times.values().all(|times| *times == 1));
    assert_eq!(stored_times.len(), numbers.len());
    for place in places {
        let stored = world.stored(place).await;
        let gapless: Vec<i64> = (1..).take(stored.len()).collect();
        assert_eq!(stored.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), gapless);
        assert_eq!(world.last_seq(place).await, i64::try_from(stored.len()).unwrap());
        let told: HashSet<_> =
            numbers.iter().filter(|(_, (at, _))| *at == place).map(|(id, (_, seq))| (*seq, *id)).collect();
        assert_eq!(stored.into_iter().collect::<HashSet<_>>(), told);
    }
}

/// Two clients that use each other's ids in different conversations, in opposite order, can't make their batches wait for each
/// other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossed_ids_do_not_deadlock() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let (one, two) = (world.group(&[alice]).await, world.group(&[alice]).await);
    for _ in 0..30 {
        let forth: Vec<_> = (0..40).map(|_| world.text(one, alice, "x")).collect();
        let back: Vec<_> =
            forth.iter().rev().map(|message| NewMessage { conversation: two, ..message.clone() }).collect();
        let (mut here, mut there) = (world.db.connection().await, world.db.connection().await);
        let here = tokio::spawn(async move { store_batch(&mut here, &forth).await });
        let there = tokio::spawn(async move { store_batch(&mut there, &back).await });
        let stored = |outcomes: Vec<Outcome>| {
            outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Stored { .. })).count()
        };
        assert_eq!(stored(here.await.unwrap().unwrap()) + stored(there.await.unwrap().unwrap()), 40);
    }
    let all = world.last_seq(one).await + world.last_seq(two).await;
    assert_eq!(all, 30 * 40);
}

#[test]
fn the_digest_is_of_the_content() {
    let of = |body| digest(MessageKind::Text, body, None, None, &[], None);
    assert_eq!(of("hi"), of("hi"));
    assert_ne!(of("hi"), of("ho"));
}
