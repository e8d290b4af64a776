//! What a subscription begins with, where that is long.

use super::{friends, topic};
use crate::support::client::{Client, text};
use crate::support::stomp::{Incoming, StompClient};
use serde_json::json;

/// At its longest, in characters and in bytes.
fn long(number: usize) -> String {
    format!("{number:04}{}", "語".repeat(16_380))
}

async fn say_many(writer: &mut Client, chat: &str, count: usize) {
    for number in 1..=count {
        writer.ok("message.text", text(chat, &long(number))).await;
    }
}

#[tokio::test]
async fn long_messages_come_as_fast_as_the_client_reads_and_what_is_said_meanwhile_behind_them() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    say_many(&mut writer, &chat, 120).await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    let headers = [("id", "a"), ("destination", &topic(&chat)), ("ack", "client"), ("receipt", "r")];
    client.send("SUBSCRIBE", &headers, "").await;
    assert_eq!(client.message("a").await.json()["seq"], 1);
    // Nobody reads now: nothing is closed for that, and what is new waits.
    for number in 0..5 {
        writer.say(&chat, &format!("new {number}")).await;
    }
    for seq in 2..=120 {
        let message = client.message("a").await.json();
        assert_eq!((&message["seq"], &message["body"].as_str().unwrap()[..4]), (&json!(seq), &*format!("{seq:04}")));
    }
    for number in 0..5 {
        assert_eq!(client.message("a").await.json()["body"], format!("new {number}"));
    }
    assert_eq!(client.expect("RECEIPT").await.header("receipt-id"), "r");
    writer.say(&chat, "newer").await;
    assert_eq!(client.message("a").await.json()["body"], "newer");
    client.expect_none().await;
}

#[tokio::test]
async fn who_is_put_out_while_catching_up_gets_no_more_of_it() {
    const MANY: usize = 190;
    let (server, project, [alice, bob], _) = friends().await;
    let group = project.group_of(&[&alice, &bob]).await;
    let mut writer = server.connect(&alice).await;
    say_many(&mut writer, &group, MANY).await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    let headers = [("id", "a"), ("destination", &topic(&group)), ("ack", "client"), ("receipt", "r")];
    client.send("SUBSCRIBE", &headers, "").await;
    client.message("a").await;
    writer.ok("group.update", json!({ "conversation": group, "remove": [bob.id] })).await;
    writer.say(&group, "secret").await;
    let mut told = 1;
    loop {
        match client.next().await {
            Incoming::Frame(frame) if frame.command == "MESSAGE" => {
                told += 1;
                assert_eq!(frame.json()["seq"], told);
            }
            Incoming::Frame(frame) => {
                assert_eq!((frame.command.as_str(), frame.header("receipt-id")), ("RECEIPT", "r"));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    // As many as were read before, and on their way; the buffers of a connection don't take nine megabytes.
    assert!(told < MANY, "{told}");
    client.expect_none().await;
}

#[tokio::test]
async fn more_than_may_wait_while_the_client_does_not_read_is_too_much() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut writer = server.connect(&alice).await;
    say_many(&mut writer, &chat, 120).await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    client.send("SUBSCRIBE", &[("id", "a"), ("destination", &topic(&chat)), ("ack", "client")], "").await;
    client.message("a").await;
    // A megabyte, of which half may wait.
    say_many(&mut writer, &chat, 20).await;
    let mut error = None;
    let code = loop {
        match client.next().await {
            Incoming::Frame(frame) if frame.command == "ERROR" => error = Some(frame),
            Incoming::Frame(_) => {}
            Incoming::Closed(code) => break code,
            Incoming::HeartBeat => unreachable!("they are left out"),
        }
    };
    assert_eq!(code, Some(4001));
    let message = error.as_ref().map(|error| error.header("message"));
    assert!(message.is_some_and(|message| message.contains("reconnect and resume")), "{error:?}");
}
