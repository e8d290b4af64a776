//! Which models there are, who offers them, and the way to one.

use super::call::{Call, Times};
use super::formats::{Format, Remote};
use super::offline::Offline;
use super::provider::{ModelError, Prompt, Provider, ProviderKind, Settings};
use super::queue::Queue;
use super::settings::{BaseUrl, ModelPrice, ModelSettings};
use crate::model::quota::Price;
use crate::model::{ProjectId, Secret};
use reqwest::redirect;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// How long a connection that nobody uses is kept for the next answer.
const IDLE: Duration = Duration::from_secs(30);
/// The model that is always there.
pub const OFFLINE: &str = "offline";

/// The models that the server knows by itself.
const KNOWN: [(&str, ProviderKind, &str); 12] = [
    ("mistral-large-latest", ProviderKind::Mistral, "Mistral Large"),
    ("mistral-small-latest", ProviderKind::Mistral, "Mistral Small"),
    ("gpt-4.1", ProviderKind::Openai, "GPT-4.1"),
    ("gpt-4.1-mini", ProviderKind::Openai, "GPT-4.1 mini"),
    ("gpt-5-mini", ProviderKind::Openai, "GPT-5 mini"),
    ("gemini-2.5-pro", ProviderKind::Gemini, "Gemini 2.5 Pro"),
    ("gemini-2.5-flash", ProviderKind::Gemini, "Gemini 2.5 Flash"),
    ("gemini-2.0-flash", ProviderKind::Gemini, "Gemini 2.0 Flash"),
    ("claude-sonnet-4-5", ProviderKind::Anthropic, "Claude Sonnet 4.5"),
    ("claude-haiku-4-5", ProviderKind::Anthropic, "Claude Haiku 4.5"),
    ("llama3.2", ProviderKind::Ollama, "Llama 3.2"),
    (OFFLINE, ProviderKind::Offline, "No model: what is found in the attachments"),
];

/// A language model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Llm {
    /// For `llm` of a chatbot.
    #[schema(example = "mistral-large-latest")]
    pub id: String,
    pub provider: ProviderKind,
    /// For people.
    #[schema(example = "Mistral Large")]
    pub name: String,
    /// It can be chosen: the server has what its provider asks for.
    pub available: bool,
}

/// Why there can be no way to providers.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for models can't be made: {0}")]
pub struct Error(#[from] reqwest::Error);

/// The models of this server: cheap to clone.
#[derive(Clone)]
pub struct Models(Arc<Inner>);

struct Inner {
    catalogue: Vec<Llm>,
    places: HashMap<String, ProviderKind>,
    providers: HashMap<ProviderKind, Arc<dyn Provider>>,
    prices: HashMap<String, Price>,
    queue: Queue,
    times: Times,
    answers: Settings,
    memory: u16,
    context_tokens: u32,
}

impl Models {
    /// The models as the settings have them. Nothing is asked of any provider.
    ///
    /// # Errors
    /// An HTTP client that can't be made.
    pub fn new(settings: &ModelSettings) -> Result<Self, Error> {
        // The client looks for the process's provider of cryptography; there is one already in the program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // No proxy of the environment and no redirect: a key goes where the settings say and nowhere else.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.llm_connect_timeout)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("palabre/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let remote = |format, base: Option<&BaseUrl>, usual: &str, key: Option<&Secret>| {
            let base = base.cloned().or_else(|| usual.parse().ok())?;
            Some(Arc::new(Remote { client: client.clone(), format, base, key: key.cloned() }) as Arc<dyn Provider>)
        };
        let mut providers: HashMap<ProviderKind, Arc<dyn Provider>> = HashMap::new();
        let keyed = [
            (
                ProviderKind::Mistral,
                Format::OpenAi,
                settings.mistral_base_url.as_ref(),
                "https://api.mistral.ai/v1",
                settings.mistral_api_key.as_ref(),
            ),
            (
                ProviderKind::Openai,
                Format::OpenAi,
                settings.openai_base_url.as_ref(),
                "https://api.openai.com/v1",
                settings.openai_api_key.as_ref(),
            ),
            (
                ProviderKind::Gemini,
                Format::Gemini,
                settings.gemini_base_url.as_ref(),
                "https://generativelanguage.googleapis.com/v1beta",
                settings.gemini_api_key.as_ref(),
            ),
            (
                ProviderKind::Anthropic,
                Format::Anthropic,
                settings.anthropic_base_url.as_ref(),
                "https://api.anthropic.com/v1",
                settings.anthropic_api_key.as_ref(),
            ),
        ];
        for (kind, format, base, usual, key) in keyed {
            // An empty variable is how compose files leave one out.
            let key = key.filter(|key| !key.expose().trim().is_empty());
            if let Some(provider) = key.and_then(|key| remote(format, base, usual, Some(key))) {
                providers.insert(kind, provider);
            }
        }
        if let Some(base) = &settings.ollama_base_url {
            providers.extend(remote(Format::Ollama, Some(base), "", None).map(|it| (ProviderKind::Ollama, it)));
        }
        providers.insert(ProviderKind::Offline, Arc::new(Offline));

        let known = KNOWN.iter().map(|(id, provider, name)| ((*id).to_owned(), *provider, (*name).to_owned()));
        let further = settings.llms.iter().map(|it| (it.model.clone(), it.provider, it.model.clone()));
        let mut catalogue: Vec<Llm> = Vec::new();
        for (id, provider, name) in known.chain(further) {
            if !catalogue.iter().any(|llm| llm.id == id) {
                let available = providers.contains_key(&provider);
                catalogue.push(Llm { id, provider, name, available });
            }
        }
        Ok(Self(Arc::new(Inner {
            places: catalogue.iter().map(|llm| (llm.id.clone(), llm.provider)).collect(),
            catalogue,
            providers,
            prices: settings.prices.iter().map(|ModelPrice { model, price }| (model.clone(), *price)).collect(),
            queue: Queue::new(settings.llm_streams.get(), settings.llm_streams_per_project.get()),
            times: Times {
                first: settings.llm_first_timeout,
                next: settings.llm_next_timeout,
                whole: settings.llm_timeout,
            },
            answers: Settings { output_tokens: settings.llm_output_tokens.get(), ..Settings::default() },
            memory: settings.llm_memory,
            context_tokens: settings.llm_context_tokens.get(),
        })))
    }

    /// All models, available or not.
    #[must_use]
    pub fn all(&self) -> &[Llm] {
        &self.0.catalogue
    }

    /// The model can be chosen.
    #[must_use]
    pub fn is_available(&self, llm: &str) -> bool {
        self.0.places.get(llm).is_some_and(|kind| self.0.providers.contains_key(kind))
    }

    /// The model that answers for a bot: its own, or `offline` where that is not available.
    #[must_use]
    pub fn in_place_of(&self, llm: &str) -> String {
        if self.is_available(llm) { llm.to_owned() } else { OFFLINE.to_owned() }
    }

    /// What a model costs, if that was configured.
    #[must_use]
    pub fn price(&self, llm: &str) -> Option<Price> {
        self.0.prices.get(llm).copied()
    }

    /// How models answer, where nothing else is said.
    #[must_use]
    pub fn answers(&self) -> Settings {
        self.0.answers
    }

    /// Messages that a model is told beside those that it has to answer.
    #[must_use]
    pub fn memory(&self) -> u16 {
        self.0.memory
    }

    /// Tokens, by estimate, of what a model is told.
    #[must_use]
    pub fn context_tokens(&self) -> u32 {
        self.0.context_tokens
    }

    /// Answers of models that are under way, and those that wait for their turn.
    #[must_use]
    pub fn streams(&self) -> (usize, usize) {
        self.0.queue.figures()
    }

    /// Asks a model, once there is a place for that: [`Prompt::model`] names it.
    ///
    /// # Errors
    /// [`ModelError::Crowded`] if too many wait already, or too long.
    pub async fn ask(&self, project: ProjectId, prompt: Prompt) -> Result<Call, ModelError> {
        let kind = self.0.places.get(&prompt.model);
        let provider = kind.and_then(|kind| self.0.providers.get(kind)).ok_or(ModelError::Refused { status: 404 })?;
        let place = self.0.queue.enter(project).await.ok_or(ModelError::Crowded)?;
        Ok(Call::new(Arc::clone(provider), prompt, self.0.times, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(set: impl FnOnce(&mut ModelSettings)) -> Models {
        let mut settings = ModelSettings::default();
        set(&mut settings);
        Models::new(&settings).unwrap()
    }

    fn available(models: &Models) -> Vec<&str> {
        models.all().iter().filter(|llm| llm.available).map(|llm| llm.id.as_str()).collect()
    }

    #[test]
    fn without_any_key_there_is_offline() {
        let models = models(|_| {});
        assert_eq!(available(&models), ["offline"]);
        assert_eq!(models.in_place_of("mistral-large-latest"), "offline");
        for kind in [ProviderKind::Mistral, ProviderKind::Openai, ProviderKind::Anthropic, ProviderKind::Ollama] {
            assert!(models.all().iter().any(|llm| llm.provider == kind));
        }
        assert!(models.all().iter().filter(|llm| llm.provider == ProviderKind::Gemini).count() >= 2);
    }

    #[test]
    fn a_key_makes_the_models_of_its_provider_available() {
        let key = |text: &str| Some(Secret::from(text.to_owned()));
        let models = models(|settings| {
            settings.mistral_api_key = key("k");
            settings.openai_api_key = key(" ");
            settings.llms = vec!["mistral/codestral".parse().unwrap(), "openai/gpt-x".parse().unwrap()];
        });
        assert_eq!(available(&models), ["mistral-large-latest", "mistral-small-latest", "offline", "codestral"]);
        assert!(!models.is_available("gpt-x"));
        assert!(!models.is_available("none"));
    }
}
