//! A project's figures each second.

use super::{admin, app, start};
use crate::support::crypto;
use crate::support::project::{Project, TestUser};
use crate::support::server::{TestClock, TestServer};
use crate::support::wait::until_async;
use palabre::model::account::UserRole;
use palabre::store::accounts;
use palabre::store::people::{self, Changes};
use reqwest::Response;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the next event may take: generous, it only shows when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open feed.
struct Feed {
    response: Response,
    read: String,
}

impl Feed {
    async fn open(server: &TestServer, header: &str, value: &str) -> Self {
        let url = format!("http://{}/api/v1/live", server.addresses.http);
        let response = crypto::http_client().get(url).header(header, value).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().contains_key("x-request-id"));
        Self { response, read: String::new() }
    }

    async fn of(server: &TestServer, user: &TestUser) -> Self {
        Self::open(server, "Authorization", &format!("Bearer {}", user.token)).await
    }

    /// The next event: its name and data. `None` when the feed is over.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = (field("event: ").unwrap_or_default(), field("data: ").unwrap());
                self.read = rest.to_owned();
                return Some((found.0, serde_json::from_str(&found.1).unwrap()));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("no event came");
            self.read.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// The next figures.
    async fn figures(&mut self) -> Value {
        let (name, data) = self.next().await.expect("the feed is over");
        assert_eq!(name, "", "{data}");
        data
    }

    /// The first figures that are as wanted.
    async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        for _ in 0..20 {
            let figures = self.figures().await;
            if wanted(&figures) {
                return figures;
            }
        }
        panic!("never came: {what}");
    }

    /// Why it ends; nothing comes after that.
    async fn end(&mut self) -> String {
        loop {
            let (name, data) = self.next().await.expect("it ended without a word");
            if name == "end" {
                assert!(data["detail"].is_string());
                assert_eq!(self.next().await, None);
                return data["code"].as_str().unwrap().to_owned();
            }
        }
    }
}

async fn set_role(project: &Project, user: &TestUser, role: UserRole) {
    let changes = Changes { role: Some(role), ..Changes::default() };
    let now = chrono::Utc::now();
    people::change(&mut project.conn().await, project.id, user.row.id, &changes, now).await.unwrap();
}

#[tokio::test]
async fn figures_move_for_this_project_and_no_other() {
    let (server, project, _api) = start().await;
    let other = server.project("other").await;
    let (chief, elsewhere) = (admin(&project, "chief").await, admin(&other, "chief").await);
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let conversation = project.befriend(&alice, &bob).await;
    let (mut feed, mut far) = (Feed::of(&server, &chief).await, Feed::of(&server, &elsewhere).await);
    let first = feed.figures().await;
    for (name, value) in [("sessions", json!(0)), ("users_online", json!(0)), ("messages_per_second", json!(0.0))] {
        assert_eq!(first[name], value, "{name}");
    }
    assert!(first["time"].is_string() && first["database"]["state"] == "ok", "{first}");
    assert!(first["database"]["latency_ms"].as_f64().unwrap() > 0.0, "{first}");

    let [mut a, mut b] = server.connect_all([&alice, &bob]).await;
    let second = server.connect(&alice).await;
    let figures = feed.until("three sessions", |figures| figures["sessions"] == 3).await;
    assert_eq!((&figures["users_online"], &figures["rooms_awake"]), (&json!(2), &json!(0)));
    a.say(&conversation, "hello").await;
    b.next_push("message.text").await;
    let positive = |figures: &Value, name: &str| figures[name].as_f64().unwrap() > 0.0;
    let figures = feed.until("a message", |figures| positive(figures, "messages_per_second")).await;
    assert!(positive(&figures, "requests_per_second") && positive(&figures, "deliveries_per_second"), "{figures}");
    assert_eq!((&figures["rooms_awake"], &figures["slow_consumers"]), (&json!(1), &json!(0)));
    drop((a, second));
    feed.until("alice to go", |figures| figures["sessions"] == 1 && figures["users_online"] == 1).await;

    // All that happened here the other project's administrator saw nothing of.
    for _ in 0..2 {
        let figures = far.figures().await;
        for name in ["sessions", "users_online", "rooms_awake", "slow_consumers"] {
            assert_eq!(figures[name], 0, "{figures}");
        }
        for name in ["messages_per_second", "deliveries_per_second", "requests_per_second"] {
            assert_eq!(figures[name], 0.0, "{figures}");
        }
    }
}

#[tokio::test]
async fn only_administrators_and_apps_see_it() {
    let (server, project, api) = start().await;
    let alice = project.user("alice").await;
    api.get("/live").refused(401, "unauthorized").await;
    api.get("/live").bearer("bad").refused(401, "unauthorized").await;
    api.get("/live").key("bad").refused(401, "unauthorized").await;
    api.get("/live").user(&alice).refused(403, "forbidden").await;
    let chief = admin(&project, "chief").await;
    let expired = chief.token(chrono::Utc::now() - chrono::TimeDelta::hours(2), Duration::from_secs(60));
    api.get("/live").bearer(&expired).refused(401, "token_expired").await;
    api.post("/live").user(&chief).refused(405, "unknown_type").await;
    let head = api.call(reqwest::Method::HEAD, "/live").user(&chief).send().await;
    assert_eq!((head.status, head.body), (200, Value::Null));
    let key = app(&project, "dashboard").await;
    assert_eq!(Feed::open(&server, "X-App-Key", &key).await.figures().await["sessions"], 0);
}

#[tokio::test]
async fn it_ends_with_the_token() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let project = server.project("p").await;
    let mut feed = Feed::of(&server, &admin(&project, "chief").await).await;
    feed.figures().await;
    clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(feed.end().await, "token_expired");
}

#[tokio::test]
async fn it_ends_when_the_right_to_it_does() {
    let (server, project, _api) = start().await;
    let chief = admin(&project, "chief").await;
    let mut feed = Feed::of(&server, &chief).await;
    feed.figures().await;
    set_role(&project, &chief, UserRole::User).await;
    assert!(["forbidden", "unauthorized"].contains(&feed.end().await.as_str()));
    let key = app(&project, "dashboard").await;
    let mut feed = Feed::open(&server, "X-App-Key", &key).await;
    feed.figures().await;
    let row = accounts::app_by_key(&mut project.conn().await, &key).await.unwrap().unwrap();
    palabre::store::projects::delete_app(&mut project.conn().await, project.id, row.id).await.unwrap();
    assert_eq!(feed.end().await, "unauthorized");
}

#[tokio::test]
async fn a_project_has_only_so_many_and_a_closed_one_makes_room() {
    let (server, project, api) = start().await;
    let chief = admin(&project, "chief").await;
    let mut feeds = Vec::new();
    for _ in 0..8 {
        feeds.push(Feed::of(&server, &chief).await);
    }
    let refused = api.get("/live").user(&chief).refused(429, "rate_limited").await;
    assert_eq!(refused.headers["retry-after"], "10");
    // Another project has its own.
    let other = server.project("other").await;
    Feed::of(&server, &admin(&other, "chief").await).await.figures().await;
    drop(feeds.pop());
    let url = format!("http://{}/api/v1/live", server.addresses.http);
    let again = admin(&project, "second").await;
    until_async("a place that is free again", async || {
        let response = crypto::http_client().get(&url).bearer_auth(&again.token).send().await.unwrap();
        (response.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stopping_server_says_so() {
    let (server, project, _api) = start().await;
    let mut feed = Feed::of(&server, &admin(&project, "chief").await).await;
    feed.figures().await;
    let (code, ()) = tokio::join!(feed.end(), server.stop());
    assert_eq!(code, "unavailable");
}

#[test]
fn it_is_described_as_a_stream_of_events() {
    let operation = &super::api::description()["paths"]["/api/v1/live"]["get"];
    assert!(operation["responses"]["200"]["content"]["text/event-stream"]["schema"].is_object(), "{operation}");
    assert_eq!(operation["security"].as_array().unwrap().len(), 2);
}
