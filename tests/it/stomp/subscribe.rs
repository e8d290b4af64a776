//! `SUBSCRIBE` and what comes by it.

use super::{friends, topic};
use crate::support::client::text;
use crate::support::stomp::{StompClient, VERSIONS, frame};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn what_is_said_comes_as_the_message_itself() {
    let (server, project, [alice, bob], _) = friends().await;
    for version in VERSIONS {
        let chat = project.group_of(&[&alice, &bob]).await;
        let mut writer = server.connect(&alice).await;
        let mut client = StompClient::connect(&server, &bob, version).await;
        client.subscribe("sub-0", &topic(&chat), "auto").await;
        client.subscribe("second", &topic(&chat), "client").await;
        let said = writer.say(&chat, "tüte: \"x\"\n").await;
        let message = client.message("sub-0").await;
        assert_eq!(message.header("destination"), topic(&chat));
        assert_eq!(message.header("message-id"), format!("{chat}/{}", said["seq"]));
        assert_eq!(message.json(), said);
        assert_eq!(message.get("ack"), None);
        let message = client.message("second").await;
        let seq = said["seq"].as_i64().unwrap();
        let ack = format!("{chat}/{seq}/second");
        assert_eq!(message.get("ack"), (version == "1.2").then_some(ack.as_str()));
        // One's own words come as well.
        client.say(&chat, "me").await;
        assert_eq!(client.message("sub-0").await.json()["body"], "me");
        client.ok("UNSUBSCRIBE", &[("id", "sub-0")], "").await;
        client.ok("UNSUBSCRIBE", &[("id", "second")], "").await;
        client.message("second").await;
        writer.say(&chat, "nobody hears this").await;
        client.expect_none().await;
    }
}

#[tokio::test]
async fn in_the_first_version_a_subscription_needs_no_name() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    let mut client = StompClient::connect(&server, &bob, "1.0").await;
    client.ok("SUBSCRIBE", &[("destination", &topic(&chat))], "").await;
    writer.say(&chat, "hello").await;
    let message = client.expect("MESSAGE").await;
    assert_eq!((message.get("subscription"), message.header("destination")), (None, topic(&chat).as_str()));
    client.ok("UNSUBSCRIBE", &[("destination", &topic(&chat))], "").await;
    writer.say(&chat, "nobody hears this").await;
    client.expect_none().await;
    for (version, headers) in [("1.1", &[("destination", "x")][..]), ("1.2", &[("id", "1")])] {
        let mut client = StompClient::connect(&server, &bob, version).await;
        client.send("SUBSCRIBE", headers, "").await;
        assert!(client.ended().await.0.header("message").ends_with("is required"));
    }
}

#[tokio::test]
async fn all_else_comes_as_events() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.subscribe("e", "/user/queue/events", "auto").await;
    let mut writer = server.connect(&alice).await;
    assert_eq!(client.event("status.update").await["status"], "online");
    let said = writer.say(&chat, "hello").await;
    writer.ok("typing.update", json!({ "conversation": chat, "typing": true })).await;
    assert_eq!(client.event("typing.update").await["typing"], true);
    client.say(&chat, "hello yourself").await;
    let mut expected = json!({ "conversation": chat, "user": alice.shape(), "seq": 2 });
    writer.ok("message.read", json!({ "conversation": chat, "seq": 2 })).await;
    assert_eq!(client.event("message.read").await, expected);
    let edit = json!({ "conversation": chat, "message": said["id"], "body": "hi" });
    writer.ok("message.edit", edit).await;
    assert_eq!(client.event("message.edit").await["body"], "hi");
    expected["seq"] = json!(3);
    let made = writer.ok("group.update", json!({ "title": "all", "add": [bob.id] })).await;
    assert_eq!(client.event("group.update").await["id"], made["id"]);
    // What is said is not among them.
    let group = made["id"].as_str().unwrap();
    writer.say(group, "in the group").await;
    client.expect_none().await;
    client.subscribe("g", &topic(group), "auto").await;
    writer.say(group, "once more").await;
    assert_eq!(client.message("g").await.json()["body"], "once more");
}

#[tokio::test]
async fn a_stranger_gets_an_error_that_tells_nothing() {
    let (server, project, [alice, bob], chat) = friends().await;
    let carol = project.user("carol").await;
    let nowhere = Uuid::new_v4().to_string();
    for version in VERSIONS {
        let mut errors = Vec::new();
        for id in [&chat, &nowhere] {
            for place in ["conversations", "support"] {
                let mut client = StompClient::connect(&server, &carol, version).await;
                let destination = format!("/topic/{place}/{id}");
                client.send("SUBSCRIBE", &[("id", "1"), ("destination", &destination), ("receipt", "r")], "").await;
                let (error, code) = client.ended().await;
                assert_eq!((error.json()["code"].as_str(), code), (Some("not_found"), 4202));
                errors.push(error);
                let mut client = StompClient::connect(&server, &carol, version).await;
                let destination = format!("/app/{place}/{id}");
                client.send("SEND", &[("destination", &destination), ("receipt", "r")], "hello").await;
                errors.push(client.ended().await.0);
            }
        }
        assert!(errors.iter().all(|error| *error == errors[0]), "{errors:#?}");
    }
    let mut member = server.connect(&bob).await;
    let history = member.ok("message.fetch", json!({ "conversation": chat })).await;
    assert_eq!(history["messages"], json!([]));
    // Who is put out of a group hears no more of it.
    let group = project.group_of(&[&alice, &carol]).await;
    let mut owner = server.connect(&alice).await;
    let mut client = StompClient::connect(&server, &carol, "1.2").await;
    client.subscribe("g", &topic(&group), "auto").await;
    owner.say(&group, "one").await;
    client.message("g").await;
    owner.ok("group.update", json!({ "conversation": group, "remove": [carol.id] })).await;
    owner.ok("message.text", text(&group, "two")).await;
    client.expect_none().await;
}

#[tokio::test]
async fn names_are_used_once_and_as_they_are_escaped() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.subscribe("a\\cb\\\\", &topic(&chat), "client").await;
    writer.say(&chat, "hello").await;
    let message = client.message("a\\cb\\\\").await;
    client.ok("ACK", &[("id", message.header("ack"))], "").await;
    let again = frame("SUBSCRIBE", &[("id", "a\\cb\\\\"), ("destination", &topic(&chat))], "");
    client.send_text(&again).await;
    assert_eq!(client.ended().await.1, 4202);
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.send("UNSUBSCRIBE", &[("id", "never"), ("receipt", "r")], "").await;
    assert_eq!(client.ended().await.0.header("receipt-id"), "r");
}
