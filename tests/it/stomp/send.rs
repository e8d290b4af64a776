//! `SEND`, and what its receipt means.

use super::{app, friends};
use crate::support::stomp::{StompClient, VERSIONS, frame};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn texts_come_as_json_or_plain_and_are_stored_before_the_receipt() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut reader = server.connect(&bob).await;
    for (number, version) in (0..).zip(VERSIONS) {
        let mut client = StompClient::connect(&server, &alice, version).await;
        let (to, id) = (app(&chat), Uuid::new_v4().to_string());
        let json = r#"{"content": "hello"}"#;
        client.ok("SEND", &[("destination", &to), ("content-type", "application/json"), ("id", &id)], json).await;
        client.ok("SEND", &[("destination", &to), ("content-type", "text/plain;charset=utf-8")], json).await;
        client.ok("SEND", &[("destination", &to)], json).await;
        client.ok("SEND", &[("destination", &to)], "plain").await;
        let page = reader.ok("message.fetch", json!({ "conversation": chat, "after_seq": 4 * number })).await;
        let bodies: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| &message["body"]).collect();
        assert_eq!(bodies, ["hello", json, "hello", "plain"]);
        assert_eq!((&page["messages"][0]["id"], &page["messages"][0]["author"]), (&json!(id), &alice.shape()));
        // Sent again it confirms; used for something else it is taken.
        client.ok("SEND", &[("destination", &to), ("id", &id)], json).await;
        client.send("SEND", &[("destination", &to), ("id", &id), ("receipt", "2")], "other").await;
        let (error, code) = client.ended().await;
        assert_eq!((error.json()["code"].as_str(), error.header("receipt-id"), code), (Some("id_taken"), "2", 4202));
    }
}

#[tokio::test]
async fn frames_are_cut_and_joined_in_any_way() {
    let (server, _project, [alice, bob], chat) = friends().await;
    let mut reader = server.connect(&bob).await;
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    let to = app(&chat);
    let many: String =
        (1..=5).map(|number| frame("SEND", &[("destination", &to)], &number.to_string()) + "\n").collect();
    client.send_text(&many).await;
    let text = frame("SEND", &[("destination", &to), ("receipt", "r")], "tüte");
    for byte in text.as_bytes() {
        client.send_bytes(&[*byte]).await;
    }
    client.expect("RECEIPT").await;
    client.send_text(&format!("SEND\r\ndestination:{to}\r\nreceipt:a\\cb\r\n\r\nlast\0\r\n")).await;
    assert_eq!(client.expect("RECEIPT").await.header("receipt-id"), "a\\cb");
    for (seq, body) in (1..).zip(["1", "2", "3", "4", "5", "tüte", "last"]) {
        let message = reader.next_push("message.text").await;
        assert_eq!((&message["seq"], &message["body"]), (&json!(seq), &json!(body)));
    }
}

#[tokio::test]
async fn what_is_no_text_is_refused_and_said_which_header() {
    let (server, _project, [alice, _], chat) = friends().await;
    let to = app(&chat);
    type Headers = [(&'static str, &'static str)];
    let cases: [(&Headers, &str, &str); 8] = [
        (&[("content-length", "3")], "a\0b", "content: "),
        (&[("content-type", "application/json")], "{", "content: "),
        (&[("content-type", "application/json")], r#"{"content": 1}"#, "content: "),
        (&[("content-type", "application/json")], r#"{"text": "x"}"#, "text: "),
        (&[("content-type", "image/png")], "x", "content-type: "),
        (&[("id", "7")], "x", "id: "),
        (&[], "", "content: "),
        (&[("transaction", "none")], "x", "transaction"),
    ];
    for (headers, body, message) in cases {
        let mut client = StompClient::connect(&server, &alice, "1.2").await;
        let headers: Vec<_> = headers.iter().copied().chain([("destination", to.as_str()), ("receipt", "r")]).collect();
        client.send("SEND", &headers, body).await;
        let (error, code) = client.ended().await;
        assert!(error.header("message").replace("\\c", ":").starts_with(message), "{error:?}");
        assert_eq!((error.header("receipt-id"), code), ("r", 4202));
    }
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    client.send_bytes(&[format!("SEND\ndestination:{to}\n\n").as_bytes(), b"\xff\0"].concat()).await;
    assert_eq!(client.ended().await.1, 4202);
}

#[tokio::test]
async fn over_the_rate_the_server_reads_later_instead_of_refusing() {
    let server = crate::support::server::TestServer::builder()
        .limits(|limits| (limits.events_per_second, limits.events_burst) = (100, 5))
        .start()
        .await;
    let project = server.project("p").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let mut reader = server.connect(&bob).await;
    let mut client = StompClient::connect(&server, &alice, "1.2").await;
    let many: String =
        (0..60).map(|number| frame("SEND", &[("destination", &app(&chat))], &number.to_string())).collect();
    client.send_text(&many).await;
    for number in 0..60 {
        assert_eq!(reader.next_push("message.text").await["body"], number.to_string());
    }
}
