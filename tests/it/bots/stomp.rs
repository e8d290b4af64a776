//! What clients hear of an answer by STOMP.

use super::{Stage, hear};
use crate::support::provider::{Reply, pieces};
use crate::support::stomp::{StompClient, VERSIONS};
use serde_json::json;

#[tokio::test]
async fn an_answer_is_one_message_when_it_is_whole() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (bot, group) = stage.bot(&[&alice, &bob], "mistral-small-latest", "Be brief.").await;
    let (topic, app) = (format!("/topic/conversations/{group}"), format!("/app/conversations/{group}"));
    let mut listener = stage.server.connect(&bob).await;
    for version in VERSIONS {
        let mut client = StompClient::connect(&stage.server, &alice, version).await;
        client.subscribe("a", &topic, "client").await;
        client.subscribe("e", "/user/queue/events", "auto").await;
        stage.provider.will(Reply::Say(pieces(&["The ", "answer is ", "42."]), Some((31, 7))));
        client.ok("SEND", &[("destination", &app)], "What is the answer?").await;
        assert_eq!(client.message("a").await.json()["body"], "What is the answer?");
        let (text, done) = hear(&mut listener).await;
        let message = client.message("a").await;
        assert_eq!(message.json(), done["message"]);
        assert_eq!((text.as_str(), &done["message"]["author"]["id"]), ("The answer is 42.", &json!(bot)));
        match version {
            "1.2" => client.ok("ACK", &[("id", message.header("ack"))], "").await,
            _ => {
                let headers = [("message-id", message.header("message-id")), ("subscription", "a")];
                client.ok("ACK", &headers, "").await;
            }
        }
        // No pieces, and no second telling among the events.
        client.sync().await;
        for event in client.events_so_far("e") {
            assert!(!event["type"].as_str().unwrap().starts_with("llm."), "{event}");
        }
        client.expect_none_of("a").await;
    }
}
