//! A request may begin with the project's chatbot; an agent who takes it, or the customer who asks for a person, ends that.

use super::{Desk, conversation, id};
use crate::bots::builder;
use crate::support::provider::{Provider, Steps};
use crate::support::server::TestClock;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::store::schema::projects;
use serde_json::{Value, json};
use uuid::Uuid;

impl Desk {
    /// A request that begins with a bot, and the talk.
    async fn with_bot(&self) -> (Value, Value) {
        let body = json!({ "type": "CHAT", "priority": "LOW", "subject": "Hours", "message": "When are you open?", "bot": true });
        let request = self.api.post("/support/requests").json(body).user(&self.alice).expect(201).await;
        let sessions = self.get(&self.alice, &super::at(&request, "sessions")).await;
        (request, sessions["items"][0].clone())
    }

    /// Gives the project a bot.
    async fn assistant(&self) -> String {
        let bot = self.project.chatbot("helper").await;
        self.assistant_is(&bot).await;
        bot
    }

    async fn assistant_is(&self, bot: &str) {
        diesel::update(projects::table.find(self.project.id))
            .set(projects::assistant_id.eq(bot.parse::<Uuid>().unwrap()))
            .execute(&mut self.project.conn().await)
            .await
            .unwrap();
    }

    async fn mode(&self, session: &Value) -> Value {
        self.get(&self.alice, &format!("/conversations/{}", conversation(session))).await["mode"].clone()
    }
}

#[tokio::test]
async fn taking_a_request_ends_the_bots_part() {
    let desk = Desk::open().await;
    let bot = desk.assistant().await;
    let [mut alice_s, mut carol_s] = desk.server.connect_all([&desk.alice, &desk.carol]).await;
    let (request, session) = desk.with_bot().await;
    let seen = desk.get(&desk.alice, &format!("/conversations/{}", conversation(&session))).await;
    assert_eq!((&seen["mode"], &seen["chatbot"]), (&json!("bot"), &json!(bot)));
    assert_eq!(desk.get(&desk.carol, "/support/queue").await["items"][0]["id"], request["id"], "agents may step in");
    alice_s.forget().await;
    desk.step(&desk.carol, &request, "take").await;
    for client in [&mut alice_s, &mut carol_s] {
        assert_eq!(client.next_push("conversation.mode").await["mode"], "human");
    }
    assert_eq!(desk.mode(&session).await, "human");
    // The agent may have the bot go on, the customer may not.
    let mode = |mode: &str| json!({ "conversation": conversation(&session), "mode": mode });
    alice_s.refused("conversation.mode", mode("bot")).await.expect(403, "forbidden");
    carol_s.ok("conversation.mode", mode("bot")).await;
    alice_s.ok("conversation.mode", mode("human")).await;
    // With the end of the talk it is over for any bot as well.
    carol_s.ok("conversation.mode", mode("bot")).await;
    desk.step(&desk.carol, &request, "resolve").await;
    assert_eq!(desk.mode(&session).await, "human");
    let audit = desk.get(&desk.root, &super::at(&request, "audit")).await;
    let changes: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["step"] == "mode_changed")
        .map(|step| (step["actor"]["username"].as_str().unwrap(), step["detail"].as_str().unwrap()))
        .collect();
    assert_eq!(changes, [("carol", "bot"), ("alice", "human"), ("carol", "bot")]);
}

/// A desk whose bot is slow: its provider, and a request of Alice's to which it has begun to answer.
async fn half_answered() -> (Desk, Provider, Steps, Value, Value) {
    let (provider, clock) = (Provider::start().await, TestClock::default());
    let desk = Desk::on(builder(&provider).clock(&clock).start().await, clock).await;
    let bot = desk.project.chatbot_with("helper", "mistral-large-latest", "You help {{user}}.").await;
    desk.assistant_is(&bot).await;
    let steps = provider.will_follow();
    let mut alice_s = desk.server.connect(&desk.alice).await;
    let (request, session) = desk.with_bot().await;
    steps.say("We are open");
    let chunk = alice_s.next_push("llm.chunk").await;
    assert_eq!((&chunk["text"], &chunk["conversation"]), (&json!("We are open"), &session["conversation"]));
    (desk, provider, steps, request, session)
}

/// What was said in the talk, in order.
async fn said(desk: &Desk, session: &Value) -> Vec<String> {
    let page = desk.get(&desk.alice, &super::of(session, "messages")).await;
    page["messages"].as_array().unwrap().iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_projects_bot_answers_first() {
    let (desk, provider, steps, _, session) = half_answered().await;
    let mut alice_s = desk.server.connect(&desk.alice).await;
    steps.say(" at nine.");
    steps.end();
    let done = alice_s.next_push("llm.done").await;
    assert_eq!(done["message"]["author"]["username"], "helper");
    assert_eq!(said(&desk, &session).await, ["When are you open?", "We are open at nine."]);
    let told = provider.asked()[0].messages();
    let line = |role: &str, text: &str| (role.to_owned(), text.to_owned());
    assert_eq!(told, [line("system", "You help alice."), line("user", "When are you open?")]);
}

#[tokio::test]
async fn what_the_model_says_after_an_agent_took_the_request_is_refused() {
    let (desk, provider, steps, request, session) = half_answered().await;
    let [mut alice_s, mut carol_s] = desk.server.connect_all([&desk.alice, &desk.carol]).await;
    // What was said so far.
    assert_eq!(alice_s.next_push("llm.chunk").await["text"], "We are open");
    desk.step(&desk.carol, &request, "take").await;
    steps.say(" never, go away");
    provider.is_left().await;
    let talk = conversation(&session);
    for client in [&mut alice_s, &mut carol_s] {
        assert_eq!(client.next_push("conversation.mode").await["mode"], "human");
        let error = client.next_push("llm.error").await;
        assert_eq!((&error["code"], &error["conversation"]), (&json!("conflict"), &json!(talk)));
    }
    desk.project.nothing_is_under_way().await;
    alice_s.expect_no("llm.chunk").await;
    carol_s.say(talk, "A person here").await;
    alice_s.say(talk, "At last").await;
    for client in [&mut alice_s, &mut carol_s] {
        client.expect_no("llm.done").await;
    }
    assert_eq!(said(&desk, &session).await, ["When are you open?", "A person here", "At last"]);
    assert_eq!(provider.asked().len(), 1, "people are not answered by a bot");
    // What the model took up to there counts.
    let used = desk.get(&desk.root, "/usage/report?group_by=chatbot").await;
    assert_eq!(used["items"][0]["calls"], 1);
    // The agent may have it go on, with what was said since as its memory.
    provider.will_say("At nine.");
    carol_s.ok("conversation.mode", json!({ "conversation": talk, "mode": "bot" })).await;
    alice_s.say(talk, "And when is that?").await;
    assert_eq!(alice_s.next_push("llm.done").await["message"]["body"], "At nine.");
}

#[tokio::test]
async fn the_customer_who_asks_for_a_person_ends_what_the_bot_says() {
    let (desk, provider, steps, _, session) = half_answered().await;
    let mut alice_s = desk.server.connect(&desk.alice).await;
    assert_eq!(alice_s.next_push("llm.chunk").await["text"], "We are open");
    let talk = conversation(&session);
    alice_s.ok("conversation.mode", json!({ "conversation": talk, "mode": "human" })).await;
    steps.say(" never, go away");
    provider.is_left().await;
    assert_eq!(alice_s.next_push("llm.error").await["code"], "conflict");
    desk.project.nothing_is_under_way().await;
    alice_s.expect_no("llm.chunk").await;
    alice_s.expect_no("llm.done").await;
    assert_eq!(said(&desk, &session).await, ["When are you open?"]);
}

#[tokio::test]
async fn the_desk_waits_until_the_bot_is_done() {
    let desk = Desk::open().await;
    desk.assistant().await;
    desk.set(&desk.carol, "available", 5).await;
    desk.assign_automatically().await;
    let mut alice_s = desk.server.connect(&desk.alice).await;
    let (request, session) = desk.with_bot().await;
    // Another one, made later, is given to the agent; this one is not.
    let other = desk.request(&desk.bob).await;
    desk.until(&other, "status", "IN_PROGRESS").await;
    assert_eq!(desk.seen(&desk.alice, &request).await["status"], "NEW");
    let ask = json!({ "conversation": conversation(&session), "mode": "human" });
    alice_s.ok("conversation.mode", ask).await;
    assert_eq!(desk.until(&request, "status", "IN_PROGRESS").await["agent"], desk.carol.shape());
    assert_eq!(id(&desk.get(&desk.carol, "/support/requests?whose=assigned&limit=1").await["items"][0]).len(), 36);
}
