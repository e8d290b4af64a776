//! Each provider in its own format: what it is sent, and what is read of what it says.

use super::{Stage, hear};
use crate::support::provider::{Asked, Reply, pieces};
use serde_json::{Value, json};

/// Asks a model twice, streamed and not; the second request.
async fn ask(stage: &Stage, llm: &str) -> Asked {
    let alice = stage.project.user(&format!("user of {llm}")).await;
    let bot = stage.project.chatbot_with(llm, llm, "Be brief.").await;
    let group = stage.project.group_of(&[&alice]).await;
    stage.project.set_mode(&group, "bot", Some(&bot)).await;
    let mut alice = stage.server.connect(&alice).await;
    stage.provider.will(Reply::Say(pieces(&["Bon", "jour, ça", " va ?"]), Some((10, 5))));
    alice.say(&group, "hello").await;
    let (text, done) = hear(&mut alice).await;
    assert_eq!(text, "Bonjour, ça va ?", "{llm}");
    assert_eq!(done["usage"], json!({ "input_tokens": 10, "output_tokens": 5 }), "{llm}");
    stage.provider.will(Reply::Whole("all at once".to_owned(), Some((20, 6))));
    alice.say(&group, "and now?").await;
    let (text, done) = hear(&mut alice).await;
    assert_eq!((text.as_str(), &done["usage"]["input_tokens"]), ("all at once", &json!(20)), "{llm}");
    stage.provider.asked().pop().unwrap()
}

fn texts(turns: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    turns.as_array().unwrap().iter().map(|turn| (text(&turn["role"]), text(&turn["parts"][0]["text"]))).collect()
}

#[tokio::test]
async fn openai_and_mistral() {
    let stage = Stage::new().await;
    for (llm, path) in
        [("gpt-4.1", "/openai/v1/chat/completions"), ("mistral-large-latest", "/mistral/v1/chat/completions")]
    {
        let asked = ask(&stage, llm).await;
        assert_eq!((asked.path.as_str(), asked.header("authorization")), (path, Some("Bearer the-key")));
        assert_eq!(
            (&asked.body["model"], &asked.body["stream_options"]),
            (&json!(llm), &json!({ "include_usage": true }))
        );
    }
    // The models that think first take other settings.
    let asked = ask(&stage, "gpt-5-mini").await;
    assert_eq!(asked.body["max_completion_tokens"], 2000);
    assert!(asked.body.get("temperature").is_none() && asked.body.get("max_tokens").is_none());
}

#[tokio::test]
async fn anthropic() {
    let stage = Stage::new().await;
    let asked = ask(&stage, "claude-sonnet-4-5").await;
    assert_eq!((asked.path.as_str(), asked.header("x-api-key")), ("/v1/messages", Some("the-key")));
    assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
    assert!(asked.body["system"].as_str().unwrap().starts_with("Be brief."));
    assert_eq!((&asked.body["max_tokens"], &asked.body["temperature"]), (&json!(2000), &json!(0.7)));
    let roles: Vec<_> = asked.messages().into_iter().map(|(role, _)| role).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[tokio::test]
async fn two_versions_of_gemini() {
    let stage = Stage::new().await;
    for llm in ["gemini-2.5-flash", "gemini-2.0-flash"] {
        let asked = ask(&stage, llm).await;
        assert_eq!(asked.path, format!("/v1beta/models/{llm}:streamGenerateContent?alt=sse"));
        assert_eq!(asked.header("x-goog-api-key"), Some("the-key"));
        assert!(asked.body["systemInstruction"]["parts"][0]["text"].as_str().unwrap().starts_with("Be brief."));
        let settings = json!({ "temperature": 0.7, "topP": 1.0, "maxOutputTokens": 2000 });
        assert_eq!(asked.body["generationConfig"], settings);
        let roles: Vec<_> = texts(&asked.body["contents"]).into_iter().map(|(role, _)| role).collect();
        assert_eq!(roles, ["user", "model", "user"]);
    }
}

#[tokio::test]
async fn ollama() {
    let stage = Stage::new().await;
    let asked = ask(&stage, "llama3.2").await;
    assert_eq!((asked.path.as_str(), asked.header("authorization")), ("/api/chat", None));
    assert_eq!(
        (&asked.body["options"]["num_predict"], &asked.body["options"]["temperature"]),
        (&json!(2000), &json!(0.7))
    );
}

#[tokio::test]
async fn where_nobody_counts_four_characters_are_a_token() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], "gpt-4.1", "12345678").await;
    let mut alice = stage.server.connect(&alice).await;
    stage.provider.will(Reply::Say(pieces(&["12345"]), None));
    alice.say(&group, "hi").await;
    let (_, done) = hear(&mut alice).await;
    let told: usize = stage.provider.asked()[0].messages().iter().map(|(_, text)| text.chars().count()).sum();
    let total = done["usage"]["input_tokens"].as_u64().unwrap() + done["usage"]["output_tokens"].as_u64().unwrap();
    assert_eq!(total, u64::try_from((told + 5).div_ceil(4)).unwrap());
}
