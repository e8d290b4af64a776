//! Google's Gemini: `generateContent`, streamed.

use super::lines::Event;
use super::{Outgoing, Reading, count, document, secret_header};
use crate::assistant::provider::{Delta, ModelError, Prompt, ToolCall, Usage};
use crate::assistant::settings::BaseUrl;
use crate::model::Secret;
use crate::wire::shapes::Role;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// What to send.
///
/// # Errors
/// A key that can't stand in a header.
pub fn request(base: &BaseUrl, key: Option<&Secret>, prompt: &Prompt) -> Result<Outgoing, ModelError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        // In a header, for addresses are logged.
        headers.insert("x-goog-api-key", secret_header("", key)?);
    }
    let turns = prompt.turns.iter().skip_while(|turn| turn.role == Role::Assistant);
    let contents: Vec<Value> = turns
        .map(|turn| {
            let role = if turn.role == Role::User { "user" } else { "model" };
            json!({ "role": role, "parts": [{ "text": turn.text }] })
        })
        .collect();
    let settings = prompt.settings;
    // Penalties of nothing are left out: some of its models refuse to be told of them.
    let mut body = json!({
        "contents": contents,
        "generationConfig": {
            "temperature": settings.temperature,
            "topP": settings.top_p,
            "maxOutputTokens": settings.output_tokens,
        },
    });
    let instructions = prompt.instructions();
    if let (Value::Object(body), false) = (&mut body, instructions.is_empty()) {
        body.insert("systemInstruction".to_owned(), json!({ "parts": [{ "text": instructions }] }));
    }
    let path = format!("models/{}:streamGenerateContent?alt=sse", prompt.model);
    Ok(Outgoing { url: base.join(&path), headers, body })
}

/// What an event says. A whole answer is read as one; without server-sent events it is an array of them.
///
/// # Errors
/// What the format does not have, and errors that it tells.
pub fn read(event: &Event, reading: &mut Reading) -> Result<(), ModelError> {
    match document(event)? {
        Value::Array(all) => all.iter().try_for_each(|one| take(one, reading)),
        one => take(&one, reading),
    }
}

fn take(document: &Value, reading: &mut Reading) -> Result<(), ModelError> {
    if !document.is_object() {
        return Err(ModelError::Garbled);
    }
    if document.get("error").is_some() {
        return Err(ModelError::GaveUp);
    }
    if let Some(input_tokens) = count(document, "/usageMetadata/promptTokenCount") {
        let output = |name| count(document, name).unwrap_or(0);
        // What it thought is paid for like what it said.
        let output_tokens =
            output("/usageMetadata/candidatesTokenCount").saturating_add(output("/usageMetadata/thoughtsTokenCount"));
        reading.usage = Some(Usage { input_tokens, output_tokens });
    }
    if document.pointer("/promptFeedback/blockReason").is_some() {
        return Err(ModelError::GaveUp);
    }
    let Some(candidate) = document.pointer("/candidates/0") else {
        return if document.get("usageMetadata").is_some() { Ok(()) } else { Err(ModelError::Garbled) };
    };
    for part in candidate.pointer("/content/parts").and_then(Value::as_array).into_iter().flatten() {
        let is_thought = part.get("thought").and_then(Value::as_bool).unwrap_or(false);
        if let (Some(text), false) = (part.get("text").and_then(Value::as_str), is_thought) {
            reading.text(text);
        }
        if let Some(call) = part.get("functionCall") {
            let name = call.get("name").and_then(Value::as_str).ok_or(ModelError::Garbled)?;
            let id = call.get("id").and_then(Value::as_str).unwrap_or(name);
            let arguments = call.get("args").cloned().unwrap_or_else(|| json!({}));
            let call = ToolCall { id: id.to_owned(), name: name.to_owned(), arguments };
            reading.deltas.push_back(Delta::ToolCall(call));
        }
    }
    if candidate.get("finishReason").is_some_and(|reason| !reason.is_null()) {
        reading.complete = true;
    }
    Ok(())
}
