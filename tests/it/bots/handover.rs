//! A change of who answers is a fence: whatever a model still says for an older turn is refused.

use super::Stage;
use serde_json::json;

const MODEL: &str = "gpt-4.1-mini";

#[tokio::test]
async fn what_a_slow_model_says_after_the_switch_is_refused() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let [mut alice, mut bob] = stage.server.connect_all([&alice, &bob]).await;
    let steps = stage.provider.will_follow();
    alice.say(&group, "help").await;
    steps.say("I think");
    bob.next_push("llm.chunk").await;
    alice.ok("conversation.mode", json!({ "conversation": group, "mode": "human" })).await;
    steps.say(" it is all your fault");
    // The request ends although the model would go on.
    stage.provider.is_left().await;
    bob.next_push("conversation.mode").await;
    let error = bob.next_push("llm.error").await;
    assert_eq!((&error["conversation"], &error["code"]), (&json!(group), &json!("conflict")));
    let said = alice.say(&group, "a human here").await;
    assert_eq!(said["seq"], 2);
    bob.expect_no("llm.chunk").await;
    bob.expect_no("llm.done").await;
    let page = bob.ok("message.fetch", json!({ "conversation": group })).await;
    let bodies: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| message["body"].clone()).collect();
    assert_eq!(bodies, ["help", "a human here"]);
}

#[tokio::test]
async fn another_bot_answers_only_what_is_said_to_it() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "You are the first.").await;
    let second = stage.project.chatbot_with("second", MODEL, "You are the second.").await;
    let mut alice = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    alice.say(&group, "one").await;
    steps.say("from the first");
    alice.next_push("llm.chunk").await;
    alice.ok("conversation.mode", json!({ "conversation": group, "mode": "bot", "chatbot": second })).await;
    stage.provider.is_left().await;
    stage.provider.will_say("from the second");
    alice.say(&group, "two").await;
    let done = alice.next_push("llm.done").await;
    assert_eq!(
        (&done["message"]["body"], &done["message"]["author"]["id"]),
        (&json!("from the second"), &json!(second))
    );
    assert!(stage.provider.asked()[1].messages()[0].1.starts_with("You are the second."));
}
