//! `/asyncapi.json`: a valid AsyncAPI 3 document that says what really goes over the sockets. The clients of all tests hold every event
//! against it ([`crate::support::protocol`]); here it is looked at by itself.

use crate::support::crypto::http_client;
use crate::support::protocol::description;
use crate::support::schema::check;
use crate::support::server::TestServer;
use palabre::session::commands::catalogue::events;
use palabre::wire::close::CloseCode;
use palabre::wire::error::ErrorCode;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Where the names of all requests stand, as patterns: `"message.text" => …`.
const COMMANDS: &str = include_str!("../../src/session/commands/mod.rs");

fn object<'a>(value: &'a Value, at: &str) -> &'a Map<String, Value> {
    value.pointer(at).and_then(Value::as_object).unwrap_or_else(|| panic!("{at}"))
}

/// Fails if an object lacks a field that the specification asks for, or has one that it does not know.
#[track_caller]
fn has(at: &str, value: &Value, must: &[&str], may: &[&str]) {
    let fields: BTreeSet<&str> =
        value.as_object().unwrap_or_else(|| panic!("{at}")).keys().map(String::as_str).collect();
    for field in must {
        assert!(fields.contains(field), "{at} lacks {field}");
    }
    for field in fields {
        assert!(must.contains(&field) || may.contains(&field) || field.starts_with("x-"), "{at} has {field}");
    }
}

/// The target of a reference, which must begin so.
#[track_caller]
fn target<'a>(document: &'a Value, reference: &Value, start: &str) -> &'a Value {
    has("a reference", reference, &["$ref"], &[]);
    let pointer = reference["$ref"].as_str().unwrap();
    assert!(pointer.starts_with(start), "{pointer}");
    document.pointer(pointer.trim_start_matches('#')).unwrap_or_else(|| panic!("{pointer} leads nowhere"))
}

#[test]
fn the_document_keeps_the_rules_of_asyncapi_3() {
    let document = description();
    let root = ["servers", "channels", "operations", "components", "defaultContentType", "id"];
    has("the document", document, &["asyncapi", "info"], &root);
    assert_eq!(document["asyncapi"], "3.0.0");
    has("info", &document["info"], &["title", "version"], &["description", "license", "tags"]);
    for (name, server) in object(document, "/servers") {
        has(name, server, &["host", "protocol"], &["description", "variables", "security", "title", "summary"]);
        for scheme in server["security"].as_array().unwrap() {
            target(document, scheme, "#/components/securitySchemes/");
        }
    }
    for (name, channel) in object(document, "/channels") {
        let may = ["title", "summary", "description", "servers", "parameters", "bindings"];
        has(name, channel, &["address", "messages"], &may);
        for server in channel["servers"].as_array().unwrap() {
            target(document, server, "#/servers/");
        }
        let address = channel["address"].as_str().unwrap_or_default();
        for parameter in channel["parameters"].as_object().into_iter().flat_map(Map::keys) {
            assert!(address.contains(&format!("{{{parameter}}}")), "{name}: {parameter} is not in {address}");
        }
        for message in object(channel, "/messages").values() {
            target(document, message, "#/components/messages/");
        }
    }
    for (name, operation) in object(document, "/operations") {
        let may = ["title", "summary", "description", "messages", "reply"];
        has(name, operation, &["action", "channel"], &may);
        assert!(["send", "receive"].contains(&operation["action"].as_str().unwrap()), "{name}");
        target(document, &operation["channel"], "#/channels/");
        let own = format!("{}/messages/", operation["channel"]["$ref"].as_str().unwrap());
        let replies = operation["reply"]["messages"].as_array().into_iter().flatten();
        for message in operation["messages"].as_array().unwrap().iter().chain(replies) {
            target(document, message, &own);
        }
    }
    let names: Vec<&Value> =
        object(document, "/components/messages").values().map(|message| &message["name"]).collect();
    let different: BTreeSet<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names.len(), different.len(), "every message has a name of its own");
    for (name, message) in object(document, "/components/messages") {
        let may = ["title", "summary", "headers", "payload", "correlationId", "contentType", "examples"];
        has(name, message, &["name"], &may);
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{name}");
        if let Some(correlation) = message.get("correlationId") {
            has(name, correlation, &["location"], &[]);
        }
    }
    let mut references = Vec::new();
    collect(document, &mut references);
    assert!(references.len() > 300, "{}", references.len());
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| match member {
            Value::String(reference) if key == "$ref" => references.push(reference),
            other => collect(other, references),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[test]
fn every_request_that_there_is_is_described() {
    let arms = COMMANDS.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" => "));
    let served: BTreeSet<&str> = arms.map(|(name, _)| name).chain(["session.auth"]).collect();
    let all = events();
    let described: BTreeSet<&str> =
        all.iter().filter(|event| event.request.is_some()).map(|event| event.name).collect();
    assert_eq!(described, served, "each has its line in src/session/commands/catalogue.rs");
    for event in all {
        assert_eq!(event.request.is_some(), event.reply.is_some(), "{}: what is asked is answered", event.name);
    }
}

#[test]
fn every_push_that_the_code_names_is_described() {
    let all = events();
    let mut open = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut found = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        // Tests of the encodings make up events.
        if path.ends_with("wire/outgoing/tests.rs") {
            continue;
        }
        for after in source.split("Outgoing::new(\"").skip(1).chain(source.split("Reply::event(\"").skip(1)) {
            let name = after.split('"').next().unwrap();
            assert!(all.iter().any(|event| event.name == name), "{name} in {} is not described", path.display());
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}

#[test]
fn the_examples_fit_and_nearly_every_message_has_one() {
    let document = description();
    let mut without = BTreeSet::new();
    for (name, message) in object(document, "/components/messages") {
        let Some(examples) = message["examples"].as_array() else {
            without.insert(name.as_str());
            continue;
        };
        for example in examples {
            for part in ["headers", "payload"] {
                if let Some(schema) = message.get(part) {
                    check(document, schema, &example[part])
                        .unwrap_or_else(|problem| panic!("{name} {part}: {problem}"));
                }
            }
        }
    }
    without.retain(|name| !name.ends_with(".frame"));
    // Shown in words: each is as another that is shown.
    let as_others = ["conversation.mode.reply", "message.delete.push", "message.edit.push", "message.game.push"];
    assert_eq!(without, BTreeSet::from(as_others));
}

#[test]
fn schemas_tell_right_from_wrong() {
    let document = description();
    let request = |event: &str, data: Value| {
        let message = &document["components"]["messages"][format!("{event}.request")];
        check(document, &message["payload"], &json!({ "id": 1, "type": event, "data": data })).is_ok()
    };
    let (id, conversation) = ("5c1f6a52-0d6d-4a39-9a0e-3b8f0f4f7a01", "c0ffee00-0000-4000-8000-000000000001");
    assert!(request("message.text", json!({ "to": "bob", "id": id, "body": "x" })));
    assert!(request("message.text", json!({ "conversation": conversation, "id": id, "body": "x", "tone": "/j" })));
    for bad in [
        json!({ "id": id, "body": "x" }),
        json!({ "to": "bob", "conversation": conversation, "id": id, "body": "x" }),
        json!({ "to": "bob", "id": "x", "body": "x" }),
        json!({ "to": "bob", "id": id, "body": "" }),
        json!({ "to": "bob", "id": id, "body": "x", "tone": "joke" }),
        json!({ "to": "bob", "id": id, "body": "x", "more": 1 }),
    ] {
        assert!(!request("message.text", bad.clone()), "{bad}");
    }
    assert!(request("message.game", json!({ "message": id, "action": "accept" })));
    assert!(!request("message.game", json!({ "message": id, "action": "accept", "to": "bob" })));
    assert!(!request("message.game", json!({ "message": id, "action": "win" })));
    assert!(request("message.fetch", json!({ "conversation": conversation, "before_seq": 3 })));
    assert!(!request("message.fetch", json!({ "conversation": conversation, "before_seq": 3, "after_seq": 1 })));
    let reply = &document["components"]["messages"]["message.text.reply"]["payload"];
    let example = &document["components"]["messages"]["message.text.reply"]["examples"][0]["payload"];
    for (pointer, wrong) in [("/type", json!("message.game")), ("/data/status", json!("sent")), ("/re", json!(0))] {
        let mut bad = example.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert!(check(document, reply, example).is_ok() && check(document, reply, &bad).is_err(), "{pointer}");
    }
    let mut bad = example.clone();
    bad["data"]["secret"] = json!(1);
    assert!(check(document, reply, &bad).is_err());
}

#[test]
fn the_lists_of_codes_are_whole() {
    let document = description();
    let codes = &document["components"]["schemas"]["ErrorCode"]["enum"];
    let listed: Vec<&Value> = document["x-errors"].as_array().unwrap().iter().map(|error| &error["code"]).collect();
    assert_eq!(codes.as_array().unwrap().iter().collect::<Vec<_>>(), listed);
    assert_eq!(listed.len(), ErrorCode::ALL.len());
    let close = document["x-close-codes"].as_array().unwrap();
    assert_eq!(close.len(), CloseCode::ALL.len());
}

#[tokio::test]
async fn it_is_served_to_anybody_and_may_be_kept() {
    let server = TestServer::start().await;
    for path in ["/asyncapi.json", "/api/v1/openapi.json"] {
        let url = format!("http://{}{path}", server.addresses.http);
        let get = || http_client().get(&url);
        let answer = get().send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(
            (&answer.headers()["content-type"], &answer.headers()["cache-control"]),
            (&"application/json".parse().unwrap(), &"no-cache".parse().unwrap())
        );
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        let document: Value = answer.json().await.unwrap();
        assert!(path != "/asyncapi.json" || &document == description());
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let answer = get().header("If-None-Match", &known).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.headers()["etag"].to_str().unwrap()), (304, &*tag), "{known}");
            assert!(answer.bytes().await.unwrap().is_empty());
        }
        assert_eq!(get().header("If-None-Match", "\"x\"").send().await.unwrap().status(), 200);
        let head = http_client().head(&url).send().await.unwrap();
        assert_eq!((head.status().as_u16(), head.headers()["etag"].to_str().unwrap()), (200, &*tag));
        let refused = http_client().post(&url).send().await.unwrap();
        assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    }
}
