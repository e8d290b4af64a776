//! A change of who answers is a fence: whatever a model still says for an older turn is refused.

use super::{Stage, admin, bodies, hear, until_over};
use crate::rest::api::Api;
use crate::support::client::Event;
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

#[tokio::test]
async fn there_and_back_while_the_old_turn_still_talks() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let [mut alice, mut bob] = stage.server.connect_all([&alice, &bob]).await;
    let mut expected = Vec::new();
    for round in 0..5 {
        let old = stage.provider.will_follow();
        alice.say(&group, "help").await;
        old.say("old words");
        let chunk = bob.next_push("llm.chunk").await;
        let new = stage.provider.will_follow();
        let mode = |mode: &str| json!({ "conversation": group, "mode": mode });
        let switched =
            [alice.send("conversation.mode", mode("human")).await, alice.send("conversation.mode", mode("bot")).await];
        old.say(" and more old words");
        for id in switched {
            alice.reply(id).await.unwrap();
        }
        alice.say(&group, "and now?").await;
        old.end();
        new.say("new ");
        let mut is_switched = false;
        let begun = loop {
            let Event::Push { kind, data } = bob.next().await else { continue };
            match kind.as_str() {
                "conversation.mode" => is_switched = true,
                "llm.chunk" if data["message"] != chunk["message"] => break data,
                // What was said before the switch may be told after it was asked for, not after it was done.
                "llm.chunk" => assert!(!is_switched, "{data}"),
                "llm.done" => panic!("{data}"),
                "llm.error" => assert_eq!(data["code"], "conflict", "{data}"),
                _ => {}
            }
        };
        new.say("words");
        new.end();
        let told = until_over(&mut bob).await;
        assert!(told.iter().all(|(_, data)| data["message"] != chunk["message"]), "{told:?}");
        let (kind, done) = told.last().unwrap();
        assert_eq!((kind.as_str(), &done["message"]["body"]), ("llm.done", &json!("new words")));
        assert_eq!((&done["message"]["id"], done["message"].get("ended")), (&begun["message"], None));
        expected.extend(["help", "and now?", "new words"]);
        assert_eq!(bodies(&mut bob, &group).await, expected, "round {round}");
    }
    stage.is_quiet().await;
}

#[tokio::test]
async fn a_late_word_of_a_switch_ends_nothing_of_the_turn_after_it() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut alice = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    alice.say(&group, "help").await;
    steps.say("all ");
    alice.next_push("llm.chunk").await;
    // The switch was before this turn; its word comes now.
    let llm = stage.server.chat.llm().unwrap();
    llm.turn_is_over(group.parse().unwrap());
    steps.say("is ");
    alice.next_push("llm.chunk").await;
    llm.turn_is_over(group.parse().unwrap());
    steps.say("well");
    steps.end();
    let done = alice.next_push("llm.done").await;
    assert_eq!((&done["message"]["body"], done["message"].get("ended")), (&json!("all is well"), None));
    stage.is_quiet().await;
}

#[tokio::test]
async fn a_room_that_is_behind_refuses_nothing_of_a_newer_turn() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let group = stage.project.group_of(&[&alice]).await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    let mut alice = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    alice.say(&group, "anybody there?").await;
    // Another node switches the bot on, and this one finds the question: its room still knows people only.
    stage.project.set_mode(&group, "bot", Some(&bot)).await;
    steps.say("one ");
    assert_eq!(alice.next_push("llm.chunk").await["text"], "one ");
    steps.say("two");
    assert_eq!(alice.next_push("llm.chunk").await["text"], "two");
    steps.end();
    let done = alice.next_push("llm.done").await;
    assert_eq!((&done["message"]["body"], done["message"].get("ended")), (&json!("one two"), None));
    alice.expect_no("llm.error").await;
    stage.is_quiet().await;
}

#[tokio::test]
async fn of_a_bot_that_is_deleted_in_the_middle_nothing_is_heard_but_that() {
    let stage = Stage::new().await;
    let root = admin(&stage).await;
    let (bot, group) = stage.bot(&[&root], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&root).await;
    let steps = stage.provider.will_follow();
    client.say(&group, "help").await;
    steps.say("I think");
    client.next_push("llm.chunk").await;
    Api::of(&stage.server).delete(&format!("/chatbots/{bot}")).user(&root).expect(204).await;
    steps.say(" therefore");
    let error = client.next_push("llm.error").await;
    assert_eq!((&error["conversation"], &error["code"]), (&json!(group), &json!("conflict")));
    stage.is_quiet().await;
    assert_eq!(bodies(&mut client, &group).await, ["help"]);
    // Another one takes over.
    let second = stage.project.chatbot_with("second", MODEL, "Be brief.").await;
    client.ok("conversation.mode", json!({ "conversation": group, "mode": "bot", "chatbot": second })).await;
    client.forget().await;
    client.say(&group, "and you?").await;
    assert_eq!(hear(&mut client).await.0, "ok");
}
