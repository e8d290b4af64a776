//! Ollama's own chat: a document a line.

use super::lines::Event;
use super::{Outgoing, Reading, count, document};
use crate::assistant::provider::{Delta, ModelError, Prompt, ToolCall, Usage};
use crate::assistant::settings::BaseUrl;
use crate::wire::shapes::Role;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// What to send.
///
/// # Errors
/// None; it is as the others are.
pub fn request(base: &BaseUrl, prompt: &Prompt) -> Result<Outgoing, ModelError> {
    let mut messages = vec![];
    let instructions = prompt.instructions();
    if !instructions.is_empty() {
        messages.push(json!({ "role": "system", "content": instructions }));
    }
    messages.extend(prompt.turns.iter().map(|turn| {
        let role = if turn.role == Role::User { "user" } else { "assistant" };
        json!({ "role": role, "content": turn.text })
    }));
    let settings = prompt.settings;
    let body = json!({
        "model": prompt.model,
        "messages": messages,
        "stream": true,
        "options": {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "frequency_penalty": settings.frequency_penalty,
            "presence_penalty": settings.presence_penalty,
            "num_predict": settings.output_tokens,
        },
    });
    Ok(Outgoing { url: base.join("api/chat"), headers: HeaderMap::new(), body })
}

/// What a line says; a whole answer is one.
///
/// # Errors
/// What the format does not have, and errors that it tells.
pub fn read(event: &Event, reading: &mut Reading) -> Result<(), ModelError> {
    let document = document(event)?;
    if document.get("error").is_some() {
        return Err(ModelError::GaveUp);
    }
    let message = document.get("message").ok_or(ModelError::Garbled)?;
    reading.text(message.get("content").and_then(Value::as_str).unwrap_or_default());
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let name = call.pointer("/function/name").and_then(Value::as_str).ok_or(ModelError::Garbled)?;
        let arguments = call.pointer("/function/arguments").cloned().unwrap_or_else(|| json!({}));
        let call = ToolCall { id: name.to_owned(), name: name.to_owned(), arguments };
        reading.deltas.push_back(Delta::ToolCall(call));
    }
    if document.get("done").and_then(Value::as_bool) == Some(true) {
        // A prompt that it still had in its cache is not counted: no number then.
        reading.usage = count(&document, "/eval_count")
            .zip(count(&document, "/prompt_eval_count"))
            .map(|(output_tokens, input_tokens)| Usage { input_tokens, output_tokens });
        reading.end();
    }
    Ok(())
}
