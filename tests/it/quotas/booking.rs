//! What is reserved, and what is booked in the end.

use super::{World, beside, granted, used};
use crate::support::wait::until_async;
use palabre::model::quota::Level;
use palabre::store::projects;
use palabre::store::usage;
use palabre::store::{departure, quotas};

const LEVELS: [Level; 4] = [Level::Organization, Level::Project, Level::Conversation, Level::User];

#[tokio::test]
async fn a_call_counts_on_every_level_and_in_the_ledger() {
    let world = World::new().await;
    let quota = world.one();
    // 3 and 15 a million.
    let reservation = granted(&quota, world.priced(100, 200, (3_000_000, 15_000_000))).await;
    assert_eq!(reservation.output_tokens(), 200);
    for level in LEVELS {
        let balance = world.balance(level).await;
        assert_eq!((balance.reserved.tokens, balance.reserved.money), (300, 300 + 3_000), "{level:?}");
        assert_eq!(balance.used.tokens, 0, "{level:?}");
    }
    reservation.settle(used(90, 50)).await.unwrap();
    for level in LEVELS {
        let balance = world.balance(level).await;
        assert_eq!((balance.used.tokens, balance.used.money), (140, 270 + 750), "{level:?}");
        assert_eq!(balance.reserved.tokens, 0, "{level:?}");
    }
    assert_eq!(world.ledger().await, (1, 90, 50, 1_020));
    assert_eq!(quota.of_user(world.user.row.id).await.unwrap().tokens_remaining(), Some(860));
}

#[tokio::test]
async fn more_than_was_reserved_is_booked_all_the_same() {
    let world = World::new().await;
    let quota = world.one();
    granted(&quota, world.call(100, 200)).await.settle(used(5_000, 6_000)).await.unwrap();
    assert_eq!((world.used().await, world.ledger().await), (11_000, (1, 5_000, 6_000, 0)));
    assert_eq!(quota.of_user(world.user.row.id).await.unwrap().tokens_remaining(), Some(0));
}

#[tokio::test]
async fn what_came_to_nothing_counts_nothing() {
    let world = World::new().await;
    let quota = world.one();
    let reservation = granted(&quota, world.call(100, 200)).await;
    reservation.note_used(used(100, 20)).await.unwrap();
    reservation.release().await.unwrap();
    assert_eq!((world.used().await, world.reserved().await, world.ledger().await), (0, 0, (0, 0, 0, 0)));
}

#[tokio::test]
async fn a_task_that_ends_in_the_middle_books_what_it_had_noted() {
    let world = World::new().await;
    let quota = world.one();
    let work = async {
        let reservation = granted(&quota, world.call(100, 200)).await;
        reservation.note_used(used(100, 20)).await.unwrap();
        // What is noted later is never less.
        reservation.note_used(used(100, 10)).await.unwrap();
        drop(reservation);
        until_async("the drop is booked", async || (world.used().await == 120).then_some(())).await;
    };
    beside(&[&quota], work).await;
    assert_eq!((world.reserved().await, world.ledger().await), (0, (1, 100, 20, 0)));
}

#[tokio::test]
async fn what_is_settled_twice_is_booked_once() {
    let world = World::new().await;
    let quota = world.one();
    let reservation = granted(&quota, world.call(100, 200)).await;
    // The answer to the first was lost.
    let conn = &mut world.project.conn().await;
    usage::settle(conn, reservation.id(), Some(used(10, 20)), 1_000).await.unwrap();
    reservation.settle(used(10, 20)).await.unwrap();
    assert_eq!((world.used().await, world.ledger().await), (30, (1, 10, 20, 0)));
}

#[tokio::test]
async fn a_settlement_that_is_given_up_is_booked_by_the_keeper() {
    let world = World::new().await;
    let quota = world.one();
    let work = async {
        let reservation = granted(&quota, world.call(100, 200)).await;
        let mut settling = Box::pin(reservation.settle(used(30, 40)));
        // It has begun, and waits for the database.
        assert!(futures_util::poll!(&mut settling).is_pending());
        drop(settling);
        until_async("it is booked", async || (world.used().await == 70).then_some(())).await;
    };
    beside(&[&quota], work).await;
    assert_eq!((world.reserved().await, world.ledger().await), (0, (1, 30, 40, 0)));
}

#[tokio::test]
async fn use_is_booked_whoever_is_gone_meanwhile() {
    let world = World::new().await;
    let quota = world.one();
    let (first, second) = (granted(&quota, world.call(10, 20)).await, granted(&quota, world.call(10, 20)).await);
    let conn = &mut world.project.conn().await;
    departure::delete(conn, world.project.id, world.user.row.id).await.unwrap();
    first.settle(used(1, 2)).await.unwrap();
    assert_eq!(world.balance(Level::Project).await.used.tokens, 3);
    assert_eq!(world.used().await, 0, "the user's month went with the user");
    assert_eq!(world.ledger().await, (1, 1, 2, 0));

    while !projects::delete_some(conn, world.project.id).await.unwrap() {}
    second.settle(used(3, 4)).await.unwrap();
    assert_eq!(world.balance(Level::Organization).await.used.tokens, 10);
    assert_eq!(world.balance(Level::Project).await.used.tokens, 0);
    assert_eq!((world.calls("granted").await, world.ledger().await), (0, (0, 0, 0, 0)));
}

#[tokio::test]
async fn nobody_reserves_for_what_is_not_the_projects() {
    let world = World::new().await;
    let quota = world.one();
    let other = crate::support::project::Project::create(&world.db, "q", &[]).await;
    let stranger = other.user("alice").await;
    let mut call = world.call(1, 1);
    call.user = Some(stranger.row.id);
    assert_eq!(super::refused(&quota, call).await.to_string(), "user not found");
    let mut call = world.call(1, 1);
    call.project = palabre::model::ProjectId::random();
    assert_eq!(super::refused(&quota, call).await.to_string(), "project not found");
    // A conversation of another project is not counted there.
    let theirs = other.group_of(&[&stranger]).await.parse().unwrap();
    let mut call = world.call(1, 1);
    call.conversation = Some(theirs);
    granted(&quota, call).await.settle(used(1, 1)).await.unwrap();
    let month = palabre::model::quota::month_of(*world.now.lock().unwrap());
    let conn = &mut world.project.conn().await;
    let balance = quotas::balance(conn, Level::Conversation, theirs.0, month).await.unwrap();
    assert_eq!(balance.used.tokens, 0);
}
