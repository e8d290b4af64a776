//! A bot's answer as subscribers of a topic see it.

use super::topic;
use crate::support::provider::{Provider, Reply, pieces};
use crate::support::server::TestServer;
use crate::support::stomp::{StompClient, VERSIONS};
use palabre::model::Secret;
use serde_json::json;

#[tokio::test]
async fn an_answer_comes_as_one_message_without_its_pieces() {
    let provider = Provider::start().await;
    let builder = TestServer::builder().settings(|settings| {
        settings.models.mistral_api_key = Some(Secret::from("the-key".to_owned()));
        settings.models.mistral_base_url = Some(provider.base("/v1").parse().unwrap());
    });
    let server = builder.start().await;
    let project = server.project("p").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let bot = project.chatbot_with("marvin", "mistral-large-latest", "Be brief.").await;
    for version in VERSIONS {
        let group = project.group_of(&[&alice, &bob]).await;
        project.set_mode(&group, "bot", Some(&bot)).await;
        let mut writer = server.connect(&alice).await;
        let mut client = StompClient::connect(&server, &bob, version).await;
        client.subscribe("t", &topic(&group), "client").await;
        let steps = provider.will_follow();
        writer.say(&group, "tell me").await;
        assert_eq!(client.message("t").await.json()["body"], "tell me");
        for piece in ["first ", "second ", "third"] {
            steps.say(piece);
            writer.next_push("llm.chunk").await;
        }
        // Nothing of it before its end, also for who subscribes in the middle.
        client.subscribe("late", &topic(&group), "auto").await;
        client.expect_none().await;
        steps.end();
        let done = writer.next_push("llm.done").await;
        for subscription in ["t", "late"] {
            let message = client.message(subscription).await;
            assert_eq!(message.header("destination"), topic(&group));
            assert_eq!(message.header("message-id"), format!("{group}/2"));
            assert_eq!(message.json(), done["message"]);
            assert_eq!(
                (&message.json()["role"], &message.json()["body"]),
                (&json!("assistant"), &json!("first second third"))
            );
        }
        client.expect_none().await;
        // Whoever writes by STOMP is answered too; an answer that broke off says so.
        provider.will(Reply::Half(pieces(&["half of it"])));
        client.say(&group, "more").await;
        assert_eq!(client.message("t").await.json()["body"], "more");
        let broken = client.message("t").await.json();
        assert_eq!((&broken["body"], &broken["ended"]), (&json!("half of it"), &json!("broken_off")));
        assert_eq!(writer.next_push("llm.done").await["message"], broken);
    }
}

#[tokio::test]
async fn failures_are_among_all_events_and_pieces_are_not() {
    let provider = Provider::start().await;
    let builder = TestServer::builder().settings(|settings| {
        settings.models.mistral_api_key = Some(Secret::from("the-key".to_owned()));
        settings.models.mistral_base_url = Some(provider.base("/v1").parse().unwrap());
    });
    let server = builder.start().await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    let bot = project.chatbot_with("marvin", "mistral-large-latest", "Be brief.").await;
    let group = project.group_of(&[&alice]).await;
    project.set_mode(&group, "bot", Some(&bot)).await;
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    client.subscribe("e", "/user/queue/events", "auto").await;
    provider.will(Reply::Status(401, None));
    client.say(&group, "tell me").await;
    let error = client.event("llm.error").await;
    assert_eq!((&error["conversation"], &error["code"]), (&json!(group), &json!("model_failed")));
    let mut other = server.connect(&alice).await;
    let steps = provider.will_follow();
    client.say(&group, "tell me").await;
    steps.say("piece");
    other.next_push("llm.chunk").await;
    steps.end();
    other.next_push("llm.done").await;
    client.subscribe("t", &topic(&group), "auto").await;
    provider.will(Reply::Status(401, None));
    client.say(&group, "again").await;
    // Neither pieces nor the end came as events; what comes next is the failure.
    client.message("t").await;
    loop {
        let event = client.message("e").await.json();
        assert!(event["type"] != "llm.chunk" && event["type"] != "llm.done", "{event}");
        if event["type"] == "llm.error" {
            break;
        }
    }
}
