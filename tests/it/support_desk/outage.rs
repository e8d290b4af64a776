//! The database goes away while the desk works, and projects go for good.

use super::{Desk, at, conversation, id};
use crate::faults::proxy::{Proxy, Way};
use crate::support::db::TestDb;
use crate::support::server::{TestClock, TestServer};
use crate::support::wait::until_async;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_that_lost_its_database_goes_on_where_it_was() {
    let (db, clock) = (Arc::new(TestDb::new().await), TestClock::default());
    let proxy = Proxy::to(&db).await;
    let server = TestServer::builder().on(&db, proxy.url()).clock(&clock).start().await;
    let desk = Desk::on(server, clock).await;
    let [mut alice_s, mut bob_s] = desk.server.connect_all([&desk.alice, &desk.bob]).await;
    let (talked, session) = desk.talk(&desk.alice, &desk.dan).await;
    desk.set(&desk.carol, "available", 5).await;
    let first = desk.request(&desk.alice).await;
    let second = desk.request(&desk.bob).await;
    assert_eq!(bob_s.next_push("support.queue").await["place"], 2);
    desk.assign_automatically().await;
    // What is due in the rounds of meanwhile can't be done, and is no more done by halves.
    for way in [Way::Clogged, Way::Closed] {
        proxy.set(way);
        let answer = desk.api.post(&at(&second, "take")).user(&desk.dan).send();
        let answer = answer.await;
        assert!([200, 409, 503].contains(&answer.status), "{answer:?}");
        desk.server.chat.desk.wake_for_left();
        desk.clock.advance(Duration::from_secs(1_000));
    }
    proxy.set(Way::Open);
    for request in [&first, &second] {
        let seen = until_async("the request to be in somebody's hands", async || {
            let answer = desk.api.get(&format!("/support/requests/{}", id(request))).user(&desk.root).send().await;
            (answer.body["status"] == "IN_PROGRESS").then_some(answer.body)
        })
        .await;
        let steps = desk.steps(request).await;
        assert!(steps == ["created", "assigned"] || steps == ["created", "taken"], "{seen}: {steps:?}");
    }
    let told = alice_s.next_push("support.session").await;
    assert_eq!((&told["id"], &told["status"]), (&session["id"], &json!("ACTIVE")));
    let told = alice_s.next_push("support.session").await;
    assert_eq!((&told["id"], &told["status"]), (&session["id"], &json!("TIMEOUT")));
    assert_eq!(desk.steps(&talked).await, ["created", "taken", "session_opened", "session_timed_out"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_is_deleted_with_all_that_its_desk_has() {
    let desk = Desk::open().await;
    // Another project's desk goes on.
    let other = desk.server.project("other").await;
    let eve = other.user("eve").await;
    let kept = desk.request(&eve).await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    desk.request(&desk.bob).await;
    desk.api.post(&at(&request, "notes")).json(json!({ "body": "x" })).user(&desk.carol).expect(201).await;
    desk.api.put(&at(&request, "tags")).json(json!({ "tags": ["x"] })).user(&desk.carol).expect(200).await;
    let canned = json!({ "name": "hello", "body": "Hello!" });
    desk.api.post("/support/canned").json(canned).user(&desk.carol).expect(201).await;
    desk.step(&desk.dan, &desk.request(&desk.alice).await, "take").await;
    desk.assign_automatically().await;
    let mut alice_s = desk.server.connect(&desk.alice).await;
    alice_s.say(conversation(&session), "here I am").await;
    let gone = desk.api.delete("/projects/p").bearer(&desk.owner().await);
    gone.expect(204).await;
    assert_eq!(alice_s.closed().await, Some(4203));
    desk.api.get("/support/requests").user(&desk.alice).refused(401, "unauthorized").await;
    // Rounds of afterwards find nothing of it, and fail at nothing.
    let seen: Value = until_async("the desk to go on", async || {
        desk.server.chat.desk.wake_for_left();
        let path = format!("/support/requests/{}", id(&kept));
        Some(desk.api.get(&path).user(&eve).expect(200).await)
    })
    .await;
    assert_eq!((&seen["status"], &seen["place"]), (&json!("NEW"), &json!(1)));
    let mut conn = other.conn().await;
    let left = palabre::store::support::requests::page(&mut conn, desk.project.id, Default::default(), None, 10).await;
    assert_eq!(left.unwrap().0, []);
}
