//! Bots: what models are told, what everybody hears of it, and what stays.

mod answers;
mod assistants;
mod bad_input;
mod bots_service;
mod chatbots;
mod failures;
mod handover;
mod nodes;
mod outages;
mod providers;
mod quotas;
mod recovery;
mod stomp;
mod stops;
mod two_nodes;
mod usage;
mod webhook;
mod webhook_chat;
mod webhook_failures;
mod webhook_pairs;

use crate::support::client::{Client, Event};
use crate::support::project::{Project, TestUser};
use crate::support::provider::Provider;
use crate::support::server::{Builder, TestServer};
use crate::support::wait::until_async;
use palabre::assistant::ModelSettings;
use palabre::model::Secret;
use palabre::model::account::UserRole;
use palabre::store::people::{self, Changes};
use serde_json::{Value, json};
use std::time::Duration;

/// A server whose models are all at a provider of the test's.
struct Stage {
    server: TestServer,
    project: Project,
    provider: Provider,
}

/// All providers at one address, each under its key.
fn at(provider: &Provider, settings: &mut ModelSettings) {
    let key = || Some(Secret::from("the-key".to_owned()));
    let base = |path: &str| Some(provider.base(path).parse().unwrap());
    (settings.mistral_api_key, settings.mistral_base_url) = (key(), base("/mistral/v1"));
    (settings.openai_api_key, settings.openai_base_url) = (key(), base("/openai/v1/"));
    (settings.gemini_api_key, settings.gemini_base_url) = (key(), base("/v1beta"));
    (settings.anthropic_api_key, settings.anthropic_base_url) = (key(), base("/v1"));
    settings.ollama_base_url = base("");
    settings.llm_first_timeout = Duration::from_secs(20);
}

/// A server whose models are all at this provider.
pub fn builder(provider: &Provider) -> Builder {
    TestServer::builder().settings(|settings| at(provider, &mut settings.models))
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(set: impl FnOnce(&mut ModelSettings)) -> Self {
        let provider = Provider::start().await;
        let server = builder(&provider).settings(|settings| set(&mut settings.models)).start().await;
        let project = server.project("p").await;
        Self { server, project, provider }
    }

    /// Another node on the same database, with the same models.
    async fn beside(&self) -> TestServer {
        builder(&self.provider).beside(&self.server).start().await
    }

    /// Nothing is left of any answer: nobody at the provider, no right to one, nothing reserved, nothing under way.
    async fn is_quiet(&self) {
        self.provider.is_left().await;
        self.project.nothing_is_under_way().await;
        let models = &self.server.chat.llm().unwrap().models;
        until_async("the end of all streams", async || (models.streams() == (0, 0)).then_some(())).await;
    }

    /// A group in which a bot of that model and prompt answers; the bot's id and the group's.
    async fn bot(&self, members: &[&TestUser], llm: &str, prompt: &str) -> (String, String) {
        let bot = self.project.chatbot_with("marvin", llm, prompt).await;
        let group = self.project.group_of(members).await;
        self.project.set_mode(&group, "bot", Some(&bot)).await;
        (bot, group)
    }
}

/// All pieces of an answer up to its end, joined; and the end.
async fn hear(client: &mut Client) -> (String, Value) {
    let mut text = String::new();
    let mut index = 0;
    loop {
        let event = client.next().await;
        let Event::Push { kind, data } = event else { continue };
        match kind.as_str() {
            "llm.chunk" => {
                assert_eq!(data["index"], json!(index), "{data}");
                index += 1;
                text.push_str(data["text"].as_str().unwrap());
            }
            "llm.done" => return (text, data),
            "llm.error" => panic!("{data}"),
            _ => {}
        }
    }
}

/// Somebody who runs the project.
async fn admin(stage: &Stage) -> TestUser {
    let user = stage.project.user("root").await;
    let changes = Changes { role: Some(UserRole::Admin), ..Changes::default() };
    let conn = &mut stage.project.conn().await;
    people::change(conn, stage.project.id, user.row.id, &changes, chrono::Utc::now()).await.unwrap();
    user
}

/// What is stored in a conversation, in order.
async fn bodies(client: &mut Client, conversation: &str) -> Vec<String> {
    let page = client.ok("message.fetch", json!({ "conversation": conversation, "limit": 200 })).await;
    page["messages"].as_array().unwrap().iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect()
}

/// What a client was told of answers from here on, up to the next answer's end or failure.
async fn until_over(client: &mut Client) -> Vec<(String, Value)> {
    let mut told = Vec::new();
    loop {
        let Event::Push { kind, data } = client.next().await else { continue };
        let is_over = matches!(kind.as_str(), "llm.done" | "llm.error");
        if kind.starts_with("llm.") {
            told.push((kind, data));
        }
        if is_over {
            return told;
        }
    }
}
