//! Conversations of one person with a bot.

use super::{Stage, admin, hear};
use crate::rest::api::Api;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::ChatbotId;
use palabre::store::schema::projects;
use serde_json::json;
use uuid::Uuid;

const MODEL: &str = "mistral-large-latest";

#[tokio::test]
async fn one_is_made_and_the_bot_answers_from_the_first_message() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "You help {{user}}.").await;
    let (api, [mut phone, mut laptop]) = (Api::of(&stage.server), stage.server.connect_all([&alice, &alice]).await);
    let new = json!({ "kind": "assistant", "chatbot": bot, "title": "A question" });
    let made = api.post("/conversations").json(new).user(&alice).expect(201).await;
    assert_eq!((&made["kind"], &made["mode"], &made["chatbot"]), (&json!("assistant"), &json!("bot"), &json!(bot)));
    assert_eq!(
        (&made["title"], &made["member_count"], &made["permission"]),
        (&json!("A question"), &json!(1), &json!("o"))
    );
    assert_eq!(made["members"][0]["user"], alice.shape());
    // All of the person's sessions are told, and hear what is said there.
    for client in [&mut phone, &mut laptop] {
        assert_eq!(client.next_push("group.update").await, made);
    }
    let id = made["id"].as_str().unwrap();
    stage.provider.will_say("Don't panic.");
    phone.say(id, "Help!").await;
    for client in [&mut phone, &mut laptop] {
        assert_eq!(hear(client).await.0, "Don't panic.");
    }
    // Between two nobody has to be told who speaks.
    let told = stage.provider.asked()[0].messages();
    assert_eq!(told, [("system".to_owned(), "You help alice.".to_owned()), ("user".to_owned(), "Help!".to_owned())]);
    let listed = api.get("/conversations").user(&alice).expect(200).await;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["last_seq"]), (&json!(id), &json!(2)));
}

#[tokio::test]
async fn without_a_name_it_is_the_projects_own_bot() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let api = Api::of(&stage.server);
    let new = || api.post("/conversations").json(json!({ "kind": "assistant" })).user(&alice);
    new().invalid(&["chatbot"]).await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    diesel::update(projects::table.find(stage.project.id))
        .set(projects::assistant_id.eq(bot.parse::<ChatbotId>().unwrap()))
        .execute(&mut stage.project.conn().await)
        .await
        .unwrap();
    assert_eq!(new().expect(201).await["chatbot"], json!(bot));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    let foreign = stage.server.project("elsewhere").await.chatbot_with("marvin", MODEL, "Be brief.").await;
    let api = Api::of(&stage.server);
    let new = |body: serde_json::Value| api.post("/conversations").json(body).user(&alice);
    new(json!({ "chatbot": bot })).invalid(&["chatbot"]).await;
    new(json!({ "kind": "group", "chatbot": bot })).invalid(&["chatbot"]).await;
    new(json!({ "kind": "assistant", "name": "x", "members": [] })).invalid(&["name", "members"]).await;
    new(json!({ "kind": "private" })).invalid(&["kind"]).await;
    for unknown in [foreign, Uuid::new_v4().to_string()] {
        new(json!({ "kind": "assistant", "chatbot": unknown })).refused(404, "not_found").await;
    }
    assert_eq!(api.get("/conversations").user(&alice).expect(200).await["items"], json!([]));
}

#[tokio::test]
async fn it_stays_between_the_person_and_the_bot() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let root = admin(&stage).await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    let other = stage.project.chatbot_with("eddie", MODEL, "Be cheerful.").await;
    let (api, mut client) = (Api::of(&stage.server), stage.server.connect(&alice).await);
    let new = json!({ "kind": "assistant", "chatbot": bot });
    let made = api.post("/conversations").json(new).user(&alice).expect(201).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("/conversations/{id}");
    for user in [&bob, &root] {
        api.get(&path).user(user).refused(404, "not_found").await;
    }
    let add = json!({ "permission": "r" });
    api.put(&format!("{path}/members/bob")).json(add).user(&alice).refused(403, "forbidden").await;
    let update = json!({ "conversation": id, "add": [bob.id] });
    client.refused("group.update", update).await.expect(403, "forbidden");
    api.delete(&format!("{path}/members/alice")).user(&alice).refused(403, "forbidden").await;
    // What it is called and which bot answers is for the person to say, and when it ends.
    let renamed = api.patch(&path).json(json!({ "title": "Later" })).user(&alice).expect(200).await;
    assert_eq!(renamed["title"], "Later");
    client.ok("conversation.mode", json!({ "conversation": id, "mode": "bot", "chatbot": other })).await;
    client.say(id, "Hello").await;
    assert_eq!(client.next_push("llm.done").await["message"]["author"]["username"], "eddie");
    api.delete(&path).user(&alice).expect(204).await;
    client.next_push("group.delete").await;
}

#[tokio::test]
async fn the_demos_conversation_goes_on() {
    let provider = crate::support::provider::Provider::start().await;
    let server = super::builder(&provider).settings(|settings| settings.demo = true).start().await;
    let api = Api::of(&server);
    let login = json!({ "project": "default", "username": "khora", "password": "test123" });
    let token = api.post("/auth/login").json(login).expect(200).await["token"].as_str().unwrap().to_owned();
    let id = "550e8400-e29b-41d4-a716-446655440000";
    let seen = api.get(&format!("/conversations/{id}")).bearer(&token).expect(200).await;
    assert_eq!((&seen["kind"], &seen["mode"], &seen["member_count"]), (&json!("assistant"), &json!("bot"), &json!(1)));
    provider.will_say("Avec pg_restore.");
    let say = json!({ "id": Uuid::new_v4(), "body": "Et la restauration ?" });
    api.post(&format!("/conversations/{id}/messages")).json(say).bearer(&token).expect(201).await;
    let answer = crate::support::wait::until_async("the answer", async || {
        let page = api.get(&format!("/conversations/{id}/messages?after_seq=7")).bearer(&token).expect(200).await;
        page["items"].get(0).cloned()
    })
    .await;
    assert_eq!((&answer["body"], &answer["author"]["username"]), (&json!("Avec pg_restore."), &json!("WIBOT")));
    // What was said before is its memory.
    let told = provider.asked()[0].messages();
    assert_eq!(told.len(), 8);
    assert_eq!((told[0].0.as_str(), told[1].1.as_str()), ("system", "Bonjour WIBOT !"));
    assert!(told[0].1.contains("WIBOT"));
}
