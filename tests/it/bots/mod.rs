//! Bots: what models are told, what everybody hears of it, and what stays.

mod answers;
mod assistants;
mod bots_service;
mod chatbots;
mod failures;
mod handover;
mod nodes;
mod providers;
mod quotas;
mod recovery;
mod stomp;
mod usage;
mod webhook;
mod webhook_chat;
mod webhook_failures;
mod webhook_pairs;

use crate::support::client::Client;
use crate::support::project::{Project, TestUser};
use crate::support::provider::Provider;
use crate::support::server::{Builder, TestServer};
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
        let crate::support::client::Event::Push { kind, data } = event else { continue };
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
