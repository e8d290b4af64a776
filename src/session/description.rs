//! The protocol of the sockets as an AsyncAPI 3 document, made from the [catalogue](super::commands::catalogue) of events, whose types
//! are those that read and write them, from the lists of codes, and from the examples of `docs/protocol.md`.

mod channels;

use channels::{channels, operations};

use super::commands::catalogue::{Event, events};
use crate::wire::close::CloseCode;
use crate::wire::error::{ErrorCode, ErrorData};
use crate::wire::frame::Kind;
use crate::wire::schema::{self, Schemas, reference};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Where the examples are: each stands under a comment that says what it is.
const EXAMPLES: &str = include_str!("../../docs/protocol.md");
const DESCRIPTION: &str = include_str!("description.md");
/// The largest id of a request.
const MAX_ID: u32 = u32::MAX;

/// The ways that events travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// An envelope a text message of a WebSocket.
    Json,
    /// Binary frames in messages of a WebSocket.
    Binary,
    /// Binary frames one after the other.
    Tcp,
}

impl Way {
    const ALL: [Self; 3] = [Self::Json, Self::Binary, Self::Tcp];

    const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Binary => "binary",
            Self::Tcp => "tcp",
        }
    }

    /// Binary ways share their messages.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Json => "",
            Self::Binary | Self::Tcp => ".frame",
        }
    }
}

/// What an event is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Request,
    Reply,
    Push,
    Error,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Push => "push",
            Self::Error => "error",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Request => Kind::Request,
            Self::Reply => Kind::Reply,
            Self::Push => Kind::Push,
            Self::Error => Kind::Error,
        }
    }
}

/// The document, as it is served.
#[must_use]
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| describe(&events()).to_string());
    &DOCUMENT
}

fn describe(events: &[Event]) -> Value {
    let mut schemas = Schemas::new();
    let mut sent = Vec::new();
    for event in events {
        schemas.extend(event.schemas.clone());
        sent.extend(event.reply.iter().chain(&event.pushes).cloned());
    }
    let (error, of_error) = schema::of::<ErrorData>();
    schemas.extend(of_error);
    schemas.insert("Error".to_owned(), error);
    sent.push(reference("Error"));
    let names = schema::reachable(&sent, &schemas);
    schema::seal(&mut schemas, &names);
    for event in events {
        if let Some(request) = &event.request {
            schemas.insert(request_name(event.name), titled(request, event.summary));
        }
    }
    let mut messages = Map::new();
    for way in [Way::Json, Way::Binary] {
        add_messages(&mut messages, events, way);
    }
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Palabre",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "defaultContentType": "application/json",
        "servers": servers(),
        "channels": channels(events),
        "operations": operations(events),
        "components": {
            "schemas": schemas,
            "messages": messages,
            "securitySchemes": {
                "user_token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A user's token." },
            },
        },
        "x-errors": ErrorCode::ALL.map(|code| json!({ "code": code, "status": code.status() })),
        "x-close-codes": CloseCode::ALL.map(|code| json!({ "code": code.number(), "reason": code.reason() })),
    });
    examples_in_draft_07(&mut document);
    document
}

/// `message.text` → `MessageTextRequest`.
fn request_name(event: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    event.split(['.', '_']).map(word).chain(["Request".to_owned()]).collect()
}

fn titled(schema: &Value, description: &str) -> Value {
    let mut schema = schema.clone();
    if let Some(members) = schema.as_object_mut() {
        members.entry("description").or_insert_with(|| description.into());
    }
    schema
}

fn servers() -> Value {
    let server = |protocol: &str, port: &str, description: &str| {
        json!({
            "host": "{host}",
            "protocol": protocol,
            "description": description,
            "variables": { "host": { "default": format!("localhost:{port}"), "description": "Where the server listens." } },
            "security": [{ "$ref": "#/components/securitySchemes/user_token" }],
        })
    };
    json!({
        "ws": server("ws", "8080", "WebSockets."),
        "wss": server("wss", "8443", "WebSockets over TLS."),
        "tcp": server("tcp", "7070", "Plain TCP, or TLS: the first request is `session.auth`."),
    })
}

/// The messages of an event in one way: with what it is sent as, their names.
fn parts(event: &Event) -> impl Iterator<Item = (Part, Value)> + '_ {
    let pushed = match event.pushes.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(json!({ "anyOf": many })),
    };
    let request = event.request.as_ref().map(|_| reference(&request_name(event.name)));
    let parts = [(Part::Request, request), (Part::Reply, event.reply.clone()), (Part::Push, pushed)];
    parts.into_iter().filter_map(|(part, data)| Some((part, data?)))
}

fn key(event: &str, part: Part, way: Way) -> String {
    match part {
        Part::Error => format!("error{}", way.suffix()),
        _ => format!("{event}.{}{}", part.name(), way.suffix()),
    }
}

fn add_messages(messages: &mut Map<String, Value>, events: &[Event], way: Way) {
    let shown = examples();
    for event in events {
        for (part, data) in parts(event) {
            let key = key(event.name, part, way);
            messages.insert(key.clone(), message(&key, (event.name, event.summary), part, &data, way, &shown));
        }
    }
    let error = key("error", Part::Error, way);
    let summary = ("error", "A request was refused");
    messages.insert(error.clone(), message(&error, summary, Part::Error, &reference("Error"), way, &shown));
    if way == Way::Json {
        return;
    }
    let bare =
        |kind: Kind, summary: &str| json!({ "name": summary, "summary": summary, "headers": headers(kind, false) });
    messages.insert("ping.frame".to_owned(), bare(Kind::Ping, "Are you there?"));
    messages.insert("pong.frame".to_owned(), bare(Kind::Pong, "I am here"));
    let codes = CloseCode::ALL.map(CloseCode::number);
    messages.insert(
        "close.frame".to_owned(),
        json!({
            "name": "close.frame",
            "summary": "The connection ends, and why; over a WebSocket its own Close follows",
            "contentType": "application/msgpack",
            "headers": headers(Kind::Close, false),
            "payload": object(&[
                ("type", json!({ "const": "close" })),
                ("data", object(&[("code", json!({ "type": "integer", "enum": codes })), ("reason", json!({ "type": "string" }))])),
            ]),
        }),
    );
}

/// An object that has these fields and no others.
fn object(fields: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn message(
    key: &str,
    (event, summary): (&str, &str),
    part: Part,
    data: &Value,
    way: Way,
    shown: &BTreeMap<(String, String), Value>,
) -> Value {
    let id = || json!({ "type": "integer", "minimum": 1, "maximum": MAX_ID });
    let kind = ("type", json!({ "const": event }));
    let mut payload = match (way, part) {
        (Way::Json, Part::Request) => object(&[("id", id()), kind, ("data", data.clone())]),
        (Way::Json, Part::Reply | Part::Error) => object(&[("re", id()), kind, ("data", data.clone())]),
        _ => object(&[kind, ("data", data.clone())]),
    };
    if let (Way::Json, Part::Error, Some(members)) = (way, part, payload.as_object_mut()) {
        // What was no envelope has no id that could be answered.
        members.insert("required".to_owned(), json!(["type", "data"]));
    }
    let title = format!("{event} ({})", part.name());
    let mut message = json!({ "name": key, "title": title, "summary": summary, "payload": payload });
    let Some(members) = message.as_object_mut() else { return message };
    let id_in_json = match part {
        Part::Request => Some("id"),
        Part::Reply => Some("re"),
        Part::Push | Part::Error => None,
    };
    match (way, id_in_json) {
        (Way::Json, Some(id)) => {
            members.insert("correlationId".to_owned(), json!({ "location": format!("$message.payload#/{id}") }));
        }
        (Way::Json, None) => {}
        _ => {
            members.insert("contentType".to_owned(), "application/msgpack".into());
            members.insert("headers".to_owned(), headers(part.kind(), part != Part::Push));
            if id_in_json.is_some() {
                members.insert("correlationId".to_owned(), json!({ "location": "$message.header#/correlation" }));
            }
        }
    }
    let shown = shown.get(&(part.name().to_owned(), event.to_owned()));
    if let Some(example) = shown {
        members.insert("examples".to_owned(), json!([of_way(example, part, way)]));
    }
    message
}

/// The header of a binary frame, without the length of what follows.
fn headers(kind: Kind, correlates: bool) -> Value {
    let least = u32::from(correlates && !matches!(kind, Kind::Error));
    let most = if correlates { MAX_ID } else { 0 };
    object(&[
        ("kind", json!({ "const": kind as u8 })),
        (
            "json",
            json!({ "type": "boolean", "description": "The payload is JSON, else MessagePack: bit 0 of the flags." }),
        ),
        ("correlation", json!({ "type": "integer", "minimum": least, "maximum": most })),
    ])
}

/// An example of the documentation, which has them as JSON envelopes, in another way.
fn of_way(example: &Value, part: Part, way: Way) -> Value {
    if way == Way::Json {
        return json!({ "payload": example });
    }
    let member = |name: &str| example.get(name).cloned().unwrap_or_default();
    let correlation = if part == Part::Request { member("id") } else { member("re") };
    let correlation = if correlation.is_null() { json!(0) } else { correlation };
    json!({
        "headers": { "kind": part.kind() as u8, "json": true, "correlation": correlation },
        "payload": { "type": member("type"), "data": member("data") },
    })
}

/// The first example of each message in the documentation, by what it is and its event.
fn examples() -> BTreeMap<(String, String), Value> {
    let mut found: BTreeMap<(String, String), Value> = BTreeMap::new();
    let mut asked = None;
    let mut lines = EXAMPLES.lines();
    while let Some(line) = lines.next() {
        let Some(tag) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let Some((what, rest)) = tag.split_once(": ") else { continue };
        let event = rest.split([',', ';']).next().unwrap_or_default();
        let text: Vec<&str> = lines.by_ref().skip(1).take_while(|line| *line != "```").collect();
        // An error is the reply to a request of any event: to one that is no good example.
        let what = if event == "error" { "error" } else { what };
        let key = (what.to_owned(), event.to_owned());
        let Ok(example) = serde_json::from_str::<Value>(&text.concat()) else { continue };
        if what == "error" {
            asked.take().and_then(|bad| found.remove(&bad));
        }
        let is_first = !found.contains_key(&key);
        found.entry(key.clone()).or_insert(example);
        if what == "request" {
            asked = is_first.then_some(key);
        }
    }
    found
}

/// Schemas here are those of JSON Schema draft 07, which knows `examples` only.
fn examples_in_draft_07(part: &mut Value) {
    match part {
        Value::Object(members) => {
            if let Some(example) = members.remove("example") {
                members.insert("examples".to_owned(), json!([example]));
            }
            members
                .iter_mut()
                .filter(|(key, _)| *key != "examples")
                .for_each(|(_, member)| examples_in_draft_07(member));
        }
        Value::Array(items) => items.iter_mut().for_each(examples_in_draft_07),
        _ => {}
    }
}
