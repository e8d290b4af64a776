//! The description of the sockets' protocol, and what tests see on sockets held against it.

use super::schema::check;
use palabre::session::description::document;
use serde_json::Value;
use std::sync::OnceLock;

/// The description, as it is served.
pub fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(|| serde_json::from_str(document()).unwrap())
}

/// The schema of a message's data: `message.text`, `push`.
fn data_of(event: &str, part: &str) -> Option<&'static Value> {
    let key = if part == "error" { "error".to_owned() } else { format!("{event}.{part}") };
    description()["components"]["messages"].get(key).map(|message| &message["payload"]["properties"]["data"])
}

/// Whether a request's data is as it is described.
pub fn fits(event: &str, part: &str, data: &Value) -> Result<(), String> {
    let schema = data_of(event, part).ok_or_else(|| format!("{event} is not described as {part}"))?;
    check(description(), schema, data)
}

/// Fails if the server sent what is not described.
#[track_caller]
pub fn hold(event: &str, part: &str, data: &Value) {
    if let Err(problem) = fits(event, part, data) {
        panic!("{part} of {event} is not as described: {problem}\n{data:#}");
    }
}
