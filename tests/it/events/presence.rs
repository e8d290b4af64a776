//! What users look like to each other, over all their sessions.

use super::start;
use crate::support::client::Client;
use crate::support::project::TestUser;
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use serde_json::{Value, json};

async fn set(client: &mut Client, status: &str) -> Value {
    client.ok("status.update", json!({ "status": status })).await
}

/// How a user looks, asked for.
async fn look(client: &mut Client, user: &TestUser) -> Option<Value> {
    let mut statuses = client.ok("status.fetch", json!({ "users": [user.username] })).await;
    statuses["statuses"].as_array_mut().unwrap().pop()
}

/// Waits until a server has so many sessions, so that the end of one is known to have been noticed.
async fn sessions(server: &TestServer, count: i64) {
    until_async("the sessions end", async || (server.chat.metrics.sessions.get() == count).then_some(())).await;
}

#[tokio::test]
async fn online_with_the_first_session_offline_with_the_last_and_no_flicker_between() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    project.befriend(&alice, &bob).await;
    let mut bob = server.connect(&bob).await;
    let first = server.connect(&alice).await;
    assert_eq!(bob.next_push("status.update").await, json!({ "user": alice.shape(), "status": "online" }));
    let second = server.connect(&alice).await;
    drop(first);
    sessions(&server, 2).await;
    let mut third = server.connect(&alice).await;
    drop(second);
    sessions(&server, 2).await;
    // Nothing came of all that: the next is this.
    set(&mut third, "busy").await;
    assert_eq!(bob.next_push("status.update").await["status"], "busy");
    assert_eq!(bob.opening().statuses, [] as [Value; 0]);
    drop(third);
    let gone = bob.next_push("status.update").await;
    assert_eq!((&gone["user"], &gone["status"]), (&alice.shape(), &json!("offline")));
    assert!(gone["last_seen"].is_string(), "{gone}");
    assert_eq!(look(&mut bob, &alice).await, Some(gone));
}

#[tokio::test]
async fn who_goes_and_comes_at_once_ends_up_online() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    project.befriend(&alice, &bob).await;
    let mut bob = server.connect(&bob).await;
    for _ in 0..10 {
        drop(server.connect(&alice).await);
    }
    let _stays = server.connect(&alice).await;
    sessions(&server, 2).await;
    let mut seen = vec![look(&mut bob, &alice).await.unwrap()["status"].clone()];
    assert_eq!(seen, ["online"]);
    // What came last is how it is, and nothing came twice in a row.
    let mut marker = server.connect(&alice).await;
    set(&mut marker, "busy").await;
    seen.clear();
    while seen.last() != Some(&json!("busy")) {
        seen.push(bob.next_push("status.update").await["status"].clone());
    }
    assert_eq!(seen[seen.len() - 2], "online");
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
}

#[tokio::test]
async fn away_only_when_every_session_is() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    project.befriend(&alice, &bob).await;
    let [mut bob, mut desk, mut phone] = server.connect_all([&bob, &alice, &alice]).await;
    assert_eq!(bob.next_push("status.update").await["status"], "online");
    assert_eq!(set(&mut desk, "away").await["status"], "online", "the phone is not");
    assert_eq!(set(&mut phone, "away").await["status"], "away");
    assert_eq!(bob.next_push("status.update").await["status"], "away");
    assert_eq!(set(&mut desk, "online").await["status"], "online");
    assert_eq!(bob.next_push("status.update").await["status"], "online");
    // Only the session that is away is left.
    drop(desk);
    assert_eq!(bob.next_push("status.update").await["status"], "away");
}

#[tokio::test]
async fn busy_and_the_text_are_the_users_and_stay_over_reconnects() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    project.befriend(&alice, &bob).await;
    let [mut bob, mut desk, mut phone] = server.connect_all([&bob, &alice, &alice]).await;
    bob.next_push("status.update").await;
    let busy = desk.ok("status.update", json!({ "status": "busy", "text": "in a meeting" })).await;
    assert_eq!(busy, json!({ "user": alice.shape(), "status": "busy", "text": "in a meeting" }));
    assert_eq!(phone.next_status_of(&alice.id).await, busy);
    assert_eq!(bob.next_push("status.update").await, busy);
    // Being away is of a session, and changes nothing about it.
    assert_eq!(set(&mut desk, "away").await["status"], "busy");
    assert_eq!(set(&mut phone, "away").await["status"], "busy");
    drop((desk, phone));
    let gone = bob.next_push("status.update").await;
    assert_eq!(gone["status"], "offline");
    assert!(gone.get("text").is_none(), "nobody's text is shown who looks offline");
    let mut desk = server.connect(&alice).await;
    assert_eq!(desk.opening().own, busy);
    assert_eq!(bob.next_push("status.update").await, busy);
    let online = desk.ok("status.update", json!({ "status": "online", "text": "" })).await;
    assert_eq!(online, json!({ "user": alice.shape(), "status": "online" }));
    assert_eq!(bob.next_push("status.update").await, online);
    desk.refused("status.update", json!({ "status": "offline" })).await.expect_invalid("status");
    desk.refused("status.update", json!({ "status": "asleep" })).await.expect_invalid("status");
    let long = "a".repeat(201);
    desk.refused("status.update", json!({ "status": "online", "text": long })).await.expect_invalid("text");
}

#[tokio::test]
async fn the_invisible_look_offline_since_that_moment() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    project.befriend(&alice, &bob).await;
    project.befriend(&alice, &carol).await;
    let [mut bob, mut desk, mut phone] = server.connect_all([&bob, &alice, &alice]).await;
    bob.next_push("status.update").await;
    let own = desk.ok("status.update", json!({ "status": "invisible", "text": "hiding" })).await;
    assert_eq!(own, json!({ "user": alice.shape(), "status": "invisible", "text": "hiding" }));
    assert_eq!(phone.next_status_of(&alice.id).await, own);
    let gone = bob.next_push("status.update").await;
    assert_eq!(gone["status"], "offline");
    assert!(gone["last_seen"].is_string() && gone.get("text").is_none(), "{gone}");
    assert_eq!(look(&mut bob, &alice).await, Some(gone.clone()));
    let mut carol = server.connect(&carol).await;
    assert_eq!(carol.opening().statuses, [] as [Value; 0]);
    assert_eq!(look(&mut carol, &alice).await, Some(gone.clone()));
    // It stays so over a reconnect, and the moment as well.
    drop((desk, phone));
    sessions(&server, 2).await;
    let mut desk = server.connect(&alice).await;
    assert_eq!(desk.opening().own["status"], "invisible");
    assert_eq!(look(&mut bob, &alice).await, Some(gone.clone()));
    set(&mut desk, "online").await;
    let back = bob.next_push("status.update").await;
    assert_eq!((&back["status"], &back["text"]), (&json!("online"), &json!("hiding")));
}

#[tokio::test]
async fn one_sees_contacts_and_members_of_small_groups_and_nobody_else() {
    let (server, project) = start().await;
    let [alice, bob, carol, dave] = project.users(["alice", "bob", "carol", "dave"]).await;
    project.befriend(&alice, &bob).await;
    project.group_of(&[&alice, &carol]).await;
    let crowd = project.crowd(49).await;
    let mut many = vec![&alice, &dave];
    many.extend(&crowd);
    assert_eq!(many.len(), 51);
    project.group_of(&many).await;
    let [mut bob, mut carol, mut dave] = server.connect_all([&bob, &carol, &dave]).await;
    let mut desk = server.connect(&alice).await;
    for client in [&mut bob, &mut carol] {
        assert_eq!(client.next_push("status.update").await["user"], alice.shape());
    }
    set(&mut desk, "busy").await;
    for client in [&mut bob, &mut carol] {
        assert_eq!(client.next_push("status.update").await["status"], "busy");
        assert_eq!(look(client, &alice).await.unwrap()["status"], "busy");
    }
    assert_eq!(look(&mut dave, &alice).await, None);
    dave.expect_no("status.update").await;
    // Asked for without names: contacts, members of groups not among them.
    let all = desk.ok("status.fetch", json!({})).await;
    assert_eq!(all, json!({ "statuses": [{ "user": bob.shape(), "status": "online" }] }));
    let named = json!({ "users": ["carol", "dave", "nobody", "user1", "550e8400-e29b-41d4-a716-446655440000"] });
    let named = desk.ok("status.fetch", named).await;
    assert_eq!(named, json!({ "statuses": [{ "user": carol.shape(), "status": "online" }] }));
}

#[tokio::test]
async fn who_blocks_or_is_blocked_sees_nothing() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    project.befriend(&alice, &bob).await;
    project.group_of(&[&alice, &bob]).await;
    project.block(&alice, &bob).await;
    let [mut one, mut other] = server.connect_all([&alice, &bob]).await;
    for status in ["busy", "online"] {
        set(&mut one, status).await;
        set(&mut other, status).await;
    }
    assert_eq!(look(&mut one, &bob).await, None);
    assert_eq!(look(&mut other, &alice).await, None);
    for client in [&mut one, &mut other] {
        client.expect_no("status.update").await;
        assert_eq!(client.opening().statuses, [] as [Value; 0]);
    }
}
