//! Bytes that no honest client sends: each ends its own connection with a code that says why, and nobody else's.

use super::link::Link;
use super::raw::{BINARY, CLOSE, CONTINUATION, FIN, PING, Raw, TEXT, header, masked};
use crate::support::client::{Client, Via};
use crate::support::frame;
use crate::support::project::TestUser;
use crate::support::server::TestServer;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const JSON: &str = "palabre.v1.json";
const BIN: &str = "palabre.v1.bin";

async fn with_user() -> (TestServer, TestUser) {
    let server = TestServer::start().await;
    let project = server.project("walls").await;
    let [user] = project.users(["ann"]).await;
    (server, user)
}

/// Others notice nothing.
async fn still_serves(server: &TestServer, user: &TestUser) {
    let mut client = server.connect(user).await;
    client.sync().await;
}

#[tokio::test]
async fn websocket_frames_that_break_the_rules() {
    let (server, user) = with_user().await;
    let too_long = 65_537;
    let unmasked = [&[FIN | TEXT, 2][..], b"{}"].concat();
    let endless = [masked(TEXT, b""), masked(CONTINUATION, b"").repeat(2_000)].concat();
    let cases: Vec<(&str, &str, Vec<u8>, u16)> = vec![
        ("a gibibyte is declared", BIN, header(FIN | BINARY, 1 << 30), 1009),
        ("a gibibyte is declared", JSON, header(FIN | TEXT, 1 << 30), 1009),
        ("more than there is memory", JSON, header(FIN | TEXT, u64::MAX >> 1), 1009),
        ("a length beyond 63 bits", JSON, header(FIN | TEXT, u64::MAX), 1002),
        ("a byte over the limit", JSON, header(FIN | TEXT, too_long), 1009),
        ("over the limit in two fragments", JSON, [masked(TEXT, &[b' '; 40_000]), header(FIN, 40_000)].concat(), 1009),
        ("continuations without end", JSON, endless, 1009),
        ("a continuation of nothing", JSON, masked(FIN, b"{}"), 1002),
        ("a message inside of a message", JSON, [masked(TEXT, b"{"), masked(FIN | TEXT, b"}")].concat(), 1002),
        ("no mask", JSON, unmasked, 1002),
        ("reserved bits", JSON, masked(FIN | 0x40 | TEXT, b"{}"), 1002),
        ("a reserved kind of frame", JSON, masked(FIN | 3, b""), 1002),
        ("a long ping", JSON, masked(FIN | PING, &[0; 126]), 1002),
        ("a ping in fragments", JSON, masked(PING, b""), 1002),
        ("half a close code", JSON, masked(FIN | CLOSE, &[3]), 1002),
        ("a close code that nobody may send", JSON, masked(FIN | CLOSE, &1006_u16.to_be_bytes()), 1002),
        ("binary where text is spoken", JSON, masked(FIN | BINARY, b"{}"), 1003),
        ("text where binary is spoken", BIN, masked(FIN | TEXT, b"{}"), 1003),
        ("text that is not UTF-8", JSON, masked(FIN | TEXT, &[b'"', 0xFF, b'"']), 1007),
        ("text that can't become UTF-8 any more", JSON, masked(TEXT, &[0xC0, 0x80]), 1007),
        ("half a frame in a message", BIN, masked(FIN | BINARY, &frame::header(1, 1, 10, 1)), 1002),
        ("a frame with another start", BIN, masked(FIN | BINARY, b"Q"), 1002),
        ("a lying length in a message", BIN, masked(FIN | BINARY, &frame::header(1, 1, u32::MAX, 1)), 1009),
    ];
    for (what, protocol, bytes, code) in cases {
        for token in [None, Some(user.token.as_str())] {
            let mut raw = Raw::open(server.addresses.http, "walls", protocol, token).await;
            raw.write(&bytes).await;
            assert_eq!(raw.close_code().await, Some(code), "{what}");
        }
    }
    still_serves(&server, &user).await;
}

#[tokio::test]
async fn bare_frames_that_break_the_rules() {
    let (server, user) = with_user().await;
    let with = |at: usize, byte: u8| {
        let mut header = frame::header(frame::REQUEST, 1, 2, 1);
        header[at] = byte;
        header.to_vec()
    };
    let cases: Vec<(&str, Vec<u8>, u64)> = vec![
        ("another start", with(0, 0x51), 1002),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), 1002),
        ("a later version", with(1, 2), 1002),
        ("no kind", with(2, 0), 1002),
        ("an unknown kind", with(2, 8), 1002),
        ("the server's kinds", with(2, frame::REPLY), 1002),
        ("an unknown flag", with(3, 2), 1002),
        ("4 GiB", frame::header(frame::REQUEST, 1, u32::MAX, 1).to_vec(), 1009),
        ("a byte over the limit", frame::header(frame::REQUEST, 1, 65_536 - 12 + 1, 1).to_vec(), 1009),
        ("a ping with a correlation", frame::header(frame::PING, 0, 0, 7).to_vec(), 1002),
        ("a ping with a payload", frame::header(frame::PING, 0, 1, 0).to_vec(), 1002),
    ];
    for (what, bytes, code) in cases {
        let mut link = Link::connect(server.addresses.tcp.unwrap()).await.unwrap();
        link.write(&bytes).await;
        assert_eq!(link.closed().await, Some(code), "{what}");
    }
    still_serves(&server, &user).await;
}

#[tokio::test]
async fn random_bytes_end_in_a_close() {
    let (server, user) = with_user().await;
    let mut random = StdRng::seed_from_u64(0x50);
    for round in 0..150 {
        let noise: Vec<u8> = (0..random.random_range(1..3_000)).map(|_| random.random()).collect();
        let tcp = server.addresses.tcp.unwrap();
        match round % 3 {
            0 => {
                let mut raw = Raw::connect(tcp).await;
                // Half of them begin as frames do.
                let start: &[u8] = if round % 2 == 0 { &[0x50, 1] } else { &[] };
                raw.write(&[start, &noise].concat()).await;
                raw.finish().await;
                raw.ended().await;
            }
            1 => {
                let mut raw = Raw::open(server.addresses.http, "walls", JSON, Some(&user.token)).await;
                raw.write(&noise).await;
                raw.finish().await;
                raw.ended().await;
            }
            _ => {
                // Well framed, and nonsense inside.
                let mut raw = Raw::open(server.addresses.http, "walls", BIN, Some(&user.token)).await;
                let nonsense = frame::encode_bytes(frame::REQUEST, round % 2 == 0, 1, &noise);
                raw.write(&masked(FIN | BINARY, &nonsense).repeat(3)).await;
                assert_eq!(raw.close_code().await, Some(4202), "three in a row that can't be parsed");
            }
        }
    }
    still_serves(&server, &user).await;
}

#[tokio::test]
async fn one_byte_at_a_time() {
    let (server, user) = with_user().await;
    let sign_in = json!({ "project": "walls", "token": user.token });
    let mut link = Link::connect(server.addresses.tcp.unwrap()).await.unwrap();
    for byte in frame::request(true, 1, "session.auth", &sign_in) {
        link.write(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(link.next().await.unwrap().kind, frame::REPLY);

    let mut raw = Raw::open(server.addresses.http, "walls", JSON, None).await;
    let request = json!({ "id": 1, "type": "session.auth", "data": sign_in }).to_string();
    for byte in masked(FIN | TEXT, request.as_bytes()) {
        raw.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    let (first, reply) = raw.frame().await.unwrap();
    assert_eq!(first, FIN | TEXT);
    assert_eq!(serde_json::from_slice::<Value>(&reply).unwrap()["type"], "session.auth");
}

#[tokio::test]
async fn nesting_is_bounded_in_every_encoding() {
    let (server, user) = with_user().await;
    let levels = 60_000;
    for via in Via::ALL {
        let mut client = server.connect_via(&user, via).await;
        let (deep, json) = match via {
            Via::WsBinMsgPack | Via::TcpMsgPack => ([vec![0x91; levels], vec![0xC0]].concat(), false),
            _ => (vec![b'['; levels], true),
        };
        // The connection lives on after each of two, the third in a row ends it.
        for last in [false, false, true] {
            send_payload(&mut client, via, json, &deep).await;
            client.expect_error().await.expect(400, "bad_envelope");
            if last {
                assert_eq!(client.closed().await, Some(4202), "{via:?}");
            }
        }
        let mut client = server.connect_via(&user, via).await;
        let nested =
            format!(r#"{{"id":5,"type":"status.fetch","data":{{"users":{}{}}}}}"#, "[".repeat(40), "]".repeat(40));
        if via == Via::WsJson {
            client.send_text(&nested).await;
            let error = client.expect_error().await;
            assert_eq!(error.status, 400);
        }
        client.sync().await;
    }
}

async fn send_payload(client: &mut Client, via: Via, json: bool, payload: &[u8]) {
    match via {
        Via::WsJson => client.send_text(std::str::from_utf8(payload).unwrap()).await,
        _ => client.send_bytes(&frame::encode_bytes(frame::REQUEST, json, 1, payload)).await,
    }
}
