//! What makes no sense, or is too much: a typed refusal, no model asked, and the conversation goes on.

use super::{Stage, admin, hear};
use crate::rest::api::Api;
use crate::support::provider::{Reply, pieces};
use serde_json::json;
use std::time::Duration;

const MODEL: &str = "mistral-large-latest";

#[tokio::test]
async fn a_model_that_is_not_there_any_more_is_no_riddle() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], "model-of-last-year", "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    client.say(&group, "hello").await;
    let (said, _) = hear(&mut client).await;
    assert!(said.starts_with("No language model is configured"), "{said}");
    assert!(stage.provider.asked().is_empty());
    stage.is_quiet().await;
}

#[tokio::test]
async fn files_that_are_no_text_are_refused_by_place() {
    let stage = Stage::new().await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    let upload = async |name: &str, bytes: &[u8]| {
        let file = api.post("/media").user(&root).file(name, bytes).expect(201).await;
        file["id"].as_str().unwrap().to_owned()
    };
    let good = upload("good.txt", b"what can be read").await;
    let files = [
        upload("latin.txt", b"caf\xe9 cr\xe8me").await,
        upload("nul.txt", b"a\0b").await,
        upload("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").await,
        upload("archive.zip", b"PK\x03\x04rest").await,
        upload("book.pdf", b"%PDF-1.7\n").await,
        uuid::Uuid::new_v4().to_string(),
    ];
    for file in files {
        let bot = json!({ "name": "marvin", "llm": MODEL, "prompt": "Be brief.", "attachments": [{ "id": good }, { "id": file }] });
        api.post("/chatbots").json(bot).user(&root).invalid(&["attachments[1].id"]).await;
    }
    // Nothing was made of any of them.
    let page = api.get("/chatbots").user(&root).expect(200).await;
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn the_pause_that_a_provider_wishes_is_kept() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], MODEL, "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    stage.provider.will(Reply::Status(429, Some(("Retry-After", "2".to_owned())))).will_say("at last");
    client.say(&group, "hello").await;
    assert_eq!(hear(&mut client).await.0, "at last");
    let asked = stage.provider.asked();
    let pause = asked[1].at - asked[0].at;
    assert!((Duration::from_secs(2)..Duration::from_secs(8)).contains(&pause), "{pause:?}");
    // A date, or nonsense, is no pause: the usual one is.
    stage.provider.will(Reply::Status(503, Some(("Retry-After", "tomorrow".to_owned())))).will_say("again");
    client.say(&group, "hello?").await;
    assert_eq!(hear(&mut client).await.0, "again");
    stage.is_quiet().await;
}

#[tokio::test]
async fn every_format_of_every_provider_fails_in_a_known_way() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let down = |status| Reply::Status(status, Some(("retry-after-ms", "1".to_owned())));
    for llm in ["gpt-4.1", MODEL, "claude-sonnet-4-5", "gemini-2.5-flash", "llama3.2"] {
        let bot = stage.project.chatbot_with(llm, llm, "Be brief.").await;
        let group = stage.project.group_of(&[&alice]).await;
        stage.project.set_mode(&group, "bot", Some(&bot)).await;
        let mut client = stage.server.connect(&alice).await;
        let faults = [
            ("the provider refuses the request", vec![Reply::Status(401, None)]),
            (
                "the provider refuses the request",
                vec![Reply::Status(302, Some(("Location", "http://127.0.0.1:1/".to_owned())))],
            ),
            ("the provider is asked too often", vec![down(429), down(429), down(429)]),
            ("the provider has a problem", vec![down(500), down(500), down(500)]),
            ("the answer broke off", vec![Reply::Cut(Vec::new())]),
            ("the provider's answer can't be read", vec![Reply::Bytes(b"data: <html>\n\ndata: {}\n\n".to_vec())]),
            ("the answer is too long", vec![Reply::Bytes(vec![b'x'; 10 * 1024 * 1024])]),
        ];
        let mut seq = 0;
        for (why, replies) in faults {
            for reply in replies {
                stage.provider.will(reply);
            }
            client.say(&group, "hello?").await;
            let error = client.next_push("llm.error").await;
            let expected = json!({ "conversation": group, "code": "model_failed", "message": why });
            assert_eq!(error, expected, "{llm}");
            seq += 1;
        }
        // What had come before it broke off stays.
        stage.provider.will(Reply::Half(pieces(&["half ", "of it"])));
        client.say(&group, "hello?").await;
        let message = client.next_push("llm.done").await["message"].clone();
        assert_eq!((&message["body"], &message["ended"]), (&json!("half of it"), &json!("broken_off")), "{llm}");
        assert_eq!(client.next_push("llm.error").await["message"], "the answer broke off", "{llm}");
        seq += 2;
        client.forget().await;
        stage.provider.will_say("here I am");
        client.say(&group, "and now?").await;
        let (said, done) = hear(&mut client).await;
        assert_eq!((said.as_str(), &done["message"]["seq"]), ("here I am", &json!(seq + 2)), "{llm}");
    }
    stage.is_quiet().await;
}
