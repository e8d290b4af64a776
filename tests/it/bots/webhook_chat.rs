//! A message to the assistant: what comes back, what the model was told, what stays; with exact bodies.

use super::webhook::{CONVERSATION, Front};
use crate::support::provider::{Provider, Reply, pieces};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::quota::{Level, month_of};
use palabre::store::schema::{exchanges, usage_months};
use serde_json::{Value, json};
use uuid::Uuid;

/// The demo's own tokens.
const USED: u64 = 12_450;

#[tokio::test]
async fn a_message_is_answered_and_counted() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    provider.will(Reply::Say(pieces(&["Salut ! ", "Ça va."]), Some((100, 45))));
    let (status, answer) = front.chat(CONVERSATION, "Salut WIBOT ! Comment ça va ?").await;
    let expected = json!({
        "success": true,
        "response": "Salut ! Ça va.",
        "tokens_used": 145,
        "tokens_remaining": 50_000 - USED - 145,
        "conversation_id": CONVERSATION,
    });
    assert_eq!((status, answer), (200, expected));
    assert_eq!(front.used().await, (USED + 145, 0));
    let said = front.said(CONVERSATION).await;
    assert_eq!(said.len(), 8);
    let pair = [("user", "Salut WIBOT ! Comment ça va ?"), ("assistant", "Salut ! Ça va.")];
    assert_eq!(said[6..], pair.map(|(role, text)| (role.to_owned(), text.to_owned())));
    let (_, listed) = front.get("/wibot/conversations").await;
    assert_eq!(listed["conversations"][0]["message_count"], 8);
    assert_eq!(listed["conversations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_model_is_told_the_instructions_and_the_last_ten_messages_in_order() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    for number in 1..=4 {
        provider.will_say(&format!("answer {number}"));
        assert_eq!(front.chat(CONVERSATION, &format!("question {number}")).await.0, 200);
    }
    let asked = &provider.asked()[3];
    assert_eq!(
        (asked.path.as_str(), asked.header("authorization")),
        ("/mistral/v1/chat/completions", Some("Bearer the-key"))
    );
    let body = &asked.body;
    assert_eq!(body["model"], "mistral-large-latest");
    assert_eq!((&body["temperature"], &body["max_tokens"], &body["top_p"]), (&json!(0.7), &json!(2000), &json!(1.0)));
    assert_eq!((&body["frequency_penalty"], &body["presence_penalty"]), (&json!(0.0), &json!(0.0)));
    let messages = asked.messages();
    let (role, system) = &messages[0];
    let today = chrono::Utc::now().format("Date actuelle : %Y-%m-%d").to_string();
    assert_eq!(role, "system");
    assert!(system.starts_with("Tu es WIBOT") && system.ends_with(&today), "{system}");
    // Of twelve that were said before, the last ten; and the question.
    let said: Vec<_> = messages[1..].iter().map(|(role, text)| (role.as_str(), text.as_str())).collect();
    assert_eq!(said.len(), 11);
    assert_eq!(said[0], ("user", "Peux-tu m'expliquer comment fonctionne PostgreSQL ?"));
    let roles: Vec<_> = said.iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, ["user", "assistant"].iter().cycle().take(11).copied().collect::<Vec<_>>());
    let last = [("assistant", "answer 2"), ("user", "question 3"), ("assistant", "answer 3"), ("user", "question 4")];
    assert_eq!(said[7..], last);
}

#[tokio::test]
async fn files_are_for_the_model_only() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    provider.will_say("Un délai.").will_say("Oui.");
    let files = json!([
        { "name": "error.log", "content": "[14:30:15] ERROR: Connection timeout" },
        { "name": "é.txt", "content": "data:text/plain;base64,w6kK" },
    ]);
    let id = Uuid::new_v4().to_string();
    let body = json!({ "conversation_id": id, "message": "Analyse ce log", "files": files });
    assert_eq!(front.post_as(&front.token, &body).await.0, 200);
    let told = provider.asked()[0].messages();
    let question = "Analyse ce log\n\n[error.log]\n[14:30:15] ERROR: Connection timeout\n\n[é.txt]\né\n";
    assert_eq!(told[1], ("user".to_owned(), question.to_owned()));
    assert_eq!(front.said(&id).await[0], ("user".to_owned(), "Analyse ce log".to_owned()));
    let kept: Vec<(i64, Value)> = exchanges::table
        .filter(exchanges::conversation_id.eq(id.parse::<Uuid>().unwrap()))
        .select((exchanges::seq, exchanges::files))
        .load(&mut front.server.db.connection().await)
        .await
        .unwrap();
    assert_eq!(kept, [(1, json!([{ "name": "error.log", "size": 36 }, { "name": "é.txt", "size": 3 }]))]);
    // The next question is told without them.
    assert_eq!(front.chat(&id, "Et alors ?").await.0, 200);
    let told = provider.asked()[1].messages();
    assert_eq!(told[1], ("user".to_owned(), "Analyse ce log".to_owned()));
}

#[tokio::test]
async fn a_conversation_is_made_by_its_first_message() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let id = Uuid::new_v4().to_string();
    let long = "é".repeat(300);
    let (status, answer) = front.chat(&id, &long).await;
    assert_eq!((status, &answer["conversation_id"]), (200, &json!(id)));
    let (_, listed) = front.get("/wibot/conversations").await;
    let first = &listed["conversations"][0];
    assert_eq!((&first["conversation_id"], &first["title"]), (&json!(id), &json!("é".repeat(255))));
    assert_eq!(first["message_count"], 2);
    // It is nobody else's.
    let alice = front.login("alice", "alice123").await;
    let refused = (403, json!({ "success": false, "error": "Vous n'avez pas accès à cette conversation" }));
    for conversation in [id.as_str(), CONVERSATION] {
        let body = json!({ "conversation_id": conversation, "message": "Et moi ?" });
        assert_eq!(front.post_as(&alice, &body).await, refused);
    }
    assert_eq!(front.said(&id).await.len(), 2);
    assert_eq!(provider.asked().len(), 1);
}

#[tokio::test]
async fn a_conversation_of_another_kind_or_project_is_refused() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let elsewhere = front.server.project("elsewhere").await;
    let eve = elsewhere.user("eve").await;
    let group = elsewhere.group_of(&[&eve]).await;
    let refused = json!({ "success": false, "error": "Vous n'avez pas accès à cette conversation" });
    assert_eq!(front.chat(&group, "Bonjour").await, (403, refused));
    // Nor is a user of another project one of this.
    let invalid = json!({ "success": false, "error": "Token invalide ou expiré", "code": "INVALID_TOKEN" });
    let body = json!({ "conversation_id": CONVERSATION, "message": "Bonjour" });
    for token in ["nonsense", eve.token.as_str()] {
        assert_eq!(front.post_as(token, &body).await, (401, invalid.clone()));
    }
    assert_eq!(provider.asked().len(), 0);
}

#[tokio::test]
async fn a_use_that_nobody_reports_is_estimated() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let id = Uuid::new_v4().to_string();
    provider.will(Reply::Say(pieces(&["Déjà vu."]), None));
    let (_, answer) = front.chat(&id, "Ça va ?").await;
    let told: usize = provider.asked()[0].messages().iter().map(|(_, text)| text.chars().count()).sum();
    let estimate = (told + "Déjà vu.".chars().count()).div_ceil(4);
    assert_eq!(answer["tokens_used"], json!(estimate));
    assert_eq!(answer["tokens_remaining"], json!(50_000 - USED - u64::try_from(estimate).unwrap()));
}

#[tokio::test]
async fn a_quota_that_is_reached_ends_it() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let khora = front.user("khora").await;
    let set = async |used: i64| {
        diesel::update(usage_months::table.find((Level::User, khora.row.id.0, month_of(chrono::Utc::now()))))
            .set(usage_months::tokens.eq(used))
            .execute(&mut front.server.db.connection().await)
            .await
            .unwrap();
    };
    // One token is left: the last answer of the month goes over.
    set(49_999).await;
    provider.will(Reply::Say(pieces(&["Oui."]), Some((100, 45))));
    let (status, answer) = front.chat(CONVERSATION, "Encore ?").await;
    assert_eq!((status, &answer["tokens_used"], &answer["tokens_remaining"]), (200, &json!(145), &json!(0)));
    let refused = json!({
        "success": false,
        "error": "Quota tokens mensuel dépassé. Limite : 50,000 tokens/mois.",
        "code": "QUOTA_EXCEEDED",
    });
    let id = Uuid::new_v4().to_string();
    for conversation in [CONVERSATION, &id] {
        assert_eq!(front.chat(conversation, "Test quota").await, (429, refused.clone()));
    }
    assert_eq!(front.used().await, (49_999 + 145, 0));
    assert_eq!(front.get(&format!("/wibot/conversations/{id}/messages")).await.0, 404);
    assert_eq!(provider.asked().len(), 1);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let bad = |error: &str| (400, json!({ "success": false, "error": error }));
    // The original's fifth example.
    let fifth = json!({
        "conversation_id": "770f9622-g4bd-63f6-c938-668877662222",
        "message": "Analyse ce log et dis-moi ce qui ne va pas",
        "files": [{ "name": "error.log", "content": "[2024-12-25 14:30:15] ERROR: Connection timeout to database" }],
    });
    assert_eq!(front.post_as(&front.token, &fifth).await, bad("conversation_id doit être un UUID"));
    let with = |message: Value| json!({ "conversation_id": CONVERSATION, "message": message });
    for (body, error) in [
        (json!({}), "conversation_id requis"),
        (with(json!("")), "Message requis"),
        (with(json!(1)), "Message requis"),
        (with(json!("a\u{0}b")), "Caractère U+0000 interdit"),
        (with(json!("x".repeat(16_385))), "Message trop long : 16384 caractères au plus"),
        (json!([]), "Requête invalide : objet JSON attendu"),
    ] {
        assert_eq!(front.post_as(&front.token, &body).await, bad(error), "{error}");
    }
    let (status, answer) = front.post_as(&front.token, &with(json!("x".repeat(1024 * 1024)))).await;
    assert_eq!((status, answer), (413, json!({ "success": false, "error": "Requête trop volumineuse" })));
    assert_eq!(provider.asked().len(), 0);
    assert_eq!(front.said(CONVERSATION).await.len(), 6);
}

#[tokio::test]
async fn without_a_key_offline_answers() {
    let front = Front::of(crate::support::server::TestServer::builder()).await;
    let (status, answer) = front.chat(CONVERSATION, "Salut WIBOT ! Comment ça va ?").await;
    assert_eq!(status, 200);
    assert!(answer["response"].as_str().unwrap().contains("Aucun modèle de langage n'est configuré"), "{answer}");
    let used = answer["tokens_used"].as_u64().unwrap();
    assert_eq!(answer["tokens_remaining"], json!(50_000 - USED - used));
}
