//! `BEGIN`, `COMMIT`, `ABORT`.

use super::{app, friends, topic};
use crate::support::server::{TestClock, TestServer};
use crate::support::stomp::{StompClient, VERSIONS};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn what_is_committed_is_stored_and_told_and_what_is_not_is_not() {
    let (server, project, [alice, bob], chat) = friends().await;
    let group = project.group_of(&[&alice, &bob]).await;
    let mut reader = server.connect(&bob).await;
    for version in VERSIONS {
        let mut client = StompClient::connect(&server, &alice, version).await;
        client.subscribe("a", &topic(&chat), "auto").await;
        for name in ["t1", "t2"] {
            client.ok("BEGIN", &[("transaction", name)], "").await;
        }
        for (name, to, text) in
            [("t1", &chat, "one"), ("t1", &group, "two"), ("t2", &chat, "gone"), ("t1", &chat, "three")]
        {
            client.ok("SEND", &[("destination", &app(to)), ("transaction", name)], text).await;
        }
        client.say(&chat, "between").await;
        client.ok("ABORT", &[("transaction", "t2")], "").await;
        client.ok("COMMIT", &[("transaction", "t1")], "").await;
        for text in ["between", "one", "three"] {
            assert_eq!(client.message("a").await.json()["body"], text);
        }
        let mut told = Vec::new();
        for _ in 0..4 {
            let message = reader.next_push("message.text").await;
            told.push((
                message["conversation"].as_str().unwrap().to_owned(),
                message["body"].as_str().unwrap().to_owned(),
            ));
        }
        told.sort_by_key(|(conversation, _)| *conversation == group);
        let bodies: Vec<_> = told.iter().map(|(_, body)| body.as_str()).collect();
        assert_eq!(bodies, ["between", "one", "three", "two"]);
    }
}

#[tokio::test]
async fn one_text_that_may_not_be_written_keeps_all_from_being_stored() {
    let (server, project, [alice, bob], chat) = friends().await;
    let foreign = project.group_of(&[&bob]).await;
    let mut reader = server.connect(&bob).await;
    let taken = Uuid::new_v4().to_string();
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    client.ok("SEND", &[("destination", &app(&chat)), ("id", &taken)], "first").await;
    for (to, id, code) in [(&foreign, Uuid::new_v4().to_string(), "not_found"), (&chat, taken, "id_taken")] {
        let mut client = StompClient::connect(&server, &alice, "1.2").await;
        client.ok("BEGIN", &[("transaction", "t")], "").await;
        client.ok("SEND", &[("destination", &app(&chat)), ("transaction", "t")], "fine").await;
        client.ok("SEND", &[("destination", &app(to)), ("transaction", "t"), ("id", &id)], "not fine").await;
        client.send("COMMIT", &[("transaction", "t"), ("receipt", "c")], "").await;
        let (error, _) = client.ended().await;
        assert_eq!((error.json()["code"].as_str(), error.header("receipt-id")), (Some(code), "c"));
    }
    let history = reader.ok("message.fetch", json!({ "conversation": chat })).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn acknowledgements_take_effect_with_the_transaction() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.subscribe("a", &topic(&chat), "client").await;
    writer.say(&chat, "x").await;
    let message = client.message("a").await;
    client.ok("BEGIN", &[("transaction", "t")], "").await;
    client.ok("ACK", &[("id", message.header("ack")), ("transaction", "t")], "").await;
    writer.expect_no("message.delivered").await;
    client.ok("COMMIT", &[("transaction", "t")], "").await;
    assert_eq!(writer.next_push("message.delivered").await["seq"], 1);
}

#[tokio::test]
async fn transactions_are_bounded_in_frames_and_in_time() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let project = server.project("p").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let to = app(&chat);
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    client.ok("BEGIN", &[("transaction", "t")], "").await;
    for number in 0..100 {
        client.send("SEND", &[("destination", &to), ("transaction", "t")], &number.to_string()).await;
    }
    client.sync().await;
    client.send("SEND", &[("destination", &to), ("transaction", "t"), ("receipt", "101")], "one more").await;
    let (error, code) = client.ended().await;
    assert_eq!((error.json()["code"].as_str(), error.header("receipt-id"), code), (Some("too_large"), "101", 1009));
    // As many as may be are stored in one go.
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    client.ok("BEGIN", &[("transaction", "t")], "").await;
    for number in 0..100 {
        client.send("SEND", &[("destination", &to), ("transaction", "t")], &number.to_string()).await;
    }
    client.ok("COMMIT", &[("transaction", "t")], "").await;
    let mut reader = server.connect(&bob).await;
    let history = reader.ok("message.fetch", json!({ "conversation": chat, "limit": 200 })).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 100);
    // One that stays open ends the session.
    client.ok("BEGIN", &[("transaction", "t")], "").await;
    clock.advance(Duration::from_secs(29));
    client.sync().await;
    clock.advance(Duration::from_secs(2));
    let (error, code) = client.ended().await;
    assert_eq!((error.json()["code"].as_str(), code), (Some("conflict"), 4202));
    for (command, headers) in
        [("COMMIT", &[("transaction", "x")][..]), ("ABORT", &[("transaction", "x")]), ("BEGIN", &[])]
    {
        let mut client = StompClient::connect(&server, &alice, "1.2").await;
        client.send(command, headers, "").await;
        assert_eq!(client.ended().await.1, 4202, "{command}");
    }
}
