use super::header::put;
use super::*;
use crate::wire::close::CloseCode;
use crate::wire::error::{ErrorCode, ErrorData};
use proptest::prelude::*;

const LIMIT: usize = 1024;

/// Reads messages that are cut as given, after a `CONNECT` for the version; the frames behind that, or the code of the violation.
fn read(version: Version, messages: &[&[u8]]) -> Result<Vec<Frame>, CloseCode> {
    let mut decoder = Decoder::new(LIMIT);
    decoder.feed(Bytes::from(format!("CONNECT\naccept-version:{}\nhost:x\n\n\0", version.as_str())));
    let connect = decoder.next_frame().unwrap().unwrap();
    assert_eq!(connect.header("host"), Some("x"));
    let mut frames = Vec::new();
    for message in messages {
        decoder.feed(Bytes::copy_from_slice(message));
        while let Some(frame) = decoder.next_frame().map_err(|violation| violation.code)? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

fn one(version: Version, bytes: &[u8]) -> Result<Frame, CloseCode> {
    read(version, &[bytes]).map(|frames| {
        assert_eq!(frames.len(), 1, "{frames:?}");
        frames.into_iter().next().unwrap()
    })
}

#[test]
fn versions_are_negotiated_from_the_newest() {
    assert_eq!(Version::negotiate(None), Some(Version::V10));
    assert_eq!(Version::negotiate(Some("1.0,1.1,1.2")), Some(Version::V12));
    assert_eq!(Version::negotiate(Some("1.0, 1.1")), Some(Version::V11));
    assert_eq!(Version::negotiate(Some("1.3,2.0")), None);
    assert_eq!(Version::negotiate(Some("")), None);
}

#[test]
fn a_body_ends_at_its_length_or_at_nul() {
    for version in Version::ALL {
        let frame = one(version, b"SEND\ndestination:/a\n\nhello\0\n\n").unwrap();
        assert_eq!((frame.command, &frame.body[..]), (Command::Send, &b"hello"[..]));
        let frame = one(version, b"SEND\ncontent-length:5\n\na\0b\0c\0").unwrap();
        assert_eq!(&frame.body[..], b"a\0b\0c");
    }
}

#[test]
fn a_frame_within_one_message_shares_its_bytes() {
    let message = Bytes::from_static(b"SEND\ndestination:/a\n\nhello\0");
    let mut decoder = Decoder::new(LIMIT);
    decoder.feed(message.clone());
    let frame = decoder.next_frame().unwrap().unwrap();
    assert_eq!(frame.body.as_ptr(), message[21..].as_ptr());
    assert_eq!(decoder.next_frame(), Ok(None));
    assert_eq!(decoder.held(), 0);
}

#[test]
fn escapes_are_those_of_the_version() {
    let value = |version, line: &str| {
        one(version, format!("SEND\nx:{line}\n\n\0").as_bytes()).map(|frame| frame.header("x").unwrap().to_owned())
    };
    assert_eq!(value(Version::V12, r"a\nb\cc\\d\re").as_deref(), Ok("a\nb:c\\d\re"));
    assert_eq!(value(Version::V11, r"a\nb\cc\\d").as_deref(), Ok("a\nb:c\\d"));
    assert_eq!(value(Version::V11, r"a\r"), Err(CloseCode::Protocol));
    assert_eq!(value(Version::V10, r"a\nb\q").as_deref(), Ok(r"a\nb\q"));
    for bad in [r"\q", r"\", r"\t", r"\N"] {
        assert_eq!(value(Version::V12, bad), Err(CloseCode::Protocol), "{bad}");
        assert_eq!(value(Version::V11, bad), Err(CloseCode::Protocol), "{bad}");
    }
    // Padding is of the value, but for the oldest version.
    assert_eq!(value(Version::V12, " a ").as_deref(), Ok(" a "));
    assert_eq!(value(Version::V10, " a ").as_deref(), Ok("a"));
}

#[test]
fn connect_is_not_escaped() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.feed(Bytes::from_static(b"STOMP\r\naccept-version:1.2\r\npasscode: a\\b:c \r\n\r\n\0"));
    let frame = decoder.next_frame().unwrap().unwrap();
    assert_eq!((frame.command, frame.header("passcode")), (Command::Connect, Some(" a\\b:c ")));
}

#[test]
fn lines_end_as_the_version_has_it() {
    let frame = one(Version::V12, b"SEND\r\nx:1\r\n\r\nhello\0").unwrap();
    assert_eq!((frame.header("x"), &frame.body[..]), (Some("1"), &b"hello"[..]));
    assert_eq!(one(Version::V11, b"SEND\r\nx:1\r\n\r\nhello\0"), Err(CloseCode::Protocol));
    let frame = one(Version::V11, b"SEND\nx:1\r\n\n\0").unwrap();
    assert_eq!(frame.header("x"), Some("1\r"));
    assert_eq!(read(Version::V12, &[b"\r", b"\n\n", b"\r\n"]), Ok(Vec::new()));
}

#[test]
fn of_a_header_that_is_repeated_the_first_counts() {
    let frame = one(Version::V12, b"SEND\nx:1\nx:2\ncontent-length:2\ncontent-length:1\n\nab\0").unwrap();
    assert_eq!((frame.header("x"), &frame.body[..]), (Some("1"), &b"ab"[..]));
}

#[test]
fn what_is_no_frame_is_refused() {
    for bytes in [
        &b"MESSAGE\n\n\0"[..],
        b"send\n\n\0",
        b"\0",
        b"SEND\nx\n\n\0",
        b"SEND\n:x\n\n\0",
        b"SEND\nx:1\0",
        b"SEND\nx:\xff\n\n\0",
        b"SEND\ncontent-length:-1\n\n\0",
        b"SEND\ncontent-length:\n\n\0",
        b"SEND\ncontent-length:1x\n\na\0",
        b"SEND\ncontent-length:1\n\nab\0",
        b"SEND\ncontent-length:3\n\nab\0c",
        b"SUBSCRIBE\nid:1\n\nbody\0",
        b"\rSEND\n\n\0",
    ] {
        assert_eq!(one(Version::V12, bytes), Err(CloseCode::Protocol), "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(one(Version::V10, b"NACK\n\n\0"), Err(CloseCode::Protocol));
    assert!(one(Version::V11, b"NACK\n\n\0").is_ok());
}

#[test]
fn limits_hold_before_the_bytes_are_there() {
    let many: String = (0..=HEADERS).map(|number| format!("h{number}:x\n")).collect();
    let long = format!("x:{}", "a".repeat(HEADER_BYTES));
    let lines = format!("x:{}\n", "a".repeat(HEADER_BYTES - 8)).repeat(5);
    let endless = "a".repeat(LIMIT + 1);
    for (what, bytes) in [
        ("a declared body", format!("SEND\ncontent-length:{}\n\n", LIMIT + 1)),
        ("a number beyond numbers", format!("SEND\ncontent-length:{}\n\n", "9".repeat(40))),
        ("a body without end", format!("SEND\n\n{endless}")),
        ("a header without end", format!("SEND\n{long}")),
        ("too many headers", format!("SEND\n{many}")),
        ("headers without end", format!("SEND\n{lines}")),
    ] {
        assert_eq!(read(Version::V12, &[bytes.as_bytes()]), Err(CloseCode::TooBig), "{what}");
        let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(100).collect();
        assert_eq!(read(Version::V12, &pieces), Err(CloseCode::TooBig), "{what}, in pieces");
    }
    assert_eq!(read(Version::V12, &["S".repeat(HEADER_BYTES + 1).as_bytes()]), Err(CloseCode::Protocol));
    let whole = format!("SEND\n\n{}\0", "a".repeat(LIMIT));
    assert_eq!(one(Version::V12, whole.as_bytes()).unwrap().body.len(), LIMIT);
}

#[test]
fn after_a_violation_nothing_follows() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.feed(Bytes::from_static(b"WHAT\n\n\0SEND\n\n\0"));
    assert!(decoder.next_frame().is_err());
    decoder.feed(Bytes::from_static(b"SEND\n\n\0"));
    assert_eq!(decoder.next_frame(), Ok(None));
    assert_eq!(decoder.held(), 0);
}

#[test]
fn messages_name_what_their_version_acknowledges_by() {
    let head = |version| Head {
        version,
        subscription: Some("a:b".to_owned()),
        destination: "/topic/x".into(),
        acknowledged: true,
    };
    let text = |version| String::from_utf8(message(&head(version), "c/7", b"{}")).unwrap();
    assert_eq!(
        text(Version::V12),
        "MESSAGE\nsubscription:a\\cb\nmessage-id:c/7\ndestination:/topic/x\nack:c/7/a\\cb\n\
         content-type:application/json\ncontent-length:2\n\n{}\0"
    );
    assert!(!text(Version::V11).contains("\nack:"));
    assert!(text(Version::V10).contains("subscription:a:b\n"));
}

#[test]
fn what_a_version_can_not_escape_breaks_no_line() {
    let error = ErrorData::new(ErrorCode::Invalid, "a\nb\0c");
    let text = String::from_utf8(error_of(None, &error)).unwrap();
    assert!(text.starts_with("ERROR\nmessage:a b c\nreceipt-id:r 1\nversion:1.0,1.1,1.2\n"), "{text}");
    let text = String::from_utf8(error_of(Some(Version::V12), &error)).unwrap();
    assert!(text.starts_with("ERROR\nmessage:a\\nb c\nreceipt-id:r\\n1\ncontent-type"), "{text}");
}

fn error_of(version: Option<Version>, data: &ErrorData) -> Vec<u8> {
    error(version, data, Some("r\n1"))
}

#[test]
fn connected_says_all_in_every_version() {
    for version in Version::ALL {
        let text = String::from_utf8(connected(version, "s", (1, 2), "a:b")).unwrap();
        let server = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "CONNECTED\nversion:{}\nsession:s\nserver:palabre/{server}\nheart-beat:1,2\nuser-name:a:b\n\n\0",
            version.as_str()
        );
        assert_eq!(text, expected);
    }
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!['a', 'é', ':', '\\', '\n', 'n', 'c', ' ', '€', 'r']), 0..12)
        .prop_map(|chars| chars.into_iter().collect())
}

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(vec![Version::V11, Version::V12])
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        version in version(),
        frames in prop::collection::vec(
            (prop::collection::vec((text(), text()), 0..5), prop::collection::vec(any::<u8>(), 0..200), any::<bool>()), 1..4),
        cuts in prop::collection::vec(1usize..40, 1..20),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (headers, body, told) in frames {
            let told = told || body.contains(&0);
            bytes.extend_from_slice(b"SEND\n");
            let mut wanted = Vec::new();
            if told {
                put(&mut bytes, Some(version), "content-length", &body.len().to_string());
                wanted.push(("content-length".to_owned(), body.len().to_string()));
            }
            for (number, (_, value)) in headers.into_iter().enumerate() {
                // The server writes plain names only.
                let name = format!("x{number}");
                put(&mut bytes, Some(version), &name, &value);
                wanted.push((name, value));
            }
            bytes.push(b'\n');
            bytes.extend_from_slice(&body);
            bytes.extend_from_slice(b"\0\n");
            expected.push((wanted, body));
        }
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let read = read(version, &pieces).unwrap();
        let read: Vec<_> = read.into_iter().map(|frame| (frame.headers, frame.body.to_vec())).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn any_bytes_are_frames_or_refused_and_cuts_make_no_difference(
        bytes in prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\0'), Just(b':'), Just(b'S'), Just(b'\r'), Just(b'\\'), any::<u8>()], 0..300),
        prefix in prop::sample::select(vec![&b""[..], b"SEND\n", b"SEND\ncontent-length:3\n\n", b"ACK\nid:1\n\n"]),
        cut in 1usize..30,
    ) {
        let whole = [prefix, &bytes].concat();
        let pieces: Vec<&[u8]> = whole.chunks(cut).collect();
        for version in Version::ALL {
            prop_assert_eq!(read(version, &[&whole]), read(version, &pieces));
        }
    }

    #[test]
    fn what_is_held_is_bounded(bytes in prop::collection::vec(any::<u8>(), 0..3000), cut in 1usize..600) {
        let mut decoder = Decoder::new(LIMIT);
        for piece in bytes.chunks(cut) {
            decoder.feed(Bytes::copy_from_slice(piece));
            while let Ok(Some(_)) = decoder.next_frame() {}
            prop_assert!(decoder.held() <= 4 * (LIMIT + 32 * 1024));
        }
    }
}
