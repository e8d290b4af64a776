//! The bot service: other back ends that ask a bot, each with that bot's key.

use super::{Stage, admin, at};
use crate::rest::api::{Api, Call};
use crate::rest::app;
use crate::support::project::TestUser;
use crate::support::provider::{Provider, Reply, pieces};
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use palabre::model::ConversationId;
use palabre::store::schema::{exchange_turns, messages, reservations};
use serde_json::{Value, json};
use uuid::Uuid;

/// A bot and the back end that has its key.
struct BackEnd {
    api: Api,
    chatbot: String,
    key: String,
}

impl BackEnd {
    async fn new(stage: &Stage, root: &TestUser, name: &str) -> Self {
        let api = Api::of(&stage.server);
        let bot = json!({ "name": name, "llm": "mistral-large-latest", "prompt": "Be brief. Today is {{date}}." });
        let made = api.post("/chatbots").user(root).json(bot).expect(201).await;
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Self { chatbot: text("id"), key: text("access_key"), api }
    }

    fn post(&self, path: &str, body: Value) -> Call {
        self.api.post(path).header("X-Access-Key", &self.key).json(body)
    }

    async fn create(&self) -> String {
        let made = self.post("/bots/create", json!({ "chatbot": self.chatbot })).expect(201).await;
        assert_eq!(made.as_object().unwrap().len(), 1);
        made["instance"].as_str().unwrap().to_owned()
    }

    fn infer(&self, instance: &str, text: &str) -> Call {
        self.post("/bots/infer", json!({ "instance": instance, "text": text }))
    }
}

type Row = (i64, String, String, Option<Uuid>, Option<Uuid>);

/// What is stored of an instance: number, role, text, whether it has an author or a bot.
async fn stored(stage: &Stage, instance: &str) -> Vec<(i64, String, String, bool, bool)> {
    let id: ConversationId = instance.parse().unwrap();
    let rows: Vec<Row> = messages::table
        .filter(messages::conversation_id.eq(id))
        .order(messages::seq)
        .select((messages::seq, messages::role, messages::body, messages::author_id, messages::chatbot_id))
        .load(&mut stage.project.conn().await)
        .await
        .unwrap();
    rows.into_iter().map(|(seq, role, body, by, bot)| (seq, role, body, by.is_some(), bot.is_some())).collect()
}

#[tokio::test]
async fn a_back_end_asks_and_both_sides_stay() {
    let stage = Stage::new().await;
    let back_end = BackEnd::new(&stage, &admin(&stage).await, "marvin").await;
    let instance = back_end.create().await;
    stage.provider.will(Reply::Say(pieces(&["With ", "pg_dump."]), Some((30, 8))));
    let said = back_end.infer(&instance, "How do I make a backup?").expect(200).await;
    let usage = json!({ "input_tokens": 30, "output_tokens": 8 });
    assert_eq!(said, json!({ "answer": "With pg_dump.", "usage": usage }));
    stage.provider.will_say("Daily.");
    back_end.infer(&instance, "How often?").expect(200).await;
    let told = stage.provider.asked()[1].messages();
    let today = chrono::Utc::now().format("Be brief. Today is %Y-%m-%d.").to_string();
    let told: Vec<_> = told.iter().map(|(role, text)| (role.as_str(), text.as_str())).collect();
    let expected = [
        ("system", today.as_str()),
        ("user", "How do I make a backup?"),
        ("assistant", "With pg_dump."),
        ("user", "How often?"),
    ];
    assert_eq!(told, expected);
    let body = &stage.provider.asked()[1].body;
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0.7), &json!(2000)));
    let row = |seq, role: &str, body: &str| (seq, role.to_owned(), body.to_owned(), false, role == "assistant");
    let rows = [
        row(1, "user", "How do I make a backup?"),
        row(2, "assistant", "With pg_dump."),
        row(3, "user", "How often?"),
        row(4, "assistant", "Daily."),
    ];
    assert_eq!(stored(&stage, &instance).await, rows);
}

#[tokio::test]
async fn a_key_reaches_its_own_bot_and_nothing_else() {
    let stage = Stage::new().await;
    let root = admin(&stage).await;
    let (marvin, eddie) = (BackEnd::new(&stage, &root, "marvin").await, BackEnd::new(&stage, &root, "eddie").await);
    let instance = eddie.create().await;
    // What there is and what there is not look alike.
    for chatbot in [eddie.chatbot.clone(), Uuid::new_v4().to_string()] {
        let refused = json!({ "chatbot": chatbot });
        marvin.post("/bots/create", refused.clone()).refused(404, "not_found").await;
        marvin.post("/bots/init", refused.clone()).refused(404, "not_found").await;
        let other = json!({ "chatbot": chatbot, "llm": "offline" });
        marvin.post("/bots/update/llm", other).refused(404, "not_found").await;
    }
    let asked = stage.project.group_of(&[&root]).await;
    stage.project.set_mode(&asked, "bot", Some(&marvin.chatbot)).await;
    for conversation in [&instance, &asked, &Uuid::new_v4().to_string()] {
        marvin.infer(conversation, "hello").refused(404, "not_found").await;
    }
    // Nor does it open the rest of the API.
    marvin.api.get("/chatbots").header("X-Access-Key", &marvin.key).refused(401, "unauthorized").await;
    // A key that was changed is good no longer; neither is that of a bot that is gone.
    let path = format!("/chatbots/{}", marvin.chatbot);
    marvin.api.patch(&path).user(&root).json(json!({ "rotate_key": true })).expect(200).await;
    marvin.post("/bots/create", json!({ "chatbot": marvin.chatbot })).refused(401, "unauthorized").await;
    eddie.api.delete(&format!("/chatbots/{}", eddie.chatbot)).user(&root).expect(204).await;
    eddie.infer(&instance, "hello").refused(401, "unauthorized").await;
    assert_eq!(stored(&stage, &instance).await, []);
    assert_eq!(stage.provider.asked().len(), 0);
}

#[tokio::test]
async fn a_bot_is_configured() {
    let stage = Stage::with(|settings| settings.anthropic_api_key = None).await;
    let root = admin(&stage).await;
    let marvin = BackEnd::new(&stage, &root, "marvin").await;
    let key = app(&stage.project, "back office").await;
    let words = "The workshop is open from nine to five.";
    let file = marvin.api.post("/media").key(&key).file("hours.txt", words.as_bytes()).expect(201).await["id"].clone();
    let private = marvin.api.post("/media").user(&root).file("own.txt", b"private").expect(201).await["id"].clone();
    let with = |field: &str, value: Value| json!({ "chatbot": marvin.chatbot, field: value });
    let configured = json!({
        "chatbot": marvin.chatbot,
        "llm": "gpt-4.1",
        "prompt": "Be long.",
        "attachments": [{ "id": file, "comment": "Hours" }],
    });
    let shown = marvin.post("/bots/init", configured).expect(200).await;
    assert_eq!((&shown["llm"], &shown["prompt"]), (&json!("gpt-4.1"), &json!("Be long.")));
    assert_eq!((&shown["attachments"][0]["id"], shown.get("access_key")), (&file, None));
    // What is left out stays.
    let shown = marvin.post("/bots/init", json!({ "chatbot": marvin.chatbot })).expect(200).await;
    assert_eq!((&shown["llm"], shown["attachments"].as_array().unwrap().len()), (&json!("gpt-4.1"), 1));
    for (body, field) in [
        (with("llm", json!("no-such-model")), "llm"),
        (with("llm", json!("claude-sonnet-4-5")), "llm"),
        (with("prompt", json!(" ")), "prompt"),
        (with("attachments", json!([{ "id": private }])), "attachments[0].id"),
        (with("attachments", json!([{ "id": Uuid::new_v4() }])), "attachments[0].id"),
    ] {
        marvin.post("/bots/init", body).invalid(&[field]).await;
    }
    marvin
        .post("/bots/init", with("attachments", json!([{ "id": file, "path": "/etc/passwd" }])))
        .refused(400, "invalid")
        .await;
    let instance = marvin.create().await;
    marvin.infer(&instance, "When is the workshop open?").expect(200).await;
    let asked = stage.provider.asked().pop().unwrap();
    assert_eq!((asked.path.as_str(), &asked.body["model"]), ("/openai/v1/chat/completions", &json!("gpt-4.1")));
    assert!(asked.messages()[0].1.contains(words));
    // The instance goes on with another model, and knows what was said.
    marvin.post("/bots/update/llm", with("llm", json!("no-such-model"))).invalid(&["llm"]).await;
    marvin.post("/bots/update/llm", with("llm", json!("mistral-small-latest"))).expect(200).await;
    marvin.infer(&instance, "And the kitchen?").expect(200).await;
    let asked = stage.provider.asked().pop().unwrap();
    assert_eq!(
        (asked.path.as_str(), &asked.body["model"]),
        ("/mistral/v1/chat/completions", &json!("mistral-small-latest"))
    );
    assert_eq!(asked.messages()[1].1, "When is the workshop open?");
}

#[tokio::test]
async fn a_text_may_come_with_a_question() {
    let stage = Stage::new().await;
    let root = admin(&stage).await;
    let marvin = BackEnd::new(&stage, &root, "marvin").await;
    let key = app(&stage.project, "back office").await;
    let upload = async |name: &str, bytes: &[u8]| {
        marvin.api.post("/media").key(&key).file(name, bytes).expect(201).await["id"].clone()
    };
    let (log, picture) =
        (upload("error.log", b"ERROR: timeout").await, upload("p.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").await);
    let instance = marvin.create().await;
    let ask = |file: &Value| {
        let body = json!({ "instance": instance, "text": "What is wrong?", "attachment": { "id": file } });
        marvin.post("/bots/infer", body)
    };
    ask(&log).expect(200).await;
    assert_eq!(stage.provider.asked()[0].messages()[1].1, "What is wrong?\n\n[error.log]\nERROR: timeout");
    assert_eq!(stored(&stage, &instance).await[0].2, "What is wrong?");
    let private = marvin.api.post("/media").user(&root).file("own.txt", b"private").expect(201).await["id"].clone();
    for file in [&picture, &private, &json!(Uuid::new_v4())] {
        ask(file).invalid(&["attachment.id"]).await;
    }
    let long = upload("long.log", &vec![b'x'; 1024 * 1024 + 1]).await;
    ask(&long).refused(413, "too_large").await;
    for text in [json!(""), json!("a\u{0}"), json!("x".repeat(16_385)), json!(1)] {
        marvin.post("/bots/infer", json!({ "instance": instance, "text": text })).invalid(&["text"]).await;
    }
    assert_eq!(stage.provider.asked().len(), 1);
}

#[tokio::test]
async fn a_failure_leaves_nothing_and_says_which_it_was() {
    let stage = Stage::new().await;
    let root = admin(&stage).await;
    let marvin = BackEnd::new(&stage, &root, "marvin").await;
    let instance = marvin.create().await;
    stage.provider.will(Reply::Status(401, None)).will(Reply::Half(pieces(&["half"])));
    for _ in 0..2 {
        marvin.infer(&instance, "hello").refused(502, "model_failed").await;
    }
    // What a conversation may use is set as for any other.
    let quota = format!("/conversations/{instance}/quota");
    marvin.api.put(&quota).user(&root).json(json!({ "tokens": 10 })).expect(200).await;
    marvin.infer(&instance, "hello").expect(200).await;
    marvin.infer(&instance, "hello").refused(429, "quota_exceeded").await;
    assert_eq!(stored(&stage, &instance).await.len(), 2);
    stage.project.nothing_is_under_way().await;
}

#[tokio::test]
async fn questions_at_once_stay_in_pairs_and_a_named_one_is_asked_once() {
    let stage = Stage::new().await;
    let marvin = BackEnd::new(&stage, &admin(&stage).await, "marvin").await;
    let instance = marvin.create().await;
    for _ in 0..6 {
        stage.provider.will(Reply::Repeat);
    }
    let questions: Vec<String> = (0..6).map(|number| format!("question {number}")).collect();
    let ask = async |question: &String| {
        let said = marvin.infer(&instance, question).expect(200).await;
        assert_eq!(said["answer"], format!("to {question}"));
    };
    join_all(questions.iter().map(ask)).await;
    let all = stored(&stage, &instance).await;
    assert_eq!(all.len(), 12);
    for pair in all.chunks(2) {
        assert_eq!(pair[1].2, format!("to {}", pair[0].2));
    }
    let named = || marvin.infer(&instance, "once").header("Idempotency-Key", "the-one");
    let first = named().expect(200).await;
    assert_eq!(named().expect(200).await, first);
    assert_eq!(stored(&stage, &instance).await.len(), 14);
}

#[tokio::test]
async fn a_back_end_has_a_limit_of_its_own() {
    let provider = Provider::start().await;
    let server = TestServer::builder()
        .limits(|limits| (limits.app_calls_per_second, limits.app_calls_burst) = (1, 3))
        .settings(|settings| at(&provider, &mut settings.models))
        .start()
        .await;
    let project = server.project("p").await;
    let stage = Stage { server, project, provider };
    let root = admin(&stage).await;
    let (marvin, eddie) = (BackEnd::new(&stage, &root, "marvin").await, BackEnd::new(&stage, &root, "eddie").await);
    let wrong = || marvin.post("/bots/create", json!({ "chatbot": eddie.chatbot }));
    for _ in 0..3 {
        wrong().refused(404, "not_found").await;
    }
    let refused = wrong().refused(429, "rate_limited").await;
    assert!(refused.headers.contains_key("retry-after"));
    eddie.create().await;
}

#[tokio::test]
async fn who_hangs_up_finds_the_answer_later() {
    let stage = Stage::new().await;
    let marvin = BackEnd::new(&stage, &admin(&stage).await, "marvin").await;
    let instance = marvin.create().await;
    let steps = stage.provider.will_follow();
    {
        let question = marvin.infer(&instance, "hello").send();
        tokio::pin!(question);
        let asked = until_async("the model is asked", async || (stage.provider.asked().len() == 1).then_some(()));
        tokio::select! {
            _ = &mut question => panic!("answered"),
            () = asked => {}
        }
    }
    steps.say("So.");
    steps.end();
    until_async("both are stored", async || (stored(&stage, &instance).await.len() == 2).then_some(())).await;
    let conn = &mut stage.project.conn().await;
    let rows: i64 = reservations::table.count().get_result(conn).await.unwrap();
    let turns: i64 = exchange_turns::table.count().get_result(conn).await.unwrap();
    assert_eq!((rows, turns), (0, 0));
    marvin.infer(&instance, "hello").expect(200).await;
}
