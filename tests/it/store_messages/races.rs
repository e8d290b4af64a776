//! The group commit among other writers: numbers without gaps, one winner an id, no deadlock.

use super::world::{World, seqs, until_one_waits};
use crate::support::db::TestDb;
use diesel::prelude::*;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, RunQueryDsl, TransactionManager};
use palabre::model::{ConversationId, Failure, MessageId};
use palabre::store::messages::{NewMessage, Outcome, store_batch};
use palabre::store::schema::conversations;
use std::collections::{HashMap, HashSet};

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
