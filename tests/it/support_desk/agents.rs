//! Agents: how they work, who hears of it, and what becomes of their requests when they are gone.

use super::{Desk, at, conversation, id, of};
use crate::rest::app;
use crate::support::client::text;
use crate::support::wait::until_async;
use serde_json::json;

#[tokio::test]
async fn agents_say_how_they_work_and_the_others_hear_of_it() {
    let desk = Desk::open().await;
    let me = "/support/agents/me";
    let away = json!({ "user": desk.carol.shape(), "status": "away", "capacity": 5, "load": 0 });
    assert_eq!(desk.get(&desk.carol, me).await, away);
    desk.set(&desk.dan, "busy", 3).await;
    let [mut alice_s, mut dan_s] = desk.server.connect_all([&desk.alice, &desk.dan]).await;
    let set = desk.set(&desk.carol, "available", 2).await;
    assert_eq!(set, json!({ "user": desk.carol.shape(), "status": "available", "capacity": 2, "load": 0 }));
    let told = dan_s.next_push("support.agent").await;
    assert_eq!(told, json!({ "user": desk.carol.shape(), "status": "available" }));
    // Capacity alone is nobody else's business, and stays when it is left out.
    desk.set(&desk.carol, "available", 4).await;
    let kept = desk.api.put(me).json(json!({ "status": "available" })).user(&desk.carol).expect(200).await;
    assert_eq!(kept["capacity"], 4);
    dan_s.expect_no("support.agent").await;
    alice_s.expect_no("support.agent").await;
    let list = desk.get(&desk.root, "/support/agents").await;
    let names: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|agent| agent["user"]["username"].clone()).collect();
    assert_eq!(names, ["carol", "dan"]);
}

#[tokio::test]
async fn an_agent_takes_no_more_than_they_said() {
    let desk = Desk::open().await;
    desk.set(&desk.carol, "away", 1).await;
    let [first, second] = [desk.request(&desk.alice).await, desk.request(&desk.bob).await];
    desk.step(&desk.carol, &first, "take").await;
    desk.api.post(&at(&second, "take")).user(&desk.carol).refused(409, "conflict").await;
    desk.step(&desk.carol, &first, "resolve").await;
    desk.step(&desk.carol, &second, "take").await;
    // What one takes up again is one's own doing.
    desk.step(&desk.carol, &first, "reopen").await;
    assert_eq!(desk.get(&desk.carol, "/support/agents/me").await["load"], 2);
}

#[tokio::test]
async fn the_desk_gives_requests_to_available_agents_where_the_project_wants_it() {
    let desk = Desk::open().await;
    let key = app(&desk.project, "x").await;
    let waits = desk.request(&desk.alice).await;
    desk.set(&desk.carol, "available", 5).await;
    desk.set(&desk.dan, "busy", 5).await;
    let mut carol_s = desk.server.connect(&desk.carol).await;
    desk.assign_automatically().await;
    desk.server.chat.desk.wake();
    let pushed = carol_s.next_push("support.request").await;
    assert_eq!((&pushed["id"], &pushed["agent"]), (&waits["id"], &desk.carol.shape()));
    assert_eq!(desk.steps(&waits).await, ["created", "assigned"]);
    let audit = desk.get(&desk.root, &at(&waits, "audit")).await;
    assert!(audit["items"][1].get("actor").is_none(), "the desk did it");
    assert_eq!(audit["items"][1]["to"], desk.carol.shape());
    // Not one's own, not to who is away.
    let own = desk.request(&desk.carol).await;
    desk.set(&desk.carol, "away", 5).await;
    let other = desk.request(&desk.bob).await;
    desk.set(&desk.dan, "available", 1).await;
    assert_eq!(desk.until(&own, "status", "IN_PROGRESS").await["agent"], desk.dan.shape());
    assert_eq!(desk.seen(&desk.root, &other).await["status"], "NEW");
    // Whose account is closed has nothing more, and what they had goes to somebody else.
    desk.set(&desk.carol, "available", 1).await;
    let close = desk.api.patch("/users/dan").json(json!({ "deactivated": true }));
    close.key(&key).expect(200).await;
    let back = desk.until(&own, "status", "NEW").await;
    assert!(back.get("agent").is_none());
    assert_eq!(desk.steps(&own).await, ["created", "assigned", "returned"]);
}

#[tokio::test]
async fn requests_of_an_agent_who_is_gone_wait_again() {
    let desk = Desk::open().await;
    let key = app(&desk.project, "x").await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    let [mut alice_s, mut carol_s] = desk.server.connect_all([&desk.alice, &desk.carol]).await;
    let room = conversation(&session);
    carol_s.say(room, "a moment").await;
    // No agent any more: out of the conversation, and of the talk.
    desk.api.patch("/users/carol").json(json!({ "role": "user" })).key(&key).expect(200).await;
    desk.until(&request, "status", "NEW").await;
    carol_s.next_push("group.delete").await;
    carol_s.refused("message.text", text(room, "but")).await.expect(404, "not_found");
    alice_s.say(room, "hello?").await;
    carol_s.expect_no("message.text").await;
    desk.api.get(&of(&session, "messages")).user(&desk.carol).refused(404, "not_found").await;
    // It kept its place and its talk; who takes it has all of it.
    desk.step(&desk.dan, &request, "take").await;
    assert_eq!(desk.get(&desk.dan, &of(&session, "messages")).await["messages"].as_array().unwrap().len(), 2);
    // And deleted.
    let deleted = desk.api.delete("/users/dan").key(&key).send().await;
    assert_eq!(deleted.status, 204);
    desk.until(&request, "status", "NEW").await;
    let seen = desk.get(&desk.alice, &format!("/conversations/{room}")).await;
    assert_eq!((&seen["permission"], &seen["member_count"]), (&json!("w"), &json!(1)), "nobody inherits it");
    let steps = desk.steps(&request).await;
    assert_eq!(steps, ["created", "taken", "session_opened", "returned", "taken", "returned"]);
    let audit = desk.get(&desk.root, &at(&request, "audit")).await;
    assert_eq!(audit["items"][3]["from"], desk.carol.shape());
}

#[tokio::test]
async fn who_is_no_agent_any_more_reads_nothing_of_what_they_resolved() {
    let desk = Desk::open().await;
    let key = app(&desk.project, "x").await;
    let mut talks = Vec::new();
    for end in ["resolve", "close"] {
        let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
        desk.step(&desk.carol, &request, "resolve").await;
        if end == "close" {
            desk.step(&desk.carol, &request, "close").await;
        }
        talks.push((request, session));
    }
    let mut carol_s = desk.server.connect(&desk.carol).await;
    desk.api.patch("/users/carol").json(json!({ "role": "user" })).key(&key).expect(200).await;
    for _ in &talks {
        carol_s.next_push("group.delete").await;
    }
    for (request, session) in &talks {
        let room = conversation(session);
        carol_s.refused("message.fetch", json!({ "conversation": room })).await.expect(404, "not_found");
        desk.api.get(&format!("/conversations/{room}")).user(&desk.carol).refused(404, "not_found").await;
        desk.api.get(&of(session, "transcript")).user(&desk.carol).refused(404, "not_found").await;
        assert_eq!(desk.seen(&desk.alice, request).await["agent"], desk.carol.shape(), "it was theirs");
        desk.get(&desk.alice, &of(session, "messages")).await;
    }
    // Nor hears of it.
    let rating = json!({ "stars": 2, "comment": "not for carol" });
    desk.api.post(&at(&talks[0].0, "rating")).json(rating).user(&desk.alice).expect(200).await;
    carol_s.expect_no("support.request").await;
}

#[tokio::test]
async fn requests_of_a_customer_who_is_deleted_are_over() {
    let desk = Desk::open().await;
    let key = app(&desk.project, "x").await;
    let (taken, session) = desk.talk(&desk.alice, &desk.carol).await;
    let waits = desk.request(&desk.alice).await;
    let mut carol_s = desk.server.connect(&desk.carol).await;
    let deleted = desk.api.delete("/users/alice").key(&key).send().await;
    assert_eq!(deleted.status, 204);
    for request in [&taken, &waits] {
        let over = desk.until(request, "status", "CLOSED").await;
        assert_eq!(over["customer"]["username"], "deleted");
    }
    until_async("the session to be over", async || {
        let seen = desk.get(&desk.carol, &format!("/support/sessions/{}", id(&session))).await;
        (seen["status"] == "CLOSED").then_some(())
    })
    .await;
    carol_s.refused("message.text", text(conversation(&session), "hello?")).await.expect(403, "read_only");
    desk.api.post(&at(&taken, "reopen")).user(&desk.carol).refused(409, "conflict").await;
    assert_eq!(desk.get(&desk.carol, "/support/queue").await, json!({ "items": [] }));
}
