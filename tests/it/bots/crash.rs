//! The real program, killed in the middle of an answer.

use crate::faults::link::Link;
use crate::faults::program::{Program, processes_on, serve, tokens};
use crate::rest::api::Api;
use crate::support::crypto;
use crate::support::db::{scratch_dir, throwaway};
use crate::support::frame;
use crate::support::provider::Provider;
use crate::support::wait::{until, until_async};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use palabre::store::embedded::Embedded;
use palabre::store::schema::{answer_usage, answers, reservations};
use serde_json::{Value, json};
use std::path::Path;

/// The program, whose models are all at the provider.
fn start(data_dir: &Path, provider: &Provider) -> Program {
    let mut command = serve(data_dir);
    command.env("MISTRAL_API_KEY", "the-key").env("MISTRAL_BASE_URL", provider.base("/mistral/v1"));
    Program::spawn(command, data_dir)
}

/// The data of the next push of this type.
async fn push(link: &mut Link, kind: &str) -> Value {
    loop {
        let mut frame = link.next().await.expect("the connection is gone");
        if frame.kind == frame::PUSH && frame.payload["type"] == kind {
            return frame.payload["data"].take();
        }
    }
}

async fn connection(data_dir: &Path) -> AsyncPgConnection {
    let (data_dir, options) = (data_dir.to_owned(), throwaway());
    let url = tokio::task::spawn_blocking(move || Embedded::attach_or_start(&data_dir, &options).unwrap().url());
    AsyncPgConnection::establish(&url.await.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_start_ends_the_answer_and_counts_it_once() {
    crypto::provide();
    let (data_dir, provider) = (scratch_dir("answer"), Provider::start().await);
    let mut server = start(&data_dir, &provider);
    let token = &tokens(&data_dir, &["alice"])[0];
    let (mut link, _) = Link::sign_in(server.tcp, "default", token).await.unwrap();
    let group = link.ok("group.update", &json!({ "name": "story", "add": ["bob"] })).await["id"].clone();
    link.ok("conversation.mode", &json!({ "conversation": group, "mode": "bot" })).await;
    let steps = provider.will_follow();
    link.ok("message.text", &crate::support::client::text(group.as_str().unwrap(), "a long story")).await;
    steps.say("Once upon a time");
    let chunk = push(&mut link, "llm.chunk").await;
    // So much of it is kept, and of what it took.
    let conn = &mut connection(&data_dir).await;
    until_async("what was said is kept", async || {
        let kept: Vec<String> = answers::table.select(answers::body).load(conn).await.unwrap();
        let noted: Vec<i64> = reservations::table.select(reservations::output_used).load(conn).await.unwrap();
        (kept == ["Once upon a time"] && noted == [4]).then_some(())
    })
    .await;
    let before = Api::at(server.http).get("/usage").bearer(token).expect(200).await;
    assert_eq!(before["tokens"]["used"], 0);
    assert!(before["tokens"]["reserved"].as_u64().unwrap() > 0);
    server.kill();
    provider.is_left().await;

    let mut server = start(&data_dir, &provider);
    let (mut link, _) = Link::sign_in(server.tcp, "default", token).await.unwrap();
    // Its rights and its leases run out by the clock of the database: that may be now.
    let conn = &mut connection(&data_dir).await;
    let past = chrono::Utc::now() - chrono::TimeDelta::seconds(1);
    diesel::update(answers::table).set(answers::held_until.eq(past)).execute(conn).await.unwrap();
    diesel::update(reservations::table).set(reservations::leased_until.eq(past)).execute(conn).await.unwrap();
    let done = push(&mut link, "llm.done").await;
    let message = &done["message"];
    assert_eq!((&message["id"], &message["body"]), (&chunk["message"], &json!("Once upon a time")));
    assert_eq!((&message["ended"], &message["seq"]), (&json!("broken_off"), &json!(2)));
    let error = push(&mut link, "llm.error").await;
    assert_eq!((&error["conversation"], &error["code"]), (&group, &json!("model_failed")));
    let usage = until_async("what it had used is booked, and the rest given back", async || {
        let usage = Api::at(server.http).get("/usage").bearer(token).expect(200).await;
        (usage["tokens"]["reserved"] == 0).then_some(usage)
    })
    .await;
    let counted: Vec<(i64, i64)> =
        answer_usage::table.select((answer_usage::input_tokens, answer_usage::output_tokens)).load(conn).await.unwrap();
    assert_eq!((counted.len(), counted[0].1), (1, 4));
    assert_eq!(usage["tokens"]["used"], counted[0].0 + counted[0].1);
    assert_eq!(usage["days"][0]["calls"], 1);
    // And on it goes.
    provider.will_say("and they lived happily");
    link.ok("message.text", &crate::support::client::text(group.as_str().unwrap(), "go on")).await;
    assert_eq!(push(&mut link, "llm.done").await["message"]["body"], "and they lived happily");
    server.kill();
    until("PostgreSQL to end with its server", || processes_on(&data_dir).is_empty().then_some(()));
}
