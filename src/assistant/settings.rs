//! What an operator may set about models.

use super::provider::ProviderKind;
use crate::model::quota::Price;
use crate::model::{Secret, duration};
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

/// Providers, their keys, and how they are asked.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Models")]
pub struct ModelSettings {
    /// Key for Mistral's models
    #[arg(long, env = "MISTRAL_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub mistral_api_key: Option<Secret>,
    /// Where Mistral's API is, all up to `chat/completions` [default: https://api.mistral.ai/v1]
    #[arg(long, env = "MISTRAL_BASE_URL", value_name = "URL")]
    pub mistral_base_url: Option<BaseUrl>,
    /// Key for OpenAI's models, or for a service that speaks its format
    #[arg(long, env = "OPENAI_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub openai_api_key: Option<Secret>,
    /// Where OpenAI's API is, or one of its format, all up to `chat/completions` [default: https://api.openai.com/v1]
    #[arg(long, env = "OPENAI_BASE_URL", value_name = "URL")]
    pub openai_base_url: Option<BaseUrl>,
    /// Key for Google's Gemini models
    #[arg(long, env = "GEMINI_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub gemini_api_key: Option<Secret>,
    /// Where Gemini's API is, all up to `models/` [default: https://generativelanguage.googleapis.com/v1beta]
    #[arg(long, env = "GEMINI_BASE_URL", value_name = "URL")]
    pub gemini_base_url: Option<BaseUrl>,
    /// Key for Anthropic's models
    #[arg(long, env = "ANTHROPIC_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub anthropic_api_key: Option<Secret>,
    /// Where Anthropic's API is, all up to `messages` [default: https://api.anthropic.com/v1]
    #[arg(long, env = "ANTHROPIC_BASE_URL", value_name = "URL")]
    pub anthropic_base_url: Option<BaseUrl>,
    /// Where an Ollama answers, such as http://127.0.0.1:11434; without it its models are not available
    #[arg(long, env = "OLLAMA_BASE_URL", value_name = "URL")]
    pub ollama_base_url: Option<BaseUrl>,
    /// Further model, as PROVIDER/MODEL with mistral, openai, gemini, anthropic or ollama; may be given again, or several with
    /// commas
    #[arg(long = "llm", env = "PALABRE_LLMS", value_name = "PROVIDER/MODEL", value_delimiter = ',')]
    pub llms: Vec<FurtherModel>,
    /// What a model costs, as MODEL=INPUT/OUTPUT for a million tokens, for quotas in money; may be given again, or several with
    /// commas
    #[arg(long = "llm-price", env = "PALABRE_LLM_PRICES", value_name = "MODEL=PRICES", value_delimiter = ',')]
    pub prices: Vec<ModelPrice>,
    /// Tokens that a model may write in one answer
    #[arg(long, env = "PALABRE_LLM_OUTPUT_TOKENS", value_name = "COUNT", default_value_t = ModelSettings::OUTPUT_TOKENS)]
    pub llm_output_tokens: NonZeroU32,
    /// Messages of a conversation that a model is told, beside those that it has to answer
    #[arg(long, env = "PALABRE_LLM_MEMORY", value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub llm_memory: u16,
    /// Tokens, by estimate, of what a model is told; older messages are left out beyond that
    #[arg(long, env = "PALABRE_LLM_CONTEXT_TOKENS", value_name = "COUNT", default_value_t = ModelSettings::CONTEXT_TOKENS)]
    pub llm_context_tokens: NonZeroU32,
    /// Answers under way at once on this server; further ones wait, fairly between projects
    #[arg(long, env = "PALABRE_LLM_STREAMS", value_name = "COUNT", default_value_t = ModelSettings::STREAMS)]
    pub llm_streams: NonZeroUsize,
    /// Answers under way at once in one project
    #[arg(long, env = "PALABRE_LLM_STREAMS_PER_PROJECT", value_name = "COUNT", default_value_t = ModelSettings::STREAMS_PER_PROJECT)]
    pub llm_streams_per_project: NonZeroUsize,
    /// Time that connecting to a provider may take
    #[arg(long, env = "PALABRE_LLM_CONNECT_TIMEOUT", value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    pub llm_connect_timeout: Duration,
    /// Time that a model may take until it says something
    #[arg(long, env = "PALABRE_LLM_FIRST_TIMEOUT", value_name = "TIME", default_value = "45s", value_parser = duration::parse)]
    pub llm_first_timeout: Duration,
    /// Time that a model may fall silent in the middle
    #[arg(long, env = "PALABRE_LLM_NEXT_TIMEOUT", value_name = "TIME", default_value = "20s", value_parser = duration::parse)]
    pub llm_next_timeout: Duration,
    /// Time that a whole answer may take
    #[arg(long, env = "PALABRE_LLM_TIMEOUT", value_name = "TIME", default_value = "180s", value_parser = duration::parse)]
    pub llm_timeout: Duration,
}

impl ModelSettings {
    const OUTPUT_TOKENS: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_999);
    const CONTEXT_TOKENS: NonZeroU32 = NonZeroU32::MIN.saturating_add(7_999);
    const STREAMS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);
    const STREAMS_PER_PROJECT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            mistral_api_key: None,
            mistral_base_url: None,
            openai_api_key: None,
            openai_base_url: None,
            gemini_api_key: None,
            gemini_base_url: None,
            anthropic_api_key: None,
            anthropic_base_url: None,
            ollama_base_url: None,
            llms: Vec::new(),
            prices: Vec::new(),
            llm_output_tokens: Self::OUTPUT_TOKENS,
            llm_memory: 10,
            llm_context_tokens: Self::CONTEXT_TOKENS,
            llm_streams: Self::STREAMS,
            llm_streams_per_project: Self::STREAMS_PER_PROJECT,
            llm_connect_timeout: Duration::from_secs(5),
            llm_first_timeout: Duration::from_secs(45),
            llm_next_timeout: Duration::from_secs(20),
            llm_timeout: Duration::from_secs(180),
        }
    }
}

/// The beginning of all addresses of a provider, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The address of something below it.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
        // A password in it would be seen in logs.
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !is_plain {
            return Err("must be an http or https address without a password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must have neither ? nor #".to_owned());
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A model that is not among those that the server knows by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FurtherModel {
    pub provider: ProviderKind,
    pub model: String,
}

impl FromStr for FurtherModel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (provider, model) = text.split_once('/').ok_or("must be PROVIDER/MODEL")?;
        let provider = ProviderKind::by_name(provider)
            .filter(|kind| *kind != ProviderKind::Offline)
            .ok_or("the provider must be mistral, openai, gemini, anthropic or ollama")?;
        // It stands in the paths of some providers.
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
        if model.is_empty() || model.len() > MODEL_NAME_BYTES || !model.chars().all(known) || model.contains("..") {
            return Err("the model must have 1 to 100 letters, digits or -_.:/@".to_owned());
        }
        Ok(Self { provider, model: model.to_owned() })
    }
}

/// Bytes of a model's name: the longest known has some 60.
const MODEL_NAME_BYTES: usize = 100;

/// What a model costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPrice {
    pub model: String,
    pub price: Price,
}

impl FromStr for ModelPrice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (model, prices) = text.split_once('=').ok_or("must be MODEL=INPUT/OUTPUT")?;
        let (input, output) = prices.split_once('/').ok_or("must be MODEL=INPUT/OUTPUT")?;
        let price = Price { input: micros(input)?, output: micros(output)? };
        Ok(Self { model: model.to_owned(), price })
    }
}

/// Prices are in millionths of the currency.
const MICROS: u64 = 1_000_000;

/// A decimal number in millionths, exactly.
fn micros(text: &str) -> Result<u64, String> {
    let refused = || "a price is a number such as 2 or 0.15, of at most 6 decimals".to_owned();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 6 || !digits(whole) || !digits(decimals) {
        return Err(refused());
    }
    let whole: u64 = whole.parse().map_err(|_| refused())?;
    let decimals: u64 = format!("{decimals:0<6}").parse().map_err(|_| refused())?;
    whole.checked_mul(MICROS).and_then(|whole| whole.checked_add(decimals)).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_last_slash() {
        let url = |text: &str| text.parse::<BaseUrl>();
        assert_eq!(url("http://127.0.0.1:9999/v1/").unwrap().join("models"), "http://127.0.0.1:9999/v1/models");
        assert_eq!(url("https://api.example").unwrap().join("models"), "https://api.example/models");
        for bad in ["", "api.example", "ftp://a", "http://u:p@a", "http://a?key=1", "http://a#b", "file:///etc"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prices_are_exact() {
        let price = |text: &str| text.parse::<ModelPrice>().map(|it| (it.price.input, it.price.output));
        assert_eq!(price("m=2/6"), Ok((2_000_000, 6_000_000)));
        assert_eq!(price("m=0.15/0.000001"), Ok((150_000, 1)));
        for bad in ["m", "m=1", "m=1/", "m=-1/2", "m=1e3/2", "m=0.0000001/1", "m=99999999999999999999/1"] {
            assert!(price(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn further_models_name_their_provider() {
        let model = |text: &str| text.parse::<FurtherModel>();
        assert_eq!(model("ollama/llama3.2:3b").unwrap().model, "llama3.2:3b");
        for bad in ["llama", "meta/llama", "offline/x", "openai/", "openai/a b", "gemini/../x", "openai/a?b"] {
            assert!(model(bad).is_err(), "{bad}");
        }
    }
}
