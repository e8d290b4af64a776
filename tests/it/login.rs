//! `POST /webhook/auth/login`, health, and what the routes say to all else.

use crate::support::crypto;
use crate::support::db::TestDb;
use crate::support::http::{SECRET, serve};
use chrono::Utc;
use palabre::store::{Database, accounts, demo, users};
use palabre::wire::token::Tokens;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;

const WRONG: &str = "Identifiants invalides";

struct Front {
    client: Client,
    address: SocketAddr,
    database: Database,
    _db: TestDb,
}

impl Front {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let database = db.pool();
        demo::load(&mut database.get().await.unwrap(), Utc::now()).await.unwrap();
        Self { client: crypto::http_client(), address: serve(database.clone()), database, _db: db }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn post(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.client.post(self.url("/webhook/auth/login")).header("Content-Type", content_type).body(body);
        request.send().await.unwrap()
    }

    async fn login(&self, username: &str, password: &str) -> (StatusCode, Value) {
        let body = json!({"username": username, "password": password}).to_string();
        let response = self.post("application/json", body).await;
        (response.status(), response.json().await.unwrap())
    }
}

#[actix_web::test]
async fn the_right_password_gives_a_token_that_the_database_knows() {
    let front = Front::new().await;
    let (status, answer) = front.login("khora", "test123").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["success"], true);
    assert_eq!(answer["user"], json!({"id": 1, "username": "khora", "role": "admin"}));
    assert_eq!(answer.as_object().unwrap().len(), 3);

    let tokens = Tokens::new(SECRET.as_bytes());
    let token = tokens.verify_user(answer["token"].as_str().unwrap(), Utc::now()).unwrap().bearer;
    let mut conn = front.database.get().await.unwrap();
    let user = accounts::session_user(&mut conn, token.project, &token).await.unwrap().unwrap();
    assert_eq!((user.username.as_str(), user.number), ("khora", 1));
}

#[actix_web::test]
async fn a_change_of_password_ends_the_tokens_before_it() {
    let front = Front::new().await;
    let (_, answer) = front.login("alice", "alice123").await;
    let tokens = Tokens::new(SECRET.as_bytes());
    let token = tokens.verify_user(answer["token"].as_str().unwrap(), Utc::now()).unwrap().bearer;
    let mut conn = front.database.get().await.unwrap();
    let hash = palabre::model::password::hash("alice1234", [1; 16]).unwrap();
    // Within the same second as the sign-in: the stamp of the credentials decides, not the clock.
    users::set_password(&mut conn, token.project, token.user, &hash, Utc::now()).await.unwrap();
    assert_eq!(accounts::session_user(&mut conn, token.project, &token).await.unwrap(), None);

    let (status, answer) = front.login("alice", "alice1234").await;
    assert_eq!(status, StatusCode::OK);
    let token = tokens.verify_user(answer["token"].as_str().unwrap(), Utc::now()).unwrap().bearer;
    assert!(accounts::session_user(&mut conn, token.project, &token).await.unwrap().is_some());

    users::set_deactivated(&mut conn, token.project, token.user, true, Utc::now()).await.unwrap();
    assert_eq!(accounts::session_user(&mut conn, token.project, &token).await.unwrap(), None);
}

#[actix_web::test]
async fn wrong_unknown_and_deactivated_are_the_same() {
    let front = Front::new().await;
    let mut conn = front.database.get().await.unwrap();
    let project = accounts::project_by(&mut conn, "default").await.unwrap().unwrap().id;
    let bob = users::find_by_name(&mut conn, project, "bob").await.unwrap().unwrap();
    users::set_deactivated(&mut conn, project, bob.id, true, Utc::now()).await.unwrap();
    for (username, password) in [("khora", "wrong"), ("khora", "Test123"), ("nobody", "test123"), ("bob", "bob12345")] {
        let answer = front.login(username, password).await;
        assert_eq!(answer, (StatusCode::UNAUTHORIZED, json!({"success": false, "error": WRONG})), "{username}");
    }
}

#[actix_web::test]
async fn what_is_no_sign_in_is_400() {
    let front = Front::new().await;
    let json = "application/json";
    let good = r#"{"username": "khora", "password": "test123"}"#;
    for (content_type, body) in [
        (json, ""),
        (json, "{"),
        (json, "[1]"),
        (json, "{}"),
        (json, r#"{"username": "khora"}"#),
        (json, r#"{"username": 1, "password": "test123"}"#),
        (json, r#"{"username": "kh\u0000ora", "password": "test123"}"#),
        ("text/plain", good),
        ("", good),
    ] {
        let response = front.post(content_type, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{content_type} {body}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["success"], false, "{body}");
        assert!(answer["error"].is_string(), "{body}");
    }
    assert_eq!(front.post("application/json; charset=utf-8", good).await.status(), StatusCode::OK);
    let response = front.post(json, " ".repeat(20_000) + good).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(response.json::<Value>().await.unwrap()["success"], false);
}

#[actix_web::test]
async fn the_21st_failure_of_a_name_waits_even_when_all_come_at_once() {
    let front = Front::new().await;
    let answers = futures_util::future::join_all((0..30).map(|_| front.login("khora", "wrong"))).await;
    let count = |status| answers.iter().filter(|(answer, _)| *answer == status).count();
    assert_eq!((count(StatusCode::UNAUTHORIZED), count(StatusCode::TOO_MANY_REQUESTS)), (20, 10));

    let response = front.post("application/json", r#"{"username": "khora", "password": "test123"}"#).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let pause: u64 = response.headers()["Retry-After"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&pause), "{pause}");
    let expected = json!({"success": false, "error": "Trop de tentatives", "code": "RATE_LIMITED"});
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
    assert_eq!(front.login("alice", "alice123").await.0, StatusCode::OK);
}

#[actix_web::test]
async fn right_passwords_are_never_too_many() {
    let front = Front::new().await;
    let answers = futures_util::future::join_all((0..30).map(|_| front.login("khora", "test123"))).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK));
}

#[actix_web::test]
async fn health_tells_of_the_database() {
    let front = Front::new().await;
    let response = front.client.get(front.url("/api/v1/health")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let version = env!("CARGO_PKG_VERSION");
    let health: Value = response.json().await.unwrap();
    assert_eq!(health, json!({"status": "ok", "database": "ok", "version": version}));

    let away = serve(Database::connect("postgres://palabre@/palabre?host=/nonexistent", 1).unwrap());
    let response = front.client.get(format!("http://{away}/api/v1/health")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.json::<Value>().await.unwrap()["database"], "unavailable");
    let login = front.client.post(format!("http://{away}/webhook/auth/login"));
    let response = login.json(&json!({"username": "khora", "password": "test123"})).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let expected = json!({"success": false, "error": "Erreur serveur. Réessayez dans quelques instants."});
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
}

#[actix_web::test]
async fn other_paths_and_methods_are_refused_in_the_language_of_their_api() {
    let front = Front::new().await;
    for path in ["/api/v1/nothing", "/api/v1", "/nothing"] {
        let response = front.client.get(front.url(path)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.headers()["Content-Type"], "application/problem+json", "{path}");
        assert_eq!(response.json::<Value>().await.unwrap()["status"], 404, "{path}");
    }
    let response = front.client.post(front.url("/api/v1/health")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["Allow"], "GET, HEAD");
    assert_eq!(response.headers()["Content-Type"], "application/problem+json");

    let response = front.client.get(front.url("/webhook/auth/login")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["Allow"], "POST");
    assert_eq!(response.json::<Value>().await.unwrap()["success"], false);
    let response = front.client.get(front.url("/webhook/nothing")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.json::<Value>().await.unwrap()["success"], false);
}
