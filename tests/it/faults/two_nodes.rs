//! Two servers on one database: numbering stays gapless and unique, and what one stores the other knows of before it goes on.

use super::link::Link;
use super::talk::{Listener, Scene, Talker, check};
use crate::support::client::text;
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_write_in_one_conversation() {
    const MESSAGES: usize = 400;
    let first = TestServer::start().await;
    let second = TestServer::builder().beside(&first).start().await;
    let project = first.project("both").await;
    let people = project.users(["ann", "ben", "cleo", "dan", "one listener", "another"]).await;
    let conversation = project.group_of(&people.each_ref()).await;
    let nodes = [first.addresses.tcp, second.addresses.tcp];

    // Rooms wake with what is stored by then: nodes do not tell each other yet, so what the other stored before is for
    // `message.fetch`. From here on neither may skip a number.
    for address in nodes {
        let (mut link, _) = Link::sign_in(address.unwrap(), "both", &people[0].token).await.unwrap();
        link.ok("typing.update", &json!({ "conversation": conversation, "typing": false })).await;
    }
    let scene = Arc::new(Scene::default());
    let mut talkers = Vec::new();
    for (user, address) in people[..4].iter().zip(nodes.iter().cycle().copied()) {
        let talker = Talker::new(&user.username, "both", &user.token, &conversation);
        talkers.push(tokio::spawn(talker.talk(Arc::clone(&scene), move || address)));
    }
    let mut listeners = Vec::new();
    for (user, address) in people[4..].iter().zip(nodes) {
        let heard = Arc::new(Scene::default());
        let listener = Listener::new("both", &user.token, &conversation);
        listeners.push((Arc::clone(&heard), tokio::spawn(listener.listen(heard, move || address))));
    }
    scene.confirms(MESSAGES).await;
    scene.enough.store(true, Ordering::SeqCst);
    let mut done = Vec::new();
    for talker in talkers {
        done.push(talker.await.unwrap());
    }
    assert!(done.iter().all(|talker| talker.ends.is_empty()));
    let (mut link, _) = Link::sign_in(nodes[0].unwrap(), "both", &people[0].token).await.unwrap();
    let last = check(&mut link, &conversation, &done, 0).await;

    // What the other node stored last is told here with the next message of this node.
    for (((heard, listener), address), further) in listeners.into_iter().zip(nodes).zip(1..) {
        heard.last.store(last + further, Ordering::SeqCst);
        let (mut link, _) = Link::sign_in(address.unwrap(), "both", &people[0].token).await.unwrap();
        let message = link.ok("message.text", &text(&conversation, "the end")).await;
        assert_eq!(message["seq"], last + further);
        assert!(listener.await.unwrap().ends.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_members_on_one_holds_on_the_other() {
    let first = TestServer::start().await;
    let second = TestServer::builder().beside(&first).start().await;
    let project = first.project("members").await;
    let [ann, ben, cleo] = project.users(["ann", "ben", "cleo"]).await;
    let conversation = project.group_of(&[&ann, &ben]).await;
    let mut owner = first.connect(&ann).await;
    let mut there = second.connect(&ben).await;
    let mut newcomer = second.connect(&cleo).await;
    let mine = there.say(&conversation, "the other node's room is awake").await["id"].clone();
    newcomer.refused("message.text", text(&conversation, "not yet")).await.expect(404, "not_found");

    owner.ok("group.update", json!({ "conversation": conversation, "add": ["cleo"] })).await;
    // A refusal may rest on what was known a second ago, no longer.
    until_async("the other node to know the new member", async || {
        newcomer.request("message.text", text(&conversation, "hello")).await.ok()
    })
    .await;

    owner.ok("group.update", json!({ "conversation": conversation, "permissions": { "cleo": "r" } })).await;
    newcomer.refused("message.text", text(&conversation, "no more")).await.expect(403, "read_only");

    owner.ok("group.update", json!({ "conversation": conversation, "remove": ["ben"] })).await;
    there.refused("message.text", text(&conversation, "still here?")).await.expect(404, "not_found");
    for (event, data) in [
        ("message.edit", json!({ "message": mine, "body": "changed" })),
        ("message.react", json!({ "message": mine, "emoji": "👍", "on": true })),
        ("message.delete", json!({ "message": mine })),
        ("message.fetch", json!({})),
        ("message.read", json!({ "seq": 1 })),
        ("typing.update", json!({ "typing": true })),
        ("group.members", json!({})),
        ("group.update", json!({ "title": "mine" })),
    ] {
        let mut data = data;
        data["conversation"] = conversation.clone().into();
        there.refused(event, data).await.expect(404, "not_found");
    }
    let history = owner.ok("message.fetch", json!({ "conversation": conversation })).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 2, "nothing refused was stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_id_on_both_is_stored_once() {
    const IDS: usize = 40;
    let first = TestServer::start().await;
    let second = TestServer::builder().beside(&first).start().await;
    let project = first.project("twice").await;
    let [ann] = project.users(["ann"]).await;
    let conversation = project.group_of(&[&ann]).await;
    let (mut here, mut there) = (first.connect(&ann).await, second.connect(&ann).await);
    let mut sent = Vec::new();
    for number in 0..IDS {
        let data = text(&conversation, &number.to_string());
        sent.push((here.send("message.text", data.clone()).await, there.send("message.text", data).await));
    }
    for (one, other) in sent {
        let (one, other) = (here.reply(one).await.unwrap(), there.reply(other).await.unwrap());
        assert_eq!((&one["id"], &one["seq"]), (&other["id"], &other["seq"]));
    }
    let history = here.ok("message.fetch", json!({ "conversation": conversation, "limit": 200 })).await;
    let numbers: Vec<_> = history["messages"].as_array().unwrap().iter().map(|m| m["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=IDS as u64).collect::<Vec<_>>());
}
