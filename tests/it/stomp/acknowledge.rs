//! The three ack modes, and the delivered watermark.

use super::{friends, topic};
use crate::support::client::Client;
use crate::support::stomp::{Frame, StompClient, VERSIONS};
use serde_json::{Value, json};

/// Up to where bob's messages were delivered, as alice sees it.
async fn delivered(alice: &mut Client, chat: &str, bob: &str) -> i64 {
    let members = alice.ok("group.members", json!({ "conversation": chat })).await;
    let members = members["members"].as_array().unwrap();
    let of_bob = |member: &&Value| member["user"]["id"] == bob;
    members.iter().find(of_bob).unwrap()["delivered_seq"].as_i64().unwrap()
}

async fn answer(client: &mut StompClient, command: &str, message: &Frame) {
    let version = client.version;
    let (id, subscription) = (message.header("message-id"), message.header("subscription"));
    match version {
        "1.0" => client.ok(command, &[("message-id", id)], "").await,
        "1.1" => client.ok(command, &[("message-id", id), ("subscription", subscription)], "").await,
        _ => client.ok(command, &[("id", message.header("ack"))], "").await,
    }
}

#[tokio::test]
async fn auto_delivers_what_is_new_and_delivery_moves_the_watermark() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    writer.say(&chat, "before").await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.subscribe("a", &topic(&chat), "auto").await;
    assert_eq!(delivered(&mut writer, &chat, &bob.id).await, 0);
    writer.say(&chat, "new").await;
    assert_eq!(client.message("a").await.json()["body"], "new");
    assert_eq!(writer.next_push("message.delivered").await["seq"], 2);
    assert_eq!(delivered(&mut writer, &chat, &bob.id).await, 2);
}

#[tokio::test]
async fn client_acknowledges_all_up_to_a_message() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    let mut seq = 0;
    for version in VERSIONS {
        for _ in 0..2 {
            writer.say(&chat, "earlier").await;
        }
        let mut client = StompClient::connect(&server, &bob, version).await;
        client.subscribe("a", &topic(&chat), "client").await;
        writer.say(&chat, "later").await;
        let mut messages = Vec::new();
        for number in 1..=3 {
            messages.push(client.message("a").await);
            assert_eq!(messages.last().unwrap().json()["seq"], seq + number, "{version}");
        }
        assert_eq!(delivered(&mut writer, &chat, &bob.id).await, seq);
        answer(&mut client, "ACK", &messages[1]).await;
        assert_eq!(delivered(&mut writer, &chat, &bob.id).await, seq + 2);
        answer(&mut client, "ACK", &messages[2]).await;
        assert_eq!(delivered(&mut writer, &chat, &bob.id).await, seq + 3);
        seq += 3;
        // What is acknowledged is no more.
        client
            .send("ACK", &[("id", "x"), ("message-id", messages[2].header("message-id")), ("subscription", "a")], "")
            .await;
        let (error, code) = client.ended().await;
        assert_eq!((error.json()["code"].as_str(), code), (Some("not_found"), 4202));
    }
}

#[tokio::test]
async fn client_individual_moves_the_watermark_only_below_what_is_open() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.subscribe("a", &topic(&chat), "client-individual").await;
    let mut messages = Vec::new();
    for _ in 0..4 {
        writer.say(&chat, "x").await;
        messages.push(client.message("a").await);
    }
    answer(&mut client, "ACK", &messages[1]).await;
    assert_eq!(delivered(&mut writer, &chat, &bob.id).await, 0);
    answer(&mut client, "ACK", &messages[0]).await;
    assert_eq!(delivered(&mut writer, &chat, &bob.id).await, 2);
    answer(&mut client, "NACK", &messages[2]).await;
    answer(&mut client, "ACK", &messages[3]).await;
    assert_eq!(delivered(&mut writer, &chat, &bob.id).await, 2);
    // What was refused comes again with the next subscription, and all behind it.
    client.ok("UNSUBSCRIBE", &[("id", "a")], "").await;
    client.subscribe("b", &topic(&chat), "client").await;
    assert_eq!(client.message("b").await.json()["seq"], 3);
    let last = client.message("b").await;
    assert_eq!(last.json()["seq"], 4);
    answer(&mut client, "ACK", &last).await;
    assert_eq!(delivered(&mut writer, &chat, &bob.id).await, 4);
    client.subscribe("c", &topic(&chat), "client").await;
    client.expect_none().await;
}

#[tokio::test]
async fn two_hundred_come_at_most_and_nothing_is_acknowledged_past_the_gap() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    let mut sent = Vec::new();
    for _ in 0..205 {
        sent.push(writer.send("message.text", crate::support::client::text(&chat, "x")).await);
    }
    for id in sent {
        writer.reply(id).await.unwrap();
    }
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.subscribe("a", &topic(&chat), "client").await;
    for seq in 1..=200 {
        assert_eq!(client.message("a").await.json()["seq"], seq);
    }
    client.expect_none().await;
    writer.say(&chat, "new").await;
    let new = client.message("a").await;
    assert_eq!(new.json()["seq"], 206);
    answer(&mut client, "ACK", &new).await;
    assert_eq!(delivered(&mut writer, &chat, &bob.id).await, 200);
    client.subscribe("b", &topic(&chat), "client").await;
    for seq in 201..=206 {
        assert_eq!(client.message("b").await.json()["seq"], seq);
    }
}

#[tokio::test]
async fn what_was_never_delivered_can_not_be_acknowledged() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    writer.say(&chat, "x").await;
    for id in
        [format!("{chat}/2/a"), format!("{chat}/1/b"), format!("{chat}/1"), "1".to_owned(), "event/1/a".to_owned()]
    {
        let mut client = StompClient::connect(&server, &bob, "1.2").await;
        client.subscribe("a", &topic(&chat), "client").await;
        client.message("a").await;
        client.send("ACK", &[("id", &id), ("receipt", "r")], "").await;
        let (error, _) = client.ended().await;
        assert_eq!((error.json()["code"].as_str(), error.header("receipt-id")), (Some("not_found"), "r"), "{id}");
    }
    assert_eq!(delivered(&mut writer, &chat, &bob.id).await, 0);
}

#[tokio::test]
async fn events_are_acknowledged_too_though_nothing_is_kept_of_them() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.subscribe("e", "/user/queue/events", "client-individual").await;
    let mut writer = server.connect(&alice).await;
    writer.ok("typing.update", json!({ "conversation": chat, "typing": true })).await;
    for _ in 0..2 {
        let event = client.message("e").await;
        client.ok("ACK", &[("id", event.header("ack"))], "").await;
    }
}
