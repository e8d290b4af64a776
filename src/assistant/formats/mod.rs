//! The formats that providers speak, over HTTP.
//!
//! A request is one POST; its answer is a stream of events, or, from services that don't stream, one document that holds the
//! whole. Each format is a file with two functions: what to send, and what an event says.
//!
//! What comes from a provider is bounded before it is kept: a line, the whole, and what is read of an error.

pub mod anthropic;
pub mod gemini;
mod lines;
pub mod ollama;
pub mod openai;
mod tools;

use crate::assistant::provider::{Delta, Deltas, ModelError, Prompt, Provider, Usage};
use crate::assistant::settings::BaseUrl;
use crate::model::Secret;
use futures_util::stream;
use lines::{Event, Events};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::timeout;

/// How long the end of an answer is waited for that the model has ended: services send the tokens it took last.
const LAST_WORD: Duration = Duration::from_secs(2);
/// The longest pause that a provider may ask for: beyond it nobody waits anyway.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenAI's chat completions, which Mistral and many others speak too.
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
}

/// A request as its format wants it.
#[derive(Debug)]
pub struct Outgoing {
    pub url: String,
    pub headers: HeaderMap,
    pub body: Value,
}

/// What has come of an answer, and what it amounts to.
#[derive(Debug, Default)]
pub struct Reading {
    /// To be handed on.
    pub deltas: VecDeque<Delta>,
    pub usage: Option<Usage>,
    pub tools: tools::Tools,
    /// The model said that this is all. What ends without that broke off.
    pub complete: bool,
    /// Nothing follows, and nothing more is to be waited for.
    pub over: bool,
}

impl Reading {
    /// The answer is complete, and all of it has come.
    pub fn end(&mut self) {
        (self.complete, self.over) = (true, true);
    }

    /// More text.
    pub fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.deltas.push_back(Delta::Text(text.to_owned()));
        }
    }
}

/// A provider that is reached over HTTP.
pub struct Remote {
    pub client: Client,
    pub format: Format,
    pub base: BaseUrl,
    pub key: Option<Secret>,
}

impl Provider for Remote {
    fn ask(&self, prompt: &Prompt) -> Deltas {
        let outgoing = match self.format {
            Format::OpenAi => openai::request(&self.base, self.key.as_ref(), prompt),
            Format::Anthropic => anthropic::request(&self.base, self.key.as_ref(), prompt),
            Format::Gemini => gemini::request(&self.base, self.key.as_ref(), prompt),
            Format::Ollama => ollama::request(&self.base, prompt),
        };
        let begun =
            Asking { client: self.client.clone(), format: self.format, state: State::Begin(Box::new(outgoing)) };
        Box::pin(stream::try_unfold(begun, |mut asking| async move {
            let delta = asking.next().await?;
            Ok(delta.map(|delta| (delta, asking)))
        }))
    }
}

struct Asking {
    client: Client,
    format: Format,
    state: State,
}

enum State {
    Begin(Box<Result<Outgoing, ModelError>>),
    Reading(Box<(Events, Reading)>),
    Done,
}

impl Asking {
    async fn next(&mut self) -> Result<Option<Delta>, ModelError> {
        if let State::Begin(_) = self.state {
            let State::Begin(outgoing) = std::mem::replace(&mut self.state, State::Done) else { return Ok(None) };
            let events = begin(&self.client, (*outgoing)?).await?;
            self.state = State::Reading(Box::new((events, Reading::default())));
        }
        let State::Reading(both) = &mut self.state else { return Ok(None) };
        let (events, reading) = &mut **both;
        loop {
            if let Some(delta) = reading.deltas.pop_front() {
                return Ok(Some(delta));
            }
            let event = match (reading.over, reading.complete) {
                (true, _) => None,
                // A line cut in the middle, or a service that forgets to close, is no loss now.
                (false, true) => timeout(LAST_WORD, events.next()).await.ok().and_then(Result::ok).flatten(),
                (false, false) => Some(events.next().await?.ok_or(ModelError::BrokenOff)?),
            };
            let Some(event) = event else {
                let usage = reading.usage.take();
                self.state = State::Done;
                return Ok(Some(Delta::End { usage }));
            };
            let read = match self.format {
                Format::OpenAi => openai::read(&event, reading),
                Format::Anthropic => anthropic::read(&event, reading),
                Format::Gemini => gemini::read(&event, reading),
                Format::Ollama => ollama::read(&event, reading),
            };
            read?;
        }
    }
}

/// Sends a request and looks at how its answer begins.
async fn begin(client: &Client, Outgoing { url, mut headers, body }: Outgoing) -> Result<Events, ModelError> {
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/x-ndjson, application/json"));
    let sent = client.post(url).headers(headers).json(&body).send().await;
    // Its error may name the address, and with it whom one asks; neither is anybody's business.
    let response = sent.map_err(|_| ModelError::Unreachable)?;
    let status = response.status();
    if status.is_success() {
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let kind = lines::Kind::of(content_type);
        return Ok(Events::new(response, kind));
    }
    // The body of an error is not read: it may be of any length, and repeat anything.
    let retry_after = retry_after(response.headers());
    let number = status.as_u16();
    Err(if status == StatusCode::TOO_MANY_REQUESTS {
        ModelError::Busy { retry_after }
    } else if status.is_server_error() {
        ModelError::Down { status: number, retry_after }
    } else {
        ModelError::Refused { status: number }
    })
}

/// How long the provider wants to be left alone. A date in that header is not looked at: it depends on two clocks.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let pause = number("retry-after-ms")
        .map(Duration::from_millis)
        .or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))?;
    Some(pause.min(LONGEST_PAUSE))
}

/// A header that holds a key: never shown by anything.
fn secret_header(prefix: &str, key: &Secret) -> Result<HeaderValue, ModelError> {
    let value = HeaderValue::from_str(&format!("{prefix}{}", key.expose()));
    let mut value = value.map_err(|_| ModelError::Refused { status: 401 })?;
    value.set_sensitive(true);
    Ok(value)
}

/// An event's data as a document.
fn document(event: &Event) -> Result<Value, ModelError> {
    serde_json::from_str(&event.data).map_err(|_| ModelError::Garbled)
}

/// The count at a place of a document, where there is one.
fn count(document: &Value, pointer: &str) -> Option<u64> {
    document.pointer(pointer)?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_read_in_seconds_or_milliseconds() {
        let pause = |name: &'static str, text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(pause("retry-after", "3"), Some(Duration::from_secs(3)));
        assert_eq!(pause("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(pause("retry-after", "99999999999999"), Some(LONGEST_PAUSE));
        assert_eq!(pause("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(pause("retry-after", "-1"), None);
    }

    #[test]
    fn a_key_in_a_header_is_not_shown() {
        let header = secret_header("Bearer ", &Secret::from("very-secret".to_owned())).unwrap();
        assert!(!format!("{header:?}").contains("secret"));
        assert!(secret_header("", &Secret::from("a\nb".to_owned())).is_err());
    }
}
