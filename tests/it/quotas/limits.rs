//! Who is refused, and how much a call may take.

use super::{World, beside, granted, refused, used};
use futures_util::future::join_all;
use palabre::model::Failure;
use palabre::model::quota::{Level, Limit};
use palabre::store::quotas::{self, Side};

#[tokio::test]
async fn each_level_refuses_once_its_settled_use_has_reached_the_quota() {
    for level in [Level::Organization, Level::Project, Level::Conversation, Level::User] {
        let world = World::new().await;
        let quota = world.one();
        world.set(level, Some(100), None).await;
        let reservation = granted(&quota, world.call(10, 500)).await;
        assert_eq!(reservation.output_tokens(), 90, "{level:?}: lowered to what is left");
        reservation.settle(used(10, 89)).await.unwrap();
        let last = granted(&quota, world.call(10, 500)).await;
        assert_eq!(last.output_tokens(), 1, "{level:?}: one token is left, so it is served");
        last.settle(used(0, 1)).await.unwrap();
        let exceeded = Failure::QuotaExceeded(level.as_str());
        assert_eq!(refused(&quota, world.call(1, 1)).await, exceeded, "{level:?}");
        assert_eq!(world.reserved().await, 0, "{level:?}");
        // More is allowed from now on.
        world.set(level, Some(101), None).await;
        granted(&quota, world.call(1, 1)).await.release().await.unwrap();
    }
}

#[tokio::test]
async fn money_is_a_quota_of_its_own() {
    let world = World::new().await;
    let quota = world.one();
    // Half a unit of the currency, at 1 a million in and 4 out.
    world.set(Level::Project, None, Some(500)).await;
    let price = (1_000_000, 4_000_000);
    let reservation = granted(&quota, world.priced(100, 500, price)).await;
    assert_eq!(reservation.output_tokens(), 100);
    reservation.settle(used(100, 100)).await.unwrap();
    assert_eq!(world.balance(Level::Project).await.used.money, 500);
    assert_eq!(refused(&quota, world.priced(1, 1, price)).await, Failure::QuotaExceeded("project"));
    // Without a price it counts in tokens only.
    granted(&quota, world.call(100, 500)).await.release().await.unwrap();
}

#[tokio::test]
async fn what_the_organization_set_holds_beside_what_the_project_set() {
    let world = World::new().await;
    let quota = world.one();
    let conn = &mut world.project.conn().await;
    let cap = Limit { tokens: Some(50), money: None };
    quotas::set(conn, Level::Project, world.project.id.0, Side::Cap, cap).await.unwrap();
    for (own, output) in [(Some(500), 40), (None, 40), (Some(30), 20)] {
        world.set(Level::Project, own, None).await;
        let reservation = granted(&quota, world.call(10, 500)).await;
        assert_eq!(reservation.output_tokens(), output, "{own:?}");
        reservation.release().await.unwrap();
    }
}

#[tokio::test]
async fn many_at_once_on_two_processes_use_up_a_quota_exactly() {
    let world = World::new().await;
    let (one, two) = (world.one(), world.one());
    let work = join_all((0..60).map(|number| {
        let quota = if number % 2 == 0 { &one } else { &two };
        let call = world.call(10, 90);
        async move {
            match quota.reserve(call).await {
                Ok(reservation) => {
                    let output = reservation.output_tokens();
                    reservation.note_used(used(10, 0)).await.unwrap();
                    // Some use all of it, some little.
                    let output = if number % 3 == 0 { output } else { output / 5 };
                    reservation.settle(used(10, output)).await.unwrap();
                    Some(10 + output)
                }
                Err(Failure::QuotaExceeded("user")) => None,
                Err(other) => panic!("{other}"),
            }
        }
    }));
    let (taken, _) = beside(&[&one, &two], work).await;
    let (served, sum) = taken.iter().flatten().fold((0, 0), |(served, sum), taken| (served + 1, sum + taken));
    let booked = world.used().await;
    assert_eq!(booked, sum, "each is booked once");
    // The last one may have had no room for its input.
    assert!((1_000..1_011).contains(&booked) || served == 60, "{booked} by {served}");
    assert_eq!(world.reserved().await, 0);
    let (calls, input, output, _) = world.ledger().await;
    assert_eq!((calls, input + output), (served, i64::try_from(sum).unwrap()));
}

#[tokio::test]
async fn what_estimates_miss_is_all_that_goes_over() {
    let world = World::new().await;
    let (one, two) = (world.one(), world.one());
    let missed = 7;
    let work = join_all((0..40).map(|number| {
        let quota = if number % 2 == 0 { &one } else { &two };
        let call = world.call(10, 190);
        async move {
            let reservation = quota.reserve(call).await.ok()?;
            let output = reservation.output_tokens();
            reservation.settle(used(10 + missed, output)).await.unwrap();
            Some(())
        }
    }));
    let (served, _) = beside(&[&one, &two], work).await;
    let served = u64::try_from(served.iter().flatten().count()).unwrap();
    let booked = world.used().await;
    assert!(booked >= 1_000 && booked <= 1_000 + 11 + served * missed, "{booked} by {served}");
    assert!(served >= 5, "{served}");
}
