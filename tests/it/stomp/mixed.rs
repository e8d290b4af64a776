//! STOMP beside the other encodings.

use super::{friends, topic};
use crate::support::client::Via;
use crate::support::stomp::{StompClient, VERSIONS};
use serde_json::Value;

#[tokio::test]
async fn all_encodings_talk_in_one_conversation_in_one_order() {
    let (server, project, [alice, bob], _) = friends().await;
    let carol = project.user("carol").await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let mut others = Vec::new();
    for via in Via::ALL {
        others.push(server.connect_via(&bob, via).await);
    }
    let mut stomp = Vec::new();
    for version in VERSIONS {
        let mut client = StompClient::connect(&server, &carol, version).await;
        client.subscribe("s", &topic(&group), "auto").await;
        stomp.push(client);
    }
    let mut writer = server.connect(&alice).await;
    let mut expected: Vec<Value> = Vec::new();
    for round in 0..3 {
        expected.push(writer.say(&group, &format!("json {round}")).await);
        for client in &mut stomp {
            client.say(&group, &format!("stomp {} {round}", client.version)).await;
            expected.push(writer.next_push("message.text").await);
        }
    }
    for client in &mut stomp {
        for message in &expected {
            assert_eq!(client.message("s").await.json(), *message);
        }
    }
    for client in &mut others {
        for message in &expected {
            assert_eq!(client.next_push("message.text").await, *message);
        }
    }
}

#[tokio::test]
async fn who_blocks_an_author_hears_nothing_of_them_here_either() {
    let (server, project, [alice, bob], _) = friends().await;
    let carol = project.user("carol").await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    project.block(&bob, &alice).await;
    let [mut alice, mut carol] = server.connect_all([&alice, &carol]).await;
    alice.say(&group, "unheard, before").await;
    carol.say(&group, "heard, before").await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.subscribe("c", &topic(&group), "client").await;
    client.subscribe("a", &topic(&group), "auto").await;
    alice.say(&group, "unheard").await;
    carol.say(&group, "heard").await;
    assert_eq!(client.message("a").await.json()["body"], "heard");
    assert_eq!(client.message("c").await.json()["body"], "heard, before");
    let last = client.message("c").await;
    assert_eq!(last.json()["body"], "heard");
    client.ok("ACK", &[("id", last.header("ack"))], "").await;
    client.expect_none().await;
}
