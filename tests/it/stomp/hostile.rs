//! What a client should not do.

use super::{friends, topic};
use crate::support::stomp::{Incoming, StompClient, frame};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn subscriptions_are_bounded() {
    let server = crate::support::server::TestServer::builder()
        .limits(|limits| (limits.events_per_second, limits.events_burst) = (100_000, 100_000))
        .start()
        .await;
    let project = server.project("p").await;
    let users = project.crowd(2).await;
    let mut client = StompClient::connect(&server, &users[0], "1.2").await;
    let chat = project.group_of(&[&users[0], &users[1]]).await;
    for id in ["1", "2", "3", "4"] {
        client.subscribe(id, &topic(&chat), "auto").await;
    }
    client.send("SUBSCRIBE", &[("id", "5"), ("destination", &topic(&chat)), ("receipt", "r")], "").await;
    let (error, code) = client.ended().await;
    assert_eq!((error.json()["message"].as_str(), code), (Some("too many subscriptions"), 4202));
    let mut groups = Vec::new();
    for _ in 0..126 {
        groups.push(project.group_of(&[&users[0]]).await);
    }
    let mut client = StompClient::connect(&server, &users[0], "1.2").await;
    let mut made = 0;
    'all: for number in 0..100_000 {
        let destination = topic(&groups[number % groups.len()]);
        let text =
            frame("SUBSCRIBE", &[("id", &number.to_string()), ("destination", &destination), ("receipt", "r")], "");
        client.send_text(&text).await;
        match client.next().await {
            Incoming::Frame(frame) if frame.command == "RECEIPT" => made += 1,
            Incoming::Frame(frame) if frame.command == "ERROR" => break 'all,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(made, 500);
}

#[tokio::test]
async fn what_is_no_frame_is_an_error_and_the_end() {
    let (server, _project, [alice, _], _) = friends().await;
    let many: String = (0..65).map(|number| format!("h{number}:x\n")).collect();
    for (what, text, code) in [
        ("an unknown command", "HELLO\n\n\0".to_owned(), 4202),
        ("a bad escape", "SEND\nx:\\q\n\n\0".to_owned(), 4202),
        ("no colon", "SEND\nx\n\n\0".to_owned(), 4202),
        ("a length that lies", "SEND\ncontent-length:3\n\nab\0SEND\n\n\0".to_owned(), 4202),
        ("a length beyond the limit", "SEND\ncontent-length:70000\n\n".to_owned(), 1009),
        ("too many headers", format!("SEND\n{many}\n\0"), 1009),
        ("a header that is too long", format!("SEND\nx:{}", "a".repeat(9_000)), 1009),
        ("a body where none belongs", "BEGIN\ntransaction:t\n\nx\0".to_owned(), 4202),
    ] {
        let mut client = StompClient::connect(&server, &alice, "1.2").await;
        client.send_text(&text).await;
        assert_eq!(client.ended().await.1, code, "{what}");
    }
    // Headers without end, in as many messages.
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    client.send_text("SEND\n").await;
    let mut number = 0;
    while client.try_send_text(&format!("h{number}:{}\n", "x".repeat(1000))).await && number < 10_000 {
        number += 1;
        if number > 64 {
            break;
        }
    }
    assert_eq!(client.ended().await.1, 1009);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_it_comes() {
    let (server, _project, [alice, _], _) = friends().await;
    let mut socket = tokio::net::TcpStream::connect(server.addresses.http).await.unwrap();
    let request = format!(
        "GET /ws/p HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: v12.stomp, bearer.{}\r\n\r\n",
        alice.token
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    // The header of a text message of a gigabyte, and nothing of it.
    socket.write_all(&[0x81, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (_, frames) = answer.split_once("\r\n\r\n").unwrap();
    assert!(frames.contains("ERROR\nmessage:the message is over the size limit\n"), "{frames:?}");
    assert!(frames.ends_with("the message is over the size limit"), "{frames:?}");
}

#[tokio::test]
async fn who_acknowledges_nothing_is_slow() {
    let (server, project, [alice, bob], _) = friends().await;
    let group = project.group_of(&[&alice, &bob]).await;
    let mut writer = server.connect(&alice).await;
    let mut client = StompClient::connect(&server, &bob, "1.2").await;
    for id in ["1", "2", "3", "4"] {
        client.subscribe(id, &topic(&group), "client").await;
    }
    let reads = tokio::spawn(async move {
        let mut messages = 0;
        loop {
            match client.next().await {
                Incoming::Frame(frame) if frame.command == "MESSAGE" => messages += 1,
                Incoming::Frame(frame) => assert_eq!(frame.command, "ERROR"),
                other => break (other, messages),
            }
        }
    });
    for _ in 0..11 {
        let mut sent = Vec::new();
        for _ in 0..100 {
            sent.push(writer.send("message.text", crate::support::client::text(&group, "x")).await);
        }
        for id in sent {
            // Some come over the rate.
            let _ = writer.reply(id).await;
        }
        if reads.is_finished() {
            break;
        }
    }
    while !reads.is_finished() {
        let _ = writer.request("message.text", crate::support::client::text(&group, "x")).await;
    }
    let (end, messages) = reads.await.unwrap();
    assert_eq!(end, Incoming::Closed(Some(4001)));
    assert!(messages <= 4096, "{messages}");
}
