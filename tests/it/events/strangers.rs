//! What who is no member of a conversation hears of it.

use super::start;
use crate::support::client::{id, text, with};
use serde_json::{Value, json};

/// Every event that names a conversation, and the message that may be named in it.
fn events_in(conversation: &str, message: &Value) -> Vec<(&'static str, Value)> {
    let here = |extra: Value| with(json!({ "conversation": conversation }), extra);
    vec![
        ("group.members", here(json!({}))),
        ("group.update", here(json!({ "title": "x" }))),
        ("group.delete", here(json!({}))),
        ("message.text", here(json!({ "id": id(), "body": "x" }))),
        ("message.game", here(json!({ "id": id(), "game": "chess", "payload": {} }))),
        ("message.fetch", here(json!({}))),
        ("message.edit", here(json!({ "message": message, "body": "x" }))),
        ("message.delete", here(json!({ "message": message }))),
        ("message.react", here(json!({ "message": message, "emoji": "👍", "on": true }))),
        ("message.delivered", here(json!({ "seq": 1 }))),
        ("message.read", here(json!({ "seq": 1 }))),
        ("typing.update", here(json!({ "typing": true }))),
        ("conversation.mode", here(json!({ "mode": "human" }))),
    ]
}

#[tokio::test]
async fn who_is_no_member_gets_404_whether_there_is_one_or_not() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let chat = project.befriend(&alice, &bob).await;
    let own = project.group_of(&[&carol]).await;
    let [mut alice, mut carol] = server.connect_all([&alice, &carol]).await;
    let in_group = alice.say(&group, "secret").await;
    let in_chat = alice.say(&chat, "secret").await;
    let nothing = id();
    for (conversation, message) in [(&group, &in_group["id"]), (&chat, &in_chat["id"]), (&nothing, &json!(id()))] {
        for (kind, data) in events_in(conversation, message) {
            let error = carol.refused(kind, data).await;
            error.expect(404, "not_found");
            assert!(!error.message.contains("message"), "{kind}: {error:?}");
        }
    }
    // Nor does a conversation of one's own lead to another's messages.
    for kind in ["message.edit", "message.delete", "message.react"] {
        for data in [&in_group["id"], &json!(id())] {
            let (_, data) = events_in(&own, data).into_iter().find(|(event, _)| *event == kind).unwrap();
            carol.refused(kind, data).await.expect(404, "not_found");
        }
    }
    let mut reply = text(&own, "x");
    reply["reply_to"] = in_group["id"].clone();
    carol.refused("message.text", reply).await.expect(404, "not_found");
    let answer = json!({ "message": in_group["id"], "action": "accept" });
    carol.refused("message.game", answer).await.expect(404, "not_found");
}
