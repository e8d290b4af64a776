//! How much one client may do.

use super::start;
use crate::support::client::{Client, Event, Via, id, text};
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use serde_json::json;

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back_and_never_closed() {
    let server =
        TestServer::builder().limits(|limits| (limits.events_per_second, limits.events_burst) = (20, 30)).start().await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        let mut requests = Vec::new();
        for number in 0..100 {
            requests.push(alice.send("message.text", text(&group, &number.to_string())).await);
        }
        let (mut accepted, mut wait) = (0, 0);
        for re in requests {
            match alice.reply(re).await {
                Ok(_) => accepted += 1,
                Err(error) => wait = error.expect(429, "rate_limited").retry_after_ms.unwrap(),
            }
        }
        assert!((1..=1000).contains(&wait), "{wait}");
        // The opening took some of the burst; while all this went on a little was given back.
        assert!((25..90).contains(&accepted), "{via:?}: {accepted}");
        until_async("it is let in again", async || alice.request("status.fetch", json!({ "users": [] })).await.ok())
            .await;
    }
}

#[tokio::test]
async fn who_sends_nonsense_too_fast_is_told_so_too() {
    let server =
        TestServer::builder().limits(|limits| (limits.events_per_second, limits.events_burst) = (1, 5)).start().await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    let mut alice = server.connect(&alice).await;
    for _ in 0..10 {
        alice.send_text("[]").await;
    }
    let mut errors = Vec::new();
    for _ in 0..10 {
        errors.push(alice.expect_error().await);
    }
    errors.last().unwrap().expect(429, "rate_limited");
    errors.first().unwrap().expect(400, "bad_envelope");
}

#[tokio::test]
async fn a_user_has_twenty_sessions_and_no_more() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let mut sessions = Vec::new();
    for number in 0..20 {
        sessions.push(server.connect_via(&alice, Via::ALL[number % Via::ALL.len()]).await);
    }
    for via in Via::ALL {
        let mut more = match via {
            Via::TcpJson | Via::TcpMsgPack => server.stranger("p", via).await,
            _ => server.upgrade("p", via).bearer(&alice.token).open().await.unwrap().0,
        };
        if matches!(via, Via::TcpJson | Via::TcpMsgPack) {
            more.send("session.auth", json!({ "project": "p", "token": alice.token })).await;
        }
        assert_eq!(more.closed().await, Some(4204), "{via:?}");
    }
    server.connect(&bob).await;
    // The others did not suffer, and when one ends there is room again.
    for session in &mut sessions {
        session.sync().await;
    }
    drop(sessions.pop());
    until_async("there is room again", async || {
        let (mut more, _) = server.upgrade("p", Via::WsJson).bearer(&alice.token).open().await.unwrap();
        matches!(more.next().await, Event::Push { .. }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn members_a_request_are_limited() {
    let server = TestServer::builder().limits(|limits| limits.members_per_request = 3).start().await;
    let project = server.project("p").await;
    let crowd = project.crowd(5).await;
    let mut alice = server.connect(&crowd[0]).await;
    let names = |count: usize| crowd[1..=count].iter().map(|user| user.username.clone()).collect::<Vec<_>>();
    let group = alice.ok("group.update", json!({ "add": names(3) })).await;
    assert_eq!(group["member_count"], 4);
    alice.refused("group.update", json!({ "add": names(4) })).await.expect_invalid("add");
    let remove = json!({ "conversation": group["id"], "remove": names(4) });
    alice.refused("group.update", remove).await.expect_invalid("remove");
    let all: serde_json::Map<_, _> = names(4).into_iter().map(|name| (name, json!("r"))).collect();
    let permissions = json!({ "conversation": group["id"], "permissions": all });
    alice.refused("group.update", permissions).await.expect_invalid("permissions");
    let many: Vec<_> = (0..501).map(|number| format!("user{number}")).collect();
    alice.refused("status.fetch", json!({ "users": many })).await.expect_invalid("users");
}

#[tokio::test]
async fn connections_without_room_are_told_to_come_later() {
    let server = TestServer::builder()
        .limits(|limits| (limits.connections, limits.unauthenticated_connections) = (4, 2))
        .start()
        .await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    let connections = async |count: i64| {
        until_async("the connections are counted", async || {
            (server.chat.metrics.connections.get() == count).then_some(())
        })
        .await;
    };
    let strangers = (server.stranger("p", Via::WsJson).await, server.stranger("p", Via::TcpJson).await);
    // A TCP connection is there for its client before the server has taken it in.
    connections(2).await;
    for via in Via::ALL {
        assert_eq!(server.stranger("p", via).await.closed().await, Some(4100), "{via:?}");
    }
    drop(strangers);
    connections(0).await;
    let mut sessions: Vec<Client> = Vec::new();
    for _ in 0..4 {
        sessions.push(server.connect(&alice).await);
    }
    for via in Via::ALL {
        assert_eq!(server.stranger("p", via).await.closed().await, Some(4100), "{via:?}");
    }
    drop(sessions.pop());
    connections(3).await;
    server.connect(&alice).await;
}

#[tokio::test]
async fn who_sends_without_end_is_answered_in_full() {
    let server = TestServer::builder()
        .limits(|limits| (limits.events_per_second, limits.events_burst) = (100_000, 100_000))
        .start()
        .await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    let mut alice = server.connect(&alice).await;
    let long = "a".repeat(16_000);
    // Replies of 4 MB, four times what may be outstanding: the server stops reading rather than being slow with its own.
    let requests: Vec<_> = {
        let mut requests = Vec::new();
        for _ in 0..250 {
            let message = json!({ "conversation": group, "id": id(), "body": long });
            requests.push(alice.send("message.text", message).await);
        }
        requests
    };
    for (seq, re) in (1..).zip(requests) {
        assert_eq!(alice.reply(re).await.unwrap()["seq"], seq);
    }
}
