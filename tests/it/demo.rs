//! The demo data.

use crate::support::db::TestDb;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::{ConversationId, MessageId, ProjectId, UserId};
use palabre::store::messages::{NewMessage, Outcome, digest, store_batch};
use palabre::store::schema::{chatbots, conversations, members, messages, projects, usage_days, usage_months, users};
use palabre::store::{accounts, demo};
use palabre::wire::shapes::{MessageKind, Role};
use std::collections::HashSet;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_data_is_loaded_once() {
    let db = TestDb::new().await;
    let pool = db.pool();
    let now = Utc::now();
    let loading = (0..4).map(|_| {
        let pool = pool.clone();
        async move { demo::load(&mut pool.get().await.unwrap(), now).await.unwrap() }
    });
    let loaded = futures_util::future::join_all(loading).await;
    assert_eq!(loaded.iter().filter(|loaded| **loaded).count(), 1);

    let mut conn = db.connection().await;
    let people: Vec<(i64, String, String)> = users::table
        .order(users::number)
        .select((users::number, users::username, users::role))
        .load(&mut conn)
        .await
        .unwrap();
    let expected = [(1, "khora", "admin"), (2, "alice", "user"), (3, "bob", "user"), (4, "carol", "agent")];
    assert_eq!(people, expected.map(|(number, name, role)| (number, name.to_owned(), role.to_owned())));

    let (assistant, model, prompt): (Option<String>, String, String) = projects::table
        .inner_join(chatbots::table.on(projects::assistant_id.eq(chatbots::id.nullable())))
        .select((chatbots::name.nullable(), chatbots::llm, chatbots::prompt))
        .first(&mut conn)
        .await
        .unwrap();
    assert_eq!((assistant.as_deref(), model.as_str()), (Some("WIBOT"), "mistral-large-latest"));
    assert!(prompt.starts_with("Tu es WIBOT") && prompt.ends_with("Date actuelle : {{date}}"));

    let id: Uuid = "550e8400-e29b-41d4-a716-446655440000".parse().unwrap();
    let (title, kind, mode, last_seq, member_count): (Option<String>, String, String, i64, i32) = conversations::table
        .find(id)
        .select((
            conversations::title,
            conversations::kind,
            conversations::mode,
            conversations::last_seq,
            conversations::member_count,
        ))
        .first(&mut conn)
        .await
        .unwrap();
    assert_eq!(title.as_deref(), Some("Conversation de test"));
    assert_eq!((kind.as_str(), mode.as_str(), last_seq, member_count), ("assistant", "bot", 6, 1));
    let turns: Vec<(i64, String, Uuid)> = messages::table
        .order(messages::seq)
        .select((messages::seq, messages::role, messages::id))
        .load(&mut conn)
        .await
        .unwrap();
    let roles: Vec<&str> = turns.iter().map(|turn| turn.1.as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user", "assistant"]);
    assert_eq!(turns.iter().map(|turn| turn.2).collect::<HashSet<_>>().len(), 6);
    assert_eq!(members::table.count().get_result::<i64>(&mut conn).await.unwrap(), 1);
    let (newest, dates): (DateTime<Utc>, (DateTime<Utc>, DateTime<Utc>)) = conversations::table
        .inner_join(messages::table.on(messages::conversation_id.eq(conversations::id)))
        .order(messages::seq.desc())
        .select((messages::created_at, (conversations::active_at, conversations::updated_at)))
        .first(&mut conn)
        .await
        .unwrap();
    assert_eq!(dates, (newest, newest));
    let usage: (NaiveDate, i64) = usage_months::table
        .filter(usage_months::level.eq("user"))
        .select((usage_months::month, usage_months::tokens))
        .first(&mut conn)
        .await
        .unwrap();
    assert_eq!((usage.0.format("%Y-%m").to_string(), usage.1), (now.format("%Y-%m").to_string(), 12_450));
    let ledger: (i64, i64) =
        usage_days::table.select((usage_days::input_tokens, usage_days::output_tokens)).first(&mut conn).await.unwrap();
    assert_eq!(ledger.0 + ledger.1, 12_450);
    let found = accounts::project_by(&mut conn, "default").await.unwrap().unwrap();
    assert!(found.origins.is_empty());
}

#[tokio::test]
async fn a_demo_message_sent_again_is_confirmed() {
    let db = TestDb::new().await;
    let mut conn = db.connection().await;
    let now = Utc::now();
    demo::load(&mut conn, now).await.unwrap();
    let (conversation, id, project, author, body) = messages::table
        .order(messages::seq)
        .select((
            messages::conversation_id,
            messages::id,
            messages::project_id,
            messages::author_id.assume_not_null(),
            messages::body,
        ))
        .first::<(ConversationId, MessageId, ProjectId, UserId, String)>(&mut conn)
        .await
        .unwrap();
    let again = NewMessage {
        conversation,
        version: 1,
        project,
        id,
        author,
        kind: MessageKind::Text,
        role: Role::User,
        chatbot: None,
        digest: digest(MessageKind::Text, &body, None, None, &[], None),
        body,
        reply_to: None,
        tone: None,
        attachments: Vec::new(),
        game: None,
        created_at: now,
    };
    let outcomes = store_batch(&mut conn, &[again]).await.unwrap();
    assert!(matches!(&outcomes[..], [Outcome::Confirmed(message)] if message.id == id), "{outcomes:?}");
}
