//! Actors that fail under load: senders get 503 at worst, nothing stored is lost, and everyone hears everything in order.

use super::stage::Stage;
use crate::support::client::{Client, text};
use crate::support::project::TestUser;
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use palabre::chat::namespace::{Enter, FailRegistry};
use palabre::chat::{room, scribe};
use palabre::cluster::Delivery;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// How often an actor fails in a test.
const FAILURES: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_fails_is_started_anew() {
    let stage = Stage::on(TestServer::start().await).await;
    let namespace = stage.server.chat.namespace(stage.project.id).unwrap().namespace;
    stage
        .while_talking(FAILURES, async || {
            let enter = Enter { conversation: stage.id(), hub: 0 };
            namespace.send(enter).await.unwrap().unwrap().do_send(room::Fail);
        })
        .await;
    let (talkers, listener) = stage.finish().await;
    assert!(talkers.iter().all(|talker| talker.ends.is_empty()), "no connection ends with a room");
    assert!(listener.ends.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_fails_tells_what_was_stored_though_nobody_speaks_again() {
    let server = TestServer::start().await;
    let project = server.project("quiet").await;
    let [ann, ben] = project.users(["ann", "ben"]).await;
    let conversation = project.group_of(&[&ann, &ben]).await;
    let [mut ann, mut ben] = server.connect_all([&ann, &ben]).await;
    let enter = Enter { conversation: conversation.parse().unwrap(), hub: 0 };
    let room = server.chat.namespace(project.id).unwrap().namespace.send(enter).await.unwrap().unwrap();
    ann.say(&conversation, "before").await;

    // The messages are with the scribe when the room fails, so that nobody is told by it.
    let mut sent = Vec::new();
    for number in 0..5 {
        let data = text(&conversation, &number.to_string());
        sent.push(ann.send("message.text", data).await);
    }
    room.do_send(room::Fail);
    let mut refused = 0;
    for id in sent {
        if let Err(error) = ann.reply(id).await {
            error.expect(503, "unavailable");
            refused += 1;
        }
    }
    let last = server_last_seq(&mut ann, &conversation).await;
    let mut heard = 0;
    while heard < last {
        let seq = ben.next_push("message.text").await["seq"].as_i64().unwrap();
        assert_eq!(seq, heard + 1);
        heard = seq;
    }
    assert!(refused >= 6 - last, "what was refused is what is not there, or more");
}

async fn server_last_seq(client: &mut Client, conversation: &str) -> i64 {
    let page = client.ok("message.fetch", json!({ "conversation": conversation, "limit": 1 })).await;
    page["messages"][0]["seq"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_fails_sends_its_clients_to_come_back() {
    let stage = Stage::on(TestServer::start().await).await;
    stage
        .while_talking(FAILURES, async || {
            if let Some(backlog) = stage.server.chat.bus.deliver(Delivery::Fail) {
                backlog.await;
            }
        })
        .await;
    let (talkers, listener) = stage.finish().await;
    for ends in talkers.iter().map(|talker| &talker.ends).chain([&listener.ends]) {
        assert!(ends.contains_key(&Some(4000)), "told to come back: {ends:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scribe_that_fails_is_started_anew() {
    let stage = Stage::on(TestServer::start().await).await;
    let began = Instant::now();
    stage
        .while_talking(FAILURES, async || assert!(stage.server.chat.hand_to_scribe(stage.id(), scribe::Fail).is_ok()))
        .await;
    // Whoever waited for the scribe is answered when it fails, not when patience ends.
    assert!(began.elapsed() < Duration::from_secs(15), "it took {:?}", began.elapsed());
    let (talkers, listener) = stage.finish().await;
    assert!(talkers.iter().all(|talker| talker.ends.is_empty()), "no connection ends with a scribe");
    assert!(listener.ends.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_go_on_after_a_scribe_failed() {
    let server = TestServer::start().await;
    let project = server.project("receipts").await;
    let [ann, ben] = project.users(["ann", "ben"]).await;
    let conversation = project.group_of(&[&ann, &ben]).await;
    let [mut ann, mut ben] = server.connect_all([&ann, &ben]).await;
    for round in 1..=5 {
        let seq = ann.say(&conversation, "read this").await["seq"].as_i64().unwrap();
        assert_eq!(seq, round);
        let receipt = json!({ "conversation": conversation, "seq": seq });
        let id = ben.send("message.read", receipt.clone()).await;
        assert!(server.chat.hand_to_scribe(conversation.parse().unwrap(), scribe::Fail).is_ok());
        if let Err(error) = ben.reply(id).await {
            error.expect(503, "unavailable");
            until_async("the receipt to be taken", async || ben.request("message.read", receipt.clone()).await.ok())
                .await;
        }
        let push = ann.next_push("message.read").await;
        assert_eq!(push["seq"], seq);
        // A scribe that is on its way up answers nobody.
        until_async("the scribe", async || ann.request("typing.update", typing(&conversation)).await.ok()).await;
    }
}

fn typing(conversation: &str) -> serde_json::Value {
    json!({ "conversation": conversation, "typing": false })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_fails_knows_again_who_is_there() {
    let server = TestServer::start().await;
    let project = server.project("presence").await;
    let [ann, ben, cleo] = project.users(["ann", "ben", "cleo"]).await;
    project.befriend(&ann, &ben).await;
    project.befriend(&ann, &cleo).await;
    let [mut watcher, mut actor, leaver] = server.connect_all([&ann, &ben, &cleo]).await;
    watcher.forget().await;

    let namespace = server.chat.namespace(project.id).unwrap();
    let failed = namespace.registry();
    namespace.namespace.send(FailRegistry).await.unwrap();
    // One leaves while there is no registry.
    until_async("the registry to fail", async || (!failed.connected()).then_some(())).await;
    drop(leaver);
    let away = json!({ "status": "away" });
    until_async("the registry to be back", async || actor.request("status.update", away.clone()).await.ok()).await;

    let (mut ben_is, mut cleo_is) = (String::new(), String::new());
    let deadline = Instant::now() + Duration::from_secs(10);
    while (ben_is.as_str(), cleo_is.as_str()) != ("away", "offline") {
        assert!(Instant::now() < deadline, "ben is told {ben_is:?}, cleo {cleo_is:?}");
        let status = watcher.next_push("status.update").await;
        let told = status["status"].as_str().unwrap().to_owned();
        match status["user"]["id"].as_str() {
            Some(id) if id == ben.id => ben_is = told,
            Some(id) if id == cleo.id => cleo_is = told,
            _ => {}
        }
    }
    let statuses = watcher.ok("status.fetch", json!({})).await;
    let of = |user: &TestUser| {
        let all = statuses["statuses"].as_array().unwrap();
        all.iter().find(|status| status["user"]["id"] == user.id.as_str()).map(|status| status["status"].clone())
    };
    assert_eq!(of(&ben), Some("away".into()));
    assert_eq!(of(&cleo), Some("offline".into()));

    // Sessions that were there before can still come and go.
    drop(actor);
    let status = watcher.next_push("status.update").await;
    assert_eq!((status["user"]["id"].as_str(), status["status"].as_str()), (Some(ben.id.as_str()), Some("offline")));
}
