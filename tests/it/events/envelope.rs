//! What is an envelope, what is none, and the framing around it.

use super::start;
use crate::support::client::{Client, Event, Via, text};
use crate::support::frame;
use serde_json::{Value, json};

const FRAME_BYTES: usize = 65_536;

#[tokio::test]
async fn what_is_no_envelope_is_answered_without_re_and_the_connection_lives_on() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        for document in [
            json!([]),
            json!("status.fetch"),
            json!(null),
            json!({}),
            json!({ "type": 1 }),
            json!({ "type": "" }),
            json!({ "type": "status.fetch", "data": [] }),
            json!({ "type": "status.fetch", "data": null }),
            json!({ "type": "status.fetch", "re": 1 }),
            json!({ "type": "status.fetch", "dat": {} }),
        ] {
            alice.send_document(7, &document).await;
            alice.expect_error().await.expect(400, "bad_envelope");
        }
        // Such frames are documents at least, so any number of them is borne.
        alice.sync().await;
    }
}

#[tokio::test]
async fn ids_are_whole_numbers_of_32_bits_from_1() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let fetch = json!({ "type": "status.fetch", "data": { "users": [] } });
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        alice.send_document(0, &fetch).await;
        alice.expect_error().await.expect(400, "bad_envelope");
        for id in [1, 1, u32::MAX] {
            alice.send_document(id, &fetch).await;
            assert!(matches!(alice.next().await, Event::Reply { re, .. } if re == id), "{via:?} {id}");
        }
    }
    let mut alice = server.connect(&alice).await;
    for id in ["4294967296", "-1", "1.5", "1e3", "\"1\"", "null", "[1]"] {
        alice.send_text(&format!(r#"{{"id":{id},"type":"status.fetch","data":{{}}}}"#)).await;
        alice.expect_error().await.expect(400, "bad_envelope");
    }
    alice.send_text(r#"{"type":"status.fetch"}"#).await;
    alice.expect_error().await.expect(400, "bad_envelope");
}

#[tokio::test]
async fn data_may_be_left_out() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        alice.send_document(9, &json!({ "type": "status.fetch" })).await;
        let expected = Event::Reply { re: 9, kind: "status.fetch".to_owned(), data: json!({ "statuses": [] }) };
        assert_eq!(alice.next().await, expected);
    }
}

#[tokio::test]
async fn three_frames_in_a_row_that_cannot_be_parsed_close() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        for _ in 0..2 {
            for _ in 0..2 {
                alice.send_garbage().await;
                alice.expect_error().await.expect(400, "bad_envelope");
            }
            alice.sync().await;
        }
        for _ in 0..3 {
            alice.send_garbage().await;
            alice.expect_error().await.expect(400, "bad_envelope");
        }
        assert_eq!(alice.closed().await, Some(4202), "{via:?}");
    }
}

#[tokio::test]
async fn unknown_types_and_fields_are_refused_by_name() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        for unknown in ["message.texts", "session.ready", "llm.chunk", "error", "Message.text"] {
            alice.refused(unknown, json!({})).await.expect(400, "unknown_type");
        }
        alice.refused("status.fetch", json!({ "users": [], "user": 1 })).await.expect_invalid("user");
        let mut message = text(&chat, "hello");
        message["attachments"] = json!([{ "id": message["id"], "size": 1 }]);
        alice.refused("message.text", message).await.expect_invalid("attachments[0].size");
        alice.refused("message.read", json!({ "conversation": chat })).await.expect_invalid("seq");
        alice.refused("message.read", json!({ "conversation": chat, "seq": "1" })).await.expect_invalid("seq");
        alice.refused("message.read", json!({ "conversation": "chat", "seq": 1 })).await.expect_invalid("conversation");
        alice.refused("group.update", json!({ "add": ["bob", 1] })).await.expect_invalid("add[1]");
        let unknown = json!({ "permissions": { "bob": "x" } });
        alice.refused("group.update", unknown).await.expect_invalid("permissions.bob");
    }
}

#[tokio::test]
async fn u_0000_is_refused_wherever_it_stands() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        alice.refused("message.text", text(&chat, "a\0b")).await.expect_invalid("body");
        alice.refused("group.update", json!({ "add": ["bob", "carol\0"] })).await.expect_invalid("add[1]");
        let mut game = json!({ "conversation": chat, "id": crate::support::client::id(), "game": "chess" });
        game["payload"] = json!({ "moves": ["e4", { "text": "\0" }] });
        alice.refused("message.game", game.clone()).await.expect_invalid("payload.moves[1].text");
        game["payload"] = json!({ "mo\0ves": 1 });
        let error = alice.refused("message.game", game).await;
        assert!(error.expect(400, "invalid").field.as_deref().unwrap().starts_with("payload."), "{error:?}");
    }
}

#[tokio::test]
async fn nesting_is_bounded() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        let game = |payload: Value| json!({ "conversation": chat, "id": crate::support::client::id(), "game": "chess", "payload": payload });
        let told = alice.ok("message.game", game(nested(30))).await;
        assert_eq!(told["game"]["payload"], nested(30));
        alice.send("message.game", game(nested(31))).await;
        alice.expect_error().await.expect(400, "bad_envelope");
        alice.send("message.game", game(nested(100))).await;
        alice.expect_error().await.expect(400, "bad_envelope");
        alice.sync().await;
    }
}

#[tokio::test]
async fn frames_over_the_limit_close_and_those_at_the_limit_are_taken() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let padded = |bytes: usize| {
        let request = r#"{"id":1,"type":"status.fetch"}"#;
        format!("{request}{}", " ".repeat(bytes - request.len()))
    };
    let mut json = server.connect(&alice).await;
    json.send_text(&padded(FRAME_BYTES)).await;
    assert!(matches!(json.next().await, Event::Reply { .. }));
    json.send_text(&padded(FRAME_BYTES + 1)).await;
    assert_eq!(json.closed().await, Some(1009));

    let frame_of = |bytes: usize| {
        let payload = br#"{"type":"status.fetch"}"#;
        let mut padded = payload.to_vec();
        padded.resize(bytes - 12, b' ');
        frame::encode_bytes(frame::REQUEST, true, 1, &padded)
    };
    for via in [Via::TcpJson, Via::WsBinJson] {
        let mut client = server.connect_via(&alice, via).await;
        client.send_bytes(&frame_of(FRAME_BYTES)).await;
        assert!(matches!(client.next().await, Event::Reply { .. }), "{via:?}");
        client.send_bytes(&frame_of(FRAME_BYTES + 1)).await;
        assert_eq!(client.closed().await, Some(1009), "{via:?}");
    }
    // What the header declares is enough.
    let mut client = server.connect_via(&alice, Via::TcpJson).await;
    client.send_bytes(&frame::header(frame::REQUEST, 1, u32::MAX, 1)).await;
    assert_eq!(client.closed().await, Some(1009));
}

#[tokio::test]
async fn headers_that_are_none_close_with_a_frame_that_says_why() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let header = frame::header;
    let mut magic = header(frame::PING, 0, 0, 0);
    magic[0] = b'P' + 1;
    let mut version = header(frame::PING, 0, 0, 0);
    version[1] = 2;
    for via in [Via::TcpMsgPack, Via::TcpJson, Via::WsBinMsgPack, Via::WsBinJson] {
        for bad in [
            magic,
            version,
            header(0, 0, 0, 0),
            header(8, 0, 0, 0),
            header(frame::REPLY, 0, 0, 1),
            header(frame::PUSH, 0, 0, 0),
            header(frame::ERROR, 0, 0, 1),
            header(frame::PING, 2, 0, 0),
            header(frame::PING, 0, 0, 1),
            header(frame::PING, 0, 1, 0),
        ] {
            let mut client = server.connect_via(&alice, via).await;
            client.send_bytes(&bad).await;
            assert_eq!(client.closed().await, Some(1002), "{via:?} {bad:?}");
        }
    }
}

#[tokio::test]
async fn messages_of_the_wrong_kind_close_a_web_socket() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let mut json = server.connect(&alice).await;
    json.send_bytes(br#"{"id":1,"type":"status.fetch"}"#).await;
    assert_eq!(json.closed().await, Some(1003));
    let mut binary = server.connect_via(&alice, Via::WsBinJson).await;
    binary.send_text(r#"{"id":1,"type":"status.fetch"}"#).await;
    assert_eq!(binary.closed().await, Some(1003));
    let mut half = server.connect_via(&alice, Via::WsBinJson).await;
    let frame = frame::request(true, 1, "status.fetch", &json!({}));
    half.send_bytes(&frame[..frame.len() - 1]).await;
    assert_eq!(half.closed().await, Some(1002));
}

#[tokio::test]
async fn frames_come_several_in_a_message_or_torn_over_segments() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let frames = |json: bool| -> Vec<u8> {
        (11..14).flat_map(|id| frame::request(json, id, "status.fetch", &json!({ "users": [] }))).collect()
    };
    let replies = async |client: &mut Client| {
        for id in 11..14 {
            assert!(matches!(client.next().await, Event::Reply { re, .. } if re == id));
        }
    };
    for (via, json) in [(Via::WsBinJson, true), (Via::WsBinMsgPack, false)] {
        let mut client = server.connect_via(&alice, via).await;
        client.send_bytes(&frames(json)).await;
        replies(&mut client).await;
    }
    for (via, json) in [(Via::TcpJson, true), (Via::TcpMsgPack, false)] {
        let mut client = server.connect_via(&alice, via).await;
        for byte in frames(json) {
            client.send_bytes(&[byte]).await;
        }
        replies(&mut client).await;
    }
}

#[tokio::test]
async fn pings_are_answered_and_a_close_is_returned() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    for via in [Via::TcpMsgPack, Via::TcpJson, Via::WsBinMsgPack, Via::WsBinJson] {
        let mut client = server.connect_via(&alice, via).await;
        client.send_bytes(&frame::header(frame::PING, 0, 0, 0)).await;
        assert_eq!(client.next().await, Event::Pong, "{via:?}");
        client.send_bytes(&frame::header(frame::PONG, 0, 0, 0)).await;
        client.sync().await;
        let bye = json!({ "type": "close", "data": { "code": 1000, "reason": "bye" } });
        client.send_bytes(&frame::encode(frame::CLOSE, true, 0, &bye)).await;
        assert_eq!(client.closed().await, Some(1000), "{via:?}");
    }
}
