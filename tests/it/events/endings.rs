//! What ends a session.

use super::start;
use crate::support::client::{Client, Event, Via, text};
use crate::support::project::TestUser;
use crate::support::server::{TestClock, TestServer};
use chrono::{TimeDelta, Utc};
use palabre::model::password;
use palabre::store::users;
use serde_json::json;
use std::time::Duration;

/// A session of a user with this token, past its opening.
async fn session(server: &TestServer, user: &TestUser, token: &str, via: Via) -> Client {
    let mut client = server.stranger(&user.project, via).await;
    client.ok("session.auth", json!({ "project": user.project, "token": token })).await;
    client.open().await;
    client
}

#[tokio::test]
async fn a_session_is_warned_and_then_ends_with_its_token() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    let token = alice.token(Utc::now(), Duration::from_secs(300));
    let mut clients = Vec::new();
    for via in Via::ALL {
        clients.push(session(&server, &alice, &token, via).await);
    }
    let mut renewed = session(&server, &alice, &token, Via::WsJson).await;
    clock.advance(Duration::from_secs(200));
    for client in &mut clients {
        client.expect_no("session.expiring").await;
    }
    clock.advance(Duration::from_secs(60));
    let expires_at = clients[0].opening().ready["expires_at"].clone();
    for client in clients.iter_mut().chain([&mut renewed]) {
        assert_eq!(client.next_push("session.expiring").await, json!({ "expires_at": expires_at }));
    }
    let fresh = alice.token(Utc::now() + TimeDelta::seconds(260), Duration::from_secs(300));
    renewed.ok("session.auth", json!({ "token": fresh })).await;
    clock.advance(Duration::from_secs(45));
    for client in &mut clients {
        assert_eq!(client.closed().await, Some(4201));
    }
    renewed.sync().await;
    renewed.expect_no("session.expiring").await;
    // The fresh one ends as well in its time, and is told of it anew.
    clock.advance(Duration::from_secs(210));
    renewed.next_push("session.expiring").await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(renewed.closed().await, Some(4201));
}

#[tokio::test]
async fn sessions_end_with_the_account() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let [mut alice, mut phone, mut bob] = server.connect_all([&alice, &alice, &bob]).await;
    let conn = &mut project.conn().await;
    users::set_deactivated(conn, project.id, alice.user().row.id, true, Utc::now()).await.unwrap();
    for client in [&mut alice, &mut phone] {
        assert_eq!(client.closed().await, Some(4203));
    }
    bob.sync().await;
}

#[tokio::test]
async fn sessions_end_with_the_password_they_were_opened_with() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let [mut old, mut bob] = server.connect_all([&alice, &bob]).await;
    let conn = &mut project.conn().await;
    let hash = password::hash("alice1234", [1; 16]).unwrap();
    users::set_password(conn, project.id, alice.row.id, &hash, Utc::now()).await.unwrap();
    // A token of after the change goes on.
    let mut fresh = alice.clone();
    fresh.row = users::find(conn, project.id, alice.row.id).await.unwrap().unwrap();
    fresh.token = fresh.token(Utc::now(), Duration::from_secs(3600));
    let mut new = server.connect(&fresh).await;
    assert_eq!(old.closed().await, Some(4203));
    new.sync().await;
    bob.sync().await;
}

#[tokio::test]
async fn who_is_silent_for_too_long_is_gone() {
    let server = TestServer::builder()
        .limits(|limits| {
            (limits.ping_after, limits.ping_patience) = (Duration::from_millis(300), Duration::from_secs(1));
        })
        .start()
        .await;
    let project = server.project("p").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    project.befriend(&alice, &bob).await;
    // Over TCP our client answers no ping; over the WebSocket it does as long as it reads.
    let mut alive = server.connect(&alice).await;
    let mut silent = server.connect_via(&bob, Via::TcpMsgPack).await;
    let came_online = alive.next_push("status.update").await;
    assert_eq!(came_online["status"], "online");
    let gone = alive.next_push("status.update").await;
    assert_eq!((&gone["user"], &gone["status"]), (&bob.shape(), &json!("offline")));
    assert_eq!(silent.closed().await, Some(4101));
    alive.sync().await;
}

#[tokio::test]
async fn a_server_that_stops_tells_everybody_to_come_back_and_keeps_what_it_confirmed() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let mut clients = Vec::new();
    for via in Via::ALL {
        clients.push(server.connect_via(&bob, via).await);
    }
    let mut stranger = server.stranger("p", Via::TcpJson).await;
    let mut speaker = server.connect(&alice).await;
    for number in 0..100 {
        speaker.send("message.text", text(&chat, &number.to_string())).await;
    }
    let next = TestServer::builder().beside(&server).start().await;
    server.stop().await;
    let mut confirmed = 0;
    loop {
        match speaker.next().await {
            Event::Reply { data, .. } => confirmed = data["seq"].as_i64().unwrap(),
            Event::Closed(code) => break assert_eq!(code, Some(4000)),
            _ => {}
        }
    }
    for client in clients.iter_mut().chain([&mut stranger]) {
        assert_eq!(client.closed().await, Some(4000));
    }
    let mut again = next.connect(&alice).await;
    let history = again.ok("message.fetch", json!({ "conversation": chat, "limit": 200 })).await;
    let stored = history["messages"].as_array().unwrap();
    assert!(
        i64::try_from(stored.len()).unwrap() >= confirmed,
        "{confirmed} were confirmed, {} are there",
        stored.len()
    );
    assert_eq!(stored.len(), stored.last().map_or(0, |last| usize::try_from(last["seq"].as_i64().unwrap()).unwrap()));
}
