//! Question and answer stay together, whoever else talks in the conversation, and wherever.

use super::hear;
use super::webhook::{CONVERSATION, Front};
use crate::support::client::Event;
use crate::support::provider::{Provider, Reply};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::HashSet;
use uuid::Uuid;

/// Asserts that what was said is pairs of these questions, each with its own answer.
fn are_pairs(said: &[(String, String)], questions: usize) {
    assert_eq!(said.len(), questions * 2);
    let mut seen = HashSet::new();
    for pair in said.chunks(2) {
        let ((role, question), (by, answer)) = (&pair[0], &pair[1]);
        assert_eq!((role.as_str(), by.as_str()), ("user", "assistant"));
        assert_eq!(*answer, format!("to {question}"));
        assert!(seen.insert(question.clone()), "{question} twice");
    }
}

/// Answers each of so many questions by repeating it.
fn will_repeat(provider: &Provider, questions: usize) {
    for _ in 0..questions {
        provider.will(Reply::Repeat);
    }
}

#[tokio::test]
async fn questions_at_once_are_all_answered_in_pairs() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let id = Uuid::new_v4().to_string();
    will_repeat(&provider, 8);
    let questions: Vec<String> = (0..8).map(|number| format!("question {number}")).collect();
    let answers = join_all(questions.iter().map(|question| front.chat(&id, question))).await;
    for (question, (status, answer)) in questions.iter().zip(&answers) {
        assert_eq!((*status, &answer["response"]), (200, &json!(format!("to {question}"))));
    }
    are_pairs(&front.said(&id).await, 8);
    let (_, listed) = front.get("/wibot/conversations").await;
    assert_eq!(listed["conversations"].as_array().unwrap().len(), 2);
    // All of them are counted, and each was told what was left after its own.
    let used = 12_450 + 8 * 15;
    assert_eq!(front.used().await, (used, 0));
    let mut remaining: Vec<u64> =
        answers.iter().map(|(_, answer)| answer["tokens_remaining"].as_u64().unwrap()).collect();
    remaining.sort_unstable();
    assert_eq!(remaining, (0..8).map(|number| 50_000 - used + number * 15).collect::<Vec<_>>());
    // Each knew the pairs before it.
    let told: Vec<usize> = provider.asked().iter().map(|asked| asked.messages().len()).collect();
    assert_eq!(told, [2, 4, 6, 8, 10, 12, 12, 12]);
}

#[tokio::test]
async fn two_nodes_keep_pairs_together() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let other = front.beside(&provider).await;
    let id = Uuid::new_v4().to_string();
    will_repeat(&provider, 8);
    let questions: Vec<String> = (0..8).map(|number| format!("question {number}")).collect();
    let ask = async |(number, question): (usize, &String)| {
        let node = if number % 2 == 0 { &front } else { &other };
        assert_eq!(node.chat(&id, question).await.0, 200, "{question}");
    };
    join_all(questions.iter().enumerate().map(ask)).await;
    are_pairs(&front.said(&id).await, 8);
    assert_eq!(other.used().await, (12_450 + 8 * 15, 0));
}

#[tokio::test]
async fn live_sessions_hear_both_messages() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let khora = front.user("khora").await;
    let mut client = front.server.connect(&khora).await;
    let mut alice = front.server.connect(&front.user("alice").await).await;
    provider.will_say("Bien.").will_say("Oui.");
    front.chat(CONVERSATION, "Ça va ?").await;
    let asked = client.next_push("message.text").await;
    assert_eq!((&asked["body"], &asked["seq"], &asked["author"]), (&json!("Ça va ?"), &json!(7), &khora.shape()));
    let done = client.next_push("llm.done").await;
    let message = &done["message"];
    assert_eq!(
        (&message["body"], &message["seq"], &message["role"]),
        (&json!("Bien."), &json!(8), &json!("assistant"))
    );
    assert_eq!((&message["author"]["username"], &done["usage"]["input_tokens"]), (&json!("WIBOT"), &json!(10)));
    // A conversation that was not there before is told first.
    let id = Uuid::new_v4().to_string();
    front.chat(&id, "Une autre ?").await;
    let made = client.next_push("group.update").await;
    assert_eq!((&made["id"], &made["kind"], &made["title"]), (&json!(id), &json!("assistant"), &json!("Une autre ?")));
    assert_eq!((&made["permission"], &made["unread"]), (&json!("o"), &json!(0)));
    assert_eq!(client.next_push("message.text").await["body"], "Une autre ?");
    assert_eq!(client.next_push("llm.done").await["message"]["seq"], 2);
    // What was answered is not answered again, and nobody else heard of it.
    client.sync().await;
    for unwanted in ["llm.chunk", "llm.error"] {
        client.expect_no(unwanted).await;
    }
    alice.expect_no("message.text").await;
    assert_eq!(provider.asked().len(), 2);
}

#[tokio::test]
async fn it_is_one_conversation_with_what_sessions_say() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let id = Uuid::new_v4().to_string();
    provider.will_say("one").will_say("two").will_say("three");
    front.chat(&id, "first").await;
    let mut client = front.server.connect(&front.user("khora").await).await;
    client.say(&id, "second").await;
    hear(&mut client).await;
    front.chat(&id, "third").await;
    let said: Vec<String> = front.said(&id).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["first", "one", "second", "two", "third", "three"]);
    let page = client.ok("message.fetch", json!({ "conversation": id })).await;
    let bodies: Vec<&Value> = page["messages"].as_array().unwrap().iter().map(|message| &message["body"]).collect();
    assert_eq!(bodies, ["first", "one", "second", "two", "third", "three"]);
    let told = provider.asked()[2].messages();
    let told: Vec<_> = told[1..].iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(told, ["first", "one", "second", "two", "third"]);
}

#[tokio::test]
async fn a_question_waits_for_the_answer_to_what_a_session_said() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let mut client = front.server.connect(&front.user("khora").await).await;
    let steps = provider.will_follow();
    client.say(CONVERSATION, "first").await;
    steps.say("one");
    client.next_push("llm.chunk").await;
    provider.will_say("two");
    let (asked, ()) = tokio::join!(front.chat(CONVERSATION, "second"), async {
        // It is not asked while the other answer is under way.
        client.sync().await;
        assert_eq!(provider.asked().len(), 1);
        steps.end();
    });
    assert_eq!(asked.0, 200);
    let said: Vec<String> = front.said(CONVERSATION).await.into_iter().skip(6).map(|(_, text)| text).collect();
    assert_eq!(said, ["first", "one", "second", "two"]);
}

#[tokio::test]
async fn what_a_session_says_in_the_middle_is_answered_after_the_pair() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let mut client = front.server.connect(&front.user("khora").await).await;
    let steps = provider.will_follow();
    provider.will_say("three");
    let (asked, ()) = tokio::join!(front.chat(CONVERSATION, "one?"), async {
        crate::support::wait::until_async("the model is asked", async || (provider.asked().len() == 1).then_some(()))
            .await;
        client.say(CONVERSATION, "and this?").await;
        client.sync().await;
        assert_eq!(provider.asked().len(), 1);
        steps.say("two");
        steps.end();
    });
    assert_eq!((asked.0, &asked.1["response"]), (200, &json!("two")));
    // The answer to the session's comes by itself.
    loop {
        let Event::Push { kind, data } = client.next().await else { continue };
        if kind == "llm.done" && data["message"]["body"] == "three" {
            break;
        }
    }
    let said: Vec<String> = front.said(CONVERSATION).await.into_iter().skip(6).map(|(_, text)| text).collect();
    assert_eq!(said, ["and this?", "one?", "two", "three"]);
    // The model was told what it is to answer last, after the pair.
    let told = provider.asked()[1].messages();
    let told: Vec<_> = told.iter().rev().take(3).rev().map(|(_, text)| text.as_str()).collect();
    assert_eq!(told, ["one?", "two", "and this?"]);
    assert_eq!(provider.asked().len(), 2);
}
