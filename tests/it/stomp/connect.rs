//! How a session begins and ends.

use super::{friends, set_password, topic};
use crate::support::server::{TestClock, TestServer};
use crate::support::stomp::{Incoming, StompClient, VERSIONS, frame};
use chrono::{TimeDelta, Utc};
use std::time::{Duration, Instant};

#[tokio::test]
async fn each_subprotocol_is_stomp_and_each_version_is_spoken() {
    let (server, _project, [alice, _], _) = friends().await;
    let bearer = format!("Bearer {}", alice.token);
    for (protocol, version) in [("v10.stomp", "1.0"), ("v11.stomp", "1.1"), ("v12.stomp", "1.2")] {
        for command in ["CONNECT", "STOMP"] {
            let (mut client, chosen) = StompClient::open(&server, "p", protocol).await;
            assert_eq!(chosen.as_deref(), Some(protocol));
            client.send(command, &[("accept-version", version), ("Authorization", &bearer)], "").await;
            let connected = client.expect("CONNECTED").await;
            assert_eq!(connected.header("version"), version);
            assert_eq!(connected.header("user-name"), "alice");
            assert_eq!(connected.header("heart-beat"), "1000,30000");
            assert!(connected.header("server").starts_with("palabre/"));
            assert!(!connected.header("session").is_empty());
        }
    }
    // A client of the first version doesn't say so, and may pad what it says.
    let (mut old, _) = StompClient::open(&server, "p", "v10.stomp").await;
    old.send("CONNECT", &[(" Authorization", &format!(" {bearer}"))], "").await;
    assert_eq!(old.expect("CONNECTED").await.header("version"), "1.0");
    let (mut new, _) = StompClient::open(&server, "p", "v12.stomp").await;
    new.send("CONNECT", &[("accept-version", "2.0"), ("Authorization", &bearer)], "").await;
    let (error, code) = new.ended().await;
    assert_eq!((error.header("version"), code), ("1.0,1.1,1.2", 4202));
}

#[tokio::test]
async fn a_name_and_its_password_do_as_well_as_a_token() {
    let (server, project, [alice, bob], _) = friends().await;
    set_password(&project, &alice, "alice123").await;
    for version in VERSIONS {
        let (mut client, _) = StompClient::open(&server, "p", "v12.stomp").await;
        let headers = [("accept-version", version), ("host", "p"), ("login", "alice"), ("passcode", "alice123")];
        client.send("CONNECT", &headers, "").await;
        assert_eq!(client.expect("CONNECTED").await.header("user-name"), "alice");
    }
    // The token that came with the WebSocket is good too.
    let offered = format!("v12.stomp, bearer.{}", bob.token);
    let (mut client, chosen) = StompClient::open(&server, "p", &offered).await;
    assert_eq!(chosen.as_deref(), Some("v12.stomp"));
    client.send("CONNECT", &[("accept-version", "1.2"), ("host", "p")], "").await;
    assert_eq!(client.expect("CONNECTED").await.header("user-name"), "bob");
}

#[tokio::test]
async fn wrong_credentials_end_it_and_all_look_the_same() {
    let (server, project, [alice, _], _) = friends().await;
    set_password(&project, &alice, "alice123").await;
    let elsewhere = server.project("other").await.user("alice").await;
    let foreign = format!("Bearer {}", elsewhere.token);
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[("login", "alice")],
        &[("login", "alice"), ("passcode", "wrong")],
        &[("login", "nobody"), ("passcode", "alice123")],
        &[("Authorization", "Bearer x")],
        &[("Authorization", &foreign)],
    ];
    let mut errors = Vec::new();
    for credentials in cases {
        let (mut client, _) = StompClient::open(&server, "p", "v12.stomp").await;
        let headers = [("accept-version", "1.2"), ("host", "p")].into_iter().chain(credentials.iter().copied());
        client.send("CONNECT", &headers.collect::<Vec<_>>(), "").await;
        let (error, code) = client.ended().await;
        assert_eq!((error.json()["code"].as_str(), code), (Some("unauthorized"), 4200), "{credentials:?}");
        errors.push(error);
    }
    let (mut client, _) = StompClient::open(&server, "nowhere", "v12.stomp").await;
    client.send("CONNECT", &[("accept-version", "1.2"), ("login", "alice"), ("passcode", "alice123")], "").await;
    errors.push(client.ended().await.0);
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:#?}");
}

#[tokio::test]
async fn failures_count_with_those_of_rest() {
    let (server, project, [alice, _], _) = friends().await;
    set_password(&project, &alice, "alice123").await;
    let client = crate::support::crypto::http_client();
    let url = format!("http://{}/api/v1/auth/login", server.addresses.http);
    let wrong = serde_json::json!({ "project": "p", "username": "alice", "password": "wrong1" });
    for _ in 0..20 {
        assert_eq!(client.post(&url).json(&wrong).send().await.unwrap().status(), 401);
    }
    let (mut client, _) = StompClient::open(&server, "p", "v12.stomp").await;
    client.send("CONNECT", &[("accept-version", "1.2"), ("login", "alice"), ("passcode", "alice123")], "").await;
    let (error, code) = client.ended().await;
    assert_eq!((error.json()["code"].as_str(), code), (Some("rate_limited"), 4100));
}

#[tokio::test]
async fn nothing_comes_before_connect_and_nothing_like_it_after() {
    let (server, _project, [alice, _], chat) = friends().await;
    let (mut client, _) = StompClient::open(&server, "p", "v12.stomp").await;
    client.send("SUBSCRIBE", &[("id", "1"), ("destination", &topic(&chat)), ("receipt", "r1")], "").await;
    let (error, code) = client.ended().await;
    assert_eq!((error.header("receipt-id"), code), ("r1", 4200));
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    client.send("CONNECT", &[("accept-version", "1.2")], "").await;
    assert_eq!(client.ended().await.1, 4202);
}

#[tokio::test]
async fn disconnect_is_answered_when_all_before_it_is_stored() {
    let (server, _project, [alice, bob], chat) = friends().await;
    for version in VERSIONS {
        let mut client = StompClient::connect(&server, &alice, version).await;
        let send = frame("SEND", &[("destination", &super::app(&chat))], version);
        client.send_text(&format!("{send}{}", frame("DISCONNECT", &[("receipt", "bye")], ""))).await;
        assert_eq!(client.expect("RECEIPT").await.header("receipt-id"), "bye");
        assert_eq!(client.next().await, Incoming::Closed(Some(1000)));
    }
    let mut bob = server.connect(&bob).await;
    let history = bob.ok("message.fetch", serde_json::json!({ "conversation": chat })).await;
    let bodies: Vec<_> =
        history["messages"].as_array().unwrap().iter().map(|message| message["body"].clone()).collect();
    assert_eq!(bodies, VERSIONS);
}

#[tokio::test]
async fn a_fresh_token_prolongs_a_session() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let project = server.project("p").await;
    let [mut alice, bob] = project.users(["alice", "bob"]).await;
    alice.token = alice.token(Utc::now(), Duration::from_secs(300));
    let mut stays = StompClient::connect(&server, &alice, "1.2").await;
    let mut goes = StompClient::connect(&server, &alice, "1.1").await;
    for client in [&mut stays, &mut goes] {
        client.subscribe("e", "/user/queue/events", "auto").await;
    }
    clock.advance(Duration::from_secs(250));
    for client in [&mut stays, &mut goes] {
        client.event("session.expiring").await;
    }
    let fresh = format!("Bearer {}", alice.token(Utc::now() + TimeDelta::seconds(250), Duration::from_secs(300)));
    stays.ok("SEND", &[("destination", "/app/session"), ("Authorization", &fresh)], "").await;
    clock.advance(Duration::from_secs(60));
    let (error, code) = goes.ended().await;
    assert_eq!((error.json()["code"].as_str(), code), (Some("token_expired"), 4201));
    stays.sync().await;
    let foreign = format!("Bearer {}", bob.token(Utc::now(), Duration::from_secs(3600)));
    let headers = [("destination", "/app/session"), ("Authorization", foreign.as_str()), ("receipt", "7")];
    stays.send("SEND", &headers, "").await;
    let (error, code) = stays.ended().await;
    assert_eq!((error.json()["code"].as_str(), error.header("receipt-id"), code), (Some("forbidden"), "7", 4202));
}

#[tokio::test]
async fn heart_beats_go_both_ways() {
    let server = TestServer::builder().limits(|limits| limits.ping_after = Duration::from_millis(500)).start().await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    let bearer = format!("Bearer {}", alice.token);
    let connect = async |beat: &str| {
        let (mut client, _) = StompClient::open(&server, "p", "v12.stomp").await;
        let headers = [("accept-version", "1.2"), ("heart-beat", beat), ("Authorization", bearer.as_str())];
        client.send("CONNECT", &headers, "").await;
        assert_eq!(client.expect("CONNECTED").await.header("heart-beat"), "1000,500");
        client
    };
    // One that only listens hears the server at least every second.
    let mut listens = connect("0,1").await;
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(listens.next_of_all().await, Incoming::HeartBeat);
    }
    assert!(begun.elapsed() < Duration::from_millis(3_500), "{:?}", begun.elapsed());
    // One that promised to be heard and isn't is gone, though its WebSocket answers pings; one that keeps its promise stays.
    let mut silent = connect("500,0").await;
    let mut alive = connect("500,0").await;
    let (over, mut is_over) = tokio::sync::oneshot::channel();
    let keeps = tokio::spawn(async move {
        while tokio::time::timeout(Duration::from_millis(100), &mut is_over).await.is_err() {
            alive.send_text("\n").await;
        }
        alive.sync().await;
    });
    assert_eq!(silent.ended().await.1, 4101);
    over.send(()).unwrap();
    keeps.await.unwrap();
    let (mut bad, _) = StompClient::open(&server, "p", "v12.stomp").await;
    bad.send("CONNECT", &[("heart-beat", "often"), ("Authorization", &bearer)], "").await;
    assert!(bad.ended().await.0.header("message").starts_with("heart-beat: "));
}
