//! Who is typing.

use super::start;
use crate::support::server::TestServer;
use serde_json::{Value, json};
use std::time::Duration;

fn typing(conversation: &str, typing: bool) -> Value {
    json!({ "conversation": conversation, "typing": typing })
}

#[tokio::test]
async fn typing_is_told_to_the_others() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let [mut alice, mut phone, mut bob, mut carol] = server.connect_all([&alice, &alice, &bob, &carol]).await;
    for on in [true, false] {
        assert_eq!(alice.ok("typing.update", typing(&group, on)).await, typing(&group, on));
        let told = json!({ "conversation": group, "user": alice.shape(), "typing": on });
        assert_eq!(bob.next_push("typing.update").await, told);
        assert_eq!(phone.next_push("typing.update").await, told);
    }
    let said = bob.say(&group, "hello").await;
    assert_eq!(alice.next_push("message.text").await, said);
    alice.expect_no("typing.update").await;
    carol.expect_no("typing.update").await;
    assert_eq!(said["seq"], 1, "it is not stored");
}

#[tokio::test]
async fn typing_ends_by_itself() {
    let server = TestServer::builder().limits(|limits| limits.typing_time = Duration::from_millis(50)).start().await;
    let project = server.project("p").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    alice.ok("typing.update", typing(&chat, true)).await;
    assert_eq!(bob.next_push("typing.update").await["typing"], true);
    let end = bob.next_push("typing.update").await;
    assert_eq!(end, json!({ "conversation": chat, "user": alice.shape(), "typing": false }));
}

#[tokio::test]
async fn nobody_sees_the_invisible_type() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    alice.ok("status.update", json!({ "status": "invisible" })).await;
    for on in [true, false] {
        assert_eq!(alice.ok("typing.update", typing(&chat, on)).await, typing(&chat, on));
    }
    alice.say(&chat, "boo").await;
    bob.next_push("message.text").await;
    bob.expect_no("typing.update").await;
    alice.ok("status.update", json!({ "status": "online" })).await;
    alice.ok("typing.update", typing(&chat, true)).await;
    assert_eq!(bob.next_push("typing.update").await["typing"], true);
}

#[tokio::test]
async fn who_goes_invisible_while_typing_is_told_to_have_stopped() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    alice.ok("typing.update", typing(&chat, true)).await;
    assert_eq!(bob.next_push("typing.update").await["typing"], true);
    alice.ok("status.update", json!({ "status": "invisible" })).await;
    // The word reaches the session over its event loop.
    bob.next_push("status.update").await;
    for _ in 0..2 {
        alice.ok("typing.update", typing(&chat, true)).await;
    }
    assert_eq!(bob.next_push("typing.update").await["typing"], false);
    bob.expect_no("typing.update").await;
}
