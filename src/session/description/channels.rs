//! The channels of the document, one a way of travel, and what is done on them.

use super::{Part, Way, key, parts};
use crate::session::commands::catalogue::Event;
use serde_json::{Map, Value, json};

/// The ways in, each with the messages that travel on it.
pub(super) fn channels(events: &[Event]) -> Value {
    let project = json!({ "description": "The project, by name or id." });
    let upgrade = |protocol: &str| {
        json!({ "ws": {
            "method": "GET",
            "headers": {
                "type": "object",
                "properties": {
                    "Sec-WebSocket-Protocol": {
                        "type": "string",
                        "description": format!("`{protocol}`, and from browsers the token as another one: `bearer.<token>`."),
                    },
                    "Authorization": { "type": "string", "description": "From others: `Bearer <token>`." },
                },
            },
            "bindingVersion": "0.1.0",
        } })
    };
    let web_sockets = json!([{ "$ref": "#/servers/ws" }, { "$ref": "#/servers/wss" }]);
    json!({
        "json": {
            "address": "/ws/{project}",
            "title": "WebSocket, JSON",
            "description": "Subprotocol `palabre.v1.json`: an envelope a text message.",
            "servers": web_sockets,
            "parameters": { "project": project },
            "messages": messages_of(events, Way::Json),
            "bindings": upgrade("palabre.v1.json"),
        },
        "binary": {
            "address": "/ws/{project}",
            "title": "WebSocket, binary frames",
            "description": "Subprotocol `palabre.v1.bin`: a binary message holds one or more frames.",
            "servers": web_sockets,
            "parameters": { "project": project },
            "messages": messages_of(events, Way::Binary),
            "bindings": upgrade("palabre.v1.bin"),
        },
        "tcp": {
            "address": null,
            "title": "Plain TCP",
            "description": "Frames one after the other.",
            "servers": [{ "$ref": "#/servers/tcp" }],
            "messages": messages_of(events, Way::Tcp),
        },
    })
}

/// The keys of all messages of one way.
fn keys(events: &[Event], way: Way) -> Vec<String> {
    let of_event = |event| parts(event).map(|(part, _)| key(event.name, part, way)).collect::<Vec<_>>();
    let mut keys: Vec<String> = events.iter().flat_map(of_event).collect();
    keys.push(key("error", Part::Error, way));
    if way != Way::Json {
        keys.extend(["ping", "pong", "close"].map(|name| format!("{name}.frame")));
    }
    keys
}

fn messages_of(events: &[Event], way: Way) -> Map<String, Value> {
    let keys = keys(events, way).into_iter();
    keys.map(|key| (key.clone(), json!({ "$ref": format!("#/components/messages/{key}") }))).collect()
}

/// What the server does: it receives requests and replies to them, and sends pushes.
pub(super) fn operations(events: &[Event]) -> Value {
    let mut operations = Map::new();
    for way in Way::ALL {
        let channel = json!({ "$ref": format!("#/channels/{}", way.name()) });
        let one = |key: &str| json!({ "$ref": format!("#/channels/{}/messages/{key}", way.name()) });
        let mut add = |name: &str, operation: Value| {
            operations.insert(format!("{}.{name}", way.name()), operation);
        };
        for event in events {
            for (part, _) in parts(event) {
                let messages = [one(&key(event.name, part, way))];
                let (name, summary) = (event.name, event.summary);
                match part {
                    Part::Request => {
                        let replies = [one(&key(name, Part::Reply, way)), one(&key(name, Part::Error, way))];
                        let reply = json!({ "channel": channel, "messages": replies });
                        add(
                            &format!("{name}.request"),
                            json!({ "action": "receive", "channel": channel, "summary": summary, "messages": messages, "reply": reply }),
                        );
                    }
                    Part::Push => add(
                        &format!("{name}.push"),
                        json!({ "action": "send", "channel": channel, "summary": summary, "messages": messages }),
                    ),
                    Part::Reply | Part::Error => {}
                }
            }
        }
        let summary = "Refuse what is no request";
        add(
            "error",
            json!({ "action": "send", "channel": channel, "summary": summary, "messages": [one(&key("error", Part::Error, way))] }),
        );
        if way == Way::Json {
            continue;
        }
        for (name, action, summary) in [
            ("ping", "send", "Ask whether the client is there; it may ask too"),
            ("pong", "receive", "The client is there"),
            ("close", "send", "Say why the connection ends; the client may too"),
        ] {
            let messages = [one(&format!("{name}.frame"))];
            add(name, json!({ "action": action, "channel": channel, "summary": summary, "messages": messages }));
        }
    }
    operations.into()
}
