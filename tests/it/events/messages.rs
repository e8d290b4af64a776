//! Messages: their numbers and order, sending twice, what they may hold, edits and deletion.

use super::start;
use crate::support::client::{Client, Event, id, text};
use crate::support::server::TestServer;
use palabre::model::permission::Permission::{Administer, Own, Read, Write};
use serde_json::{Value, json};
use std::num::NonZeroUsize;

/// The numbers of messages in the order in which a client learns them, by replies and pushes, up to `last`.
async fn seqs_up_to(client: &mut Client, last: i64) -> Vec<i64> {
    let mut seqs = Vec::new();
    while seqs.last() != Some(&last) {
        match client.next().await {
            Event::Reply { kind, data, .. } | Event::Push { kind, data } if kind == "message.text" => {
                seqs.push(data["seq"].as_i64().unwrap());
            }
            Event::Push { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    seqs
}

#[tokio::test]
async fn every_session_learns_all_messages_in_the_order_of_their_numbers() {
    let server =
        TestServer::builder().settings(|settings| settings.engine.workers = NonZeroUsize::new(4)).start().await;
    let project = server.project("p").await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let mut clients = server.connect_all([&alice, &alice, &bob, &bob, &carol]).await;
    for number in 0..50 {
        // Three speak at once, and none of them waits for a reply.
        for speaker in [0, 2, 4] {
            clients[speaker].send("message.text", text(&group, &format!("{speaker} {number}"))).await;
        }
    }
    let expected: Vec<i64> = (1..=150).collect();
    for client in &mut clients {
        assert_eq!(seqs_up_to(client, 150).await, expected);
    }
    // Nor did anybody overtake themselves.
    let page = clients[0].ok("message.fetch", json!({ "conversation": group, "limit": 200 })).await;
    for speaker in ["0", "2", "4"] {
        let bodies = page["messages"].as_array().unwrap().iter().map(|message| message["body"].as_str().unwrap());
        let own: Vec<_> = bodies.filter_map(|body| body.strip_prefix(speaker)).collect();
        assert_eq!(own, (0..50).map(|number| format!(" {number}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_message_has_its_fields_and_no_others() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut phone, mut bob] = server.connect_all([&alice, &alice, &bob]).await;
    let id = id();
    let told = alice.ok("message.text", json!({ "conversation": chat, "id": id, "body": "hello" })).await;
    let expected = json!({
        "id": id, "conversation": chat, "seq": 1, "author": alice.shape(), "kind": "text", "role": "user",
        "body": "hello", "attachments": [], "reactions": {}, "reaction_counts": {}, "status": "SENT",
        "date": told["date"],
    });
    assert_eq!(told, expected);
    for client in [&mut bob, &mut phone] {
        assert_eq!(client.next_push("message.text").await, told);
    }
    alice.expect_no("message.text").await;
    assert_eq!(bob.ok("message.fetch", json!({ "conversation": chat })).await["messages"][0], told);
    let date = told["date"].as_str().unwrap();
    assert!(date.len() == "2026-11-20T18:00:00.000Z".len() && date.ends_with('Z'), "{date}");
}

#[tokio::test]
async fn sent_twice_is_stored_once() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut phone, mut bob] = server.connect_all([&alice, &alice, &bob]).await;
    let message = json!({ "conversation": chat, "id": id(), "body": "hello", "tone": "/j" });
    // Without waiting, as after a reconnect.
    let first = alice.send("message.text", message.clone()).await;
    let second = alice.send("message.text", message.clone()).await;
    let told = alice.reply(first).await.unwrap();
    assert_eq!(alice.reply(second).await.unwrap(), told);
    assert_eq!(alice.ok("message.text", message.clone()).await, told);
    assert_eq!(phone.next_push("message.text").await, told);
    assert_eq!(phone.ok("message.text", message.clone()).await, told, "from any session");
    let next = alice.say(&chat, "next").await;
    assert_eq!(next["seq"], 2);
    assert_eq!(bob.next_push("message.text").await, told);
    assert_eq!(bob.next_push("message.text").await, next);
    // It is what it became that is confirmed.
    let edit = json!({ "conversation": chat, "message": told["id"], "body": "good day" });
    let edited = alice.ok("message.edit", edit).await;
    assert_eq!(alice.ok("message.text", message).await, edited);
    bob.expect_no("message.text").await;
}

#[tokio::test]
async fn an_id_used_for_anything_else_is_taken() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let elsewhere = server.project("q").await;
    let zoe = elsewhere.user("zoe").await;
    let her_group = elsewhere.group_of(&[&zoe]).await;
    let [mut alice, mut bob, mut zoe] = server.connect_all([&alice, &bob, &zoe]).await;
    let message = json!({ "conversation": chat, "id": id(), "body": "secret" });
    let with = |field: &str, value: &str| {
        let mut message = message.clone();
        message[field] = json!(value);
        message
    };
    alice.ok("message.text", message.clone()).await;
    for other in [with("body", "other"), with("conversation", &group), with("tone", "/j")] {
        let error = alice.refused("message.text", other).await;
        assert!(!error.expect(409, "id_taken").message.contains("secret"));
    }
    let game = json!({ "conversation": chat, "id": message["id"], "game": "chess", "payload": {} });
    alice.refused("message.game", game).await.expect(409, "id_taken");
    bob.refused("message.text", message.clone()).await.expect(409, "id_taken");
    // Ids are of the project.
    zoe.ok("message.text", with("conversation", &her_group)).await;
    assert_eq!(alice.say(&chat, "next").await["seq"], 2, "what was refused took no number");
}

#[tokio::test]
async fn bodies_are_limited_in_characters_and_bytes() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    let mut alice = server.connect(&alice).await;
    for good in ["a".repeat(16_384), "漢".repeat(16_384), "😀".repeat(12_288), " ".to_owned(), "\r\n\t".to_owned()] {
        assert_eq!(alice.say(&group, &good).await["body"], good);
    }
    for bad in [String::new(), "a".repeat(16_385), "😀".repeat(12_289)] {
        alice.refused("message.text", text(&group, &bad)).await.expect_invalid("body");
    }
}

#[tokio::test]
async fn answers_tones_and_files_are_checked() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let chat = project.befriend(&alice, &bob).await;
    let mut alice = server.connect(&alice).await;
    let first = alice.say(&group, "first").await;
    let with = |field: &str, value: Value| {
        let mut message = text(&group, "x");
        message[field] = value;
        message
    };
    let answer = alice.ok("message.text", with("reply_to", first["id"].clone())).await;
    assert_eq!(answer["reply_to"], first["id"]);
    let elsewhere = alice.say(&chat, "elsewhere").await;
    alice.refused("message.text", with("reply_to", elsewhere["id"].clone())).await.expect(404, "not_found");
    alice.refused("message.text", with("reply_to", json!(id()))).await.expect(404, "not_found");
    alice.refused("message.text", with("reply_to", json!("first"))).await.expect_invalid("reply_to");
    for tone in ["/j", "/s", "/srs", "/lh", "/hj", "/gen"] {
        assert_eq!(alice.ok("message.text", with("tone", json!(tone))).await["tone"], tone);
    }
    for tone in ["", "j", "/", "/J", "/a b"] {
        alice.refused("message.text", with("tone", json!(tone))).await.expect_invalid("tone");
    }
    let files = |count| json!((0..count).map(|_| json!({ "id": id() })).collect::<Vec<_>>());
    alice.refused("message.text", with("attachments", files(11))).await.expect_invalid("attachments");
    alice.refused("message.text", with("attachments", files(1))).await.expect(404, "not_found");
    assert_eq!(alice.ok("message.text", with("attachments", files(0))).await["attachments"], json!([]));
}

#[tokio::test]
async fn who_may_only_read_does_not_write() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group(&[(&alice, Own), (&bob, Read)]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    bob.refused("message.text", text(&group, "no")).await.expect(403, "read_only");
    let game = json!({ "conversation": group, "id": id(), "game": "chess", "payload": {} });
    bob.refused("message.game", game).await.expect(403, "read_only");
    bob.refused("typing.update", json!({ "conversation": group, "typing": true })).await.expect(403, "read_only");
    let said = alice.say(&group, "hello").await;
    let react = json!({ "conversation": group, "message": said["id"], "emoji": "👍", "on": true });
    bob.refused("message.react", react).await.expect(403, "read_only");
    // The right holds from the moment in which it is given.
    alice.ok("group.update", json!({ "conversation": group, "permissions": { "bob": "w" } })).await;
    assert_eq!(bob.say(&group, "yes").await["seq"], 2);
    alice.ok("group.update", json!({ "conversation": group, "permissions": { "bob": "r" } })).await;
    bob.refused("message.text", text(&group, "no")).await.expect(403, "read_only");
}

#[tokio::test]
async fn who_may_write_no_longer_hears_what_was_stored_when_they_might() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group(&[(&alice, Own), (&bob, Write)]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob, mut phone] = server.connect_all([&alice, &bob, &bob]).await;
    let (in_group, in_chat) = (text(&group, "yes"), text(&chat, "me too"));
    let invitation = json!({ "conversation": group, "id": id(), "game": "chess", "payload": {} });
    let stored = bob.ok("message.text", in_group.clone()).await;
    let invited = bob.ok("message.game", invitation.clone()).await;
    let stored_in_chat = bob.ok("message.text", in_chat.clone()).await;
    alice.ok("group.update", json!({ "conversation": group, "permissions": { "bob": "r" } })).await;
    alice.ok("contact.update", json!({ "user": "bob", "action": "block" })).await;
    assert_eq!(bob.ok("message.text", in_group.clone()).await, stored);
    assert_eq!(bob.ok("message.game", invitation).await["seq"], invited["seq"]);
    assert_eq!(bob.ok("message.text", in_chat).await["seq"], stored_in_chat["seq"]);
    // Anything else is refused as before, the same id with other words too.
    let mut other = in_group.clone();
    other["body"] = json!("no");
    bob.refused("message.text", other).await.expect(403, "read_only");
    bob.refused("message.text", text(&group, "no")).await.expect(403, "read_only");
    // Nobody is told twice.
    for client in [&mut alice, &mut phone] {
        client.next_push("message.text").await;
        client.next_push("message.game").await;
        client.next_push("message.text").await;
        client.expect_no("message.text").await;
        client.expect_no("message.game").await;
    }
    // Who left hears nothing at all.
    alice.ok("group.update", json!({ "conversation": group, "remove": ["bob"] })).await;
    bob.refused("message.text", in_group).await.expect(404, "not_found");
}

#[tokio::test]
async fn authors_edit_their_texts() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group(&[(&alice, Write), (&bob, Own)]).await;
    let [mut alice, mut phone, mut bob] = server.connect_all([&alice, &alice, &bob]).await;
    let said = alice.say(&group, "hello").await;
    let edit = |body: &str| json!({ "conversation": group, "message": said["id"], "body": body });
    let edited = alice.ok("message.edit", edit("good day")).await;
    assert_eq!((&edited["body"], &edited["seq"], &edited["date"]), (&json!("good day"), &json!(1), &said["date"]));
    assert!(edited["edited_at"].as_str() >= said["date"].as_str());
    for client in [&mut phone, &mut bob] {
        assert_eq!(client.next_push("message.edit").await, edited);
    }
    assert_eq!(bob.ok("message.fetch", json!({ "conversation": group })).await["messages"], json!([edited]));
    bob.refused("message.edit", edit("no")).await.expect(403, "forbidden");
    alice.refused("message.edit", edit("")).await.expect_invalid("body");
    bob.ok("group.update", json!({ "conversation": group, "permissions": { "alice": "r" } })).await;
    alice.refused("message.edit", edit("no")).await.expect(403, "read_only");
    bob.expect_no("message.edit").await;
}

#[tokio::test]
async fn a_deleted_message_keeps_its_number_and_nothing_else() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group(&[(&alice, Write), (&bob, Administer), (&carol, Write)]).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    let first = alice.say(&group, "first").await;
    let mut second = text(&group, "second");
    second["reply_to"] = first["id"].clone();
    second["tone"] = json!("/j");
    let second = alice.ok("message.text", second).await;
    carol
        .ok("message.react", json!({ "conversation": group, "message": second["id"], "emoji": "👍", "on": true }))
        .await;
    let delete = |message: &Value| json!({ "conversation": group, "message": message["id"] });
    carol.refused("message.delete", delete(&second)).await.expect(403, "forbidden");
    let deleted = alice.ok("message.delete", delete(&second)).await;
    assert_eq!((&deleted["seq"], &deleted["body"], &deleted["id"]), (&json!(2), &json!(""), &second["id"]));
    assert!(deleted["deleted_at"].is_string());
    assert!(deleted.get("reply_to").is_none() && deleted.get("tone").is_none());
    assert_eq!((&deleted["reactions"], &deleted["reaction_counts"]), (&json!({}), &json!({})));
    for client in [&mut bob, &mut carol] {
        assert_eq!(client.next_push("message.delete").await, deleted);
    }
    assert_eq!(alice.ok("message.delete", delete(&second)).await, deleted, "twice confirms");
    // An administrator deletes anybody's.
    let by_bob = bob.ok("message.delete", delete(&first)).await;
    assert_eq!(carol.ok("message.fetch", json!({ "conversation": group })).await["messages"], json!([by_bob, deleted]));
    let edit = json!({ "conversation": group, "message": second["id"], "body": "again" });
    alice.refused("message.edit", edit).await.expect(409, "conflict");
    let react = json!({ "conversation": group, "message": second["id"], "emoji": "👍", "on": true });
    alice.refused("message.react", react).await.expect(409, "conflict");
    assert_eq!(alice.say(&group, "third").await["seq"], 3);
}

#[tokio::test]
async fn one_may_take_back_what_one_said_without_the_right_to_write() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&bob, &alice]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    let said = alice.say(&group, "oops").await;
    bob.ok("group.update", json!({ "conversation": group, "permissions": { "alice": "r" } })).await;
    alice.ok("message.delete", json!({ "conversation": group, "message": said["id"] })).await;
}

#[tokio::test]
async fn requests_of_a_session_take_effect_in_their_order() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    let mut alice = server.connect(&alice).await;
    let mut requests = Vec::new();
    let mut last = Value::Null;
    for number in 0..20 {
        let message = text(&group, &number.to_string());
        last = message["id"].clone();
        requests.push(alice.send("message.text", message).await);
    }
    let edit = json!({ "conversation": group, "message": last, "body": "edited" });
    requests.push(alice.send("message.edit", edit).await);
    requests.push(alice.send("message.fetch", json!({ "conversation": group, "limit": 1 })).await);
    requests.push(alice.send("message.delete", json!({ "conversation": group, "message": last })).await);
    requests.push(alice.send("message.read", json!({ "conversation": group, "seq": 20 })).await);
    let mut replies = Vec::new();
    for _ in &requests {
        match alice.next().await {
            Event::Reply { re, data, .. } => replies.push((re, data)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(replies.iter().map(|(re, _)| *re).collect::<Vec<_>>(), requests);
    assert_eq!(replies[21].1["messages"][0]["body"], "edited");
}

#[tokio::test]
async fn two_nodes_on_one_database_number_without_gaps() {
    let (one, project) = start().await;
    let other = TestServer::builder().beside(&one).start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let (mut alice, mut bob) = (one.connect(&alice).await, other.connect(&bob).await);
    for number in 0..40 {
        for client in [&mut alice, &mut bob] {
            client.send("message.text", text(&group, &number.to_string())).await;
        }
    }
    let mut seqs = Vec::new();
    for client in [&mut alice, &mut bob] {
        for re in 0..40 {
            // The first request of each was part of its opening.
            let told = client.reply(re + 2).await.unwrap();
            seqs.push(told["seq"].as_i64().unwrap());
        }
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=80).collect::<Vec<i64>>());
    // Both rooms catch up before they tell what is newer: nobody gets a number before the one below it.
    alice.say(&group, "last of one").await;
    bob.say(&group, "last of the other").await;
    let history = alice.ok("message.fetch", json!({ "conversation": group, "after_seq": 80 })).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 2);
}
