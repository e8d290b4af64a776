//! Chatbots over REST, and the models that they may have.

use super::{Stage, admin};
use crate::rest::api::Api;
use crate::support::project::TestUser;
use crate::support::server::TestServer;
use palabre::model::account::UserRole;
use palabre::store::people::{self, Changes};
use serde_json::{Value, json};
use uuid::Uuid;

async fn upload(api: &Api, user: &TestUser, name: &str, bytes: &[u8]) -> String {
    let file = api.post("/media").user(user).file(name, bytes).expect(201).await;
    file["id"].as_str().unwrap().to_owned()
}

fn bot(name: &str) -> Value {
    json!({ "name": name, "llm": "mistral-large-latest", "prompt": "Be brief." })
}

#[tokio::test]
async fn models_are_listed_with_what_can_be_chosen() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let alice = project.user("alice").await;
    let listed = Api::of(&server).get("/llms").user(&alice).expect(200).await;
    let llms = listed["llms"].as_array().unwrap().clone();
    let available: Vec<_> = llms.iter().filter(|llm| llm["available"] == true).map(|llm| llm["id"].clone()).collect();
    assert_eq!(available, ["offline"]);
    for provider in ["mistral", "openai", "gemini", "anthropic", "ollama", "offline"] {
        assert!(llms.iter().any(|llm| llm["provider"] == provider), "{provider}");
    }
    let stage = Stage::with(|settings| settings.llms = vec!["openai/our-own".parse().unwrap()]).await;
    let alice = stage.project.user("alice").await;
    let listed = Api::of(&stage.server).get("/llms").user(&alice).expect(200).await;
    let own = json!({ "id": "our-own", "provider": "openai", "name": "our-own", "available": true });
    assert!(listed["llms"].as_array().unwrap().contains(&own));
    Api::of(&stage.server).get("/llms").refused(401, "unauthorized").await;
}

#[tokio::test]
async fn a_bot_is_made_shown_changed_and_deleted() {
    let stage = Stage::new().await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    let made = api.post("/chatbots").json(bot("marvin")).user(&root).expect(201).await;
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(Uuid::parse_str(made["access_key"].as_str().unwrap()).is_ok());
    assert_eq!((&made["llm"], &made["attachments"]), (&json!("mistral-large-latest"), &json!([])));
    let path = format!("/chatbots/{id}");
    let shown = api.get(&path).user(&root).expect(200).await;
    assert!(shown.get("access_key").is_none());
    assert_eq!((&shown["name"], &shown["project"]), (&json!("marvin"), &json!(stage.project.id)));
    let change = json!({ "llm": "offline", "name": "eddie", "rotate_key": true });
    let changed = api.patch(&path).json(change).user(&root).expect(200).await;
    assert_eq!(
        (&changed["llm"], &changed["name"], &changed["prompt"]),
        (&json!("offline"), &json!("eddie"), &json!("Be brief."))
    );
    assert_ne!(changed["access_key"], made["access_key"]);
    let page = api.get("/chatbots?limit=1").user(&root).expect(200).await;
    assert_eq!((page["items"].as_array().unwrap().len(), page.get("next")), (1, None));
    api.delete(&path).user(&root).expect(204).await;
    api.get(&path).user(&root).refused(404, "not_found").await;
    api.delete(&path).user(&root).refused(404, "not_found").await;
}

#[tokio::test]
async fn bots_are_for_those_who_run_the_project() {
    let stage = Stage::new().await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    let alice = stage.project.user("alice").await;
    let made = api.post("/chatbots").json(bot("marvin")).user(&root).expect(201).await;
    let path = format!("/chatbots/{}", made["id"].as_str().unwrap());
    for call in [
        api.get("/chatbots"),
        api.get(&path),
        api.post("/chatbots").json(bot("x")),
        api.patch(&path).json(json!({})),
        api.delete(&path),
    ] {
        call.user(&alice).refused(403, "forbidden").await;
    }
    let elsewhere = stage.server.project("q").await;
    let stranger = elsewhere.user("root").await;
    let changes = Changes { role: Some(UserRole::Admin), ..Changes::default() };
    people::change(&mut elsewhere.conn().await, elsewhere.id, stranger.row.id, &changes, chrono::Utc::now())
        .await
        .unwrap();
    api.get(&path).user(&stranger).refused(404, "not_found").await;
    api.patch(&path).json(json!({ "name": "mine" })).user(&stranger).refused(404, "not_found").await;
    api.delete(&path).user(&stranger).refused(404, "not_found").await;
    api.get("/chatbots").refused(401, "unauthorized").await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let stage = Stage::with(|settings| settings.anthropic_api_key = None).await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    api.post("/chatbots").json(bot("marvin")).user(&root).expect(201).await;
    api.post("/chatbots").json(bot("marvin")).user(&root).refused(409, "name_taken").await;
    let with = |field: &str, value: Value| {
        let mut bot = bot("other");
        bot[field] = value;
        bot
    };
    for bad in [
        with("llm", json!("claude-sonnet-4-5")),
        with("llm", json!("no-such-model")),
        with("prompt", json!("  ")),
        with("prompt", json!("x".repeat(32_769))),
        with("name", json!("")),
        with("attachments", json!([{ "id": Uuid::new_v4() }])),
        with("attachments", json!([{ "id": Uuid::new_v4(), "path": "/etc/passwd" }])),
        with("surprise", json!(1)),
    ] {
        api.post("/chatbots").json(bad).user(&root).refused(400, "invalid").await;
    }
}

#[tokio::test]
async fn texts_are_found_and_told_to_the_model() {
    let stage = Stage::new().await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    let words = "Our workshop in the cellar is open on weekdays from nine to five.\n\nThe kitchen is always open.";
    let text = upload(&api, &root, "opening-hours.txt", words.as_bytes()).await;
    let picture = upload(&api, &root, "house.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").await;
    let foreign = upload(&api, &stage.project.user("eve").await, "secret.txt", b"the secret").await;
    let with = |files: Value| {
        let mut bot = bot("marvin");
        bot["attachments"] = files;
        bot
    };
    for file in [&picture, &foreign] {
        api.post("/chatbots").json(with(json!([{ "id": file }]))).user(&root).refused(400, "invalid").await;
    }
    let twice = with(json!([{ "id": text }, { "id": text }]));
    api.post("/chatbots").json(twice).user(&root).refused(400, "invalid").await;
    let comment = "Hours of all rooms";
    let made =
        api.post("/chatbots").json(with(json!([{ "id": text, "comment": comment }]))).user(&root).expect(201).await;
    let file = json!({ "id": text, "path": format!("/api/v1/media/{text}/content"), "mime": "text/plain", "comment": comment });
    assert_eq!(made["attachments"], json!([file]));
    let group = stage.project.group_of(&[&root]).await;
    stage.project.set_mode(&group, "bot", made["id"].as_str()).await;
    let mut client = stage.server.connect(&root).await;
    client.say(&group, "When does the workshop open?").await;
    client.next_push("llm.done").await;
    let system = stage.provider.asked()[0].messages()[0].1.clone();
    assert!(system.contains("[opening-hours.txt]") && system.contains(words), "{system}");
    client.say(&group, "Tell me a joke").await;
    client.next_push("llm.done").await;
    assert!(!stage.provider.asked()[1].messages()[0].1.contains("workshop"));
    // Without a model that is what is answered.
    let path = format!("/chatbots/{}", made["id"].as_str().unwrap());
    api.patch(&path).json(json!({ "llm": "offline" })).user(&root).expect(200).await;
    client.say(&group, "The workshop?").await;
    let said = client.next_push("llm.done").await["message"]["body"].as_str().unwrap().to_owned();
    assert!(said.starts_with("No language model is configured") && said.contains("from nine to five"), "{said}");
    assert_eq!(stage.provider.asked().len(), 2);
}

#[tokio::test]
async fn where_a_deleted_bot_answered_people_do() {
    let stage = Stage::new().await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    let (bot, group) = stage.bot(&[&root], "offline", "Be brief.").await;
    let mut client = stage.server.connect(&root).await;
    client.say(&group, "hello").await;
    client.next_push("llm.done").await;
    api.delete(&format!("/chatbots/{bot}")).user(&root).expect(204).await;
    client.say(&group, "still there?").await;
    let page = client.ok("message.fetch", json!({ "conversation": group })).await;
    assert_eq!(page["messages"][1]["author"]["username"], "deleted");
    assert_eq!(client.ok("group.summary", json!({})).await["conversations"][0]["mode"], "human");
}
