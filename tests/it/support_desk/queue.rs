//! The queue: its order, and the places that are pushed.

use super::{Desk, id, pushes};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn the_more_urgent_come_first_then_the_older() {
    let desk = Desk::open().await;
    let mut made = Vec::new();
    for (user, priority) in [
        (&desk.alice, "LOW"),
        (&desk.bob, "MEDIUM"),
        (&desk.alice, "HIGH"),
        (&desk.bob, "LOW"),
        (&desk.alice, "MEDIUM"),
    ] {
        made.push(desk.urgent(user, priority).await);
    }
    let order: Vec<&str> = [2, 1, 4, 0, 3].into_iter().map(|index: usize| id(&made[index])).collect();
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| id(item).to_owned()).collect()
    };
    let (mut read, mut after) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = desk.get(&desk.carol, &format!("/support/queue?limit=2{after}")).await;
        read.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(read, order);
    let low = desk.get(&desk.carol, "/support/queue?priority=LOW").await;
    assert_eq!(ids(&low), [id(&made[0]), id(&made[3])]);
    for (place, request) in (1..).zip(&order) {
        assert_eq!(desk.get(&desk.root, &format!("/support/requests/{request}")).await["place"], place);
    }
    desk.step(&desk.carol, &made[1], "take").await;
    assert_eq!(ids(&desk.get(&desk.dan, "/support/queue?status=IN_PROGRESS").await), [id(&made[1])]);
    assert!(desk.seen(&desk.bob, &made[1]).await.get("place").is_none());
}

#[tokio::test]
async fn who_waits_is_told_every_change_of_place_and_the_expected_wait() {
    let desk = Desk::open().await;
    desk.set(&desk.carol, "away", 100).await;
    let [first, second, third] =
        [desk.request(&desk.bob).await, desk.request(&desk.bob).await, desk.request(&desk.alice).await];
    // Who comes later is told as well.
    let mut alice_s = desk.server.connect(&desk.alice).await;
    assert_eq!(alice_s.next_push("support.queue").await, json!({ "request": third["id"], "place": 3 }));
    desk.step(&desk.carol, &first, "take").await;
    assert_eq!(alice_s.next_push("support.queue").await["place"], 2);
    desk.clock.advance(Duration::from_secs(60));
    desk.step(&desk.carol, &second, "take").await;
    // Two were taken, a minute apart.
    let told = alice_s.next_push("support.queue").await;
    assert_eq!(told["place"], 1);
    let wait = told["wait_s"].as_i64().unwrap();
    assert!((60..90).contains(&wait), "{wait}");
    assert_eq!(desk.seen(&desk.alice, &third).await["wait_s"], wait);
    // Nothing is told that was told, nor to anybody else.
    let mut carol_s = desk.server.connect(&desk.carol).await;
    desk.urgent(&desk.bob, "LOW").await;
    desk.step(&desk.carol, &third, "take").await;
    assert_eq!(pushes(&mut alice_s, "support.queue").await, Vec::<Value>::new());
    assert_eq!(pushes(&mut carol_s, "support.queue").await, Vec::<Value>::new());
}
