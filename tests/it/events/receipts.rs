//! Watermarks: what was delivered, what was read, and who hears of it.

use super::start;
use crate::support::client::{Client, each};
use palabre::model::permission::Permission::{Own, Read};
use serde_json::{Value, json};

/// How far each message has come, as this session's user sees it.
async fn statuses(client: &mut Client, conversation: &str) -> Vec<Value> {
    let history = client.ok("message.fetch", json!({ "conversation": conversation })).await;
    each(&history["messages"], "status").into_iter().cloned().collect()
}

fn mark(conversation: &str, seq: i64) -> Value {
    json!({ "conversation": conversation, "seq": seq })
}

#[tokio::test]
async fn receipts_move_the_status_and_are_told() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob, mut tablet] = server.connect_all([&alice, &bob, &bob]).await;
    for body in ["one", "two", "three"] {
        alice.say(&chat, body).await;
    }
    assert_eq!(statuses(&mut alice, &chat).await, ["SENT", "SENT", "SENT"]);
    let moved = |seq: i64| json!({ "conversation": chat, "user": bob.user().shape(), "seq": seq });
    let (to_two, to_one, to_three) = (moved(2), moved(1), moved(3));
    assert_eq!(bob.ok("message.delivered", mark(&chat, 2)).await, to_two);
    for client in [&mut alice, &mut tablet] {
        assert_eq!(client.next_push("message.delivered").await, to_two);
    }
    assert_eq!(statuses(&mut alice, &chat).await, ["DELIVERED", "DELIVERED", "SENT"]);
    assert_eq!(bob.ok("message.read", mark(&chat, 1)).await, to_one);
    assert_eq!(alice.next_push("message.read").await, to_one);
    assert_eq!(statuses(&mut alice, &chat).await, ["READ", "DELIVERED", "SENT"]);
    // Reading implies delivered.
    assert_eq!(bob.ok("message.read", mark(&chat, 3)).await, to_three);
    assert_eq!(alice.next_push("message.read").await, to_three);
    assert_eq!(statuses(&mut alice, &chat).await, ["READ", "READ", "READ"]);
    let members = alice.ok("group.members", json!({ "conversation": chat })).await;
    let of_bob = members["members"].as_array().unwrap().iter().find(|member| member["user"] == bob.shape()).unwrap();
    assert_eq!((&of_bob["delivered_seq"], &of_bob["read_seq"]), (&json!(3), &json!(3)));
}

#[tokio::test]
async fn watermarks_only_move_forward_and_no_further_than_there_are_messages() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    alice.say(&chat, "one").await;
    alice.say(&chat, "two").await;
    assert_eq!(bob.ok("message.read", mark(&chat, 1_000_000)).await["seq"], 2);
    assert_eq!(alice.next_push("message.read").await["seq"], 2);
    for kind in ["message.read", "message.delivered"] {
        assert_eq!(bob.ok(kind, mark(&chat, 1)).await["seq"], 2);
        assert_eq!(bob.ok(kind, mark(&chat, 0)).await["seq"], 2);
        assert_eq!(bob.ok(kind, mark(&chat, 2)).await["seq"], 2);
        bob.refused(kind, mark(&chat, -1)).await.expect_invalid("seq");
    }
    let third = bob.say(&chat, "three").await;
    assert_eq!(alice.next_push("message.text").await, third);
    alice.expect_no("message.read").await;
    alice.expect_no("message.delivered").await;
    assert_eq!(statuses(&mut alice, &chat).await, ["READ", "READ", "SENT"]);
}

#[tokio::test]
async fn reading_takes_away_what_is_unread() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group(&[(&alice, Own), (&bob, Read)]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    for body in ["one", "two", "three"] {
        alice.say(&group, body).await;
    }
    let unread = async |client: &mut Client| {
        let summary = client.ok("group.summary", json!({})).await;
        let conversation = &summary["conversations"][0];
        (conversation["read_seq"].as_i64().unwrap(), conversation["unread"].as_i64().unwrap())
    };
    assert_eq!(unread(&mut bob).await, (0, 3));
    // Who may only read may say so.
    bob.ok("message.read", mark(&group, 2)).await;
    assert_eq!(unread(&mut bob).await, (2, 1));
    assert_eq!(unread(&mut alice).await.1, 0, "what one said oneself is not unread");
}

#[tokio::test]
async fn a_message_is_read_when_every_other_member_of_now_has_read_it() {
    let (server, project) = start().await;
    let [alice, bob, carol, dave] = project.users(["alice", "bob", "carol", "dave"]).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    alice.say(&group, "hello").await;
    bob.ok("message.read", mark(&group, 1)).await;
    assert_eq!(statuses(&mut alice, &group).await, ["SENT"]);
    carol.ok("message.delivered", mark(&group, 1)).await;
    assert_eq!(statuses(&mut alice, &group).await, ["DELIVERED"]);
    // Who comes later begins where the others are.
    alice.ok("group.update", json!({ "conversation": group, "add": [dave.id] })).await;
    assert_eq!(statuses(&mut alice, &group).await, ["DELIVERED"]);
    alice.ok("group.update", json!({ "conversation": group, "remove": ["carol"] })).await;
    assert_eq!(statuses(&mut alice, &group).await, ["READ"]);
    // Everybody sees the same.
    assert_eq!(statuses(&mut bob, &group).await, ["READ"]);
}

#[tokio::test]
async fn receipts_do_not_pass_between_two_of_whom_one_blocks_the_other() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&carol, &alice, &bob]).await;
    project.block(&bob, &alice).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    carol.say(&group, "hello").await;
    bob.ok("message.read", mark(&group, 1)).await;
    assert_eq!(carol.next_push("message.read").await["user"], bob.shape());
    alice.ok("message.read", mark(&group, 1)).await;
    assert_eq!(carol.next_push("message.read").await["user"], alice.shape());
    // On the same way, later.
    carol.say(&group, "bye").await;
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.next_push("message.text").await["seq"], 1);
        assert_eq!(client.next_push("message.text").await["seq"], 2);
        client.expect_no("message.read").await;
        client.expect_no("message.delivered").await;
    }
}

#[tokio::test]
async fn a_block_holds_back_what_is_told_of_reading_in_a_private_conversation() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    alice.say(&chat, "one").await;
    bob.say(&chat, "two").await;
    alice.ok("contact.update", json!({ "user": "bob", "action": "block" })).await;
    bob.next_push("group.update").await;
    assert_eq!(bob.ok("message.read", mark(&chat, 2)).await["seq"], 2, "for oneself it moves");
    assert_eq!(alice.ok("message.read", mark(&chat, 2)).await["seq"], 2);
    assert_eq!(statuses(&mut bob, &chat).await[1], "SENT");
    alice.ok("contact.update", json!({ "user": "bob", "action": "unblock" })).await;
    for client in [&mut alice, &mut bob] {
        client.expect_no("message.read").await;
        client.expect_no("message.delivered").await;
    }
    bob.say(&chat, "three").await;
    alice.ok("message.read", mark(&chat, 3)).await;
    assert_eq!(bob.next_push("message.read").await["seq"], 3);
    assert_eq!(statuses(&mut bob, &chat).await[1..], ["READ", "READ"]);
}

#[tokio::test]
async fn in_a_large_conversation_authors_get_digests() {
    let (server, project) = start().await;
    let crowd = project.crowd(51).await;
    let group = project.group_of(&crowd.iter().collect::<Vec<_>>()).await;
    let [mut author, mut reader, mut other, mut silent] =
        server.connect_all([&crowd[0], &crowd[1], &crowd[2], &crowd[3]]).await;
    author.say(&group, "hello").await;
    reader.ok("message.read", mark(&group, 1)).await;
    other.ok("message.delivered", mark(&group, 1)).await;
    let mut digest = Value::Null;
    while digest["delivered"] != 2 {
        let kind = if digest.is_null() { "message.read" } else { "message.delivered" };
        digest = author.next_push(kind).await;
    }
    assert_eq!(digest, json!({ "conversation": group, "seq": 1, "read": 1, "delivered": 2, "of": 50 }));
    // On the same way, later.
    author.say(&group, "bye").await;
    for client in [&mut reader, &mut other, &mut silent] {
        assert_eq!(client.next_push("message.text").await["seq"], 1);
        assert_eq!(client.next_push("message.text").await["seq"], 2);
        client.expect_no("message.read").await;
        client.expect_no("message.delivered").await;
    }
}

#[tokio::test]
async fn in_a_conversation_of_fifty_every_receipt_is_told() {
    let (server, project) = start().await;
    let crowd = project.crowd(50).await;
    let group = project.group_of(&crowd.iter().collect::<Vec<_>>()).await;
    let [mut author, mut reader, mut other] = server.connect_all([&crowd[0], &crowd[1], &crowd[2]]).await;
    author.say(&group, "hello").await;
    reader.ok("message.read", mark(&group, 1)).await;
    let told = json!({ "conversation": group, "user": reader.shape(), "seq": 1 });
    assert_eq!(author.next_push("message.read").await, told);
    assert_eq!(other.next_push("message.read").await, told);
}
