//! Where one month ends and the next begins.

use super::{World, granted, refused, used};
use crate::support::wait::until_async;
use palabre::model::Failure;

#[tokio::test]
async fn a_call_belongs_to_the_month_in_which_it_was_granted() {
    let world = World::new().await;
    let quota = world.one();
    world.set_time("2026-11-30T23:59:59.999Z");
    let reservation = granted(&quota, world.call(100, 800)).await;
    world.set_time("2026-12-01T00:00:00Z");
    assert_eq!(world.reserved().await, 0, "nothing of December is reserved");
    let december = granted(&quota, world.call(100, 900)).await;
    assert_eq!(december.output_tokens(), 900);
    reservation.settle(used(100, 500)).await.unwrap();
    december.settle(used(1, 2)).await.unwrap();
    assert_eq!(world.used().await, 3);
    world.set_time("2026-11-30T23:59:59.999Z");
    assert_eq!(world.used().await, 600);
}

#[tokio::test]
async fn who_used_a_month_up_goes_on_in_the_next() {
    let world = World::new().await;
    let quota = world.one();
    granted(&quota, world.call(100, 900)).await.settle(used(100, 900)).await.unwrap();
    world.set_time("2026-11-30T23:59:59.999Z");
    assert_eq!(refused(&quota, world.call(1, 1)).await, Failure::QuotaExceeded("user"));
    world.set_time("2026-12-01T00:00:00Z");
    granted(&quota, world.call(100, 900)).await.release().await.unwrap();
}

#[tokio::test]
async fn who_waits_over_midnight_is_counted_in_the_new_month() {
    let world = World::new().await;
    let quota = world.one();
    world.set_time("2026-12-31T23:59:59Z");
    let _first = granted(&quota, world.call(100, 900)).await;
    let mut waiting = Box::pin(quota.reserve(world.call(100, 900)));
    tokio::select! {
        _ = &mut waiting => panic!("it does not fit"),
        () = until_async("it waits", async || (world.calls("waiting").await == 1).then_some(())) => {}
    }
    world.set_time("2027-01-01T00:00:00Z");
    quota.changed();
    let second = waiting.await.ok().unwrap();
    second.settle(used(7, 8)).await.unwrap();
    assert_eq!(world.used().await, 15);
}
