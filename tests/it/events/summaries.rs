//! Summaries of one's conversations, page by page.

use super::start;
use crate::support::client::each;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::ConversationId;
use palabre::store::schema::conversations;
use serde_json::{Value, json};

#[tokio::test]
async fn conversations_come_latest_activity_first() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let mut groups = Vec::new();
    for _ in 0..3 {
        groups.push(project.group_of(&[&alice, &bob]).await);
    }
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    for group in [&groups[1], &groups[0], &groups[2], &groups[0]] {
        bob.say(group, "hello").await;
    }
    let summary = alice.ok("group.summary", json!({})).await;
    assert_eq!(each(&summary["conversations"], "id"), [&groups[0], &groups[2], &groups[1]]);
    assert_eq!(each(&summary["conversations"], "unread"), [2, 1, 1]);
    // A change of the group is activity too, reading is not.
    bob.ok("message.fetch", json!({ "conversation": groups[2] })).await;
    alice.ok("group.update", json!({ "conversation": groups[1], "title": "renamed" })).await;
    let summary = alice.ok("group.summary", json!({})).await;
    assert_eq!(each(&summary["conversations"], "id"), [&groups[1], &groups[0], &groups[2]]);
}

#[tokio::test]
async fn further_pages_are_asked_for_by_date() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let mut groups = Vec::new();
    for _ in 0..130 {
        groups.push(project.group_of(&[&alice]).await);
    }
    // Several in one millisecond, also where a page ends.
    let conn = &mut project.conn().await;
    for (number, group) in (0_i64..).zip(&groups) {
        let at =
            chrono::DateTime::from_timestamp_micros(1_700_000_000_000_000 + number / 7 * 1000 + number % 7).unwrap();
        let id: ConversationId = group.parse().unwrap();
        diesel::update(conversations::table.find(id))
            .set((conversations::updated_at.eq(at), conversations::created_at.eq(at)))
            .execute(conn)
            .await
            .unwrap();
    }
    groups.reverse();
    let mut alice = server.connect(&alice).await;
    let mut page = json!({
        "conversations": alice.opening().conversations, "more": alice.opening().more_conversations,
    });
    let mut seen: Vec<Value> = Vec::new();
    loop {
        let conversations = page["conversations"].as_array().unwrap();
        assert!(conversations.len() <= 100);
        seen.extend(each(&page["conversations"], "id").into_iter().cloned());
        if page["more"] == false {
            break;
        }
        page = alice.ok("group.summary", json!({ "before": conversations.last().unwrap()["created_at"] })).await;
    }
    assert_eq!(seen, groups);
}
