//! `docs/protocol.md` is true: its examples are a conversation that really happens, its lists are those of the code.
//!
//! A comment above an example says what it is, who sends or gets it, and which list in it has no order:
//! `<!-- push: group.update, alice; unordered: members -->`. Pushes that name nobody are only looked at.

mod conversation;

use palabre::wire::close::CloseCode;
use palabre::wire::envelope;
use palabre::wire::error::ErrorCode;
use palabre::wire::frame;
use palabre::wire::limits;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../docs/protocol.md");
/// Where the names of all requests stand, as patterns: `"message.text" => …`.
const COMMANDS: &str = include_str!("../../src/session/commands/mod.rs");
/// An example under its comment.
struct Example {
    line: usize,
    /// `request`, `reply`, `push`, `hex` or `decoded`.
    what: &'static str,
    event: &'static str,
    who: Option<&'static str>,
    unordered: Option<&'static str>,
    text: String,
}

impl Example {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("line {}: {error}", self.line))
    }
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = DOCUMENT.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(tag) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let (tag, unordered) = match tag.split_once("; unordered: ") {
            Some((tag, list)) => (tag, Some(list)),
            None => (tag, None),
        };
        let (what, rest) = tag.split_once(": ").unwrap_or((tag, ""));
        let (event, who) = match rest.split_once(", ") {
            Some((event, who)) => (event, Some(who)),
            None => (rest, None),
        };
        assert!(["request", "reply", "push", "hex", "decoded"].contains(&what), "line {number}: {tag}");
        assert!(lines.next().is_some_and(|(line, _)| line.starts_with("```")), "line {number}: no example follows");
        let text: Vec<&str> = lines.by_ref().map(|(line, _)| line).take_while(|line| *line != "```").collect();
        examples.push(Example { line: number, what, event, who, unordered, text: text.join("\n") });
    }
    examples
}

/// The names of all events that clients can send.
fn known_requests() -> BTreeSet<&'static str> {
    let arms = COMMANDS.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" => "));
    arms.map(|(name, _)| name).chain(["session.auth"]).collect()
}

#[test]
fn every_request_is_shown_and_is_one() {
    let (mut shown, mut last_id) = (BTreeSet::new(), Value::Null);
    for example in examples() {
        let line = example.line;
        match example.what {
            "request" => {
                let request =
                    envelope::parse_json(example.text.as_bytes()).unwrap_or_else(|bad| panic!("line {line}: {bad:?}"));
                assert_eq!(request.kind, example.event, "line {line}");
                assert!(known_requests().contains(example.event), "line {line}: there is no {}", example.event);
                shown.insert(example.event);
                last_id = json!(request.id);
            }
            "reply" => {
                let reply = example.json();
                assert_eq!((&reply["re"], &reply["type"]), (&last_id, &json!(example.event)), "line {line}");
            }
            "push" => {
                let push = example.json();
                assert_eq!((push.get("re"), &push["type"]), (None, &json!(example.event)), "line {line}");
            }
            _ => {}
        }
    }
    assert_eq!(shown, known_requests());
}

#[test]
fn binary_examples_say_what_stands_below_them() {
    let all = examples();
    let hex: Vec<_> = all.iter().filter(|example| example.what == "hex").collect();
    let decoded: Vec<_> = all.iter().filter(|example| example.what == "decoded").collect();
    assert_eq!((hex.len(), decoded.len()), (2, 2));
    for (hex, decoded) in hex.iter().zip(decoded) {
        // Sixteen bytes a line, then the same as text.
        let digits = hex.text.lines().flat_map(|line| line.get(..47).unwrap_or(line).split_whitespace());
        let bytes: Vec<u8> = digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();
        let mut decoder = frame::Decoder::new(limits::FRAME_BYTES);
        let frame = decoder.decode(&mut &bytes[..]).unwrap().expect("a whole frame");
        assert!(decoder.is_idle(), "line {}", hex.line);
        assert_eq!(envelope::parse_binary(&frame), envelope::parse_json(decoded.text.as_bytes()), "line {}", hex.line);
    }
}

/// The cells of the rows of the table below a heading.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCUMENT.split_once(&format!("\n## {heading}\n")).expect("the heading").1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_error_codes_are_those_of_the_catalogue() {
    use ErrorCode::{
        BadEnvelope, Conflict, Forbidden, Full, IdTaken, Internal, Invalid, ModelFailed, NameTaken, NotFound,
        QuotaExceeded, RateLimited, ReadOnly, TokenExpired, TooLarge, Unauthorized, Unavailable, UnknownType,
    };
    // Whoever adds one to the enum is told here to add it to the list, and by the list to document it.
    let known = |code| match code {
        BadEnvelope | UnknownType | Invalid | Unauthorized | TokenExpired | Forbidden | ReadOnly | NotFound
        | Conflict | IdTaken | NameTaken | Full | TooLarge | RateLimited | QuotaExceeded | Internal | ModelFailed
        | Unavailable => code,
    };
    let catalogue = [
        BadEnvelope,
        UnknownType,
        Invalid,
        Unauthorized,
        TokenExpired,
        Forbidden,
        ReadOnly,
        NotFound,
        Conflict,
        IdTaken,
        NameTaken,
        Full,
        TooLarge,
        RateLimited,
        QuotaExceeded,
        Internal,
        ModelFailed,
        Unavailable,
    ]
    .map(|code| {
        let name = serde_json::to_value(known(code)).unwrap();
        (format!("`{}`", name.as_str().unwrap()), code.status().to_string())
    });
    let documented: Vec<_> = rows("Errors").iter().map(|row| (row[0].to_owned(), row[1].to_owned())).collect();
    assert_eq!(documented, catalogue);
}

#[test]
fn the_close_codes_are_those_of_the_catalogue() {
    use CloseCode::{
        AccountGone, HeartBeat, InvalidData, Normal, Overloaded, Protocol, ProtocolError, Shutdown, Slow, TokenExpired,
        TooBig, TooManySessions, Unauthorized, Unsupported,
    };
    let known = |code| match code {
        Normal | ProtocolError | Unsupported | InvalidData | TooBig | Shutdown | Slow | Overloaded | HeartBeat
        | Unauthorized | TokenExpired | Protocol | AccountGone | TooManySessions => code,
    };
    let catalogue = [
        Normal,
        ProtocolError,
        Unsupported,
        InvalidData,
        TooBig,
        Shutdown,
        Slow,
        Overloaded,
        HeartBeat,
        Unauthorized,
        TokenExpired,
        Protocol,
        AccountGone,
        TooManySessions,
    ]
    .map(|code| known(code).number().to_string());
    let documented: Vec<_> = rows("Close codes").iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(documented, catalogue);
}

#[test]
fn the_limits_are_those_of_the_code() {
    let documented: String = rows("Limits").concat().concat();
    for limit in [
        limits::FRAME_BYTES,
        limits::SERVER_FRAME_BYTES,
        limits::BODY_CHARS,
        limits::BODY_BYTES,
        limits::GAME_PAYLOAD_BYTES,
        limits::NESTING,
        limits::MEMBERS_PER_REQUEST,
        limits::STATUSES_PER_REQUEST,
        palabre::config::Limits::DEFAULT.outstanding_frames,
    ] {
        let thousands =
            if limit < 1_000 { limit.to_string() } else { format!("{} {:03}", limit / 1_000, limit % 1_000) };
        assert!(documented.contains(&thousands), "{thousands}");
    }
}
