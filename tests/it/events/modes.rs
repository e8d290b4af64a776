//! Who answers in a conversation: people or a bot.

use super::start;
use crate::support::client::{id, with};
use palabre::model::permission::Permission::{Administer, Own, Write};
use serde_json::{Value, json};

#[tokio::test]
async fn administrators_set_who_answers() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group(&[(&alice, Own), (&bob, Administer), (&carol, Write)]).await;
    let bot = project.chatbot("marvin").await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    let mode = |extra: Value| with(json!({ "conversation": group }), extra);
    let to_bot = mode(json!({ "mode": "bot", "chatbot": bot }));
    carol.refused("conversation.mode", to_bot.clone()).await.expect(403, "forbidden");
    bob.refused("conversation.mode", mode(json!({ "mode": "bot" }))).await.expect_invalid("chatbot");
    let set = bob.ok("conversation.mode", to_bot).await;
    assert_eq!((&set["mode"], &set["chatbot"], &set["permission"]), (&json!("bot"), &json!(bot), &json!("a")));
    for client in [&mut alice, &mut carol] {
        let told = client.next_push("conversation.mode").await;
        assert_eq!((&told["id"], &told["mode"], &told["chatbot"]), (&json!(group), &json!("bot"), &json!(bot)));
        assert!(told.get("permission").is_none() && told.get("unread").is_none());
    }
    let back = alice.ok("conversation.mode", mode(json!({ "mode": "human" }))).await;
    assert_eq!(back["mode"], "human");
    assert_eq!(carol.next_push("conversation.mode").await["mode"], "human");
    // The bot of before is remembered.
    let again = alice.ok("conversation.mode", mode(json!({ "mode": "bot" }))).await;
    assert_eq!(again["chatbot"], bot);
    alice.refused("conversation.mode", mode(json!({ "mode": "robot" }))).await.expect_invalid("mode");
}

#[tokio::test]
async fn bots_are_of_the_project() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    let foreign = server.project("q").await.chatbot("marvin").await;
    let mut alice = server.connect(&alice).await;
    for bot in [foreign, id()] {
        let mode = json!({ "conversation": group, "mode": "bot", "chatbot": bot });
        alice.refused("conversation.mode", mode).await.expect(404, "not_found");
    }
    assert_eq!(alice.ok("group.summary", json!({})).await["conversations"][0]["mode"], "human");
}
