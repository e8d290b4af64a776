//! A node that is gone in the middle of an answer: another ends it.

use super::{Stage, builder};
use crate::faults::proxy::Way;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::store::schema::answer_usage;
use serde_json::json;

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
