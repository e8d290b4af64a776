//! Calls that wait for others.

use super::{World, beside, granted, refused, used};
use crate::support::wait::until_async;
use futures_util::future::join;
use palabre::assistant::quota::Quota;
use palabre::model::Failure;
use palabre::model::quota::Level;
use std::sync::Mutex;
use std::time::Duration;

async fn waits(quota: &Quota, count: usize) {
    until_async("calls wait", async || (quota.waiting() == count).then_some(())).await;
}

#[tokio::test]
async fn a_call_goes_as_soon_as_others_give_back_what_they_did_not_use() {
    let world = World::new().await;
    let quota = world.one();
    let first = granted(&quota, world.call(100, 500)).await;
    let (second, ()) = join(granted(&quota, world.call(100, 500)), async {
        waits(&quota, 1).await;
        assert_eq!((world.calls("waiting").await, world.reserved().await), (1, 600));
        first.settle(used(100, 50)).await.unwrap();
    })
    .await;
    assert_eq!(second.output_tokens(), 500);
    assert_eq!((quota.waiting(), world.calls("waiting").await, world.reserved().await), (0, 0, 600));
    second.release().await.unwrap();
}

#[tokio::test]
async fn it_is_woken_from_another_process() {
    let world = World::new().await;
    let (one, two) = (world.one(), world.one());
    let first = granted(&one, world.call(100, 500)).await;
    let work = join(granted(&two, world.call(100, 500)), async {
        waits(&two, 1).await;
        first.release().await.unwrap();
    });
    let ((second, ()), _) = beside(&[&two], work).await;
    second.release().await.unwrap();
}

#[tokio::test]
async fn those_who_wait_go_in_their_order_over_all_processes() {
    let world = World::new().await;
    let (one, two) = (world.one(), world.one());
    let first = granted(&one, world.call(100, 700)).await;
    let order = Mutex::new(Vec::new());
    let note = |name: &'static str| order.lock().unwrap().push(name);
    let large = async {
        let reservation = granted(&two, world.call(100, 600)).await;
        note("large");
        reservation.release().await.unwrap();
    };
    // It would fit beside the first, but not beside the one that came before it.
    let small = async {
        until_async("the large one waits", async || (world.calls("waiting").await == 1).then_some(())).await;
        let reservation = granted(&one, world.call(100, 50)).await;
        note("small");
        reservation.settle(used(1, 1)).await.unwrap();
    };
    let opener = async {
        until_async("both wait", async || (world.calls("waiting").await == 2).then_some(())).await;
        assert!(order.lock().unwrap().is_empty());
        first.release().await.unwrap();
    };
    beside(&[&one, &two], async { tokio::join!(large, small, opener) }).await;
    // 700 and 150 fit together: who sees it first may go first, but neither before the first ended.
    assert_eq!(order.lock().unwrap().len(), 2);
    assert_eq!((world.used().await, world.reserved().await), (2, 0));
}

#[tokio::test]
async fn who_shares_no_quota_waits_for_nobody() {
    let world = World::new().await;
    let quota = world.one();
    let bob = world.project.user("bob").await;
    let first = granted(&quota, world.call(100, 700)).await;
    let mut waiting = Box::pin(quota.reserve(world.call(100, 700)));
    tokio::select! {
        _ = &mut waiting => panic!("it does not fit"),
        () = waits(&quota, 1) => {}
    }
    let mut call = world.call(100, 700);
    call.user = Some(bob.row.id);
    granted(&quota, call).await.release().await.unwrap();
    first.release().await.unwrap();
    waiting.await.ok().unwrap().release().await.unwrap();
}

#[tokio::test]
async fn who_waits_is_refused_when_others_use_the_quota_up() {
    let world = World::new().await;
    let quota = world.one();
    let first = granted(&quota, world.call(100, 900)).await;
    let (second, ()) = join(refused(&quota, world.call(100, 500)), async {
        waits(&quota, 1).await;
        first.settle(used(100, 900)).await.unwrap();
    })
    .await;
    assert_eq!(second, Failure::QuotaExceeded("user"));
}

#[tokio::test]
async fn a_raised_quota_lets_those_who_wait_go() {
    let world = World::new().await;
    let quota = world.one();
    let first = granted(&quota, world.call(100, 900)).await;
    let work = join(granted(&quota, world.call(100, 500)), async {
        waits(&quota, 1).await;
        world.set(Level::User, Some(10_000), None).await;
    });
    let ((second, ()), _) = beside(&[&quota], work).await;
    assert_eq!(second.output_tokens(), 500);
    drop((first, second));
}

#[tokio::test]
async fn waiting_has_bounds_in_number_and_time() {
    let world = World::new().await;
    let one = world.process(|settings| settings.waiting_of_organization = 1);
    let two = world.process(|settings| {
        settings.waiting_of_organization = 1;
        settings.patience = Duration::from_millis(100);
    });
    let first = granted(&one, world.call(100, 900)).await;
    let mut waiting = Box::pin(one.reserve(world.call(100, 500)));
    tokio::select! {
        _ = &mut waiting => panic!("it does not fit"),
        () = waits(&one, 1) => {}
    }
    assert_eq!(refused(&two, world.call(100, 500)).await, Failure::Unavailable, "too many of the organization");
    // Who gives up leaves the place to the next.
    drop(waiting);
    let work = until_async("the place is free", async || (world.calls("waiting").await == 0).then_some(()));
    beside(&[&one], work).await;
    assert_eq!(refused(&two, world.call(100, 500)).await, Failure::Unavailable, "too long");
    let work = until_async("the place is free", async || (world.calls("waiting").await == 0).then_some(()));
    beside(&[&two], work).await;
    assert_eq!(world.calls("granted").await, 1);

    let narrow = world.process(|settings| settings.waiting = 0);
    assert_eq!(refused(&narrow, world.call(100, 500)).await, Failure::Unavailable, "too many in this process");
    first.release().await.unwrap();
}
