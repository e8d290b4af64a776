//! The page at `/`, its files, and what it is told of the server before anybody has signed in.
//!
//! Whether the application was built into the program differs from machine to machine; what holds with and without it is here, and the
//! rest beside `src/http/web.rs`.

use crate::support::crypto::http_client;
use crate::support::server::TestServer;
use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

async fn get(server: &TestServer, path: &str, accept: &str) -> Response {
    http_client().get(format!("http://{}{path}", server.addresses.http)).header(ACCEPT, accept).send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_page_is_strict_with_itself_and_names_files_that_are_there() {
    let server = TestServer::start().await;
    let page = get(&server, "/", "text/html").await;
    assert_eq!(page.status(), 200);
    let policy = header(&page, "content-security-policy");
    for part in
        ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-cache")]
    {
        assert_eq!(header(&page, name), value);
    }
    let page = page.text().await.unwrap();
    let files: Vec<&str> = page.split(['"']).filter(|part| part.starts_with("/assets/")).collect();
    assert_eq!(files.is_empty(), page.contains("make web"), "the application, or how to build it: {page}");
    for path in files {
        let file = get(&server, path, "*/*").await;
        assert_eq!(file.status(), 200, "{path}");
        assert_eq!(header(&file, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(header(&file, "x-content-type-options"), "nosniff");
        assert!(!file.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn other_paths_stay_what_they_were() {
    let server = TestServer::start().await;
    for path in ["/api/v1/nothing", "/assets/nothing.js", "/ws/nothing/more"] {
        let answer = get(&server, path, "text/html").await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, CONTENT_TYPE.as_str())),
            (404, "application/problem+json"),
            "{path}"
        );
    }
    assert_eq!(get(&server, "/nothing", "*/*").await.status(), 404);
    for path in ["/docs/", "/asyncapi.json", "/api/v1/health", "/conversations"] {
        assert_eq!(get(&server, path, "text/html").await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn only_a_demo_offers_its_users() {
    let server = TestServer::start().await;
    let about: Value = get(&server, "/app.json", "*/*").await.json().await.unwrap();
    assert_eq!(about, json!({ "version": env!("CARGO_PKG_VERSION") }));
    let demo = TestServer::builder().settings(|settings| settings.demo = true).start().await;
    let about: Value = get(&demo, "/app.json", "*/*").await.json().await.unwrap();
    let users = about["demo"]["users"].as_array().unwrap();
    assert!(users.len() > 1);
    for user in users {
        let login =
            json!({ "project": about["demo"]["project"], "username": user["username"], "password": user["password"] });
        let url = format!("http://{}/api/v1/auth/login", demo.addresses.http);
        let signed_in: Value = http_client().post(url).json(&login).send().await.unwrap().json().await.unwrap();
        assert_eq!(signed_in["user"]["role"], user["role"]);
    }
}
