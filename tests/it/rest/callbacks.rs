//! Callbacks: a game app hears of every answer, whatever happens to it or to the server, and nobody else is called.

use super::api::Api;
use super::{app, organizations};
use crate::support::client::{Client, each, with};
use crate::support::game_app::{GameApp, Mood, verify};
use crate::support::project::{Project, TestUser};
use crate::support::server::{Builder, TestClock, TestServer};
use crate::support::wait::until_async;
use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::store::schema::callbacks;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Longer than the first waits, and shorter than anything else takes.
const SOON: Duration = Duration::from_secs(5);

/// A server that may call this machine, with a group of three and an app that is called back.
struct Stage {
    clock: TestClock,
    server: TestServer,
    project: Project,
    api: Api,
    key: String,
    app: GameApp,
    group: String,
    users: [TestUser; 3],
}

fn builder(clock: &TestClock) -> Builder {
    TestServer::builder().clock(clock).settings(|settings| settings.callbacks.allow = vec!["127.0.0.1".to_owned()])
}

async fn secret(api: &Api, key: &str) -> String {
    let made = api.post("/games/callback-secret").key(key).expect(200).await;
    made["callback_secret"].as_str().unwrap().to_owned()
}

impl Stage {
    async fn new() -> Self {
        let clock = TestClock::default();
        let server = builder(&clock).start().await;
        let (project, api) = (server.project("p").await, Api::of(&server));
        let key = app(&project, "chess").await;
        let app = GameApp::start(&secret(&api, &key).await).await;
        let users = project.users(["alice", "bob", "carol"]).await;
        let group = project.group_of(&[&users[0], &users[1], &users[2]]).await;
        Self { clock, server, project, api, key, app, group, users }
    }

    /// An invitation of alice's into the group.
    async fn invite(&self, extra: Value) -> Value {
        let new = json!({ "id": Uuid::new_v4(), "from": "alice", "conversation": self.group, "game": "chess",
            "payload": { "table": 12 }, "capacity": 2, "callback_url": self.app.url() });
        self.api.post("/games/invitations").key(&self.key).json(with(new, extra)).expect(201).await
    }

    async fn sessions(&self) -> [Client; 3] {
        self.server.connect_all([&self.users[0], &self.users[1], &self.users[2]]).await
    }

    /// How many callbacks wait to be delivered.
    async fn waiting(&self) -> i64 {
        callbacks::table.count().get_result(&mut self.project.conn().await).await.unwrap()
    }

    async fn none_waits(&self) {
        until_async("all is delivered", async || (self.waiting().await == 0).then_some(())).await;
    }

    /// Lets time pass until something comes about.
    async fn until_after_a_while<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        until_async(what, async || {
            self.clock.advance(Duration::from_millis(500));
            look().await
        })
        .await
    }
}

async fn answer(client: &mut Client, invitation: &Value, action: &str) -> Value {
    client.ok("message.game", json!({ "message": invitation["id"], "action": action })).await
}

#[tokio::test]
async fn every_answer_is_told_in_order() {
    let stage = Stage::new().await;
    let [mut alice, mut bob, mut carol] = stage.sessions().await;
    let made = stage.invite(json!({})).await;
    assert_eq!(made["callback_url"], stage.app.url());
    answer(&mut bob, &made, "accept").await;
    answer(&mut bob, &made, "decline").await;
    answer(&mut bob, &made, "decline").await;
    answer(&mut carol, &made, "accept").await;
    let last = answer(&mut bob, &made, "accept").await;
    assert_eq!(last["game"]["state"], "full");
    let heard = stage.app.hears(4).await;
    let told = |seats: &[&TestUser], declined: &[&TestUser], state: &str| {
        let shapes = |users: &[&TestUser]| users.iter().map(|user| user.shape()).collect::<Vec<_>>();
        with(made.clone(), json!({ "seats": shapes(seats), "declined": shapes(declined), "state": state }))
    };
    let [_, b, c] = &stage.users;
    let expected = [
        ("invitation.accepted", "accept", b, told(&[b], &[], "offered")),
        ("invitation.declined", "decline", b, told(&[], &[b], "offered")),
        ("invitation.accepted", "accept", c, told(&[c], &[b], "offered")),
        ("invitation.accepted", "accept", b, told(&[c, b], &[], "full")),
    ];
    for (heard, (kind, action, user, invitation)) in heard.iter().zip(expected) {
        let expected = json!({ "id": heard["id"], "type": kind, "created_at": heard["created_at"],
            "invitation": invitation, "user": user.shape(), "action": action });
        assert_eq!(*heard, expected);
    }
    stage.none_waits().await;
    let tries = stage.app.tries();
    assert_eq!(tries.len(), 4, "each once");
    for (tried, heard) in tries.iter().zip(&heard) {
        assert!(tried.verified && tried.path == "/palabre?game=chess");
        assert_eq!(json!(tried.delivery), heard["id"]);
    }
    // An invitation that nobody asked to hear of, and one of a user's own.
    let silent =
        json!({ "id": Uuid::new_v4(), "from": "alice", "conversation": stage.group, "game": "go", "payload": 1 });
    let silent = stage.api.post("/games/invitations").key(&stage.key).json(silent).expect(201).await;
    answer(&mut bob, &silent, "accept").await;
    let own = json!({ "conversation": stage.group, "id": Uuid::new_v4(), "game": "go", "payload": 1 });
    let own = alice.ok("message.game", own).await;
    answer(&mut bob, &own, "accept").await;
    assert_eq!(stage.waiting().await, 0);
}

#[tokio::test]
async fn every_end_is_told() {
    let stage = Stage::new().await;
    let [mut alice, ..] = stage.sessions().await;
    let by_author = stage.invite(json!({})).await;
    answer(&mut alice, &by_author, "withdraw").await;
    let heard = stage.app.hears(1).await;
    assert_eq!((&heard[0]["type"], &heard[0]["action"]), (&json!("invitation.withdrawn"), &json!("withdraw")));
    assert_eq!(heard[0]["user"], stage.users[0].shape());

    let by_app = stage.invite(json!({})).await;
    let path = format!("/games/invitations/{}/withdraw", by_app["id"].as_str().unwrap());
    stage.api.post(&path).key(&stage.key).expect(200).await;
    stage.api.post(&path).key(&stage.key).expect(200).await;
    let heard = stage.app.hears(2).await;
    assert_eq!((heard[1]["type"].as_str(), heard[1].get("user")), (Some("invitation.withdrawn"), None));

    let deleted = stage.invite(json!({})).await;
    alice.ok("message.delete", json!({ "conversation": stage.group, "message": deleted["id"] })).await;
    let heard = stage.app.hears(3).await;
    assert_eq!(heard[2]["type"], "invitation.withdrawn");
    assert_eq!(
        (&heard[2]["invitation"]["game"], &heard[2]["invitation"]["state"]),
        (&json!("chess"), &json!("withdrawn"))
    );

    let end = (Utc::now() + TimeDelta::minutes(5)).to_rfc3339();
    let expired = stage.invite(json!({ "expires_at": end })).await;
    stage.clock.advance(Duration::from_secs(301));
    let heard = stage.app.hears(4).await;
    assert_eq!((heard[3]["type"].as_str(), heard[3].get("action")), (Some("invitation.expired"), None));
    assert_eq!((&heard[3]["invitation"]["id"], &heard[3]["invitation"]["state"]), (&expired["id"], &json!("expired")));
    stage.none_waits().await;
    assert_eq!(stage.app.tries().len(), 4);
}

#[tokio::test]
async fn an_app_that_was_away_misses_nothing() {
    let mut stage = Stage::new().await;
    let [_, mut bob, mut carol] = stage.sessions().await;
    let first = stage.invite(json!({})).await;
    answer(&mut bob, &first, "accept").await;
    stage.app.hears(1).await;
    stage.app.go_away().await;
    let second = stage.invite(json!({})).await;
    answer(&mut carol, &first, "accept").await;
    answer(&mut bob, &second, "accept").await;
    answer(&mut carol, &second, "accept").await;
    assert_eq!(stage.waiting().await, 3);
    // The server is away too, for a while.
    let Stage { clock, server, project, api: _, key: _, mut app, .. } = stage;
    let next = builder(&clock).beside(&server).start().await;
    server.stop().await;
    app.come_back().await;
    let heard = until_async("all is told", async || {
        clock.advance(Duration::from_millis(500));
        Some(app.heard()).filter(|heard| heard.len() >= 4)
    })
    .await;
    let mut of: Vec<(String, &str)> = heard
        .iter()
        .map(|heard| (heard["invitation"]["id"].to_string(), heard["user"]["username"].as_str().unwrap()))
        .collect();
    let (one, two) = (first["id"].to_string(), second["id"].to_string());
    let order: Vec<_> = of.iter().filter(|(id, _)| *id == two).map(|(_, user)| *user).collect();
    assert_eq!(order, ["bob", "carol"], "in the order in which they answered");
    of.sort();
    let mut expected = [(one.clone(), "bob"), (one, "carol"), (two.clone(), "bob"), (two, "carol")];
    expected.sort();
    assert_eq!(of, expected);
    until_async("all is delivered", async || {
        let waiting: i64 = callbacks::table.count().get_result(&mut project.conn().await).await.unwrap();
        (waiting == 0).then_some(())
    })
    .await;
    next.stop().await;
}

#[tokio::test]
async fn what_fails_is_tried_again_and_known_by_its_id() {
    let stage = Stage::new().await;
    let [_, mut bob, mut carol] = stage.sessions().await;
    stage.app.behave(Mood::Status(500));
    let made = stage.invite(json!({})).await;
    answer(&mut bob, &made, "accept").await;
    answer(&mut carol, &made, "accept").await;
    let tries = stage
        .until_after_a_while("it is tried again", async || Some(stage.app.tries()).filter(|tries| tries.len() >= 3))
        .await;
    // The second waits for the first.
    assert!(tries.iter().all(|tried| tried.delivery == tries[0].delivery && tried.body == tries[0].body));
    assert!(stage.app.heard().is_empty());
    stage.app.behave(Mood::Well);
    let heard = stage
        .until_after_a_while("both arrive", async || Some(stage.app.heard()).filter(|heard| heard.len() >= 2))
        .await;
    assert_eq!(json!(tries[0].delivery), heard[0]["id"]);
    let who: Vec<_> = heard.iter().map(|heard| heard["user"]["username"].as_str().unwrap()).collect();
    assert_eq!(who, ["bob", "carol"]);
    stage.none_waits().await;
}

#[tokio::test]
async fn one_that_hangs_holds_up_nobody_else() {
    let mut stage = Stage::new().await;
    let [_, mut bob, _] = stage.sessions().await;
    let shared = secret(&stage.api, &stage.key).await;
    let quick = GameApp::start(&shared).await;
    stage.app.use_secret(&shared);
    stage.app.behave(Mood::Hang);
    // More than go to one target at once, and older than what the other is to hear.
    for _ in 0..6 {
        let made = stage.invite(json!({})).await;
        answer(&mut bob, &made, "accept").await;
    }
    let made = stage.invite(json!({ "callback_url": quick.url() })).await;
    answer(&mut bob, &made, "accept").await;
    assert_eq!(quick.hears(1).await[0]["invitation"]["id"], made["id"]);
    assert!(stage.waiting().await >= 6);
    assert!(stage.app.is_tried(1).await.len() <= 4);
    // It ends in the middle of all that, and then is well again.
    stage.app.go_away().await;
    stage.app.behave(Mood::Well);
    stage.app.come_back().await;
    let heard = stage
        .until_after_a_while("all arrive", async || Some(stage.app.heard()).filter(|heard| heard.len() >= 6))
        .await;
    assert_eq!(heard.len(), 6);
    stage.none_waits().await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let stage = Stage::new().await;
    let [_, mut bob, _] = stage.sessions().await;
    let elsewhere = GameApp::start("of no use").await;
    stage.app.behave(Mood::Redirect(elsewhere.url()));
    let made = stage.invite(json!({})).await;
    answer(&mut bob, &made, "accept").await;
    stage.until_after_a_while("it is tried again", async || (stage.app.tries().len() >= 2).then_some(())).await;
    assert!(elsewhere.tries().is_empty());
    assert_eq!(stage.waiting().await, 1);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let stage = Stage::new().await;
    let [_, mut bob, _] = stage.sessions().await;
    stage.app.behave(Mood::Endless);
    let made = stage.invite(json!({})).await;
    answer(&mut bob, &made, "accept").await;
    stage.app.hears(1).await;
    until_async("the connection is cut", async || (stage.app.cut() == 1).then_some(())).await;
    stage.none_waits().await;
    assert_eq!(stage.app.tries().len(), 1, "its status said that it took it");
}

#[tokio::test]
async fn an_app_that_is_gone_is_not_called_again() {
    let stage = Stage::new().await;
    let [_, mut bob, mut carol] = stage.sessions().await;
    stage.app.behave(Mood::Status(410));
    let made = stage.invite(json!({})).await;
    answer(&mut bob, &made, "accept").await;
    stage.app.is_tried(1).await;
    stage.none_waits().await;
    stage.app.behave(Mood::Well);
    answer(&mut carol, &made, "accept").await;
    assert_eq!(stage.waiting().await, 0);
    let path = format!("/games/invitations/{}", made["id"].as_str().unwrap());
    let seen = stage.api.get(&path).key(&stage.key).expect(200).await;
    assert_eq!((&seen["state"], seen.get("callback_url")), (&json!("full"), None));
    // Others it does hear of.
    let other = stage.invite(json!({})).await;
    answer(&mut bob, &other, "accept").await;
    assert_eq!(stage.app.hears(1).await[0]["invitation"]["id"], other["id"]);
    assert_eq!(stage.app.tries().len(), 2);
}

#[tokio::test]
async fn what_is_never_taken_is_given_up() {
    let mut stage = Stage::new().await;
    let [_, mut bob, _] = stage.sessions().await;
    stage.app.go_away().await;
    let made = stage.invite(json!({})).await;
    answer(&mut bob, &made, "accept").await;
    assert_eq!(stage.waiting().await, 1);
    stage.clock.advance(Duration::from_secs(72 * 3600 - 60));
    let look = stage.server.chat.metrics.callbacks_failed.get();
    until_async("it is tried once more", async || {
        (stage.server.chat.metrics.callbacks_failed.get() > look).then_some(())
    })
    .await;
    assert_eq!(stage.waiting().await, 1);
    stage.clock.advance(Duration::from_secs(120));
    stage.none_waits().await;
    let expired = async || (stage.server.chat.metrics.callbacks_expired.get() == 1).then_some(());
    until_async("it is counted", expired).await;
}

#[tokio::test]
async fn two_nodes_deliver_each_once() {
    let stage = Stage::new().await;
    let other = builder(&stage.clock).beside(&stage.server).start().await;
    let mut sessions = Vec::new();
    for (index, user) in stage.users[1..].iter().enumerate() {
        sessions.push(if index == 0 { stage.server.connect(user).await } else { other.connect(user).await });
    }
    let mut made = Vec::new();
    for _ in 0..20 {
        made.push(stage.invite(json!({})).await);
    }
    for invitation in &made {
        for session in &mut sessions {
            answer(session, invitation, "accept").await;
        }
    }
    let heard = stage.app.hears(40).await;
    stage.none_waits().await;
    assert_eq!(stage.app.tries().len(), 40, "each once");
    for invitation in &made {
        let of: Vec<_> = heard.iter().filter(|heard| heard["invitation"]["id"] == invitation["id"]).collect();
        let seats: Vec<_> = of.iter().map(|heard| heard["invitation"]["seats"].as_array().unwrap().len()).collect();
        assert_eq!(seats, [1, 2], "in order");
    }
    other.stop().await;
}

#[tokio::test]
async fn a_node_without_leave_calls_nobody() {
    let stage = Stage::new().await;
    let [_, mut bob, _] = stage.sessions().await;
    stage.app.behave(Mood::Status(503));
    let made = stage.invite(json!({})).await;
    answer(&mut bob, &made, "accept").await;
    stage.app.is_tried(1).await;
    let Stage { clock, server, project: _, api: _, key: _, app, .. } = stage;
    let strict = TestServer::builder().clock(&clock).beside(&server).start().await;
    server.stop().await;
    app.behave(Mood::Well);
    let before = app.tries().len();
    until_async("it tries", async || {
        clock.advance(SOON);
        (strict.chat.metrics.callbacks_failed.get() >= 2).then_some(())
    })
    .await;
    assert_eq!(app.tries().len(), before, "it connects to nothing inside");
}

#[tokio::test]
async fn another_secret_signs_what_is_left() {
    let stage = Stage::new().await;
    let [_, mut bob, _] = stage.sessions().await;
    // The app does not know of the new one yet.
    let fresh = secret(&stage.api, &stage.key).await;
    let made = stage.invite(json!({})).await;
    answer(&mut bob, &made, "accept").await;
    let tried = stage.app.is_tried(1).await;
    assert!(!tried[0].verified && verify(&fresh, &tried[0].signature, &tried[0].body));
    stage.app.use_secret(&fresh);
    stage.until_after_a_while("it arrives", async || (stage.app.heard().len() == 1).then_some(())).await;
}

#[tokio::test]
async fn figures_are_told() {
    let stage = Stage::new().await;
    let [_, mut bob, _] = stage.sessions().await;
    let made = stage.invite(json!({})).await;
    answer(&mut bob, &made, "accept").await;
    stage.app.hears(1).await;
    let admin = stage.server.addresses.admin.unwrap();
    let text = reqwest::get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap();
    for line in [
        "palabre_callbacks_waiting ",
        "palabre_callbacks_total{result=\"expired\"} 0",
        "palabre_callbacks_total{result=\"delivered\"} ",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

#[tokio::test]
async fn owners_give_secrets_too() {
    let (_server, api, token) = organizations::open().await;
    api.post("/projects").bearer(&token).json(json!({ "name": "shop" })).expect(201).await;
    let made = api.post("/projects/shop/apps").bearer(&token).json(json!({ "name": "chess" })).expect(201).await;
    let first = made["callback_secret"].as_str().unwrap();
    assert_eq!(first.len(), 43);
    assert_ne!(first, made["key"].as_str().unwrap());
    let id = made["app"]["id"].as_str().unwrap();
    let rotate = |app: &str| api.post(&format!("/projects/shop/apps/{app}/callback-secret"));
    let second = rotate(id).bearer(&token).expect(200).await;
    assert_ne!(second["callback_secret"].as_str().unwrap(), first);
    let rekeyed = api.post(&format!("/projects/shop/apps/{id}/key")).bearer(&token).expect(200).await;
    assert!(rekeyed.get("callback_secret").is_none(), "an access key changes without it");
    let listed = api.get("/projects/shop/apps").bearer(&token).expect(200).await;
    assert_eq!(each(&listed["items"], "name"), ["chess"]);
    assert!(listed["items"][0].get("callback_secret").is_none());
    for app in [Uuid::new_v4().to_string(), "chess".to_owned()] {
        rotate(&app).bearer(&token).refused(404, "not_found").await;
    }
    rotate(id).refused(401, "unauthorized").await;
    rotate(id).key(rekeyed["key"].as_str().unwrap()).refused(403, "forbidden").await;
}

#[test]
fn the_documented_example_is_right() {
    let page = include_str!("../../../docs/rest.md");
    let value = |label: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(label)).unwrap();
        line.trim().trim_matches('`').to_owned()
    };
    let (secret, header, body) = (value("- secret:"), value("- `Palabre-Signature`:"), value("- body:"));
    assert!(verify(&secret, &header, &body));
    assert!(!verify(&secret, &header, &format!("{body} ")));
    assert!(!verify("another", &header, &body));
    let time = header.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
    assert_eq!(palabre::model::callback::signature(&secret, time, &body), header);
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["type"], "invitation.accepted");
}
