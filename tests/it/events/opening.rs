//! How a connection becomes a session.

use crate::support::client::{Event, Via};
use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use chrono::{TimeDelta, Utc};
use palabre::model::OrganizationId;
use palabre::wire::token::{OrganizationToken, Tokens};
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

async fn start() -> (TestServer, Project, TestUser) {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    (server, project, alice)
}

#[tokio::test]
async fn a_token_comes_as_a_subprotocol_or_in_a_header() {
    let (server, project, alice) = start().await;
    for via in [Via::WsJson, Via::WsBinMsgPack] {
        let upgrade = server.upgrade("p", via).bearer(&alice.token);
        let (mut client, chosen) = upgrade.open().await.unwrap();
        assert_eq!(client.open().await.ready["user"], alice.shape());
        assert!(chosen.unwrap().starts_with("palabre.v1."));
    }
    for scheme in ["Bearer", "bearer"] {
        let upgrade = server.upgrade("p", Via::WsJson).header("authorization", format!("{scheme} {}", alice.token));
        let (mut client, _) = upgrade.open().await.unwrap();
        assert_eq!(client.open().await.ready["user"], alice.shape());
    }
    let upgrade = server.upgrade(&project.id.to_string(), Via::WsJson).bearer(&alice.token);
    let (mut client, _) = upgrade.open().await.unwrap();
    assert_eq!(client.open().await.ready["project"], project.id.to_string());
}

#[tokio::test]
async fn the_first_request_may_bring_the_token_on_every_transport() {
    let (server, _project, alice) = start().await;
    for via in Via::ALL {
        let mut client = server.stranger("p", via).await;
        let re = client.send("session.auth", json!({ "token": alice.token, "project": "p" })).await;
        // The reply is the first of all.
        let Event::Reply { re: of, kind, data } = client.next().await else { panic!("{via:?}: no reply") };
        assert_eq!((of, kind.as_str()), (re, "session.auth"), "{via:?}");
        assert_eq!(client.open().await.ready, data, "{via:?}");
    }
    // On a WebSocket the address names the project.
    let mut client = server.stranger("p", Via::WsJson).await;
    client.ok("session.auth", json!({ "token": alice.token })).await;
    client.open().await;
    // On TCP nothing does.
    let mut client = server.stranger("p", Via::TcpMsgPack).await;
    client.refused("session.auth", json!({ "token": alice.token })).await.expect_invalid("project");
}

#[tokio::test]
async fn a_session_is_told_what_holds_for_it() {
    let (server, project, alice) = start().await;
    let before = Utc::now();
    let mut client = server.connect(&alice).await;
    let ready = client.opening().ready.clone();
    assert_eq!(ready["user"], alice.shape());
    assert_eq!(ready["role"], "user");
    assert_eq!(ready["project"], project.id.to_string());
    let limits = json!({
        "frame_bytes": 65536, "outstanding_bytes": 1_048_576, "outstanding_frames": 4096, "events_per_second": 200,
    });
    assert_eq!(ready["limits"], limits);
    let time = |field: &str| ready[field].as_str().unwrap().parse::<chrono::DateTime<Utc>>().unwrap();
    assert!(time("server_time") >= before - TimeDelta::milliseconds(1));
    assert!(time("expires_at") <= Utc::now() + TimeDelta::hours(1));
    let text = ready["server_time"].as_str().unwrap();
    assert!(text.len() == "2026-11-20T18:00:00.000Z".len() && text.ends_with('Z'), "{text}");
    // Nobody is there, nothing was said: the lists come all the same.
    let opening = client.opening();
    assert!(opening.conversations.is_empty() && opening.contacts.is_empty() && opening.statuses.is_empty());
    assert_eq!(opening.own, json!({ "user": alice.shape(), "status": "online" }));
    client.expect_no("status.update").await;
}

#[tokio::test]
async fn an_opening_has_conversations_contacts_and_who_of_them_is_there() {
    let (server, project, alice) = start().await;
    let [bob, carol, dave] = project.users(["bob", "carol", "dave"]).await;
    let private = project.befriend(&alice, &bob).await;
    project.befriend(&alice, &carol).await;
    let group = project.group_of(&[&dave, &alice]).await;
    let mut bob = server.connect(&bob).await;
    let long = "é".repeat(300);
    let said = bob.say(&private, &long).await;

    let client = server.connect(&alice).await;
    let opening = client.opening();
    assert_eq!(opening.conversations.len(), 3);
    assert!(!opening.more_conversations);
    let newest = &opening.conversations[0];
    assert_eq!((newest["id"].as_str(), newest["kind"].as_str()), (Some(private.as_str()), Some("private")));
    assert_eq!(newest["last_message"]["id"], said["id"]);
    assert_eq!(newest["last_message"]["body"], "é".repeat(200));
    assert_eq!(newest["permission"], "w");
    assert_eq!((newest["last_seq"].as_i64(), newest["unread"].as_i64()), (Some(1), Some(1)));
    assert_eq!(newest["read_seq"], 0);
    assert_eq!(newest["members"].as_array().unwrap().len(), 2, "private ones list their members");
    let shared = opening.conversations.iter().find(|conversation| conversation["id"] == group).unwrap();
    assert_eq!(shared["member_count"], 2);
    assert!(shared.get("members").is_none(), "in summaries groups do not");
    assert!(shared.get("last_message").is_none());

    let names: Vec<_> = opening.contacts.iter().map(|contact| contact["user"]["username"].as_str().unwrap()).collect();
    assert!(names.len() == 2 && names.contains(&"bob") && names.contains(&"carol"), "{names:?}");
    let with_bob = opening.contacts.iter().find(|contact| contact["user"]["username"] == "bob").unwrap();
    assert_eq!((with_bob["status"].as_str(), &with_bob["conversation"]), (Some("accepted"), &newest["id"]));
    // Carol is offline, so nothing is said of her.
    let statuses: Vec<_> =
        opening.statuses.iter().map(|status| (&status["user"]["username"], &status["status"])).collect();
    assert_eq!(statuses, [(&json!("bob"), &json!("online"))]);
}

/// How a server closes a WebSocket that was opened with this token.
async fn close_of(server: &TestServer, project: &str, token: &str) -> Option<u16> {
    let (mut client, _) = server.upgrade(project, Via::WsJson).bearer(token).open().await.unwrap();
    let event = client.next().await;
    let Event::Closed(code) = event else { panic!("not closed but {event:?}") };
    code
}

#[tokio::test]
async fn bad_foreign_and_unknown_are_closed_alike() {
    let (server, project, alice) = start().await;
    let stranger = server.project("q").await.user("alice").await;
    let now = Utc::now();
    let foreign_secret = Tokens::new(b"another secret of 32 bytes or more")
        .issue_user(&palabre::store::accounts::token_of(&alice.row), now, HOUR)
        .unwrap();
    let organization = OrganizationToken {
        organization: OrganizationId::random(),
        name: "acme".to_owned(),
        credentials_changed_at: now,
    };
    let organization =
        Tokens::new(crate::support::http::SECRET.as_bytes()).issue_organization(&organization, now, HOUR).unwrap();
    let (good, end) = alice.token.split_at(alice.token.len() - 4);
    let damaged = format!("{good}{}", end.chars().rev().collect::<String>());
    for (project, token) in [
        ("p", "nonsense"),
        ("p", damaged.as_str()),
        ("p", &foreign_secret),
        ("p", &organization),
        ("p", &stranger.token),
        ("q", &alice.token),
        ("nowhere", &alice.token),
    ] {
        assert_eq!(close_of(&server, project, token).await, Some(4200), "{project} {token}");
    }
    let bob = project.user("bob").await;
    let mut conn = project.conn().await;
    palabre::store::users::set_deactivated(&mut conn, project.id, bob.row.id, true, now).await.unwrap();
    assert_eq!(close_of(&server, "p", &bob.token).await, Some(4200), "deactivated");
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_closed_with_4201() {
    let (server, _project, alice) = start().await;
    let token = alice.token(Utc::now() - TimeDelta::hours(2), HOUR);
    assert_eq!(close_of(&server, "p", &token).await, Some(4201));
    assert_eq!(close_of(&server, "q", &token).await, Some(4201), "before anything is looked up");
    let mut client = server.stranger("p", Via::TcpJson).await;
    client.refused("session.auth", json!({ "token": token, "project": "p" })).await.expect(401, "token_expired");
}

#[tokio::test]
async fn a_refused_sign_in_may_be_tried_again() {
    let (server, _project, alice) = start().await;
    server.project("q").await;
    for via in Via::ALL {
        let mut client = server.stranger("p", via).await;
        client
            .refused("session.auth", json!({ "project": "p", "token": "nonsense" }))
            .await
            .expect(401, "unauthorized");
        if matches!(via, Via::TcpJson | Via::TcpMsgPack) {
            for project in ["q", "nowhere"] {
                let auth = json!({ "project": project, "token": alice.token });
                client.refused("session.auth", auth).await.expect(401, "unauthorized");
            }
        } else {
            let auth = json!({ "project": "q", "token": alice.token });
            client.refused("session.auth", auth).await.expect_invalid("project");
        }
        client.refused("session.auth", json!({ "project": "p" })).await.expect_invalid("token");
        client.ok("session.auth", json!({ "project": "p", "token": alice.token })).await;
        client.open().await;
    }
}

#[tokio::test]
async fn until_somebody_signed_in_all_else_is_401() {
    let (server, _project, alice) = start().await;
    for via in Via::ALL {
        let mut client = server.stranger("p", via).await;
        for kind in ["group.summary", "message.text", "no.such.event"] {
            client.refused(kind, json!({})).await.expect(401, "unauthorized");
        }
        client.ok("session.auth", json!({ "project": "p", "token": alice.token })).await;
        client.open().await;
    }
}

#[tokio::test]
async fn requests_sent_along_with_the_sign_in_wait_for_it() {
    let (server, _project, alice) = start().await;
    for via in Via::ALL {
        let mut client = server.stranger("p", via).await;
        let auth = client.send("session.auth", json!({ "project": "p", "token": alice.token })).await;
        let fetch = client.send("group.summary", json!({})).await;
        assert!(matches!(client.next().await, Event::Reply { re, .. } if re == auth), "{via:?}");
        client.open().await;
        client.reply(fetch).await.unwrap();
    }
}

#[tokio::test]
async fn who_does_not_sign_in_in_time_is_closed() {
    let server = TestServer::builder().limits(|l| l.auth_timeout = Duration::from_millis(50)).start().await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    for via in Via::ALL {
        let mut client = server.stranger("p", via).await;
        assert_eq!(client.closed().await, Some(4200), "{via:?}");
    }
    let mut signed_in = server.connect(&alice).await;
    let mut stranger = server.stranger("p", Via::TcpJson).await;
    // It is looked at whoever came first as well when this one is closed.
    assert_eq!(stranger.closed().await, Some(4200));
    signed_in.sync().await;
}

#[tokio::test]
async fn subprotocols_are_json_when_none_is_offered_and_400_when_none_is_known() {
    let (server, _project, alice) = start().await;
    let offer = |protocols: &str| {
        server.upgrade("p", Via::WsJson).offering(protocols).header("authorization", format!("Bearer {}", alice.token))
    };
    let (mut client, chosen) = offer("").open().await.unwrap();
    assert_eq!(chosen, None);
    client.open().await;
    let (mut client, chosen) = offer("chat, palabre.v1.json").open().await.unwrap();
    assert_eq!(chosen.as_deref(), Some("palabre.v1.json"));
    client.open().await;
    for unknown in ["chat", "palabre.v2.json", "graphql-ws, mqtt"] {
        assert_eq!(offer(unknown).open().await.err(), Some(400), "{unknown}");
    }
}

#[tokio::test]
async fn pages_of_foreign_origins_may_not_connect() {
    let server = TestServer::start().await;
    let project = server.project_with_origins("p", &["https://shop.example", "http://localhost:3000"]).await;
    let alice = project.user("alice").await;
    let upgrade = |origin: &str| server.upgrade("p", Via::WsJson).bearer(&alice.token).header("origin", origin);
    let own = format!("http://{}", server.addresses.http);
    for known in [own.as_str(), "https://shop.example", "http://localhost:3000"] {
        let (mut client, _) = upgrade(known).open().await.unwrap();
        client.open().await;
    }
    for foreign in ["https://evil.example", "http://shop.example", "https://shop.example:8443", "null", ""] {
        assert_eq!(upgrade(foreign).open().await.err(), Some(403), "{foreign:?}");
    }
    let twice = upgrade("https://shop.example").header("origin", "https://evil.example");
    assert_eq!(twice.open().await.err(), Some(403));
    let elsewhere = server.upgrade("q", Via::WsJson).header("origin", "https://shop.example");
    assert_eq!(elsewhere.open().await.err(), Some(403), "a project has its own list");
}

#[tokio::test]
async fn a_session_signs_in_again_only_as_the_same_user_of_the_same_project() {
    let (server, project, alice) = start().await;
    let bob = project.user("bob").await;
    let namesake = server.project("q").await.user("alice").await;
    let mut client = server.connect(&alice).await;
    let first = client.opening().ready.clone();
    client.refused("session.auth", json!({ "token": bob.token })).await.expect(403, "forbidden");
    client.refused("session.auth", json!({ "token": "nonsense" })).await.expect(401, "unauthorized");
    client.refused("session.auth", json!({ "token": namesake.token })).await.expect(401, "unauthorized");
    client.refused("session.auth", json!({ "token": alice.token, "project": "q" })).await.expect(401, "unauthorized");
    let fresh = alice.token(Utc::now(), 2 * HOUR);
    for auth in [json!({ "token": fresh }), json!({ "token": fresh, "project": "p" })] {
        let again = client.ok("session.auth", auth).await;
        assert_eq!((&again["session"], &again["user"]), (&first["session"], &first["user"]));
        assert!(again["expires_at"].as_str() > first["expires_at"].as_str());
    }
    client.expect_no("session.ready").await;
}
