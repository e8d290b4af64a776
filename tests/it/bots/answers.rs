//! A bot answers in a conversation.

use super::{Stage, hear};
use crate::support::client::text;
use crate::support::provider::{Reply, pieces};
use palabre::model::permission::Permission::{Own, Read};
use serde_json::json;

const MODEL: &str = "mistral-small-latest";

#[tokio::test]
async fn everybody_hears_the_answer_and_it_stays() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (bot, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let [mut alice, mut bob] = stage.server.connect_all([&alice, &bob]).await;
    stage.provider.will(Reply::Say(pieces(&["The ", "answer is ", "42."]), Some((31, 7))));
    alice.say(&group, "What is the answer?").await;
    bob.next_push("message.text").await;
    let (text, done) = hear(&mut alice).await;
    assert_eq!(text, "The answer is 42.");
    let message = &done["message"];
    assert_eq!((&message["body"], &message["role"], &message["seq"]), (&json!(text), &json!("assistant"), &json!(2)));
    assert_eq!(message["author"], json!({ "id": bot, "username": "marvin" }));
    assert_eq!(done["usage"], json!({ "input_tokens": 31, "output_tokens": 7 }));
    assert!(message.get("ended").is_none());
    assert_eq!(hear(&mut bob).await, (text, done.clone()));
    // It was told as the end of an answer, and not as a message too.
    alice.expect_no("message.text").await;
    let page = bob.ok("message.fetch", json!({ "conversation": group })).await;
    assert_eq!(page["messages"][1], *message);
}

#[tokio::test]
async fn the_model_is_told_who_speaks_and_what_was_said() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "On {{date}} for {{user}} of {{project}}.").await;
    let [mut alice, mut bob] = stage.server.connect_all([&alice, &bob]).await;
    stage.provider.will_say("one");
    alice.say(&group, "first").await;
    hear(&mut bob).await;
    stage.provider.will_say("two");
    bob.say(&group, "second").await;
    hear(&mut bob).await;
    let asked = &stage.provider.asked()[1];
    assert_eq!(
        (asked.path.as_str(), asked.header("authorization")),
        ("/mistral/v1/chat/completions", Some("Bearer the-key"))
    );
    let messages = asked.messages();
    let (role, system) = &messages[0];
    let today = chrono::Utc::now().format("%Y-%m-%d");
    assert_eq!(role, "system");
    assert!(system.starts_with(&format!("On {today} for bob of p.\n\nSeveral people talk here.")), "{system}");
    let said: Vec<_> = messages[1..].iter().map(|(role, text)| (role.as_str(), text.as_str())).collect();
    assert_eq!(said, [("user", "alice: first"), ("assistant", "one"), ("user", "bob: second")]);
    let body = &asked.body;
    assert_eq!((&body["model"], &body["stream"]), (&json!(MODEL), &json!(true)));
    assert_eq!((&body["temperature"], &body["max_tokens"], &body["top_p"]), (&json!(0.7), &json!(2000), &json!(1.0)));
    assert_eq!((&body["frequency_penalty"], &body["presence_penalty"]), (&json!(0.0), &json!(0.0)));
}

#[tokio::test]
async fn what_is_said_meanwhile_goes_into_the_next_turn() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut alice = stage.server.connect(&alice).await;
    let first = stage.provider.will_follow();
    alice.say(&group, "one").await;
    first.say("first ");
    alice.next_push("llm.chunk").await;
    for body in ["two", "three"] {
        alice.say(&group, body).await;
    }
    stage.provider.will_say("second");
    assert_eq!(stage.provider.asked().len(), 1);
    first.say("answer");
    first.end();
    let done = alice.next_push("llm.done").await;
    assert_eq!((&done["message"]["body"], &done["message"]["seq"]), (&json!("first answer"), &json!(4)));
    let done = alice.next_push("llm.done").await;
    assert_eq!((&done["message"]["body"], &done["message"]["seq"]), (&json!("second"), &json!(5)));
    let asked = stage.provider.asked();
    assert_eq!(asked.len(), 2);
    let last: Vec<_> = asked[1].messages().into_iter().skip(1).collect();
    // Both in one turn, behind what the bot itself had said by then.
    let told: Vec<_> = last.iter().map(|(role, text)| (role.as_str(), text.as_str())).collect();
    assert_eq!(told, [("user", "alice: one"), ("assistant", "first answer"), ("user", "alice: two\nalice: three")]);
}

#[tokio::test]
async fn who_comes_in_the_middle_gets_all_so_far_and_then_the_rest() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.project.users(["alice", "bob", "carol"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let mut alice_s = stage.server.connect(&alice).await;
    let steps = stage.provider.will_follow();
    alice_s.say(&group, "one").await;
    for piece in ["a", "b", "c"] {
        steps.say(piece);
        assert_eq!(alice_s.next_push("llm.chunk").await["text"], piece);
    }
    let mut bob_s = stage.server.connect(&bob).await;
    let so_far = bob_s.next_push("llm.chunk").await;
    assert_eq!((&so_far["text"], &so_far["index"]), (&json!("abc"), &json!(2)));
    // One who is added hears it too.
    alice_s.ok("group.update", json!({ "conversation": group, "add": [carol.id] })).await;
    let mut carol_s = stage.server.connect(&carol).await;
    assert_eq!(carol_s.next_push("llm.chunk").await["text"], "abc");
    steps.say("d");
    steps.say("e");
    steps.end();
    for client in [&mut bob_s, &mut carol_s] {
        let (mut rest, mut index) = (String::new(), 3);
        while rest.len() < 2 {
            let chunk = client.next_push("llm.chunk").await;
            assert_eq!(chunk["index"], json!(index));
            index += 1;
            rest.push_str(chunk["text"].as_str().unwrap());
        }
        assert_eq!(rest, "de");
        let done = client.next_push("llm.done").await;
        assert_eq!((&done["message"]["id"], &done["message"]["body"]), (&so_far["message"], &json!("abcde")));
        client.expect_no("llm.chunk").await;
    }
}

#[tokio::test]
async fn a_member_may_stop_it_and_what_was_said_stays() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    let group = stage.project.group(&[(&alice, Own), (&bob, Read)]).await;
    stage.project.set_mode(&group, "bot", Some(&bot)).await;
    let stranger = stage.project.user("eve").await;
    let mut eve = stage.server.connect(&stranger).await;
    let [mut alice, mut bob] = stage.server.connect_all([&alice, &bob]).await;
    let steps = stage.provider.will_follow();
    alice.say(&group, "talk").await;
    steps.say("blah blah");
    alice.next_push("llm.chunk").await;
    let stop = json!({ "conversation": group });
    bob.refused("llm.stop", stop.clone()).await.expect(403, "read_only");
    eve.refused("llm.stop", stop.clone()).await.expect(404, "not_found");
    assert_eq!(alice.ok("llm.stop", stop.clone()).await, stop);
    let done = bob.next_push("llm.done").await;
    assert_eq!((&done["message"]["body"], &done["message"]["ended"]), (&json!("blah blah"), &json!("stopped")));
    assert!(done["usage"]["output_tokens"].as_u64().unwrap() > 0);
    stage.provider.is_left().await;
    let page = bob.ok("message.fetch", json!({ "conversation": group })).await;
    assert_eq!(page["messages"][1]["ended"], "stopped");
    // Nothing is under way: the same answer, no effect. And the conversation goes on.
    assert_eq!(alice.ok("llm.stop", stop.clone()).await, stop);
    alice.forget().await;
    alice.say(&group, "again").await;
    assert_eq!(alice.next_push("llm.done").await["message"]["body"], "ok");
}

#[tokio::test]
async fn people_are_not_answered_by_a_bot() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let group = stage.project.group_of(&[&alice]).await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    let mut alice = stage.server.connect(&alice).await;
    alice.say(&group, "before").await;
    alice.ok("conversation.mode", json!({ "conversation": group, "mode": "bot", "chatbot": bot })).await;
    alice.say(&group, "now").await;
    alice.next_push("llm.done").await;
    assert_eq!(stage.provider.asked().len(), 1);
    alice.ok("conversation.mode", json!({ "conversation": group, "mode": "human" })).await;
    alice.ok("message.text", text(&group, "after")).await;
    alice.sync().await;
    assert_eq!(stage.provider.asked().len(), 1);
}
