//! Something fails in the middle of an answer: the database goes away, or an actor. The answer goes on where it can, is stored once
//! and counted once, and the conversation goes on in any case.

use super::{Stage, at, bodies, hear, until_over};
use crate::faults::proxy::{Proxy, Way};
use crate::rest::api::Api;
use crate::support::client::{Event, text};
use crate::support::db::TestDb;
use crate::support::provider::{Provider, Reply, pieces};
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::chat::namespace::{Enter, FailRegistry};
use palabre::chat::room;
use palabre::store::schema::answer_usage;
use serde_json::json;
use std::sync::Arc;

const MODEL: &str = "mistral-large-latest";

/// A stage whose server reaches the database by a way that a test can close.
pub async fn stage() -> (Stage, Proxy) {
    let db = Arc::new(TestDb::new().await);
    let proxy = Proxy::to(&db).await;
    let provider = Provider::start().await;
    let builder = TestServer::builder().settings(|settings| at(&provider, &mut settings.models));
    let server = builder.on(&db, proxy.url()).start().await;
    let project = server.project("p").await;
    (Stage { server, project, provider }, proxy)
}

async fn usage_rows(stage: &Stage) -> Vec<(i64, i64)> {
    answer_usage::table
        .select((answer_usage::input_tokens, answer_usage::output_tokens))
        .load(&mut stage.project.conn().await)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_ends_while_the_database_is_away_is_stored_when_it_is_back() {
    let (stage, proxy) = stage().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    client.say(&group, "tell me").await;
    steps.say("some words");
    client.next_push("llm.chunk").await;
    proxy.set(Way::Closed);
    steps.say(" and more");
    assert_eq!(client.next_push("llm.chunk").await["text"], " and more");
    // All of it has come, and nobody can store it.
    steps.end();
    stage.provider.is_left().await;
    until_async("it is known to be away", async || {
        let refused = client.request("message.text", text(&group, "hello?")).await;
        refused.err().filter(|error| error.code == "unavailable").map(|_| ())
    })
    .await;
    let is_end = |event: &Event| matches!(event, Event::Push { kind, .. } if kind == "llm.done" || kind == "llm.error");
    assert!(!client.take_inbox().iter().any(is_end));
    proxy.set(Way::Open);
    let done = client.next_push("llm.done").await;
    assert_eq!((&done["message"]["body"], done["message"].get("ended")), (&json!("some words and more"), None));
    stage.is_quiet().await;
    client.expect_no("llm.done").await;
    client.expect_no("llm.error").await;
    assert_eq!(bodies(&mut client, &group).await, ["tell me", "some words and more"]);
    assert_eq!(usage_rows(&stage).await, [(10, 5)]);
    let usage = Api::of(&stage.server).get("/usage").user(&alice).expect(200).await;
    assert_eq!(usage["tokens"]["used"], 15);
    client.forget().await;
    client.say(&group, "go on").await;
    assert_eq!(hear(&mut client).await.0, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lives_does_not_lose_its_answer_to_a_long_outage() {
    let (stage, proxy) = stage().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    for round in 0..4 {
        client.forget().await;
        let steps = stage.provider.will_follow();
        client.say(&group, "tell me").await;
        steps.say("some words");
        client.next_push("llm.chunk").await;
        proxy.set(Way::Closed);
        until_async("it is known to be away", async || {
            client.request("message.text", text(&group, "hello?")).await.err().filter(|error| error.status == 503)
        })
        .await;
        // So long that nobody could renew the right to the answer in time.
        stage.project.let_answer_run_out(&group).await;
        proxy.set(Way::Open);
        steps.say(" and more");
        // Longer than a look, and a renewal, are away.
        stage.project.wait_for_kept_answer(&group, "some words and more").await;
        steps.end();
        let done = client.next_push("llm.done").await;
        assert_eq!(done["message"]["body"], "some words and more", "round {round}");
        assert_eq!(done["message"].get("ended"), None, "round {round}");
        client.expect_no("llm.error").await;
    }
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_without_anybody_hearing_of_it_is_told_once() {
    let (stage, proxy) = stage().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    for round in 0..5 {
        client.forget().await;
        let steps = stage.provider.will_follow();
        client.say(&group, "tell me").await;
        steps.say("some words");
        client.next_push("llm.chunk").await;
        // The connection that has these words in a statement is cut after the statement.
        proxy.lose_next_answer();
        steps.say(" of ann and ben ");
        steps.end();
        let done = client.next_push("llm.done").await;
        assert_eq!(done["message"]["body"], "some words of ann and ben ", "round {round}");
        assert_eq!(done["message"]["seq"], 2 * (round + 1));
        assert_eq!(done["usage"], json!({ "input_tokens": 10, "output_tokens": 5 }));
        client.expect_no("llm.error").await;
        client.expect_no("llm.done").await;
    }
    stage.is_quiet().await;
    assert_eq!(usage_rows(&stage).await, [(10, 5); 5]);
    let usage = Api::of(&stage.server).get("/usage").user(&alice).expect(200).await;
    assert_eq!(usage["tokens"]["used"], 5 * 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_though_the_database_is_away() {
    let (stage, proxy) = stage().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    client.say(&group, "tell me").await;
    until_async("it is asked", async || (stage.provider.asked().len() == 1).then_some(())).await;
    proxy.set(Way::Closed);
    drop(steps);
    stage.provider.is_left().await;
    proxy.set(Way::Open);
    let error = client.next_push("llm.error").await;
    assert_eq!((&error["code"], &error["message"]), (&json!("model_failed"), &json!("the answer broke off")));
    stage.is_quiet().await;
    client.expect_no("llm.error").await;
    client.say(&group, "again").await;
    assert_eq!(hear(&mut client).await.0, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_fails_in_the_middle_costs_nothing_of_the_answer() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let [mut alice, mut bob] = stage.server.connect_all([&alice, &bob]).await;
    let namespace = stage.server.chat.namespace(stage.project.id).unwrap().namespace;
    let steps = stage.provider.will_follow();
    alice.say(&group, "count").await;
    for number in 0..10 {
        steps.say(&format!("{number} "));
        if number % 3 == 0 {
            let enter = Enter { conversation: group.parse().unwrap(), hub: 0 };
            namespace.send(enter).await.unwrap().unwrap().do_send(room::Fail);
        } else {
            bob.next_push("llm.chunk").await;
        }
    }
    steps.end();
    for client in [&mut alice, &mut bob] {
        let done = client.next_push("llm.done").await;
        assert_eq!(done["message"]["body"], "0 1 2 3 4 5 6 7 8 9 ");
        assert_eq!((&done["message"]["seq"], done["message"].get("ended")), (&json!(2), None));
        client.expect_no("llm.done").await;
        client.expect_no("llm.error").await;
    }
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_fails_loses_no_question() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    let namespace = stage.server.chat.namespace(stage.project.id).unwrap().namespace;
    for _ in 0..5 {
        client.forget().await;
        let steps = stage.provider.will_follow();
        client.say(&group, "one").await;
        steps.say("first");
        client.next_push("llm.chunk").await;
        namespace.send(FailRegistry).await.unwrap();
        let more = text(&group, "two");
        until_async("it is said", async || client.request("message.text", more.clone()).await.ok()).await;
        steps.end();
        assert_eq!(client.next_push("llm.done").await["message"]["body"], "first");
        assert_eq!(client.next_push("llm.done").await["message"]["body"], "ok");
    }
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_actor_of_all_answers_fails_they_end_with_what_is_there() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    for round in 0..4 {
        client.forget().await;
        let steps = stage.provider.will_follow();
        client.say(&group, "one").await;
        steps.say("half of it");
        client.next_push("llm.chunk").await;
        // What is said before it fails waits for this answer's end.
        client.say(&group, "two").await;
        stage.provider.will_say("all of it");
        stage.server.chat.llm().unwrap().fail();
        let done = client.next_push("llm.done").await;
        let message = &done["message"];
        assert_eq!(
            (&message["body"], &message["ended"]),
            (&json!("half of it"), &json!("broken_off")),
            "round {round}"
        );
        let told = until_over(&mut client).await;
        let (kind, done) = told.last().unwrap();
        assert_eq!((kind.as_str(), &done["message"]["body"]), ("llm.done", &json!("all of it")), "round {round}");
    }
    stage.provider.will(Reply::Say(pieces(&["and on"]), Some((10, 5))));
    client.forget().await;
    client.say(&group, "three").await;
    assert_eq!(hear(&mut client).await.0, "and on");
    stage.is_quiet().await;
}
