//! A walk through the desk's life, from a customer's question to the rating.

use super::{Desk, at, conversation, id, of};
use crate::support::client::text;
use crate::support::crypto::http_client;
use crate::support::wait::until_async;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn from_the_question_to_the_rating() {
    let desk = Desk::open().await;
    let Desk { api, server, alice, bob, carol, dan, root, .. } = &desk;
    desk.set(carol, "available", 2).await;
    desk.set(dan, "available", 2).await;
    let [mut alice_s, mut bob_s, mut carol_s, mut dan_s] = server.connect_all([alice, bob, carol, dan]).await;

    // Alice leaves a message, which is message 1 of a conversation of support, and waits.
    let form =
        json!({ "type": "CONTACT_FORM", "priority": "MEDIUM", "subject": "Refund", "message": "Where is my money?" });
    let request = api.post("/support/requests").json(form).user(alice).expect(201).await;
    assert_eq!((&request["status"], &request["place"]), (&json!("NEW"), &json!(1)));
    let talk = alice_s.next_push("group.update").await;
    assert_eq!(
        (&talk["kind"], &talk["permission"], &talk["title"]),
        (&json!("support"), &json!("w"), &json!("Refund"))
    );
    let first = alice_s.next_push("message.text").await;
    assert_eq!((&first["seq"], &first["body"]), (&json!(1), &json!("Where is my money?")));
    let session = alice_s.next_push("support.session").await;
    assert_eq!((&session["status"], &session["conversation"]), (&json!("ACTIVE"), &talk["id"]));
    assert_eq!(alice_s.next_push("support.queue").await, json!({ "request": request["id"], "place": 1 }));

    // The agents hear of it, and Bob's more urgent one comes before it.
    for agent in [&mut carol_s, &mut dan_s] {
        assert_eq!(agent.next_push("support.request").await["id"], request["id"]);
    }
    let urgent = desk.urgent(bob, "HIGH").await;
    assert_eq!(bob_s.next_push("support.queue").await["place"], 1);
    assert_eq!(alice_s.next_push("support.queue").await["place"], 2);
    let queue = desk.get(carol, "/support/queue").await;
    let waiting: Vec<_> = queue["items"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(waiting, [id(&urgent), id(&request)]);

    // Dan takes Bob's, Carol takes Alice's: she is a member at once, and both talk.
    desk.step(dan, &urgent, "take").await;
    assert_eq!(alice_s.next_push("support.queue").await["place"], 1);
    desk.clock.advance(Duration::from_secs(60));
    let taken = desk.step(carol, &request, "take").await;
    assert_eq!((&taken["status"], &taken["agent"]), (&json!("IN_PROGRESS"), &carol.shape()));
    assert_eq!(carol_s.next_push("group.update").await["permission"], "a");
    let heard = loop {
        let heard = alice_s.next_push("support.request").await;
        if heard["status"] == "IN_PROGRESS" {
            break heard;
        }
    };
    assert_eq!(heard["agent"], carol.shape());
    let conversation = conversation(&session);
    carol_s.say(conversation, "Hello Alice").await;
    assert_eq!(alice_s.next_push("message.text").await["body"], "Hello Alice");
    alice_s.say(conversation, "Hello Carol").await;
    assert_eq!(carol_s.next_push("message.text").await["body"], "Hello Carol");
    carol_s.ok("message.read", json!({ "conversation": conversation, "seq": 3 })).await;
    let page = desk.get(alice, &of(&session, "messages")).await;
    let said: Vec<_> =
        page["messages"].as_array().unwrap().iter().map(|m| (m["body"].clone(), m["status"].clone())).collect();
    assert_eq!(said[2], (json!("Hello Carol"), json!("READ")));
    assert_eq!((said.len(), &page["more"]), (3, &json!(false)));

    // Carol notes, tags and passes it on to Dan: she hears no more, and he knows all.
    let note = json!({ "body": "is angry" });
    api.post(&at(&request, "notes")).json(note).user(carol).expect(201).await;
    api.put(&at(&request, "tags")).json(json!({ "tags": ["money"] })).user(carol).expect(200).await;
    carol_s.forget().await;
    dan_s.forget().await;
    let passed = api.post(&at(&request, "transfer")).json(json!({ "to": "dan" })).user(carol).expect(200).await;
    assert_eq!(passed["agent"], dan.shape());
    assert_eq!(carol_s.next_push("group.delete").await, json!({ "conversation": conversation }));
    assert_eq!(dan_s.next_push("group.update").await["permission"], "a");
    alice_s.say(conversation, "Dan?").await;
    assert_eq!(dan_s.next_push("message.text").await["body"], "Dan?");
    carol_s.expect_no("message.text").await;
    carol_s.refused("message.text", text(conversation, "still here")).await.expect(404, "not_found");
    api.get(&of(&session, "messages")).user(carol).refused(404, "not_found").await;
    let notes = desk.get(dan, &at(&request, "notes")).await;
    assert_eq!((&notes["items"][0]["body"], &notes["items"][0]["author"]), (&json!("is angry"), &carol.shape()));

    // He resolves it: the talk is over, and can be read.
    desk.clock.advance(Duration::from_secs(60));
    let resolved = desk.step(dan, &request, "resolve").await;
    assert_eq!(resolved["status"], "RESOLVED");
    assert!((60..120).contains(&resolved["first_response_s"].as_i64().unwrap()), "{resolved}");
    assert!((120..200).contains(&resolved["resolution_s"].as_i64().unwrap()), "{resolved}");
    let over = loop {
        let heard = alice_s.next_push("support.session").await;
        if heard["status"] == "CLOSED" {
            break heard;
        }
    };
    assert_eq!(over["id"], session["id"]);
    for talker in [&mut alice_s, &mut dan_s] {
        talker.refused("message.text", text(conversation, "more")).await.expect(403, "read_only");
    }

    // She rates it once, he closes it, and the trail has all of it.
    let rating = json!({ "stars": 5, "comment": "fast" });
    let rated = api.post(&at(&request, "rating")).json(rating.clone()).user(alice).expect(200).await;
    assert_eq!(rated["rating"], rating);
    api.post(&at(&request, "rating")).json(rating).user(alice).refused(409, "conflict").await;
    assert_eq!(desk.step(dan, &request, "close").await["status"], "CLOSED");
    assert_eq!(
        desk.steps(&request).await,
        [
            "created",
            "session_opened",
            "taken",
            "noted",
            "tagged",
            "transferred",
            "session_closed",
            "resolved",
            "rated",
            "closed"
        ]
    );

    // What was said is found by whoever may see it, and is there as text.
    for (user, found) in [(alice, 1), (dan, 1), (root, 1), (carol, 0), (bob, 0)] {
        until_async("search knows it", async || {
            let page = desk.get(user, "/support/search?q=money").await;
            (page["items"].as_array().unwrap().len() == found).then_some(())
        })
        .await;
    }
    let url = format!("http://{}/api/v1{}", server.addresses.http, of(&session, "transcript"));
    let transcript = http_client().get(&url).bearer_auth(&alice.token).send().await.unwrap();
    assert_eq!(transcript.headers()["content-type"], "text/plain; charset=utf-8");
    let transcript = transcript.text().await.unwrap();
    let lines: Vec<&str> = transcript.lines().map(|line| line.split_once("] ").unwrap().1).collect();
    assert_eq!(lines, ["alice: Where is my money?", "carol: Hello Alice", "alice: Hello Carol", "alice: Dan?"]);
    assert!(!transcript.contains("angry"));
}

#[tokio::test]
async fn the_time_of_a_change_never_goes_back() {
    let desk = Desk::open().await;
    let Desk { api, alice, carol, .. } = &desk;
    desk.clock.advance(Duration::from_secs(60));
    let request = desk.urgent(alice, "LOW").await;
    let mut last = desk.step(carol, &request, "take").await;
    desk.clock.set_back(Duration::from_secs(30));
    let tags = json!({ "tags": ["late"] });
    let tagged = api.put(&at(&request, "tags")).json(tags).user(carol).expect(200).await;
    for (step, by) in [("resolve", carol), ("reopen", carol), ("resolve", carol), ("close", carol)] {
        let changed = desk.step(by, &request, step).await;
        assert!(changed["updated_at"].as_str() >= last["updated_at"].as_str(), "{step}: {changed} after {last}");
        last = changed;
    }
    assert_eq!(tagged["updated_at"], last["updated_at"]);
}
