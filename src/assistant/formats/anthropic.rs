//! Anthropic's messages.

use super::lines::Event;
use super::{Outgoing, Reading, count, document, secret_header};
use crate::assistant::provider::{ModelError, Prompt, Usage};
use crate::assistant::settings::BaseUrl;
use crate::model::Secret;
use crate::wire::shapes::Role;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// The version of the format.
const VERSION: &str = "2023-06-01";

/// What to send.
///
/// # Errors
/// A key that can't stand in a header.
pub fn request(base: &BaseUrl, key: Option<&Secret>, prompt: &Prompt) -> Result<Outgoing, ModelError> {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
    if let Some(key) = key {
        headers.insert("x-api-key", secret_header("", key)?);
    }
    // The first must be a person's.
    let turns = prompt.turns.iter().skip_while(|turn| turn.role == Role::Assistant);
    let messages: Vec<Value> = turns
        .map(|turn| {
            let role = if turn.role == Role::User { "user" } else { "assistant" };
            json!({ "role": role, "content": turn.text })
        })
        .collect();
    // Temperature alone: newer models refuse it beside top-p, which is 1 anyway.
    let mut body = json!({
        "model": prompt.model,
        "messages": messages,
        "max_tokens": prompt.settings.output_tokens,
        "temperature": prompt.settings.temperature,
        "stream": true,
    });
    let instructions = prompt.instructions();
    if let (Value::Object(body), false) = (&mut body, instructions.is_empty()) {
        body.insert("system".to_owned(), instructions.into());
    }
    Ok(Outgoing { url: base.join("messages"), headers, body })
}

/// What an event says; a whole answer is read as one.
///
/// # Errors
/// What the format does not have, and errors that it tells.
pub fn read(event: &Event, reading: &mut Reading) -> Result<(), ModelError> {
    let document = document(event)?;
    let text = |pointer| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match document.get("type").and_then(Value::as_str).ok_or(ModelError::Garbled)? {
        "message_start" => note_usage(reading, &document, "/message/usage"),
        "content_block_start" if text("/content_block/type") == "tool_use" => {
            let place = count(&document, "/index").unwrap_or(0);
            reading.tools.add(place, text("/content_block/id"), text("/content_block/name"), "")?;
        }
        "content_block_start" => reading.text(text("/content_block/text")),
        "content_block_delta" => match text("/delta/type") {
            "text_delta" => reading.text(text("/delta/text")),
            "input_json_delta" => {
                let place = count(&document, "/index").unwrap_or(0);
                reading.tools.add(place, "", "", text("/delta/partial_json"))?;
            }
            _ => {}
        },
        "message_delta" => note_usage(reading, &document, "/usage"),
        "message_stop" => {
            reading.end();
            reading.tools.finish(&mut reading.deltas)?;
        }
        "message" => {
            note_usage(reading, &document, "/usage");
            for part in document.get("content").and_then(Value::as_array).ok_or(ModelError::Garbled)? {
                reading.text(part.get("text").and_then(Value::as_str).unwrap_or_default());
            }
            reading.end();
        }
        "error" => return Err(ModelError::GaveUp),
        // Pings, ends of blocks, and what newer versions add.
        _ => {}
    }
    Ok(())
}

/// Input stands at the beginning, output is told again and again; what was read from or written to a cache is input too.
fn note_usage(reading: &mut Reading, document: &Value, at: &str) {
    let read = |name: &str| count(document, &format!("{at}/{name}"));
    let cached =
        ["cache_creation_input_tokens", "cache_read_input_tokens"].iter().filter_map(|name| read(name)).sum::<u64>();
    let before = reading.usage.unwrap_or_default();
    if read("input_tokens").is_none() && read("output_tokens").is_none() {
        return;
    }
    reading.usage = Some(Usage {
        input_tokens: read("input_tokens").map_or(before.input_tokens, |input| input.saturating_add(cached)),
        output_tokens: read("output_tokens").unwrap_or(before.output_tokens),
    });
}
