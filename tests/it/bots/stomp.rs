//! What a bot says, as clients hear it that speak STOMP: the whole answer, once.

use super::Stage;
use crate::support::provider::{Reply, pieces};
use crate::support::stomp::{StompClient, VERSIONS};
use serde_json::json;

const MODEL: &str = "mistral-large-latest";

#[tokio::test]
async fn an_answer_is_one_message_without_pieces() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    for version in VERSIONS {
        let bot = stage.project.chatbot_with(&format!("bot of {version}"), MODEL, "Be brief.").await;
        let group = stage.project.group_of(&[&alice, &bob]).await;
        stage.project.set_mode(&group, "bot", Some(&bot)).await;
        let topic = format!("/topic/conversations/{group}");
        let mut beside = stage.server.connect(&alice).await;
        let mut client = StompClient::connect(&stage.server, &bob, version).await;
        client.subscribe("auto", &topic, "auto").await;
        client.subscribe("one", &topic, "client-individual").await;
        client.subscribe("e", "/user/queue/events", "auto").await;
        let steps = stage.provider.will_follow();
        client.say(&group, "What is the answer?").await;
        for piece in ["The ", "answer is ", "42."] {
            steps.say(piece);
            // There were pieces; they are told to others.
            assert_eq!(beside.next_push("llm.chunk").await["text"], piece);
        }
        steps.end();
        let done = beside.next_push("llm.done").await;
        for subscription in ["auto", "one"] {
            assert_eq!(client.message(subscription).await.json()["body"], "What is the answer?");
            let answer = client.message(subscription).await;
            assert_eq!((answer.header("destination"), answer.json()), (topic.as_str(), done["message"].clone()));
            assert_eq!(answer.header("message-id"), format!("{group}/2"));
        }
        let answer = &done["message"];
        assert_eq!((&answer["body"], &answer["role"]), (&json!("The answer is 42."), &json!("assistant")));
        assert_eq!(answer["author"], json!({ "id": bot, "username": format!("bot of {version}") }));
        // Neither the pieces nor the end come as events, and nothing comes twice.
        let more = client.messages().await;
        let kinds: Vec<_> = more.iter().map(|frame| frame.json()["type"].clone()).collect();
        assert!(kinds.iter().all(|kind| kind.as_str().is_some_and(|kind| !kind.starts_with("llm."))), "{kinds:?}");
        // What was not acknowledged comes with the next subscription: a bot's answer like a person's words.
        client.ok("UNSUBSCRIBE", &[("id", "one")], "").await;
        client.ok("UNSUBSCRIBE", &[("id", "auto")], "").await;
        let mut again = StompClient::connect(&stage.server, &alice, version).await;
        again.subscribe("all", &topic, "client").await;
        assert_eq!(again.message("all").await.json()["seq"], 1);
        assert_eq!(again.message("all").await.json(), *answer);
    }
}

#[tokio::test]
async fn half_an_answer_is_one_message_too_and_why_is_an_event() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = StompClient::connect(&stage.server, &alice, "1.2").await;
    client.subscribe("t", &format!("/topic/conversations/{group}"), "auto").await;
    client.subscribe("e", "/user/queue/events", "auto").await;
    stage.provider.will(Reply::Half(pieces(&["half ", "of it"])));
    client.say(&group, "tell me").await;
    client.message("t").await;
    let answer = client.message("t").await.json();
    assert_eq!((&answer["body"], &answer["ended"]), (&json!("half of it"), &json!("broken_off")));
    let error = client.event("llm.error").await;
    assert_eq!((&error["code"], &error["conversation"]), (&json!("model_failed"), &json!(group)));
}
