//! What is told of changes to conversations: to whom, how, and when not.

use super::start;
use crate::support::client::list;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::ConversationId;
use palabre::model::permission::Permission;
use palabre::store::schema::{conversations, members};
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_is_told_where_nothing_changes() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    let same = alice.ok("group.update", json!({ "conversation": group, "add": ["bob"] })).await;
    assert_eq!((&same["id"], &same["permission"]), (&json!(group), &json!("o")));
    let same = alice.ok("conversation.mode", json!({ "conversation": group, "mode": "human" })).await;
    assert_eq!(same["mode"], "human");
    bob.expect_no("group.update").await;
    bob.expect_no("conversation.mode").await;
}

#[tokio::test]
async fn ones_own_permission_reaches_all_of_ones_sessions() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let of = [(&alice, Permission::Own), (&bob, Permission::Own), (&carol, Permission::Write)];
    let group = project.group(&of).await;
    let [mut desk, mut phone, mut carol] = server.connect_all([&alice, &alice, &carol]).await;
    let change = json!({ "conversation": group, "permissions": { "alice": "w" } });
    assert_eq!(desk.ok("group.update", change).await["permission"], "w");
    let told = phone.next_push("group.update").await;
    assert_eq!((&told["permission"], &told["unread"]), (&json!("w"), &json!(0)));
    phone.expect_no("group.update").await;
    desk.expect_no("group.update").await;
    let told = carol.next_push("group.update").await;
    assert_eq!(told.get("permission"), None, "{told}");
}

#[tokio::test]
async fn those_who_are_added_hear_what_it_is_to_them_at_once() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice]).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    alice.say(&group, "before").await;
    let change = json!({ "conversation": group, "add": ["bob", "carol"], "permissions": { "carol": "r" } });
    alice.ok("group.update", change).await;
    for (client, permission) in [(&mut bob, "w"), (&mut carol, "r")] {
        let told = client.next_push("group.update").await;
        let own = ["permission", "read_seq", "unread"].map(|field| told[field].clone());
        assert_eq!(own, [json!(permission), json!(1), json!(0)]);
        client.expect_no("group.update").await;
    }
}

/// How far each member has read, as a pushed conversation has it.
fn read(told: &Value) -> Vec<(String, i64)> {
    let member =
        |member: Value| (member["user"]["username"].as_str().unwrap().to_owned(), member["read_seq"].as_i64().unwrap());
    let mut read: Vec<_> = list(told["members"].clone()).into_iter().map(member).collect();
    read.sort();
    read
}

#[tokio::test]
async fn what_all_are_told_of_a_group_holds_no_receipts_across_blocks() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    let seq = alice.say(&group, "hello").await["seq"].clone();
    for client in [&mut alice, &mut bob, &mut carol] {
        client.ok("message.read", json!({ "conversation": group, "seq": seq })).await;
    }
    bob.ok("contact.update", json!({ "user": "carol", "action": "block" })).await;
    let expected = [("alice", 1), ("bob", 0), ("carol", 0)].map(|(name, seq)| (name.to_owned(), seq));
    alice.ok("group.update", json!({ "conversation": group, "title": "changed" })).await;
    assert_eq!(read(&bob.next_push("group.update").await), expected);
    assert_eq!(read(&carol.next_push("group.update").await), expected);
    let chatbot = project.chatbot("helper").await;
    alice.ok("conversation.mode", json!({ "conversation": group, "mode": "bot", "chatbot": chatbot })).await;
    assert_eq!(read(&carol.next_push("conversation.mode").await), expected);
}

#[tokio::test]
async fn members_who_changed_behind_the_rooms_back_hear_or_hear_no_more() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let id: ConversationId = group.parse().unwrap();
    let (gone, new) = (bob.row.id, carol.row.id);
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    alice.say(&group, "first").await;
    bob.next_push("message.text").await;

    // As another node does.
    let conn = &mut project.conn().await;
    diesel::delete(members::table.find((id, gone))).execute(conn).await.unwrap();
    let member = (members::conversation_id.eq(id), members::user_id.eq(new), members::permission.eq(Permission::Write));
    diesel::insert_into(members::table).values(member).execute(conn).await.unwrap();
    diesel::update(conversations::table.find(id))
        .set(conversations::version.eq(conversations::version + 1))
        .execute(conn)
        .await
        .unwrap();

    let said = alice.say(&group, "second").await;
    assert_eq!(carol.next_push("message.text").await, said);
    bob.expect_no("message.text").await;
}

#[tokio::test]
async fn dates_that_cannot_be_written_are_refused() {
    let (server, project) = start().await;
    let [alice] = project.users(["alice"]).await;
    let group = project.group_of(&[&alice]).await;
    let mut alice = server.connect(&alice).await;
    for date in ["+262000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z"] {
        alice.refused("group.summary", json!({ "before": date })).await.expect_invalid("before");
        let page = json!({ "conversation": group, "before": date });
        alice.refused("message.fetch", page).await.expect_invalid("before");
        let game = json!({
            "conversation": group,
            "id": crate::support::client::id(),
            "game": "chess",
            "payload": {},
            "expires_at": date,
        });
        alice.refused("message.game", game).await.expect_invalid("expires_at");
    }
    alice.ok("group.summary", json!({ "before": "9999-12-31T23:59:59Z" })).await;
    alice.ok("message.fetch", json!({ "conversation": group, "before": "0001-01-01T00:00:00Z" })).await;
}
