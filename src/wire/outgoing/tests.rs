//! Every frame decodes back, in every encoding.

use super::super::document::samples;
use super::super::limits::NESTING;
use super::super::{json, msgpack};
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

fn encodings() -> impl Iterator<Item = Encoding> {
    let all = [Framing::WebSocket, Framing::WebSocketDeflate, Framing::Bare].into_iter().flat_map(|framing| {
        [Format::Json, Format::BinJson, Format::BinMsgPack].map(|format| Encoding { framing, format })
    });
    all.filter(|encoding| *encoding != Encoding { framing: Framing::Bare, format: Format::Json })
}

/// Undoes the WebSocket framing: whether it was text, whether it was compressed, and the payload.
fn unframe(encoding: Encoding, bytes: &[u8]) -> (bool, bool, Vec<u8>) {
    if encoding.framing == Framing::Bare {
        return (false, false, bytes.to_vec());
    }
    let (length, payload) = match bytes[1] {
        126 => (u64::from(u16::from_be_bytes(bytes[2..4].try_into().unwrap())), &bytes[4..]),
        127 => (u64::from_be_bytes(bytes[2..10].try_into().unwrap()), &bytes[10..]),
        short => (u64::from(short), &bytes[2..]),
    };
    assert_eq!(length, payload.len() as u64);
    let text = match bytes[0] & 0x8f {
        0x81 => true,
        0x82 => false,
        other => panic!("{other:x}"),
    };
    if bytes[0] & 0x40 == 0 {
        return (text, false, payload.to_vec());
    }
    assert_eq!(encoding.framing, Framing::WebSocketDeflate);
    let mut inflated = Vec::with_capacity(1 << 20);
    let compressed = [payload, &[0, 0, 0xff, 0xff]].concat();
    flate2::Decompress::new(false).decompress_vec(&compressed, &mut inflated, flate2::FlushDecompress::Sync).unwrap();
    (text, true, inflated)
}

/// What a client understands: the kind of frame where there are kinds, the request, and the payload without `re`.
fn read(encoding: Encoding, bytes: &[u8]) -> (Option<Kind>, Option<u32>, Value) {
    let (text, _, payload) = unframe(encoding, bytes);
    assert_eq!(text, encoding.format == Format::Json);
    if text {
        let mut envelope = json::decode(&payload, NESTING).unwrap();
        let re = envelope.as_object_mut().unwrap().remove("re");
        return (None, re.map(|re| re.as_u64().unwrap().try_into().unwrap()), envelope);
    }
    let (header, payload) = payload.split_first_chunk().unwrap();
    let header = Header::parse(header).unwrap();
    assert_eq!(usize::try_from(header.length).unwrap(), payload.len());
    assert_eq!(header.json, encoding.format == Format::BinJson);
    let decode = if header.json { json::decode } else { msgpack::decode };
    let document = if payload.is_empty() { Value::Null } else { decode(payload, NESTING).unwrap() };
    (Some(header.kind), (header.correlation != 0).then_some(header.correlation), document)
}

fn kind_in(encoding: Encoding, kind: Kind) -> Option<Kind> {
    (encoding.format != Format::Json).then_some(kind)
}

#[test]
fn every_encoding_has_its_index() {
    let indexes: Vec<_> = encodings().map(Encoding::index).collect();
    assert_eq!(indexes, (0..Encoding::COUNT).collect::<Vec<_>>());
}

#[test]
fn text_envelopes_are_those_of_the_protocol() {
    let encoding = Encoding { framing: Framing::WebSocket, format: Format::Json };
    let event = Outgoing::new("typing.update", json!({ "typing": true }));
    assert_eq!(&event.reply(encoding, 7)[2..], br#"{"re":7,"type":"typing.update","data":{"typing":true}}"#);
    assert_eq!(&event.push(encoding)[2..], br#"{"type":"typing.update","data":{"typing":true}}"#);
}

#[test]
fn errors_decode_back() {
    let mut error = ErrorData::new(ErrorCode::Invalid, "must be \"short\"");
    error.field = Some("body".to_owned());
    let data = json!({ "status": 400, "code": "invalid", "message": "must be \"short\"", "field": "body" });
    for encoding in encodings() {
        for re in [Some(3), None] {
            let expected = (kind_in(encoding, Kind::Error), re, json!({ "type": "error", "data": data }));
            assert_eq!(read(encoding, &error_frame(encoding, re, &error)), expected);
        }
    }
}

#[test]
fn pings_and_closes_are_for_binary_frames() {
    for encoding in encodings() {
        let frames = [ping_frame(encoding), pong_frame(encoding), close_frame(encoding, CloseCode::Slow, "slow")];
        let close = json!({ "type": "close", "data": { "code": 4001, "reason": "slow" } });
        if encoding.format == Format::Json {
            assert_eq!(frames, [None, None, None]);
        } else {
            assert_eq!(
                frames.map(|frame| read(encoding, &frame.unwrap())),
                [
                    (Some(Kind::Ping), None, Value::Null),
                    (Some(Kind::Pong), None, Value::Null),
                    (Some(Kind::Close), None, close)
                ]
            );
        }
    }
}

#[test]
fn only_long_messages_are_compressed() {
    let encoding = Encoding { framing: Framing::WebSocketDeflate, format: Format::Json };
    let of_length = |length: usize| {
        let around = r#"{"type":"x","data":""}"#.len();
        let (_, compressed, payload) =
            unframe(encoding, &Outgoing::new("x", "a".repeat(length - around)).push(encoding));
        assert_eq!(payload.len(), length);
        compressed
    };
    assert_eq!([1023, 1024, 1025, 70_000].map(of_length), [false, false, true, true]);
    let noise: String =
        (0..2000_u64).map(|n| char::from(b' ' + u8::try_from((n * n * 7919 / 13) % 90).unwrap())).collect();
    let event = Outgoing::new("x", json!({ "noise": noise }));
    assert_eq!(read(encoding, &event.push(encoding)).2["data"]["noise"], json!(noise));
}

#[test]
fn shapes_with_fields_left_out_are_the_same_in_all_encodings() {
    use crate::model::permission::Permission;
    use crate::model::{ConversationId, UserId};
    use crate::wire::shapes::{Conversation, ConversationKind, Member, Mode, Own, User};
    let at = crate::wire::time::Timestamp(chrono::DateTime::UNIX_EPOCH);
    let (id, user) = (ConversationId::random(), UserId::random());
    let person = User { id: user, username: "alice".to_owned(), name: None, avatar: None, profile: None };
    let member = Member { user: person, permission: Permission::Own, joined_at: at, delivered_seq: 0, read_seq: 0 };
    let conversation = Conversation {
        id,
        kind: ConversationKind::Group,
        name: None,
        title: Some("Friends".to_owned()),
        mode: Mode::Human,
        chatbot: None,
        member_count: 1,
        members: Some(vec![member]),
        last_seq: 1 << 40,
        last_message: None,
        created_at: at,
        updated_at: at,
        own: Some(Own { permission: Permission::Own, read_seq: 2, unread: 0 }),
    };
    let moment = "1970-01-01T00:00:00.000Z";
    let data = json!({
        "id": id.to_string(), "kind": "group", "title": "Friends", "mode": "human", "member_count": 1,
        "members": [{
            "user": { "id": user.to_string(), "username": "alice" }, "permission": "o", "joined_at": moment,
            "delivered_seq": 0, "read_seq": 0,
        }],
        "last_seq": 1_u64 << 40, "created_at": moment, "updated_at": moment, "permission": "o", "read_seq": 2, "unread": 0,
    });
    let event = Outgoing::new("group.update", conversation);
    for encoding in encodings() {
        assert_eq!(read(encoding, &event.push(encoding)).2["data"], data);
    }
}

#[test]
fn data_is_encoded_once() {
    struct Counted(std::sync::Arc<AtomicUsize>);
    impl Serialize for Counted {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            serializer.serialize_str("counted")
        }
    }
    let count = std::sync::Arc::new(AtomicUsize::new(0));
    let event = Outgoing::new("x", Counted(count.clone()));
    assert_eq!(count.load(Ordering::Relaxed), 0);
    for encoding in encodings() {
        let first = event.push(encoding);
        assert_eq!(first.as_ptr(), event.push(encoding).as_ptr(), "shared");
        assert_ne!(event.reply(encoding, 1), event.reply(encoding, 2));
    }
    assert_eq!(count.load(Ordering::Relaxed), 2, "once as JSON, once as MessagePack");
}

#[test]
fn what_cannot_be_encoded_becomes_an_error() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    let event = Outgoing::new("x", Broken);
    for encoding in encodings() {
        for (re, bytes) in [(Some(5), event.reply(encoding, 5)), (None, event.push(encoding))] {
            let (kind, answered, envelope) = read(encoding, &bytes);
            assert_eq!((kind, answered), (kind_in(encoding, Kind::Error), re));
            assert_eq!(envelope["data"]["code"], json!("internal"));
        }
    }
}

proptest! {
    #[test]
    fn documents_are_the_same_in_all_encodings(data in samples::document(), re in 1..=u32::MAX, padding in 0..3_usize) {
        // Short, and with a payload length of two and of eight bytes.
        let data = json!({ "data": data, "padding": "x".repeat(padding * 40_000) });
        let event = Outgoing::new("message.text", data.clone());
        let envelope = json!({ "type": "message.text", "data": data });
        for encoding in encodings() {
            let push = (kind_in(encoding, Kind::Push), None, envelope.clone());
            prop_assert_eq!(read(encoding, &event.push(encoding)), push);
            let reply = (kind_in(encoding, Kind::Reply), Some(re), envelope.clone());
            prop_assert_eq!(read(encoding, &event.reply(encoding, re)), reply);
        }
    }
}
