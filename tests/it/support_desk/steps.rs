//! The steps of a request: which lead where, and who hears of them.

use super::{Desk, at, id, pushes};
use serde_json::{Value, json};

const STEPS: [&str; 5] = ["take", "transfer", "resolve", "close", "reopen"];

#[tokio::test]
async fn any_other_step_than_the_next_is_a_conflict() {
    let desk = Desk::open().await;
    let request = desk.request(&desk.alice).await;
    let ways: [(&str, &[&str]); 4] = [
        ("NEW", &["take"]),
        ("IN_PROGRESS", &["transfer", "resolve"]),
        ("RESOLVED", &["close", "reopen"]),
        ("CLOSED", &["reopen"]),
    ];
    for ((status, allowed), lead_on) in ways.into_iter().zip(["take", "resolve", "close", "reopen"]) {
        assert_eq!(desk.seen(&desk.alice, &request).await["status"], status);
        for step in STEPS.into_iter().filter(|step| !allowed.contains(step)) {
            let call = desk.api.post(&at(&request, step));
            let call = if step == "transfer" { call.json(json!({ "to": "dan" })) } else { call };
            call.user(&desk.root).refused(409, "conflict").await;
        }
        desk.step(&desk.root, &request, lead_on).await;
    }
    // Back with who had it, as long as that one is there.
    let reopened = desk.seen(&desk.root, &request).await;
    assert_eq!((&reopened["status"], &reopened["agent"]), (&json!("IN_PROGRESS"), &desk.root.shape()));
    assert!(reopened.get("resolved_at").is_none());
}

#[tokio::test]
async fn both_sides_hear_of_each_step_and_nobody_else_does() {
    let desk = Desk::open().await;
    desk.set(&desk.carol, "available", 5).await;
    let [mut alice_s, mut bob_s, mut carol_s, mut dan_s] =
        desk.server.connect_all([&desk.alice, &desk.bob, &desk.carol, &desk.dan]).await;
    let request = desk.request(&desk.alice).await;
    for step in ["take", "resolve", "close", "reopen"] {
        desk.step(&desk.carol, &request, step).await;
    }
    let status = |pushes: Vec<Value>| -> Vec<String> {
        pushes.iter().map(|push| push["status"].as_str().unwrap().to_owned()).collect()
    };
    let all = ["NEW", "IN_PROGRESS", "RESOLVED", "CLOSED", "IN_PROGRESS"];
    let alices = pushes(&mut alice_s, "support.request").await;
    assert!(alices.iter().all(|push| push.get("tags").is_none() && push["id"] == request["id"]));
    assert_eq!(status(alices), all);
    let carols = pushes(&mut carol_s, "support.request").await;
    assert!(carols.iter().all(|push| push["tags"] == json!([])));
    assert_eq!(status(carols), all);
    // Dan is away: the queue is none of his business.
    for client in [&mut bob_s, &mut dan_s] {
        assert_eq!(pushes(client, "support.request").await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn a_reopened_request_without_its_agent_waits_again() {
    let desk = Desk::open().await;
    let request = desk.request(&desk.alice).await;
    desk.step(&desk.carol, &request, "take").await;
    desk.step(&desk.carol, &request, "resolve").await;
    let deleted = desk.api.delete("/users/carol").user(&desk.root).send().await;
    assert_eq!(deleted.status, 204);
    assert_eq!(desk.seen(&desk.alice, &request).await["status"], "RESOLVED");
    // Nobody has it, so any agent may.
    let reopened = desk.step(&desk.dan, &request, "reopen").await;
    assert_eq!((&reopened["status"], &reopened["place"]), (&json!("NEW"), &json!(1)));
    assert_eq!(desk.step(&desk.dan, &request, "take").await["agent"], desk.dan.shape());
}

#[tokio::test]
async fn lists_show_what_is_asked_for() {
    let desk = Desk::open().await;
    let [first, second] = [desk.request(&desk.alice).await, desk.urgent(&desk.alice, "HIGH").await];
    let third = desk.request(&desk.bob).await;
    desk.step(&desk.carol, &second, "take").await;
    let list = async |user, query: &str| -> Vec<String> {
        let page = desk.get(user, &format!("/support/requests{query}")).await;
        page["items"].as_array().unwrap().iter().map(|item| id(item).to_owned()).collect()
    };
    assert_eq!(list(&desk.alice, "").await, [id(&second), id(&first)]);
    assert_eq!(list(&desk.carol, "").await, [id(&third), id(&second), id(&first)]);
    assert_eq!(list(&desk.carol, "?whose=assigned").await, [id(&second)]);
    assert_eq!(list(&desk.carol, "?whose=own").await, Vec::<String>::new());
    assert_eq!(list(&desk.root, "?status=NEW").await, [id(&third), id(&first)]);
    assert_eq!(list(&desk.alice, "?priority=HIGH&status=IN_PROGRESS").await, [id(&second)]);
    let page = desk.get(&desk.root, "/support/requests?limit=2").await;
    let rest = list(&desk.root, &format!("?limit=2&after={}", page["next"].as_str().unwrap())).await;
    assert_eq!(rest, [id(&first)]);
}

#[tokio::test]
async fn nobody_fills_the_queue_alone() {
    let desk = Desk::open().await;
    for _ in 0..20 {
        desk.request(&desk.alice).await;
    }
    let body = json!({ "type": "CHAT", "priority": "LOW", "subject": "x" });
    desk.api.post("/support/requests").json(body).user(&desk.alice).refused(409, "conflict").await;
    desk.request(&desk.bob).await;
}

#[tokio::test]
async fn a_request_is_rated_after_its_end() {
    let desk = Desk::open().await;
    let request = desk.request(&desk.alice).await;
    let rate = |stars: i64| desk.api.post(&at(&request, "rating")).json(json!({ "stars": stars })).user(&desk.alice);
    rate(4).refused(409, "conflict").await;
    desk.step(&desk.carol, &request, "take").await;
    rate(4).refused(409, "conflict").await;
    desk.step(&desk.carol, &request, "resolve").await;
    assert_eq!(rate(4).expect(200).await["rating"], json!({ "stars": 4 }));
    desk.step(&desk.carol, &request, "reopen").await;
    desk.step(&desk.carol, &request, "resolve").await;
    rate(1).refused(409, "conflict").await;
    assert_eq!(desk.seen(&desk.carol, &request).await["rating"], json!({ "stars": 4 }));
}
