//! `llm.stop`, in whatever moment it comes.

use super::{Stage, bodies, hear, until_over};
use crate::rest::api::Api;
use crate::support::provider::Reply;
use crate::support::wait::until_async;
use serde_json::json;

const MODEL: &str = "mistral-large-latest";

#[tokio::test]
async fn a_stop_that_meets_the_end_leaves_one_whole_answer() {
    const ROUNDS: usize = 20;
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let [mut alice, mut bob] = stage.server.connect_all([&alice, &bob]).await;
    let stop = json!({ "conversation": group });
    for round in 0..ROUNDS {
        let steps = stage.provider.will_follow();
        alice.say(&group, "talk").await;
        steps.say("all of it");
        bob.next_push("llm.chunk").await;
        if round % 2 == 0 {
            steps.end();
            alice.ok("llm.stop", stop.clone()).await;
        } else {
            let asked = alice.send("llm.stop", stop.clone()).await;
            steps.end();
            alice.reply(asked).await.unwrap();
        }
        let done = bob.next_push("llm.done").await;
        assert_eq!(done["message"]["body"], "all of it");
        let ended = &done["message"]["ended"];
        assert!(ended.is_null() || ended == "stopped", "{ended}");
    }
    // Of the last one nothing is left that stops what comes next.
    bob.expect_no("llm.error").await;
    bob.expect_no("llm.done").await;
    bob.forget().await;
    stage.provider.will_say("still here");
    alice.say(&group, "and now?").await;
    assert_eq!(hear(&mut bob).await.0, "still here");
    assert_eq!(bodies(&mut bob, &group).await.len(), 2 * (ROUNDS + 1));
    stage.is_quiet().await;
}

#[tokio::test]
async fn what_was_stopped_before_the_model_was_asked_costs_nothing() {
    let stage = Stage::with(|settings| settings.llm_streams = std::num::NonZeroUsize::MIN).await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (bot, busy) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let group = stage.project.group_of(&[&bob]).await;
    stage.project.set_mode(&group, "bot", Some(&bot)).await;
    let [mut alice, mut client] = stage.server.connect_all([&alice, &bob]).await;
    let steps = stage.provider.will_follow();
    alice.say(&busy, "a long story").await;
    steps.say("Once");
    alice.next_push("llm.chunk").await;
    client.say(&group, "me too").await;
    let models = &stage.server.chat.llm().unwrap().models;
    until_async("it waits for its turn", async || (models.streams() == (1, 1)).then_some(())).await;
    client.ok("llm.stop", json!({ "conversation": group })).await;
    let told = until_over(&mut client).await;
    assert_eq!((told.len(), told[0].0.as_str()), (1, "llm.error"), "{told:?}");
    assert_eq!(stage.provider.asked().len(), 1);
    steps.end();
    alice.next_push("llm.done").await;
    stage.is_quiet().await;
    let usage = Api::of(&stage.server).get("/usage").user(&bob).expect(200).await;
    assert_eq!(usage["tokens"]["used"], 0);
    // One that had been asked has been told all that: it counts.
    stage.provider.will(Reply::Hang(vec![]));
    client.say(&group, "now me").await;
    until_async("it is asked", async || (stage.provider.asked().len() == 2).then_some(())).await;
    client.ok("llm.stop", json!({ "conversation": group })).await;
    client.next_push("llm.error").await;
    stage.is_quiet().await;
    let usage = Api::of(&stage.server).get("/usage").user(&bob).expect(200).await;
    assert!(usage["tokens"]["used"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_stop_reaches_the_node_that_answers() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let mut here = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    here.say(&group, "talk").await;
    steps.say("blah");
    here.next_push("llm.chunk").await;
    let other = stage.beside().await;
    let mut there = other.connect(&bob).await;
    there.ok("llm.stop", json!({ "conversation": group })).await;
    let done = here.next_push("llm.done").await;
    assert_eq!((&done["message"]["body"], &done["message"]["ended"]), (&json!("blah"), &json!("stopped")));
    stage.is_quiet().await;
}
