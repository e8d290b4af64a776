//! With the library that Angular applications use.

use super::{friends, set_password};
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

#[tokio::test]
async fn stompjs_is_a_full_citizen() {
    let (server, project, [alice, bob], chat) = friends().await;
    set_password(&project, &alice, "alice123").await;
    let mut alice = alice;
    alice.row =
        palabre::store::users::find(&mut project.conn().await, project.id, alice.row.id).await.unwrap().unwrap();
    let token = alice.token(chrono::Utc::now(), Duration::from_secs(3600));
    let foreign = project.group_of(&[&bob]).await;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/stomp");
    assert!(directory.join("node_modules").exists(), "scripts/setup installs what this needs");
    let url = format!("ws://{}/ws/p", server.addresses.http);
    let output = Command::new("node")
        .arg(directory.join("client.mjs"))
        .args([&url, &token, "alice", "alice123", &chat, &foreign])
        .stdin(Stdio::null())
        .output();
    let output = output.await.expect("scripts/setup installs node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all is well\n");
    // The other side has it all, in order.
    let mut bob = server.connect(&bob).await;
    let page = bob.ok("message.fetch", json!({ "conversation": chat })).await;
    let bodies: Vec<_> = page["messages"].as_array().unwrap().iter().map(|it| it["body"].as_str().unwrap()).collect();
    let expected: Vec<String> = ["1.0", "1.1", "1.2"]
        .iter()
        .flat_map(|v| [format!("json {v}: é\n"), format!("plain {v}"), format!("1 of {v}"), format!("2 of {v}")])
        .collect();
    assert_eq!(bodies, expected);
}
