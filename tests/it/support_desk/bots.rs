//! A request may begin with the project's chatbot; an agent who takes it, or the customer who asks for a person, ends that.

use super::{Desk, conversation, id};
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
        diesel::update(projects::table.find(self.project.id))
            .set(projects::assistant_id.eq(bot.parse::<Uuid>().unwrap()))
            .execute(&mut self.project.conn().await)
            .await
            .unwrap();
        bot
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
