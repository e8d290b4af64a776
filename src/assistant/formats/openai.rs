//! OpenAI's chat completions, which Mistral and many others speak too.

use super::lines::Event;
use super::{Outgoing, Reading, count, document, secret_header};
use crate::assistant::provider::{ModelError, Prompt, Usage};
use crate::assistant::settings::BaseUrl;
use crate::model::Secret;
use crate::wire::shapes::Role;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};

/// Models of OpenAI that think first: they take no temperature, and count their tokens under another name.
const THINKING: [&str; 4] = ["gpt-5", "o1", "o3", "o4"];

/// What to send.
///
/// # Errors
/// A key that can't stand in a header.
pub fn request(base: &BaseUrl, key: Option<&Secret>, prompt: &Prompt) -> Result<Outgoing, ModelError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        headers.insert(AUTHORIZATION, secret_header("Bearer ", key)?);
    }
    let mut messages = vec![];
    let instructions = prompt.instructions();
    if !instructions.is_empty() {
        messages.push(json!({ "role": "system", "content": instructions }));
    }
    messages.extend(prompt.turns.iter().map(|turn| json!({ "role": role(turn.role), "content": turn.text })));
    let settings = prompt.settings;
    let mut body = json!({
        "model": prompt.model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let rest = if THINKING.iter().any(|family| prompt.model.starts_with(family)) {
        json!({ "max_completion_tokens": settings.output_tokens })
    } else {
        json!({
            "max_tokens": settings.output_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "frequency_penalty": settings.frequency_penalty,
            "presence_penalty": settings.presence_penalty,
        })
    };
    if let (Value::Object(body), Value::Object(rest)) = (&mut body, rest) {
        body.extend(rest);
    }
    Ok(Outgoing { url: base.join("chat/completions"), headers, body })
}

fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// What an event says; a whole answer is read as one.
///
/// # Errors
/// What the format does not have, and errors that it tells.
pub fn read(event: &Event, reading: &mut Reading) -> Result<(), ModelError> {
    if event.data == "[DONE]" {
        reading.end();
        return Ok(());
    }
    let document = document(event)?;
    if document.get("error").is_some_and(|error| !error.is_null()) {
        return Err(ModelError::GaveUp);
    }
    if let Some(input_tokens) = count(&document, "/usage/prompt_tokens") {
        let output_tokens = count(&document, "/usage/completion_tokens").unwrap_or(0);
        reading.usage = Some(Usage { input_tokens, output_tokens });
    }
    let choices = document.get("choices").and_then(Value::as_array).ok_or(ModelError::Garbled)?;
    // The last event, with the usage alone, has none.
    let Some(choice) = choices.first() else { return Ok(()) };
    let said = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
    match said.get("content") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => reading.text(text),
        // Mistral's thinking models: parts, of which the text is for people.
        Some(Value::Array(parts)) => {
            for part in parts.iter().filter(|part| part.get("type").and_then(Value::as_str) == Some("text")) {
                reading.text(part.get("text").and_then(Value::as_str).unwrap_or_default());
            }
        }
        Some(_) => return Err(ModelError::Garbled),
    }
    for (place, tool) in (0..).zip(said.get("tool_calls").and_then(Value::as_array).into_iter().flatten()) {
        let text = |pointer| tool.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let place = count(tool, "/index").unwrap_or(place);
        reading.tools.add(place, text("/id"), text("/function/name"), text("/function/arguments"))?;
    }
    if choice.get("finish_reason").is_some_and(|reason| !reason.is_null()) {
        // The usage may still follow.
        reading.complete = true;
        reading.tools.finish(&mut reading.deltas)?;
    }
    Ok(())
}
