//! A node that is gone in the middle of an answer: another ends it.

use super::{Stage, builder};
use crate::faults::link::Link;
use crate::faults::program;
use crate::faults::proxy::Way;
use crate::rest::api::Api;
use crate::support::client::text;
use crate::support::crypto::http_client;
use crate::support::db::{TestDb, scratch_dir};
use crate::support::http::SECRET;
use crate::support::project::Project;
use crate::support::provider::Provider;
use crate::support::wait::until_async;
use crate::support_desk::set_role;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::account::UserRole;
use palabre::store::schema::answer_usage;
use serde_json::{Value, json};
use std::sync::Arc;

const MODEL: &str = "mistral-large-latest";

#[tokio::test]
async fn a_server_that_stops_in_order_ends_its_answers() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    client.say(&group, "a long story").await;
    steps.say("Once upon a time");
    client.next_push("llm.chunk").await;
    let beside = builder(&stage.provider).beside(&stage.server).start().await;
    let Stage { server, provider, project } = stage;
    server.stop().await;
    provider.is_left().await;
    let mut client = beside.connect(&alice).await;
    let page = client.ok("message.fetch", json!({ "conversation": group })).await;
    let message = &page["messages"][1];
    assert_eq!((&message["body"], &message["ended"]), (&json!("Once upon a time"), &json!("broken_off")));
    let booked: Vec<(i64, i64)> = answer_usage::table
        .select((answer_usage::input_tokens, answer_usage::output_tokens))
        .load(&mut project.conn().await)
        .await
        .unwrap();
    assert_eq!((booked.len(), booked[0].1), (1, 4));
}

#[tokio::test]
async fn the_answer_of_a_node_that_is_gone_is_ended_by_another() {
    let (stage, proxy) = super::outages::stage().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    client.say(&group, "a long story").await;
    steps.say("Once upon a time");
    let chunk = client.next_push("llm.chunk").await;
    stage.project.wait_for_kept_answer(&group, "Once upon a time").await;
    // Nothing of that node reaches the database any more: its right runs out, by the clock of the database.
    proxy.set(Way::Closed);
    let beside = stage.beside().await;
    let mut other = beside.connect(&alice).await;
    stage.project.let_answer_run_out(&group).await;
    let done = other.next_push("llm.done").await;
    let message = &done["message"];
    assert_eq!((&message["id"], &message["body"]), (&chunk["message"], &json!("Once upon a time")));
    assert_eq!(message["ended"], "broken_off");
    // Counted once, by estimate.
    let booked: Vec<i64> =
        answer_usage::table.select(answer_usage::output_tokens).load(&mut stage.project.conn().await).await.unwrap();
    assert_eq!(booked, [4]);
    // The first node sees that it is not its own any more, and stops asking.
    proxy.set(Way::Open);
    stage.provider.is_left().await;
    stage.provider.will_say("and they lived happily");
    other.say(&group, "go on").await;
    assert_eq!(other.next_push("llm.done").await["message"]["seq"], 4);
}

#[tokio::test]
async fn the_answer_of_a_server_that_was_killed_is_ended_by_the_next_start() {
    let provider = Provider::start().await;
    let db = Arc::new(TestDb::new().await);
    let project = Project::create(&db, "p", &[]).await;
    let [alice, root] = project.users(["alice", "root"]).await;
    set_role(&project, &root, UserRole::Admin).await;
    let bot = project.chatbot_with("marvin", MODEL, "Be brief.").await;
    let data_dir = scratch_dir("killed");
    let mut command = program::command(["serve", "--jwt-secret", SECRET, "--database-url", db.url()]);
    command.args(["--listen", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data-dir"]);
    command.arg(&data_dir).env("MISTRAL_API_KEY", "the-key").env("MISTRAL_BASE_URL", provider.base("/mistral/v1"));
    let mut server = program::Program::spawn(command, &data_dir);
    let at = format!("http://{}/api/v1/conversations", server.http);
    let new = json!({ "kind": "assistant", "chatbot": bot });
    let made = http_client().post(at).bearer_auth(&alice.token).json(&new).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let id = made["id"].as_str().unwrap();
    let (mut link, _) = Link::sign_in(server.tcp, "p", &alice.token).await.unwrap();
    let steps = provider.will_follow();
    link.ok("message.text", &text(id, "A long one!")).await;
    steps.say("Once upon a time");
    project.wait_for_kept_answer(id, "Once upon a time").await;
    server.kill();
    provider.is_left().await;
    project.end_leases().await;

    // The time in which the dead one could have renewed its right is over.
    project.let_answer_run_out(id).await;
    let next = builder(&provider).on(&db, db.url().to_owned()).start().await;
    let mut client = next.connect(&alice).await;
    let said = until_async("the answer is ended", async || {
        let page = client.ok("message.fetch", json!({ "conversation": id })).await;
        page["messages"].get(1).cloned()
    })
    .await;
    assert_eq!((&said["body"], &said["ended"]), (&json!("Once upon a time"), &json!("broken_off")));
    assert_eq!((&said["seq"], &said["author"]["id"]), (&json!(2), &json!(bot)));
    // Twenty characters in, sixteen out, by estimate: counted once, and nothing is kept back.
    project.nothing_is_under_way().await;
    let api = Api::of(&next);
    let own = until_async("it is booked", async || {
        let own = api.get("/usage").user(&alice).expect(200).await;
        (own["tokens"]["used"] != 0).then_some(own)
    })
    .await;
    assert_eq!((&own["tokens"]["used"], &own["tokens"]["reserved"]), (&json!(9), &json!(0)));
    assert_eq!((&own["days"][0]["calls"], &own["days"][0]["output_tokens"]), (&json!(1), &json!(4)));
    // And it goes on.
    provider.will_say("there was a server");
    client.forget().await;
    client.say(id, "And then?").await;
    assert_eq!(client.next_push("llm.done").await["message"]["seq"], 4);
    let report = until_async("that is booked too", async || {
        let report = api.get("/usage/report?group_by=chatbot").user(&root).expect(200).await;
        (report["items"][0]["calls"] == 2).then_some(report["items"][0].clone())
    })
    .await;
    assert_eq!((&report["input_tokens"], &report["output_tokens"]), (&json!(5 + 10), &json!(4 + 5)));
}

#[tokio::test]
async fn a_question_that_nobody_took_is_found() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let group = stage.project.group_of(&[&alice]).await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    stage.provider.will_say("I heard you");
    client.say(&group, "anybody there?").await;
    // As if the node had been gone right after it stored the message.
    stage.project.set_mode(&group, "bot", Some(&bot)).await;
    assert_eq!(client.next_push("llm.done").await["message"]["body"], "I heard you");
}
