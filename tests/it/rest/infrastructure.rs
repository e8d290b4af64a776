//! What holds for every path: errors, bodies, paths, ids, limits.

use super::api::{Api, description};
use super::start;
use crate::support::http::{SECRET, serve};
use crate::support::server::TestServer;
use chrono::Utc;
use palabre::model::account::UserRole;
use palabre::model::{ProjectId, UserId};
use palabre::store::Database;
use palabre::wire::token::{Tokens, UserToken};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn what_is_no_json_object_is_a_clear_400() {
    let (_server, _project, api) = start().await;
    let json_type = "application/json";
    let login = || api.post("/auth/login");
    login().refused(400, "bad_envelope").await;
    login().body(json_type, "").refused(400, "bad_envelope").await;
    for body in ["{", "[]", "null", "1", "\"x\"", "{} {}", "\u{feff}{}", &"[".repeat(100)] {
        login().body(json_type, body.to_owned()).refused(400, "bad_envelope").await;
    }
    let good = r#"{"project": "p", "username": "alice", "password": "alice123"}"#;
    login().body("text/plain", good).refused(415, "bad_envelope").await;
    login().body(json_type, " ".repeat(70_000) + good).refused(413, "too_large").await;
    login()
        .json(json!({ "project": "p", "username": "alice", "password": "alice123", "more": 1 }))
        .invalid(&["more"])
        .await;
    login().json(json!({ "project": "p", "username": 1, "password": "x" })).invalid(&["username"]).await;
    login().json(json!({ "project": "p", "username": "\0", "password": "x" })).invalid(&["username"]).await;
    login().json(json!({ "project": "p", "username": "alice" })).invalid(&["password"]).await;
    login().body("application/json; charset=utf-8", good).refused(401, "unauthorized").await;
}

#[tokio::test]
async fn paths_work_with_and_without_a_slash_and_say_which_methods_they_have() {
    let (_server, _project, api) = start().await;
    for path in ["/health", "/health/", "/openapi.json", "/openapi.json/"] {
        api.get(path).expect(200).await;
        let head = api.call(reqwest::Method::HEAD, path).send().await;
        assert_eq!((head.status, head.body), (200, Value::Null), "{path}");
    }
    for (path, allowed) in [("/health", "GET, HEAD"), ("/auth/login/", "POST"), ("/auth/me", "GET, HEAD")] {
        let answer = api.delete(path).refused(405, "unknown_type").await;
        assert_eq!(answer.headers["allow"], allowed, "{path}");
    }
    for path in ["", "/", "/nothing", "/auth", "/auth/login/more"] {
        api.get(path).refused(404, "not_found").await;
    }
}

#[tokio::test]
async fn a_request_keeps_the_id_it_came_with() {
    let (_server, _project, api) = start().await;
    let answer = api.get("/health").header("X-Request-Id", "trace-1.a_b").send().await;
    assert_eq!(answer.headers["x-request-id"], "trace-1.a_b");
    let mut made = Vec::new();
    for bad in ["", "has space", &"x".repeat(65)] {
        let answer = api.get("/nothing").header("X-Request-Id", bad).send().await;
        made.push(answer.headers["x-request-id"].to_str().unwrap().to_owned());
    }
    made.dedup();
    assert!(made.len() == 3 && made.iter().all(|id| uuid::Uuid::try_parse(id).is_ok()), "{made:?}");
}

#[tokio::test]
async fn a_caller_who_asks_too_often_waits_and_no_other_does() {
    let server =
        TestServer::builder().limits(|limits| (limits.calls_per_second, limits.calls_burst) = (1, 5)).start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let mut refused = 0;
    for _ in 0..20 {
        let answer = api.get("/auth/me").user(&alice).send().await;
        if answer.status == 429 {
            refused += 1;
            assert_eq!(
                (&answer.body["code"], &answer.headers["retry-after"].to_str().unwrap()),
                (&json!("rate_limited"), &"1")
            );
        }
    }
    assert!(refused >= 10, "{refused}");
    api.get("/auth/me").user(&bob).expect(200).await;
    // Strangers with bad tokens are counted by address, and health is for everybody.
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(api.get("/auth/me").bearer("bad").send().await.status);
    }
    assert!(statuses.contains(&401) && statuses.contains(&429), "{statuses:?}");
    api.get("/health").expect(200).await;
}

#[tokio::test]
async fn the_description_is_served_and_the_page_loads_nothing_from_elsewhere() {
    let (server, _project, api) = start().await;
    assert_eq!(&api.get("/openapi.json").expect(200).await, description());
    crate::support::crypto::provide();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = async |path: &str| client.get(format!("http://{}{path}", server.addresses.http)).send().await.unwrap();
    let moved = page("/docs").await;
    assert_eq!((moved.status().as_u16(), moved.headers()["location"].to_str().unwrap()), (308, "/docs/"));
    let index = page("/docs/").await;
    let policy = index.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let html = index.text().await.unwrap();
    // Scripts of its own, as files: the policy lets no other run.
    assert!(html.contains("<script src=\"./") && !html.contains("<script>"), "{html}");
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
    for file in html.split("src=\"").skip(1).chain(html.split("href=\"").skip(1)) {
        let file = file.split('"').next().unwrap().trim_start_matches("./");
        assert_eq!(page(&format!("/docs/{file}")).await.status().as_u16(), 200, "{file}");
    }
    let start = page("/docs/swagger-initializer.js").await.text().await.unwrap();
    assert!(start.contains("/api/v1/openapi.json") && !start.contains("petstore"), "{start}");
}

#[actix_web::test]
async fn without_its_database_the_api_says_when_to_come_back() {
    let away = Database::connect("postgres://palabre@/palabre?host=/nonexistent", 1).unwrap();
    let api = Api::at(serve(away));
    let bearer = UserToken {
        user: UserId::random(),
        number: 1,
        username: "alice".to_owned(),
        role: UserRole::User,
        project: ProjectId::random(),
        credentials_changed_at: Utc::now(),
    };
    let token = Tokens::new(SECRET.as_bytes()).issue_user(&bearer, Utc::now(), Duration::from_secs(60)).unwrap();
    let login = json!({ "project": "p", "username": "alice", "password": "alice123" });
    for call in [
        api.get("/auth/me").bearer(&token),
        api.get("/users").key("a key"),
        api.post("/auth/login").json(login),
        api.get("/health"),
    ] {
        let answer = call.send().await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        if answer.body.get("code").is_some() {
            assert_eq!(
                (&answer.body["code"], &answer.headers["retry-after"]),
                (&json!("unavailable"), &"2".parse().unwrap())
            );
            assert!(!answer.body.to_string().contains("nonexistent"), "{}", answer.body);
        }
    }
    // Who can't be known needs no database.
    api.get("/auth/me").bearer("bad").refused(401, "unauthorized").await;
}
