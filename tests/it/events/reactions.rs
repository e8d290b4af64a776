//! Reactions.

use super::start;
use crate::support::client::Event;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::ConversationId;
use palabre::store::schema::reactions;
use serde_json::json;

#[tokio::test]
async fn reactions_are_told_and_counted() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob, mut tablet] = server.connect_all([&alice, &bob, &bob]).await;
    let said = alice.say(&chat, "hello").await;
    let react =
        |emoji: &str, on: bool| json!({ "conversation": chat, "message": said["id"], "emoji": emoji, "on": on });
    let reply = bob.ok("message.react", react("👍", true)).await;
    assert_eq!(reply["reactions"], json!({ "👍": [bob.shape()] }));
    assert_eq!(reply["reaction_counts"], json!({ "👍": 1 }));
    let push = json!({
        "conversation": chat, "message": said["id"], "user": bob.shape(), "emoji": "👍", "on": true, "count": 1,
    });
    for client in [&mut alice, &mut tablet] {
        assert_eq!(client.next_push("message.react").await, push);
    }
    // Twice confirms, and nobody hears of it.
    assert_eq!(bob.ok("message.react", react("👍", true)).await, reply);
    let own = alice.ok("message.react", react("👍", true)).await;
    assert_eq!(own["reaction_counts"], json!({ "👍": 2 }));
    let push = bob.next_push("message.react").await;
    assert_eq!((&push["user"], &push["count"]), (&alice.shape(), &json!(2)));
    let back = bob.ok("message.react", react("👍", false)).await;
    assert_eq!(back["reactions"], json!({ "👍": [alice.shape()] }));
    let push = alice.next_push("message.react").await;
    assert_eq!((&push["user"], &push["on"], &push["count"]), (&bob.shape(), &json!(false), &json!(1)));
    let other = bob.ok("message.react", react("❤️", true)).await;
    assert_eq!(other["reaction_counts"], json!({ "👍": 1, "❤️": 1 }));
    assert_eq!(alice.next_push("message.react").await["emoji"], "❤️");
    assert_eq!(alice.ok("message.fetch", json!({ "conversation": chat })).await["messages"], json!([other]));
    bob.ok("message.react", react("🙈", false)).await;
    // After all of it on the same way.
    bob.say(&chat, "done").await;
    while !matches!(alice.next().await, Event::Push { kind, .. } if kind == "message.text") {}
    alice.expect_no("message.react").await;
    for bad in ["", "a", "👍👍", "ok", " "] {
        bob.refused("message.react", react(bad, true)).await.expect_invalid("emoji");
    }
}

#[tokio::test]
async fn at_most_twenty_users_are_listed_and_all_are_counted() {
    let (server, project) = start().await;
    let crowd = project.crowd(26).await;
    let group = project.group_of(&crowd.iter().collect::<Vec<_>>()).await;
    let mut alice = server.connect(&crowd[0]).await;
    let said = alice.say(&group, "hello").await;
    let conversation: ConversationId = group.parse().unwrap();
    let rows: Vec<_> = crowd[1..]
        .iter()
        .map(|user| {
            (
                reactions::conversation_id.eq(conversation),
                reactions::seq.eq(1_i64),
                reactions::emoji.eq("👍"),
                reactions::user_id.eq(user.row.id),
            )
        })
        .collect();
    diesel::insert_into(reactions::table).values(rows).execute(&mut project.conn().await).await.unwrap();
    let history = alice.ok("message.fetch", json!({ "conversation": group })).await;
    let message = &history["messages"][0];
    assert_eq!(message["reactions"]["👍"].as_array().unwrap().len(), 20);
    assert_eq!(message["reaction_counts"], json!({ "👍": 25 }));
    let react = json!({ "conversation": group, "message": said["id"], "emoji": "👍", "on": true });
    assert_eq!(alice.ok("message.react", react).await["reaction_counts"], json!({ "👍": 26 }));
}
