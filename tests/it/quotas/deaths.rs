//! Processes that die, are paused, or live on.

use super::{World, beside, granted, refused, used};
use crate::faults::proxy::{Proxy, Way};
use crate::support::wait::until_async;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::assistant::quota::{Quota, Settings};
use palabre::model::{Clock, Failure};
use palabre::store::schema::reservations;
use palabre::store::{Database, usage};
use std::time::Duration;

#[tokio::test]
async fn a_dead_process_gives_back_what_it_reserved_and_what_it_used_is_booked() {
    let world = World::new().await;
    let (dead, living) = (world.one(), world.one());
    let lost = granted(&dead, world.call(100, 800)).await;
    lost.note_used(used(100, 30)).await.unwrap();
    // Nobody looks after the calls of a process that is gone.
    std::mem::forget(lost);
    let work = async {
        let waiting = granted(&living, world.call(100, 500));
        let death = async {
            until_async("it waits", async || (world.calls("waiting").await == 1).then_some(())).await;
            let conn = &mut world.project.conn().await;
            diesel::sql_query("UPDATE reservations SET leased_until = now() - interval '1 s' WHERE state = 'granted'")
                .execute(conn)
                .await
                .unwrap();
        };
        let (next, ()) = tokio::join!(waiting, death);
        next.release().await.unwrap();
    };
    beside(&[&living], work).await;
    assert_eq!((world.used().await, world.reserved().await), (130, 0));
    assert_eq!(world.ledger().await, (1, 100, 30, 0));
}

#[tokio::test]
async fn a_process_that_was_only_paused_books_the_rest() {
    let world = World::new().await;
    let paused = world.one();
    let reservation = granted(&paused, world.priced(100, 800, (10_000_000, 10_000_000))).await;
    reservation.note_used(used(100, 30)).await.unwrap();
    world.end_leases().await;
    let conn = &mut world.project.conn().await;
    assert!(usage::take_back(conn, 1_000).await.unwrap().is_some());
    assert!(usage::take_back(conn, 1_000).await.unwrap().is_none(), "once");
    assert_eq!((world.used().await, world.calls("taken_back").await), (130, 1));
    reservation.note_used(used(100, 200)).await.unwrap();
    reservation.settle(used(100, 400)).await.unwrap();
    assert_eq!((world.used().await, world.ledger().await), (500, (1, 100, 400, 5_000)));
    assert_eq!(world.calls("taken_back").await, 0);
}

#[tokio::test]
async fn one_that_never_comes_back_is_forgotten_with_all_it_noted_booked() {
    let world = World::new().await;
    let paused = world.one();
    let reservation = granted(&paused, world.call(100, 800)).await;
    let conn = &mut world.project.conn().await;
    world.end_leases().await;
    usage::take_back(conn, 1_000).await.unwrap().unwrap();
    reservation.note_used(used(100, 200)).await.unwrap();
    std::mem::forget(reservation);
    world.end_leases().await;
    usage::take_back(conn, 1_000).await.unwrap().unwrap();
    assert_eq!((world.used().await, world.calls("taken_back").await, world.ledger().await.0), (300, 0, 1));
}

#[tokio::test]
async fn two_who_take_back_at_once_book_once() {
    let world = World::new().await;
    let dead = world.one();
    for _ in 0..5 {
        let lost = granted(&dead, world.call(10, 20)).await;
        lost.note_used(used(10, 10)).await.unwrap();
        std::mem::forget(lost);
    }
    world.end_leases().await;
    let sweeps = (0..4).map(|_| async {
        let conn = &mut world.project.conn().await;
        let mut taken = 0;
        while usage::take_back(conn, 1_000).await.unwrap().is_some() {
            taken += 1;
        }
        taken
    });
    let taken: Vec<i32> = futures_util::future::join_all(sweeps).await;
    assert_eq!(taken.iter().sum::<i32>(), 5);
    assert_eq!((world.used().await, world.reserved().await, world.ledger().await.0), (100, 0, 5));
}

#[tokio::test]
async fn one_that_waits_in_a_dead_process_holds_up_nobody() {
    let world = World::new().await;
    let (dead, living) = (world.one(), world.one());
    let first = granted(&living, world.call(100, 700)).await;
    let mut waiting = Box::pin(dead.reserve(world.call(100, 600)));
    tokio::select! {
        _ = &mut waiting => panic!("it does not fit"),
        () = until_async("it waits", async || (world.calls("waiting").await == 1).then_some(())) => {}
    }
    std::mem::forget(waiting);
    diesel::sql_query("UPDATE reservations SET leased_until = now() - interval '1 s' WHERE state = 'waiting'")
        .execute(&mut world.project.conn().await)
        .await
        .unwrap();
    let small = granted(&living, world.call(100, 50)).await;
    drop((first, small));
}

#[tokio::test]
async fn the_living_renew_their_leases() {
    let world = World::new().await;
    let quota = world.process(|settings| settings.lease = Duration::from_millis(900));
    let reservation = granted(&quota, world.call(100, 800)).await;
    let leased_until = async || -> DateTime<Utc> {
        let conn = &mut world.project.conn().await;
        reservations::table.select(reservations::leased_until).first(conn).await.unwrap()
    };
    let begin = leased_until().await;
    let work = until_async("more than three leases pass", async || {
        (leased_until().await - begin > chrono::TimeDelta::milliseconds(2_700)).then_some(())
    });
    beside(&[&quota], work).await;
    assert_eq!(world.calls("granted").await, 1);
    reservation.settle(used(1, 1)).await.unwrap();
    assert_eq!(world.used().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_database_could_not_take_is_booked_when_it_is_back() {
    let world = World::new().await;
    let proxy = Proxy::to(&world.db).await;
    let now = *world.now.lock().unwrap();
    let database = Database::connect(&proxy.url(), 4).unwrap();
    let quota = Quota::new(database, Clock::from_fn(move || now), Settings::default());
    let reservation = granted(&quota, world.call(100, 800)).await;
    let dropped = granted(&quota, world.call(100, 800)).await;
    dropped.note_used(used(3, 4)).await.unwrap();
    proxy.set(Way::Closed);
    assert_eq!(reservation.settle(used(10, 20)).await, Err(Failure::Unavailable));
    drop(dropped);
    assert_eq!(refused(&quota, world.call(1, 1)).await, Failure::Unavailable);
    assert_eq!(world.reserved().await, 1_800);
    proxy.set(Way::Open);
    let work = until_async("both are booked", async || {
        (world.calls("granted").await == 0 && world.used().await == 37).then_some(())
    });
    beside(&[&quota], work).await;
    assert_eq!(world.ledger().await, (2, 13, 24, 0));
}
