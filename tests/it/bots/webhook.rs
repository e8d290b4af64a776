//! The assistant's front end: what a user and the assistant have said, with exact bodies.

use super::builder;
use crate::support::crypto::http_client;
use crate::support::project::TestUser;
use crate::support::provider::Provider;
use crate::support::server::{Builder, TestClock, TestServer};
use diesel::sql_types::{Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use palabre::store::{accounts, users};
use serde_json::{Value, json};
use std::time::Duration;

pub const CONVERSATION: &str = "550e8400-e29b-41d4-a716-446655440000";

/// The demo's people at a server, khora signed in as the front end signs them in.
pub struct Front {
    pub server: TestServer,
    pub token: String,
}

impl Front {
    async fn new() -> Self {
        Self::of(TestServer::builder()).await
    }

    /// With models at a provider of the test's.
    pub async fn with(provider: &Provider) -> Self {
        Self::of(builder(provider)).await
    }

    pub async fn of(builder: Builder) -> Self {
        let server = builder.settings(|settings| settings.demo = true).start().await;
        let mut front = Self { server, token: String::new() };
        front.token = front.login("khora", "test123").await;
        front
    }

    /// Another node beside this one.
    pub async fn beside(&self, provider: &Provider) -> Self {
        Self::of(builder(provider).beside(&self.server)).await
    }

    /// One of the demo's users, as the tests of sockets know users.
    pub async fn user(&self, name: &str) -> TestUser {
        let conn = &mut self.server.db.connection().await;
        let project = accounts::project_by(conn, "default").await.unwrap().unwrap();
        let row = users::find_by_name(conn, project.id, name).await.unwrap().unwrap();
        let token = self.login(name, &format!("{name}123").replace("khora123", "test123")).await;
        TestUser { id: row.id.to_string(), username: name.to_owned(), project: "default".to_owned(), token, row }
    }

    /// What the assistant says to a body, whatever it is.
    pub async fn post_as(&self, token: &str, body: &Value) -> (u16, Value) {
        let request = http_client().post(self.url("/wibot/chat")).bearer_auth(token).json(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json");
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// What the assistant says to khora.
    pub async fn chat(&self, conversation: &str, message: &str) -> (u16, Value) {
        self.post_as(&self.token, &json!({ "conversation_id": conversation, "message": message })).await
    }

    /// Role and text of all messages of a conversation of khora's.
    pub async fn said(&self, conversation: &str) -> Vec<(String, String)> {
        let (status, said) = self.get(&format!("/wibot/conversations/{conversation}/messages")).await;
        assert_eq!(status, 200, "{said}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let said = said["messages"].as_array().unwrap();
        said.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
    }

    /// Tokens that khora has used this month, and reserved.
    pub async fn used(&self) -> (u64, u64) {
        let usage = http_client().get(format!("http://{}/api/v1/usage", self.server.addresses.http));
        let usage: Value = usage.bearer_auth(&self.token).send().await.unwrap().json().await.unwrap();
        (usage["tokens"]["used"].as_u64().unwrap(), usage["tokens"]["reserved"].as_u64().unwrap())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/webhook{path}", self.server.addresses.http)
    }

    pub async fn login(&self, username: &str, password: &str) -> String {
        let body = json!({ "username": username, "password": password });
        let answer = http_client().post(self.url("/auth/login")).json(&body).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    pub async fn get_as(&self, token: Option<&str>, path: &str) -> (u16, Value) {
        let mut request = http_client().get(self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json");
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.get_as(Some(&self.token), path).await
    }
}

/// As the front end reads a time.
#[track_caller]
fn is_time(value: &Value) {
    let text = value.as_str().unwrap();
    assert!(text.len() == 20 && text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok(), "{text}");
}

#[tokio::test]
async fn the_demos_conversation_is_there() {
    let front = Front::new().await;
    let (status, mut listed) = front.get("/wibot/conversations").await;
    is_time(&listed["conversations"][0]["updated_at"]);
    listed["conversations"][0]["updated_at"].take();
    let conversation = json!({ "conversation_id": CONVERSATION, "title": "Conversation de test", "updated_at": null, "message_count": 6 });
    assert_eq!((status, listed), (200, json!({ "conversations": [conversation] })));
    let (status, said) = front.get(&format!("/wibot/conversations/{CONVERSATION}/messages")).await;
    assert_eq!((status, said.as_object().unwrap().len()), (200, 1));
    let said = said["messages"].as_array().unwrap();
    let roles: Vec<_> = said.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user", "assistant"]);
    assert_eq!(said[0]["content"], "Bonjour WIBOT !");
    for message in said {
        assert!(message["message_id"].is_i64());
        is_time(&message["created_at"]);
        assert_eq!(message.as_object().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_long_conversation_is_shown_as_a_whole() {
    let front = Front::new().await;
    let more = "INSERT INTO messages (conversation_id, seq, project_id, id, author_id, kind, role, body, digest, created_at) \
                SELECT conversation_id, n, project_id, gen_random_uuid(), author_id, kind, role, n::text, digest, created_at \
                FROM messages, generate_series($2, $3) n WHERE conversation_id = $1 AND seq = 1";
    let conversation: uuid::Uuid = CONVERSATION.parse().unwrap();
    // As many as make the last part a whole one, and some more.
    for (first, last) in [(7, 300), (301, 307)] {
        let more = diesel::sql_query(more).bind::<SqlUuid, _>(conversation).bind::<Integer, _>(first);
        more.bind::<Integer, _>(last).execute(&mut front.server.db.connection().await).await.unwrap();
        let (status, said) = front.get(&format!("/wibot/conversations/{CONVERSATION}/messages")).await;
        let said = said["messages"].as_array().unwrap();
        let ids: Vec<i64> = said.iter().map(|message| message["message_id"].as_i64().unwrap()).collect();
        assert_eq!((status, ids), (200, (1..=i64::from(last)).collect()));
        assert_eq!(said.last().unwrap()["content"], last.to_string());
    }
}

#[tokio::test]
async fn what_is_not_ones_own_is_refused() {
    let front = Front::new().await;
    let alice = front.login("alice", "alice123").await;
    let path = format!("/wibot/conversations/{CONVERSATION}/messages");
    assert_eq!(front.get_as(Some(&alice), "/wibot/conversations").await, (200, json!({ "conversations": [] })));
    let refused = json!({ "success": false, "error": "Vous n'avez pas accès à cette conversation" });
    assert_eq!(front.get_as(Some(&alice), &path).await, (403, refused));
    let unknown = format!("/wibot/conversations/{}/messages", uuid::Uuid::new_v4());
    assert_eq!(front.get(&unknown).await, (404, json!({ "success": false, "error": "Conversation introuvable" })));
    for id in ["770f9622-g4bd-63f6-c938-668877662222", "1", "550e8400e29b41d4a716446655440000"] {
        let (status, answer) = front.get(&format!("/wibot/conversations/{id}/messages")).await;
        assert_eq!((status, &answer["success"]), (400, &json!(false)), "{id}");
    }
}

#[tokio::test]
async fn a_token_must_be_good() {
    let clock = TestClock::default();
    let server = TestServer::builder().settings(|settings| settings.demo = true).clock(&clock).start().await;
    let mut front = Front { server, token: String::new() };
    front.token = front.login("khora", "test123").await;
    let stranger = front.server.project("elsewhere").await.user("eve").await;
    let refused = (401, json!({ "success": false, "error": "Token invalide ou expiré", "code": "INVALID_TOKEN" }));
    for path in ["/wibot/conversations".to_owned(), format!("/wibot/conversations/{CONVERSATION}/messages")] {
        for token in [None, Some("nonsense"), Some(stranger.token.as_str())] {
            assert_eq!(front.get_as(token, &path).await, refused, "{token:?}");
        }
        assert_eq!(front.get(&path).await.0, 200);
    }
    clock.advance(Duration::from_secs(8 * 3600 + 1));
    assert_eq!(front.get("/wibot/conversations").await, refused);
}

#[tokio::test]
async fn other_methods_are_told_which_there_is() {
    let front = Front::new().await;
    let answer = http_client().delete(front.url("/wibot/conversations")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "GET"));
}
