//! With the libraries that Angular applications and Python programs use.

use super::{friends, set_password};
use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/stomp")
}

/// Runs a client's program, which says when all is well.
async fn run(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().await;
    let output = output.expect("scripts/setup installs what this needs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all is well\n");
}

/// The texts of a conversation, as somebody else has them.
async fn bodies(server: &TestServer, reader: &TestUser, chat: &str) -> Vec<String> {
    let mut reader = server.connect(reader).await;
    let page = reader.ok("message.fetch", json!({ "conversation": chat })).await;
    page["messages"].as_array().unwrap().iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect()
}

/// What each of these ways of talking says.
fn said(ways: &[&str]) -> Vec<String> {
    let texts =
        |way: &&str| [format!("json {way}: é\n"), format!("plain {way}"), format!("1 of {way}"), format!("2 of {way}")];
    ways.iter().flat_map(texts).collect()
}

#[tokio::test]
async fn stompjs_is_a_full_citizen() {
    let (server, project, [mut alice, bob], chat) = friends().await;
    let token = sign_in(&project, &mut alice).await;
    let foreign = project.group_of(&[&bob]).await;
    let url = format!("ws://{}/ws/p", server.addresses.http);
    assert!(clients().join("node_modules").exists(), "scripts/setup installs what this needs");
    let script = clients().join("client.mjs");
    let arguments = [script.to_str().unwrap(), &url, &token, "alice", "alice123", &chat, &foreign];
    run(Path::new("node"), &arguments).await;
    assert_eq!(bodies(&server, &bob, &chat).await, said(&["1.0", "1.1", "1.2"]));
}

#[tokio::test]
async fn stomp_py_is_a_full_citizen() {
    let (server, project, [mut alice, bob], chat) = friends().await;
    let token = sign_in(&project, &mut alice).await;
    let foreign = project.group_of(&[&bob]).await;
    let (host, port) = (server.addresses.http.ip().to_string(), server.addresses.http.port().to_string());
    let script = clients().join("client.py");
    let arguments = [script.to_str().unwrap(), &host, &port, "p", &token, "alice", "alice123", &chat, &foreign];
    run(&clients().join("venv/bin/python"), &arguments).await;
    assert_eq!(bodies(&server, &bob, &chat).await, said(&["by token", "by password"]));
}

/// Gives alice a password, and a token from after that.
async fn sign_in(project: &Project, alice: &mut TestUser) -> String {
    set_password(project, alice, "alice123").await;
    alice.row =
        palabre::store::users::find(&mut project.conn().await, project.id, alice.row.id).await.unwrap().unwrap();
    alice.token(chrono::Utc::now(), Duration::from_secs(3600))
}
