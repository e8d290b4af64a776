//! Blocks in groups: what somebody one has blocked does is nowhere to be seen; its number is simply missing.

use super::start;
use crate::support::client::{Client, each, id, with};
use crate::support::project::Project;
use crate::support::server::TestServer;
use serde_json::{Value, json};

/// A group of Carol, Alice and Bob, of whom Bob blocks Alice, with a session of each.
async fn group() -> (TestServer, Project, String, [Client; 3]) {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&carol, &alice, &bob]).await;
    project.block(&bob, &alice).await;
    let clients = server.connect_all([&alice, &bob, &carol]).await;
    (server, project, group, clients)
}

fn of(conversation: &str, message: &Value, extra: Value) -> Value {
    with(json!({ "conversation": conversation, "message": message["id"] }), extra)
}

async fn history(client: &mut Client, conversation: &str, extra: Value) -> Vec<Value> {
    let page = client.ok("message.fetch", with(json!({ "conversation": conversation }), extra)).await;
    page["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn nothing_of_the_blocked_is_pushed() {
    let (_server, _project, group, [mut alice, mut bob, mut carol]) = group().await;
    let by_carol = carol.say(&group, "one").await;
    let by_alice = alice.say(&group, "two").await;
    alice.ok("message.edit", of(&group, &by_alice, json!({ "body": "too" }))).await;
    alice.ok("message.react", of(&group, &by_carol, json!({ "emoji": "👍", "on": true }))).await;
    alice.ok("typing.update", json!({ "conversation": group, "typing": true })).await;
    let game = json!({ "conversation": group, "id": id(), "game": "chess", "payload": {} });
    let offered = alice.ok("message.game", game).await;
    alice.ok("message.game", json!({ "message": offered["id"], "action": "withdraw" })).await;
    alice.ok("message.delete", json!({ "conversation": group, "message": by_alice["id"] })).await;
    let last = carol.say(&group, "four").await;
    assert_eq!(last["seq"], 4);
    // To Carol all of it came.
    for kind in [
        "message.text",
        "message.edit",
        "message.react",
        "typing.update",
        "message.game",
        "message.game",
        "message.delete",
    ] {
        carol.next_push(kind).await;
    }
    assert_eq!(bob.next_push("message.text").await, by_carol);
    assert_eq!(bob.next_push("message.text").await, last);
    for kind in ["message.edit", "message.react", "typing.update", "message.game", "message.delete"] {
        bob.expect_no(kind).await;
    }
    // The other way it is no secret: Alice blocks nobody.
    let by_bob = bob.say(&group, "five").await;
    for seq in [1, 4, 5] {
        assert_eq!(alice.next_push("message.text").await["seq"], seq);
    }
    assert_eq!(carol.next_push("message.text").await, by_bob);
}

#[tokio::test]
async fn pages_summaries_and_counts_leave_the_blocked_out() {
    let (server, _project, group, [mut alice, mut bob, mut carol]) = group().await;
    let one = carol.say(&group, "one").await;
    alice.say(&group, "two").await;
    carol.say(&group, "three").await;
    for body in ["four", "five", "six"] {
        alice.say(&group, body).await;
    }
    for client in [&mut alice, &mut carol] {
        client.ok("message.react", of(&group, &one, json!({ "emoji": "👍", "on": true }))).await;
    }
    alice.ok("message.react", of(&group, &one, json!({ "emoji": "🙈", "on": true }))).await;

    let seen = history(&mut bob, &group, json!({})).await;
    assert_eq!(seen.iter().map(|message| &message["seq"]).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(seen[0]["reactions"], json!({ "👍": [carol.shape()] }));
    assert_eq!(seen[0]["reaction_counts"], json!({ "👍": 1 }));
    assert_eq!(history(&mut bob, &group, json!({ "after_seq": 1 })).await.len(), 1);
    assert_eq!(history(&mut bob, &group, json!({ "before_seq": 3, "limit": 1 })).await[0]["seq"], 1);
    let page = bob.ok("message.fetch", json!({ "conversation": group, "after_seq": 0, "limit": 2 })).await;
    assert_eq!((each(&page["messages"], "seq").len(), &page["more"]), (2, &json!(false)));

    let summary = bob.ok("group.summary", json!({})).await;
    let conversation = &summary["conversations"][0];
    assert_eq!(conversation["last_message"]["body"], "three");
    assert_eq!((&conversation["unread"], &conversation["last_seq"]), (&json!(2), &json!(6)));
    let again = server.connect(bob.user()).await;
    assert_eq!(again.opening().conversations, std::slice::from_ref(conversation));
    assert_eq!(history(&mut carol, &group, json!({})).await.len(), 6);
}

#[tokio::test]
async fn a_block_takes_effect_in_live_sessions_and_ends_without_a_trace() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&carol, &alice, &bob]).await;
    let [mut alice, mut bob, mut tablet, mut carol] = server.connect_all([&alice, &bob, &bob, &carol]).await;
    alice.say(&group, "one").await;
    bob.ok("contact.update", json!({ "user": "alice", "action": "block" })).await;
    assert_eq!(tablet.next_push("contact.update").await["status"], "blocked");
    alice.say(&group, "two").await;
    carol.say(&group, "three").await;
    for client in [&mut bob, &mut tablet] {
        assert_eq!(client.next_push("message.text").await["body"], "one");
        assert_eq!(client.next_push("message.text").await["body"], "three");
    }
    assert_eq!(history(&mut bob, &group, json!({})).await.len(), 1, "also what was said before");
    bob.ok("contact.update", json!({ "user": "alice", "action": "unblock" })).await;
    assert_eq!(history(&mut bob, &group, json!({})).await.len(), 3);
    tablet.next_push("contact.update").await;
    alice.say(&group, "four").await;
    for client in [&mut bob, &mut tablet] {
        assert_eq!(client.next_push("message.text").await["body"], "four");
    }
}

#[tokio::test]
async fn the_blocked_are_cut_out_of_what_others_wrote() {
    let (_server, _project, group, [mut alice, mut bob, mut carol]) = group().await;
    let game = json!({ "conversation": group, "id": id(), "game": "chess", "payload": {}, "capacity": 2 });
    let offered = carol.ok("message.game", game).await;
    bob.next_push("message.game").await;
    alice.ok("message.game", json!({ "message": offered["id"], "action": "accept" })).await;
    carol.next_push("message.game").await;
    bob.ok("message.game", json!({ "message": offered["id"], "action": "accept" })).await;
    let full = carol.next_push("message.game").await;
    assert_eq!(each(&full["game"]["seats"], "username"), ["alice", "bob"]);
    bob.expect_no("message.game").await;
    let seen = &history(&mut bob, &group, json!({})).await[0]["game"];
    assert_eq!((&seen["seats"], &seen["state"]), (&json!([bob.shape()]), &json!("full")));

    let said = carol.say(&group, "hello").await;
    alice.ok("message.react", of(&group, &said, json!({ "emoji": "👍", "on": true }))).await;
    let edited = carol.ok("message.edit", of(&group, &said, json!({ "body": "hello!" }))).await;
    assert_eq!(edited["reaction_counts"], json!({ "👍": 1 }));
    let push = bob.next_push("message.edit").await;
    assert_eq!(
        (&push["body"], &push["reactions"], &push["reaction_counts"]),
        (&json!("hello!"), &json!({}), &json!({}))
    );
}

#[tokio::test]
async fn a_reply_holds_nothing_of_the_blocked_either() {
    let (_server, _project, group, [mut alice, mut bob, mut carol]) = group().await;
    let game = json!({ "conversation": group, "id": id(), "game": "chess", "payload": {}, "capacity": 2 });
    let offered = carol.ok("message.game", game).await;
    alice.ok("message.game", json!({ "message": offered["id"], "action": "accept" })).await;
    let accepted = bob.ok("message.game", json!({ "message": offered["id"], "action": "accept" })).await;
    assert_eq!(accepted["game"]["seats"], json!([bob.shape()]));
    let said = bob.say(&group, "hello").await;
    alice.ok("message.react", of(&group, &said, json!({ "emoji": "👍", "on": true }))).await;
    let edited = bob.ok("message.edit", of(&group, &said, json!({ "body": "hello!" }))).await;
    assert_eq!(edited["reaction_counts"], json!({}));
    let reacted = bob.ok("message.react", of(&group, &said, json!({ "emoji": "👍", "on": true }))).await;
    assert_eq!(reacted["reaction_counts"], json!({ "👍": 1 }));
    let hidden = alice.say(&group, "hello").await;
    let refused = bob.refused("message.react", of(&group, &hidden, json!({ "emoji": "👍", "on": true }))).await;
    assert_eq!(refused.code, "not_found");
    let game = json!({ "conversation": group, "id": id(), "game": "chess", "payload": {} });
    let offered = alice.ok("message.game", game).await;
    let refused = bob.refused("message.game", json!({ "message": offered["id"], "action": "accept" })).await;
    assert_eq!(refused.code, "not_found");
}

#[tokio::test]
async fn what_others_do_with_the_messages_of_the_blocked_is_not_told() {
    let (_server, _project, group, [mut alice, mut bob, mut carol]) = group().await;
    let hidden = alice.say(&group, "hello").await;
    carol.next_push("message.text").await;
    carol.ok("message.react", of(&group, &hidden, json!({ "emoji": "👍", "on": true }))).await;
    // Carol owns the group, so she may.
    carol.ok("message.delete", json!({ "conversation": group, "message": hidden["id"] })).await;
    carol.say(&group, "sorry").await;
    assert_eq!(bob.next_push("message.text").await["body"], "sorry");
    bob.expect_no("message.react").await;
    bob.expect_no("message.delete").await;
}

#[tokio::test]
async fn who_blocks_the_caller_is_left_out_without_an_error() {
    let (_server, _project, group, [mut alice, mut bob, mut carol]) = group().await;
    let made = alice.ok("group.update", json!({ "add": ["bob", "carol"] })).await;
    assert_eq!(made["member_count"], 2);
    assert_eq!(carol.next_push("group.update").await["id"], made["id"]);
    let left = json!({ "conversation": group, "remove": ["bob"] });
    carol.ok("group.update", left).await;
    bob.next_push("group.delete").await;
    carol.ok("group.update", json!({ "conversation": group, "permissions": { "alice": "a" } })).await;
    let told = alice.ok("group.update", json!({ "conversation": group, "add": ["bob"] })).await;
    assert_eq!(told["member_count"], 2);
    bob.expect_no("group.update").await;
    assert_eq!(bob.ok("group.summary", json!({})).await["conversations"], json!([]));
}
