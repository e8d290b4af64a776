//! A project is a wall.

use crate::support::client::{id, text};
use crate::support::server::TestServer;
use serde_json::json;

#[tokio::test]
async fn nothing_crosses_from_one_project_to_another() {
    let server = TestServer::start().await;
    let (one, other) = (server.project("one").await, server.project("other").await);
    let [alice, bob] = one.users(["alice", "bob"]).await;
    let [namesake, zoe] = other.users(["alice", "zoe"]).await;
    let here = one.group_of(&[&alice, &bob]).await;
    let there = other.group_of(&[&namesake, &zoe]).await;
    let [mut alice, mut bob, mut namesake, mut zoe] = server.connect_all([&alice, &bob, &namesake, &zoe]).await;

    // The same name is somebody else.
    namesake.ok("contact.update", json!({ "user": "zoe", "action": "invite" })).await;
    assert_eq!(zoe.next_push("contact.update").await["user"]["id"], namesake.id());
    alice.expect_no("contact.update").await;
    for stranger in ["zoe".to_owned(), zoe.id(), namesake.id()] {
        for action in ["invite", "block"] {
            let update = json!({ "user": stranger, "action": action });
            alice.refused("contact.update", update).await.expect(404, "not_found");
        }
        alice.refused("group.update", json!({ "add": [stranger] })).await.expect_invalid("add[0]");
        let message = json!({ "to": stranger, "id": id(), "body": "hello" });
        alice.refused("message.text", message).await.expect(404, "not_found");
        assert_eq!(alice.ok("status.fetch", json!({ "users": [stranger] })).await["statuses"], json!([]));
    }

    // Conversations, messages and names.
    let said = namesake.say(&there, "secret").await;
    for client in [&mut alice, &mut bob] {
        client.refused("message.fetch", json!({ "conversation": there })).await.expect(404, "not_found");
        client.refused("message.text", text(&there, "x")).await.expect(404, "not_found");
        client.refused("group.members", json!({ "conversation": there })).await.expect(404, "not_found");
        let answer = json!({ "message": said["id"], "action": "accept" });
        client.refused("message.game", answer).await.expect(404, "not_found");
        let react = json!({ "conversation": here, "message": said["id"], "emoji": "👍", "on": true });
        client.refused("message.react", react).await.expect(404, "not_found");
    }
    let same_id = json!({ "conversation": here, "id": said["id"], "body": "mine" });
    assert_eq!(alice.ok("message.text", same_id).await["body"], "mine");
    assert_eq!(bob.next_push("message.text").await["body"], "mine");
    assert_eq!(zoe.next_push("message.text").await["body"], "secret");
    alice.ok("group.update", json!({ "name": "team" })).await;
    zoe.ok("group.update", json!({ "name": "team" })).await;
    for client in [&mut alice, &mut bob, &mut namesake, &mut zoe] {
        client.expect_no("message.text").await;
    }
}
