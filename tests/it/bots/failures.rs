//! Providers that fail, each in its way: everybody is told what kind of failure it was, nothing is left behind, and the
//! conversation goes on.

use super::{Stage, hear};
use crate::support::client::text;
use crate::support::provider::{Reply, pieces};
use serde_json::json;
use std::time::Duration;

const MODEL: &str = "mistral-large-latest";

/// Says something that fails in this way; the error that everybody gets. Then it goes on.
async fn fails(stage: &Stage, replies: Vec<Reply>) -> String {
    let alice = stage.project.user(&format!("user{}", uuid::Uuid::new_v4().simple())).await;
    let bot = stage.project.chatbot_with(&alice.username, MODEL, "Be brief.").await;
    let group = stage.project.group_of(&[&alice]).await;
    stage.project.set_mode(&group, "bot", Some(&bot)).await;
    let mut alice = stage.server.connect(&alice).await;
    for reply in replies {
        stage.provider.will(reply);
    }
    alice.say(&group, "hello").await;
    let error = alice.next_push("llm.error").await;
    assert_eq!((&error["conversation"], &error["code"]), (&json!(group), &json!("model_failed")));
    stage.provider.is_left().await;
    // No task, no right to answer and no tokens are left behind.
    stage.project.nothing_is_under_way().await;
    // Usable afterwards.
    stage.provider.will_say("here I am");
    alice.forget().await;
    alice.say(&group, "again?").await;
    assert_eq!(hear(&mut alice).await.0, "here I am");
    let text = error["message"].as_str().unwrap().to_owned();
    assert!(!text.contains("the-key") && !text.contains("127.0.0.1"), "{text}");
    text
}

fn down(status: u16) -> Reply {
    Reply::Status(status, Some(("retry-after-ms", "1".to_owned())))
}

#[tokio::test]
async fn a_refused_key_is_told_at_once() {
    let stage = Stage::new().await;
    assert_eq!(fails(&stage, vec![Reply::Status(401, None)]).await, "the provider refuses the request");
    // One that failed, one that did not: nothing was tried again.
    assert_eq!(stage.provider.asked().len(), 2);
}

#[tokio::test]
async fn overload_and_outages_are_tried_twice_more() {
    let stage = Stage::new().await;
    assert_eq!(fails(&stage, vec![down(429), down(500), down(429)]).await, "the provider is asked too often");
    assert_eq!(stage.provider.asked().len(), 4);
    assert_eq!(fails(&stage, vec![down(500), down(503), down(502)]).await, "the provider has a problem");
    // A pause that is too long is no pause.
    let busy = Reply::Status(429, Some(("retry-after", "3600".to_owned())));
    assert_eq!(fails(&stage, vec![busy]).await, "the provider is asked too often");
}

#[tokio::test]
async fn a_second_try_may_help() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut alice = stage.server.connect(&alice).await;
    stage.provider.will(down(503)).will_say("at last");
    alice.say(&group, "hello").await;
    assert_eq!(hear(&mut alice).await.0, "at last");
}

#[tokio::test]
async fn what_is_no_document_is_told_as_such() {
    let stage = Stage::new().await;
    for bytes in [
        "data: {\"choices\": [\n\n",
        "<html>busy</html>\n",
        "data: 7\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":7}}]}\n\n",
    ] {
        let text = fails(&stage, vec![Reply::Bytes(bytes.as_bytes().to_vec())]).await;
        assert_eq!(text, "the provider's answer can't be read", "{bytes}");
    }
    let error = b"data: {\"error\": {\"message\": \"the-key is bad\"}}\n\n".to_vec();
    assert_eq!(fails(&stage, vec![Reply::Bytes(error)]).await, "the provider gave up");
}

#[tokio::test]
async fn ten_megabytes_are_too_much() {
    let stage = Stage::new().await;
    let endless = vec![b'x'; 10 * 1024 * 1024];
    assert_eq!(fails(&stage, vec![Reply::Bytes(endless)]).await, "the answer is too long");
}

#[tokio::test]
async fn silence_has_an_end() {
    let stage = Stage::with(|settings| {
        settings.llm_first_timeout = Duration::from_millis(200);
        settings.llm_next_timeout = Duration::from_millis(200);
    })
    .await;
    assert_eq!(fails(&stage, vec![Reply::Hang(vec![])]).await, "the model took too long");
}

#[tokio::test]
async fn half_an_answer_stays_and_is_marked() {
    let stage = Stage::with(|settings| settings.llm_next_timeout = Duration::from_millis(300)).await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut alice = stage.server.connect(&alice).await;
    for (reply, why) in [
        (Reply::Half(pieces(&["half ", "of it"])), "the answer broke off"),
        (Reply::Hang(pieces(&["half of it"])), "the model took too long"),
    ] {
        stage.provider.will(reply);
        alice.say(&group, "tell me").await;
        let done = alice.next_push("llm.done").await;
        assert_eq!((&done["message"]["body"], &done["message"]["ended"]), (&json!("half of it"), &json!("broken_off")));
        let error = alice.next_push("llm.error").await;
        assert_eq!((&error["code"], &error["message"]), (&json!("model_failed"), &json!(why)));
        stage.provider.is_left().await;
    }
    assert_eq!(alice.say(&group, "well").await["seq"], 5);
}

#[tokio::test]
async fn an_answer_longer_than_a_message_is_cut() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut alice = stage.server.connect(&alice).await;
    stage.provider.will(Reply::Say(vec!["é".repeat(1_000); 20], None));
    alice.say(&group, "tell me all").await;
    let done = alice.next_push("llm.done").await;
    assert_eq!(done["message"]["body"].as_str().unwrap().chars().count(), 16_384);
    assert_eq!(done["message"]["ended"], "broken_off");
    assert_eq!(alice.next_push("llm.error").await["message"], "the answer is too long");
}

#[tokio::test]
async fn a_stream_that_ends_without_an_end_is_half_an_answer_in_every_format() {
    let stage = Stage::new().await;
    for llm in ["mistral-large-latest", "gpt-4.1", "gemini-2.5-flash", "claude-sonnet-4-5", "llama3.2"] {
        let alice = stage.project.user(&format!("user of {llm}")).await;
        let bot = stage.project.chatbot_with(llm, llm, "Be brief.").await;
        let group = stage.project.group_of(&[&alice]).await;
        stage.project.set_mode(&group, "bot", Some(&bot)).await;
        let mut alice = stage.server.connect(&alice).await;
        stage.provider.will(Reply::Cut(pieces(&["half ", "of it"])));
        alice.say(&group, "tell me").await;
        let done = alice.next_push("llm.done").await;
        let message = &done["message"];
        assert_eq!((&message["body"], &message["ended"]), (&json!("half of it"), &json!("broken_off")), "{llm}");
        assert_eq!(alice.next_push("llm.error").await["message"], "the answer broke off", "{llm}");
        // With nothing said at all there is no message.
        stage.provider.will(Reply::Cut(Vec::new()));
        alice.say(&group, "well?").await;
        assert_eq!(alice.next_push("llm.error").await["message"], "the answer broke off", "{llm}");
        stage.project.nothing_is_under_way().await;
        alice.forget().await;
        alice.say(&group, "again?").await;
        assert_eq!(hear(&mut alice).await.1["message"]["seq"], 5, "{llm}");
    }
}

#[tokio::test]
async fn no_key_goes_where_a_provider_points() {
    let stage = Stage::new().await;
    let elsewhere = crate::support::provider::Provider::start().await;
    let to = elsewhere.base("/v1/chat/completions");
    for status in [301, 302, 307, 308] {
        let text = fails(&stage, vec![Reply::Status(status, Some(("location", to.clone())))]).await;
        assert_eq!(text, "the provider refuses the request");
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_message_of_a_mebibyte_is_refused_and_asks_nobody() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let api = crate::rest::api::Api::of(&stage.server);
    let path = format!("/conversations/{group}/messages");
    let say = |length: usize| json!({ "id": uuid::Uuid::new_v4(), "body": "x".repeat(length) });
    api.post(&path).json(say(1 << 20)).user(&alice).refused(413, "too_large").await;
    api.post(&path).json(say(16_385)).user(&alice).refused(400, "invalid").await;
    let mut socket = stage.server.connect(&alice).await;
    socket.send("message.text", text(&group, &"x".repeat(1 << 20))).await;
    assert_eq!(socket.closed().await, Some(1009));
    let mut socket = stage.server.connect(&alice).await;
    socket.sync().await;
    assert!(stage.provider.asked().is_empty());
    // The longest there is goes, and the model is told all of it.
    socket.say(&group, &"x".repeat(16_384)).await;
    assert_eq!(hear(&mut socket).await.0, "ok");
    let told = stage.provider.asked()[0].messages().pop().unwrap().1;
    assert!(told.ends_with(&"x".repeat(16_384)));
}

#[tokio::test]
async fn an_unreachable_provider_is_no_riddle() {
    let stage = Stage::with(|settings| {
        // Nobody listens there.
        settings.mistral_base_url = Some("http://127.0.0.1:1/v1".parse().unwrap());
    })
    .await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut alice = stage.server.connect(&alice).await;
    alice.say(&group, "hello?").await;
    assert_eq!(alice.next_push("llm.error").await["message"], "the provider can't be reached");
}
