//! The real program's memory stays bounded, whatever comes: tens of MiB at most.

use super::link::Link;
use super::program::{Program, serve, tokens};
use super::raw::{BINARY, FIN, Raw, TEXT, header, masked};
use crate::support::client::text;
use crate::support::db::scratch_dir;
use crate::support::frame;
use serde_json::json;

/// What the server's memory may grow by in a test, in KiB.
const BOUND: u64 = 40 * 1024;

async fn start(name: &str, more: &[&str]) -> (Program, Vec<String>) {
    let data_dir = scratch_dir(name);
    let mut command = serve(&data_dir);
    command.args(more);
    let server = Program::spawn(command, &data_dir);
    let tokens = tokens(&data_dir, &["alice", "bob", "carol"]);
    // What the first of everything costs is not what is looked for.
    for token in &tokens {
        Link::sign_in(server.tcp, "default", token).await.unwrap();
    }
    (server, tokens)
}

fn check(server: &Program, before: u64) {
    let now = server.resident_kib();
    assert!(now.saturating_sub(before) < BOUND, "{before} KiB before, {now} KiB now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_strangers_that_begin_frames_and_never_end_them() {
    const STRANGERS: usize = 1_500;
    let (server, tokens) = start("strangers", &[]).await;
    let before = server.resident_kib();
    let begun = [&frame::header(frame::REQUEST, 1, 65_000, 1)[..], &[b' '; 64_000]].concat();
    let masked_begun = [header(FIN | TEXT, 65_000), vec![b' '; 64_000]].concat();
    let (mut links, mut sockets) = (Vec::new(), Vec::new());
    for _ in 0..STRANGERS / 2 {
        let mut link = Link::connect(server.tcp).await.unwrap();
        // One that is over the bound is closed, maybe before it has sent all.
        let _ = link.write(&begun).await;
        links.push(link);
        let mut raw = Raw::open(server.http, "default", "palabre.v1.json", None).await;
        raw.write(&masked_begun).await;
        sockets.push(raw);
    }
    let (mut link, _) = Link::sign_in(server.tcp, "default", &tokens[0]).await.unwrap();
    link.ok("status.fetch", &json!({})).await;
    check(&server, before);
    assert_eq!(links.pop().unwrap().closed().await, Some(4100), "who wanted too much is told to come back later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_declared_lengths_and_deep_nesting() {
    const CONNECTIONS: usize = 300;
    let (server, tokens) = start("declared", &[]).await;
    let before = server.resident_kib();
    let mut sockets = Vec::new();
    for number in 0..CONNECTIONS {
        let mut raw = Raw::open(server.http, "default", "palabre.v1.bin", Some(&tokens[number % 3])).await;
        match number % 3 {
            0 => raw.write(&header(FIN | BINARY, 1 << 30)).await,
            1 => raw.write(&masked(FIN | BINARY, &frame::header(frame::REQUEST, 0, u32::MAX, 1))).await,
            _ => {
                // A document that says that it holds four thousand million items.
                let payload = [[0xDD, 0xFF, 0xFF, 0xFF, 0xFF].repeat(4_000), vec![0xC0]].concat();
                raw.write(&masked(FIN | BINARY, &frame::encode_bytes(frame::REQUEST, false, 1, &payload))).await;
            }
        }
        sockets.push(raw);
        if sockets.len() == 15 {
            sockets.clear();
        }
    }
    check(&server, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_readers_that_never_read() {
    const MESSAGES: usize = 800;
    let flood = ["--events-per-second", "100000", "--events-burst", "100000"];
    let (server, tokens) = start("never-read", &flood).await;
    let (mut talking, _) = Link::sign_in(server.tcp, "default", &tokens[0]).await.unwrap();
    let group = talking.ok("group.update", &json!({ "name": "slow", "add": ["bob", "carol"] })).await;
    let conversation = group["id"].as_str().unwrap().to_owned();
    let mut sleeping = Vec::new();
    for number in 0..30 {
        sleeping.push(Link::sign_in(server.tcp, "default", &tokens[1 + number % 2]).await.unwrap());
    }
    let body = "z".repeat(16_000);
    let before = server.resident_kib();
    for _ in 0..MESSAGES {
        talking.ok("message.text", &text(&conversation, &body)).await;
    }
    check(&server, before);
}
