//! Figures for Prometheus, on the operators' listener.

use crate::support::client::Via;
use crate::support::crypto;
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use palabre::config::Secret;
use std::collections::BTreeMap;

const DOCS: &str = include_str!("../../docs/operating.md");

async fn scrape(server: &TestServer) -> String {
    let response =
        crypto::http_client().get(format!("http://{}/metrics", server.addresses.admin.unwrap())).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    response.text().await.unwrap()
}

/// The value of a sample, named with its labels as it stands in the text.
fn value(text: &str, sample: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("there is no {sample}")).parse().unwrap()
}

/// Waits until a sample has a value.
async fn wait_for(server: &TestServer, sample: &str, expected: f64) {
    until_async(sample, async || (value(&scrape(server).await, sample) == expected).then_some(())).await;
}

#[tokio::test]
async fn figures_move_when_something_happens() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let conversation = project.befriend(&alice, &bob).await;
    let before = scrape(&server).await;
    for sample in ["palabre_sessions", "palabre_rooms", "palabre_namespaces", "palabre_messages_stored_total"] {
        assert_eq!(value(&before, sample), 0.0, "{sample}");
    }
    let [mut a, mut b] = server.connect_all([&alice, &bob]).await;
    for body in ["one", "two", "three"] {
        a.say(&conversation, body).await;
        b.next_push("message.text").await;
    }
    let after = scrape(&server).await;
    for (sample, expected) in [
        ("palabre_connections", 2.0),
        ("palabre_connections_unauthenticated", 0.0),
        ("palabre_sessions", 2.0),
        ("palabre_sessions_opened_total", 2.0),
        ("palabre_rooms", 1.0),
        ("palabre_namespaces", 1.0),
        ("palabre_messages_stored_total", 3.0),
        ("palabre_batch_messages_count", 3.0),
        ("palabre_batch_messages_sum", 3.0),
        ("palabre_batch_messages_bucket{le=\"1\"}", 3.0),
        ("palabre_batch_messages_bucket{le=\"+Inf\"}", 3.0),
        ("palabre_batch_commit_seconds_count", 3.0),
        ("palabre_scribe_waiting_messages{scribe=\"0\"}", 0.0),
        ("palabre_scribe_waiting_bytes{scribe=\"1\"}", 0.0),
        ("palabre_database_connections_max", 8.0),
        ("palabre_database_timeouts_total", 0.0),
    ] {
        assert_eq!(value(&after, sample), expected, "{sample}");
    }
    assert!(value(&after, "palabre_events_delivered_total") >= 3.0, "bob was told thrice");
    assert!(value(&after, "palabre_requests_total") >= 3.0);
    assert!(value(&after, "palabre_batch_commit_seconds_sum") > 0.0);
    assert!(value(&after, "palabre_database_connections_open") >= 1.0);
    assert!(value(&after, "process_resident_memory_bytes") > 1e6);
    assert!(value(&after, "process_open_fds") > 4.0 && value(&after, "process_max_fds") > 4.0);
    drop((a, b));
    wait_for(&server, "palabre_sessions", 0.0).await;
}

#[tokio::test]
async fn connections_that_do_not_sign_in_are_told_apart() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let stranger = tokio::net::TcpStream::connect(server.addresses.tcp.unwrap()).await.unwrap();
    wait_for(&server, "palabre_connections_unauthenticated", 1.0).await;
    drop(stranger);
    wait_for(&server, "palabre_connections", 0.0).await;
    let (mut refused, _) = server.upgrade(&project.name, Via::WsJson).bearer("a.bad.token").open().await.unwrap();
    assert_eq!(refused.closed().await, Some(4200));
    wait_for(&server, "palabre_closes_total{code=\"4200\"}", 1.0).await;
}

#[tokio::test]
async fn calls_and_passwords_are_counted() {
    let server = TestServer::start().await;
    let client = crypto::http_client();
    let login = format!("http://{}/api/v1/auth/login", server.addresses.http);
    let body = serde_json::json!({ "project": "p", "username": "alice", "password": "alice123" });
    assert_eq!(client.post(&login).json(&body).send().await.unwrap().status(), 401);
    let health = format!("http://{}/api/v1/health", server.addresses.http);
    assert_eq!(client.get(health).send().await.unwrap().status(), 200);
    let text = scrape(&server).await;
    assert_eq!(value(&text, "palabre_sign_ins_total{result=\"refused\"}"), 1.0);
    assert_eq!(value(&text, "palabre_sign_ins_total{result=\"ok\"}"), 0.0);
    assert_eq!(value(&text, "palabre_rest_requests_total{status=\"2xx\"}"), 1.0);
    assert_eq!(value(&text, "palabre_rest_requests_total{status=\"4xx\"}"), 1.0);
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_one_is_there() {
    let server = TestServer::start().await;
    let text = scrape(&server).await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let emitted: BTreeMap<&str, &str> = types.collect();
    let rows = DOCS.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let described = rows.filter_map(|(name, rest)| Some((name, rest.split_once(" |")?.0)));
    let documented: BTreeMap<&str, &str> =
        described.filter(|(name, _)| name.starts_with("palabre_") || name.starts_with("process_")).collect();
    assert_eq!(emitted, documented);
    assert!(emitted.len() > 20);
}

#[tokio::test]
async fn labels_name_nobody() {
    let server = TestServer::start().await;
    let project = server.project("telltale").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let conversation = project.befriend(&alice, &bob).await;
    let mut a = server.connect(&alice).await;
    a.say(&conversation, "hello").await;
    let text = scrape(&server).await;
    for name in ["telltale", "alice", "bob", &conversation, &alice.id, &project.id.to_string(), "hello"] {
        assert!(!text.contains(name), "{name}");
    }
    // Every line is a comment or a sample with at most one short label.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, number) = line.rsplit_once(' ').unwrap();
        assert!(number.parse::<f64>().is_ok(), "{line}");
        if let Some((_, labels)) = sample.split_once('{') {
            let (label, of) = labels.strip_suffix('}').unwrap().split_once('=').unwrap();
            assert!(["version", "code", "scribe", "le", "result", "status"].contains(&label), "{line}");
            assert!(of.len() < 12 && !of.contains('-'), "{line}");
        }
    }
}

#[tokio::test]
async fn the_listener_guards_them() {
    let token = "a token of operators";
    let server = TestServer::builder()
        .settings(|all| all.listen.admin_token = Some(Secret::from(token.to_owned())))
        .start()
        .await;
    let url = format!("http://{}/metrics", server.addresses.admin.unwrap());
    let ask = || crypto::http_client().get(&url);
    assert_eq!(ask().send().await.unwrap().status(), 401);
    assert_eq!(ask().bearer_auth("another").send().await.unwrap().status(), 401);
    assert_eq!(ask().bearer_auth(token).header("Host", "evil.example").send().await.unwrap().status(), 421);
    assert_eq!(ask().bearer_auth(token).header("Origin", "https://evil.example").send().await.unwrap().status(), 403);
    assert_eq!(ask().bearer_auth(token).send().await.unwrap().status(), 200);
    let put = crypto::http_client().put(&url).bearer_auth(token).send().await.unwrap();
    assert_eq!((put.status().as_u16(), put.headers()["allow"].to_str().unwrap()), (405, "GET"));
}
