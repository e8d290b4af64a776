//! Invitations to games and the answers to them.

use super::start;
use crate::support::client::{Client, each, id};
use crate::support::server::{TestClock, TestServer};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use std::time::Duration;

async fn invite(client: &mut Client, conversation: &str, extra: Value) -> Value {
    client.ok("message.game", invitation(conversation, extra)).await
}

fn invitation(conversation: &str, extra: Value) -> Value {
    let mut data = json!({ "conversation": conversation, "id": id(), "game": "chess", "payload": {} });
    data.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    data
}

fn answer(message: &Value, action: &str) -> Value {
    json!({ "message": message["id"], "action": action })
}

#[tokio::test]
async fn an_invitation_in_private_is_taken_by_the_other() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut phone, mut bob] = server.connect_all([&alice, &alice, &bob]).await;
    let data = json!({ "to": "bob", "id": id(), "game": "chess", "payload": { "clock": 300 } });
    let offered = alice.ok("message.game", data.clone()).await;
    let expected = json!({
        "id": data["id"], "conversation": chat, "seq": 1, "author": alice.shape(), "kind": "game", "role": "user",
        "body": "", "attachments": [], "reactions": {}, "reaction_counts": {}, "status": "SENT", "date": offered["date"],
        "game": {
            "name": "chess", "payload": { "clock": 300 }, "capacity": 1, "seats": [], "declined": [], "state": "offered",
        },
    });
    assert_eq!(offered, expected);
    for client in [&mut phone, &mut bob] {
        assert_eq!(client.next_push("message.game").await, offered);
    }
    assert_eq!(alice.ok("message.game", data).await, offered, "sent twice confirms");
    alice.refused("message.game", answer(&offered, "accept")).await.expect(409, "conflict");
    bob.refused("message.game", answer(&offered, "withdraw")).await.expect(403, "forbidden");
    let taken = bob.ok("message.game", answer(&offered, "accept")).await;
    assert_eq!((&taken["game"]["state"], &taken["game"]["seats"]), (&json!("accepted"), &json!([bob.shape()])));
    for client in [&mut alice, &mut phone] {
        assert_eq!(client.next_push("message.game").await, taken);
    }
    assert_eq!(bob.ok("message.game", answer(&offered, "accept")).await, taken, "twice confirms");
    bob.refused("message.game", answer(&offered, "decline")).await.expect(409, "conflict");
    alice.refused("message.game", answer(&offered, "withdraw")).await.expect(409, "conflict");
    let edit = json!({ "conversation": chat, "message": offered["id"], "body": "x" });
    alice.refused("message.edit", edit).await.expect(409, "conflict");
    assert_eq!(alice.ok("message.fetch", json!({ "conversation": chat })).await["messages"], json!([taken]));
    bob.say(&chat, "your move").await;
    alice.next_push("message.text").await;
    alice.expect_no("message.game").await;
}

#[tokio::test]
async fn exactly_as_many_sit_as_there_are_seats() {
    let (server, project) = start().await;
    let crowd = project.crowd(7).await;
    let group = project.group_of(&crowd.iter().collect::<Vec<_>>()).await;
    let mut author = server.connect(&crowd[0]).await;
    let mut racers = Vec::new();
    for user in &crowd[1..] {
        racers.push(server.connect(user).await);
    }
    for capacity in 1..=3 {
        let offered = invite(&mut author, &group, json!({ "capacity": capacity })).await;
        let race = racers.iter_mut().map(|racer| {
            let answer = answer(&offered, "accept");
            async move { (racer.id(), racer.request("message.game", answer).await) }
        });
        let mut sitting = Vec::new();
        for (id, result) in futures_util::future::join_all(race).await {
            match result {
                Ok(_) => sitting.push(json!(id)),
                Err(error) => {
                    error.expect(409, "full");
                }
            }
        }
        let history = author.ok("message.fetch", json!({ "conversation": group, "limit": 1 })).await;
        let game = &history["messages"][0]["game"];
        assert_eq!(game["state"], "full");
        let mut seats: Vec<Value> = each(&game["seats"], "id").into_iter().cloned().collect();
        assert_eq!(seats.len(), capacity);
        seats.sort_by_key(ToString::to_string);
        sitting.sort_by_key(ToString::to_string);
        assert_eq!(seats, sitting);
        // All that happened was told, one seat after the other.
        for taken in 1..=capacity {
            let push = author.next_push("message.game").await;
            assert_eq!(push["game"]["seats"].as_array().unwrap().len(), taken);
            let state = if taken == capacity { "full" } else { "offered" };
            assert_eq!(push["game"]["state"], state);
        }
        author.expect_no("message.game").await;
    }
}

#[tokio::test]
async fn declined_only_when_every_other_member_declined() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    let offered = invite(&mut alice, &group, json!({ "capacity": 2 })).await;
    let after = bob.ok("message.game", answer(&offered, "decline")).await;
    assert_eq!((&after["game"]["state"], &after["game"]["declined"]), (&json!("offered"), &json!([bob.shape()])));
    assert_eq!(alice.next_push("message.game").await, after);
    let after = carol.ok("message.game", answer(&offered, "accept")).await;
    assert_eq!((&after["game"]["state"], &after["game"]["seats"]), (&json!("offered"), &json!([carol.shape()])));
    assert_eq!(alice.next_push("message.game").await, after);
    // Who sits may think again, as long as it stands.
    let end = carol.ok("message.game", answer(&offered, "decline")).await;
    assert_eq!((&end["game"]["state"], &end["game"]["seats"]), (&json!("declined"), &json!([])));
    assert_eq!(alice.next_push("message.game").await, end);
    bob.refused("message.game", answer(&offered, "accept")).await.expect(409, "conflict");
    assert_eq!(bob.ok("message.game", answer(&offered, "decline")).await, end, "twice confirms");
}

#[tokio::test]
async fn only_the_author_withdraws() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&bob, &alice]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    let offered = invite(&mut alice, &group, json!({})).await;
    bob.refused("message.game", answer(&offered, "withdraw")).await.expect(403, "forbidden");
    let withdrawn = alice.ok("message.game", answer(&offered, "withdraw")).await;
    assert_eq!(withdrawn["game"]["state"], "withdrawn");
    assert_eq!(bob.next_push("message.game").await, offered);
    assert_eq!(bob.next_push("message.game").await, withdrawn);
    for action in ["accept", "decline"] {
        bob.refused("message.game", answer(&offered, action)).await.expect(409, "conflict");
    }
    assert_eq!(alice.ok("message.game", answer(&offered, "withdraw")).await, withdrawn);
}

#[tokio::test]
async fn time_ends_an_invitation_and_all_are_told() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let project = server.project("p").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    let in_a_minute = (Utc::now() + TimeDelta::minutes(1)).to_rfc3339();
    let offered = invite(&mut alice, &chat, json!({ "expires_at": in_a_minute })).await;
    assert!(offered["game"]["expires_at"].is_string());
    assert_eq!(bob.next_push("message.game").await, offered);
    let lasting = invite(&mut alice, &chat, json!({})).await;
    bob.next_push("message.game").await;
    clock.advance(Duration::from_secs(61));
    for client in [&mut alice, &mut bob] {
        let expired = client.next_push("message.game").await;
        assert_eq!((&expired["id"], &expired["game"]["state"]), (&offered["id"], &json!("expired")));
    }
    bob.refused("message.game", answer(&offered, "accept")).await.expect(409, "conflict");
    alice.refused("message.game", answer(&offered, "withdraw")).await.expect(409, "conflict");
    assert_eq!(bob.ok("message.game", answer(&lasting, "accept")).await["game"]["state"], "accepted");
    let past = invitation(&chat, json!({ "expires_at": Utc::now().to_rfc3339() }));
    alice.refused("message.game", past).await.expect_invalid("expires_at");
}

#[tokio::test]
async fn invitations_and_answers_are_checked() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let mut alice = server.connect(&alice).await;
    // 4096 bytes with the quotes.
    let most = "a".repeat(4094);
    assert_eq!(invite(&mut alice, &group, json!({ "payload": most, "capacity": 100 })).await["game"]["payload"], most);
    for (extra, field) in [
        (json!({ "payload": "a".repeat(4095) }), "payload"),
        (json!({ "capacity": 0 }), "capacity"),
        (json!({ "capacity": 101 }), "capacity"),
        (json!({ "game": "" }), "game"),
        (json!({ "expires_at": "soon" }), "expires_at"),
        (json!({ "action": "accept" }), "message"),
        (json!({ "message": id() }), "action"),
    ] {
        alice.refused("message.game", invitation(&group, extra)).await.expect_invalid(field);
    }
    let offered = invite(&mut alice, &group, json!({})).await;
    let mut mixed = answer(&offered, "withdraw");
    mixed["game"] = json!("chess");
    alice.refused("message.game", mixed).await.expect_invalid("message");
    alice.refused("message.game", json!({ "message": offered["id"], "action": "win" })).await.expect_invalid("action");
    alice
        .refused("message.game", json!({ "conversation": group, "id": id(), "payload": {} }))
        .await
        .expect_invalid("game");
    let said = alice.say(&group, "no game").await;
    alice.refused("message.game", answer(&said, "withdraw")).await.expect(409, "conflict");
    alice.refused("message.game", json!({ "message": id(), "action": "accept" })).await.expect(404, "not_found");
}
