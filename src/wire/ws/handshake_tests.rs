use super::*;
use actix_http::header::{HeaderName, HeaderValue};

/// The request of RFC 6455, section 1.2, with some headers replaced, and those with an empty value left out.
fn request(changes: &[(&'static str, &'static str)]) -> RequestHead {
    let mut head = RequestHead::default();
    for (name, value) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        if !changes.iter().any(|&(changed, _)| changed == name) {
            head.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    for &(name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
        head.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    head
}

fn read(changes: &[(&'static str, &'static str)]) -> Result<Offer, Refusal> {
    Offer::read(&request(changes))
}

#[test]
fn the_request_of_the_standard_is_accepted() {
    let offer = read(&[]).unwrap();
    assert_eq!(offer.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!((offer.protocols.len(), offer.bearer.as_ref(), offer.deflate), (0, None, None));
    let response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert_eq!(offer.response(None, None), response);
}

#[test]
fn the_answer_names_what_was_chosen() {
    let offer = read(&[("sec-websocket-extensions", "permessage-deflate")]).unwrap();
    let response = String::from_utf8(offer.response(Some("palabre.v1.bin"), offer.deflate).to_vec()).unwrap();
    assert!(response.contains("\r\nSec-WebSocket-Protocol: palabre.v1.bin\r\n"));
    assert!(response.contains(
        "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
    ));
    assert!(response.ends_with("\r\n\r\n"));
}

#[test]
fn only_get_over_http_1_1() {
    let mut head = request(&[]);
    head.method = Method::POST;
    let refusal = Offer::read(&head).unwrap_err();
    assert_eq!((refusal, refusal.status().as_u16()), (Refusal::Method, 405));
    assert_eq!(refusal.headers(), [("Allow", "GET")]);
    for version in [Version::HTTP_10, Version::HTTP_2] {
        let mut head = request(&[]);
        head.version = version;
        assert_eq!(Offer::read(&head), Err(Refusal::HttpVersion));
    }
}

#[test]
fn another_version_is_told_which_one_there_is() {
    for changes in [
        &[("sec-websocket-version", "8")][..],
        &[("sec-websocket-version", "")],
        &[("sec-websocket-version", "13"), ("sec-websocket-version", "8")],
    ] {
        let refusal = read(changes).unwrap_err();
        assert_eq!((refusal, refusal.status().as_u16()), (Refusal::Version, 426));
        assert!(refusal.headers().contains(&("Sec-WebSocket-Version", "13")));
    }
}

#[test]
fn connection_and_upgrade_are_lists() {
    assert!(read(&[("connection", "keep-alive, UPGRADE")]).is_ok());
    assert!(read(&[("connection", "keep-alive"), ("connection", ",upgrade")]).is_ok());
    assert!(read(&[("upgrade", "h2c, WebSocket")]).is_ok());
    for connection in ["", "keep-alive", "upgraded", "close, not upgrade"] {
        assert_eq!(read(&[("connection", connection)]), Err(Refusal::Connection));
    }
    for upgrade in ["", "websockets", "h2c"] {
        assert_eq!(read(&[("upgrade", upgrade)]), Err(Refusal::Upgrade));
    }
}

#[test]
fn the_key_is_there_once_and_has_16_bytes() {
    for key in ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSE=", "dGhl!HNhbXBsZSBub25jZQ=="] {
        assert_eq!(read(&[("sec-websocket-key", key)]), Err(Refusal::Key));
    }
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(read(&[key, key]), Err(Refusal::Key));
    assert_eq!(Refusal::Key.status().as_u16(), 400);
}

#[test]
fn a_request_with_a_body_is_refused() {
    assert_eq!(read(&[("content-length", "5")]), Err(Refusal::Body));
    assert_eq!(read(&[("transfer-encoding", "chunked")]), Err(Refusal::Body));
    assert!(read(&[("content-length", "0")]).is_ok());
}

#[test]
fn subprotocols_come_from_all_lines_in_order() {
    let protocol = "sec-websocket-protocol";
    let offer = read(&[(protocol, "v12.stomp, v11.stomp"), (protocol, "palabre.v1.json")]).unwrap();
    assert_eq!(offer.protocols, ["v12.stomp", "v11.stomp", "palabre.v1.json"]);
    for wrong in ["two words", "a, b/c", "a;b", "\"quoted\""] {
        assert_eq!(read(&[(protocol, wrong)]), Err(Refusal::Protocol));
    }
}

#[test]
fn the_token_is_split_off_and_never_shown() {
    let protocol = "sec-websocket-protocol";
    let offer = read(&[(protocol, "bearer.eyJh.eyJz.c2ln, palabre.v1.json")]).unwrap();
    assert_eq!(offer.bearer.as_deref(), Some("eyJh.eyJz.c2ln"));
    assert_eq!(offer.protocols, ["palabre.v1.json"]);
    assert!(!format!("{offer:?}").contains("eyJ"));
    assert_eq!(read(&[(protocol, "bearer.a"), (protocol, "bearer.b")]), Err(Refusal::Protocol));
}

#[test]
fn compression_is_read_from_the_extensions() {
    let extensions = "sec-websocket-extensions";
    assert!(read(&[(extensions, "permessage-deflate; client_max_window_bits")]).unwrap().deflate.is_some());
    assert!(read(&[(extensions, "other")]).unwrap().deflate.is_none());
    assert_eq!(read(&[(extensions, "no extension;")]), Err(Refusal::Extensions));
}
