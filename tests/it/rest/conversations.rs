//! Conversations over REST: what their members do there, what sockets see of it, and that nobody else finds them.

use super::api::{Api, Call};
use super::{admin, app, start};
use crate::support::client::each;
use crate::support::project::TestUser;
use chrono::{TimeDelta, Utc};
use palabre::model::permission::Permission::{Own, Read, Write};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Every call about a conversation, each with a body that could be right.
fn calls(api: &Api, id: &str) -> Vec<Call> {
    let (one, message) = (format!("/conversations/{id}"), Uuid::new_v4());
    vec![
        api.get(&one),
        api.patch(&one).json(json!({ "title": "x" })),
        api.patch(&one).json(json!({ "mode": "bot" })),
        api.delete(&one),
        api.get(&format!("{one}/members")),
        api.put(&format!("{one}/members/alice")).json(json!({ "permission": "w" })),
        api.delete(&format!("{one}/members/alice")),
        api.post(&format!("{one}/receipts")).json(json!({ "kind": "read", "seq": 1 })),
        api.get(&format!("{one}/messages")),
        api.post(&format!("{one}/messages")).json(json!({ "id": message, "body": "x" })),
        api.patch(&format!("{one}/messages/{message}")).json(json!({ "body": "x" })),
        api.delete(&format!("{one}/messages/{message}")),
        api.put(&format!("{one}/messages/{message}/reactions/%F0%9F%91%8D")),
        api.delete(&format!("{one}/messages/{message}/reactions/%F0%9F%91%8D")),
    ]
}

/// A token of the user whose time is over.
fn expired(user: &TestUser) -> String {
    user.token(Utc::now() - TimeDelta::hours(2), Duration::from_secs(3600))
}

#[tokio::test]
async fn nobody_but_members_finds_a_conversation() {
    let (server, project, api) = start().await;
    let other = server.project("other").await;
    let [alice, bob, eve] = project.users(["alice", "bob", "eve"]).await;
    let (foreign, root) = (other.user("alice").await, admin(&project, "root").await);
    let group = project.group_of(&[&alice, &bob]).await;
    for user in [&eve, &foreign, &root] {
        for call in calls(&api, &group) {
            call.user(user).refused(404, "not_found").await;
        }
    }
    for call in calls(&api, &Uuid::new_v4().to_string()).into_iter().chain(calls(&api, "no-uuid")) {
        call.user(&alice).refused(404, "not_found").await;
    }
    let seen = api.get(&format!("/conversations/{group}")).user(&bob).expect(200).await;
    assert_eq!((&seen["permission"], &seen["member_count"]), (&json!("w"), &json!(2)));
    assert_eq!(api.get("/conversations").user(&eve).expect(200).await, json!({ "items": [] }));
}

#[tokio::test]
async fn it_needs_a_users_token_that_is_good() {
    let (_server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let (key, group) = (app(&project, "game").await, project.group_of(&[&alice, &bob]).await);
    let all = || {
        let own = [api.get("/conversations"), api.post("/conversations").json(json!({}))];
        calls(&api, &group).into_iter().chain(own)
    };
    for call in all() {
        call.refused(401, "unauthorized").await;
    }
    for call in all() {
        call.bearer(&expired(&alice)).refused(401, "token_expired").await;
    }
    // What people say is not for apps.
    for call in all() {
        call.key(&key).refused(403, "forbidden").await;
    }
}

#[tokio::test]
async fn bodies_and_queries_are_checked() {
    let (_server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let one = format!("/conversations/{}", project.group_of(&[&alice, &bob]).await);
    let post = |path: &str, body: Value| api.post(path).json(body).user(&alice);
    api.post("/conversations").user(&alice).refused(400, "bad_envelope").await;
    post("/conversations", json!({ "name": "a b", "title": "" })).invalid(&["name", "title"]).await;
    post("/conversations", json!({ "colour": "red" })).invalid(&["colour"]).await;
    let members = json!({ "members": [{ "user": "bob" }, { "user": "nobody" }, { "user": bob.id }] });
    post("/conversations", members).invalid(&["members[1].user", "members[2].user"]).await;
    let crowd = json!({ "members": vec![json!({ "user": "bob" }); 501] });
    post("/conversations", crowd).invalid(&["members"]).await;
    let patch = |body: Value| api.patch(&one).json(body).user(&alice);
    patch(json!({ "mode": "bot", "title": "x" })).invalid(&["mode"]).await;
    patch(json!({ "chatbot": Uuid::new_v4() })).invalid(&["chatbot"]).await;
    patch(json!({ "mode": "neither" })).invalid(&["mode"]).await;
    patch(json!({ "name": "" })).invalid(&["name"]).await;
    let put = |user: &str, body: Value| api.put(&format!("{one}/members/{user}")).json(body).user(&alice);
    put("bob", json!({})).invalid(&["permission"]).await;
    put("bob", json!({ "permission": "x" })).invalid(&["permission"]).await;
    put("nobody", json!({ "permission": "w" })).refused(404, "not_found").await;
    let receipts = format!("{one}/receipts");
    post(&receipts, json!({ "kind": "read", "seq": -1 })).invalid(&["seq"]).await;
    post(&receipts, json!({ "kind": "seen", "seq": 1 })).invalid(&["kind"]).await;
    for query in ["/conversations?limit=0", "/conversations?limit=101"] {
        api.get(query).user(&alice).invalid(&["limit"]).await;
    }
    for after in ["!", "eA", "LTEuMA"] {
        api.get(&format!("/conversations?after={after}")).user(&alice).invalid(&["after"]).await;
        api.get(&format!("{one}/members?after={after}")).user(&alice).invalid(&["after"]).await;
    }
}

#[tokio::test]
async fn a_group_made_over_rest_is_there_at_once() {
    let (server, project, api) = start().await;
    let [alice, bob, carol, dora] = project.users(["alice", "bob", "carol", "dora"]).await;
    project.block(&dora, &alice).await;
    let [mut phone, mut bob_s] = server.connect_all([&alice, &bob]).await;
    let members = json!([{ "user": "bob" }, { "user": carol.id, "permission": "a" }, { "user": "dora" }]);
    let new = json!({ "name": "team", "title": "The team", "members": members });
    let made = api.post("/conversations").json(new.clone()).user(&alice).expect(201).await;
    assert_eq!(
        (&made["permission"], &made["member_count"], &made["title"]),
        (&json!("o"), &json!(3), &json!("The team"))
    );
    // The user's own sessions hear of it too.
    assert_eq!(phone.next_push("group.update").await, made);
    assert_eq!(bob_s.next_push("group.update").await["permission"], "w");
    api.post("/conversations").json(new).user(&bob).refused(409, "name_taken").await;
    let id = made["id"].as_str().unwrap();
    // It can be spoken in from both doors.
    let said = bob_s.say(id, "hello").await;
    assert_eq!(phone.next_push("message.text").await, said);
    let page = api.get(&format!("/conversations/{id}/messages")).user(&alice).expect(200).await;
    assert_eq!(page, json!({ "items": [said], "more": false }));
}

#[tokio::test]
async fn a_group_changes_for_sockets_at_once() {
    let (server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let [mut bob_s, mut carol_s] = server.connect_all([&bob, &carol]).await;
    let one = format!("/conversations/{group}");
    let changed = api.patch(&one).json(json!({ "name": "g", "title": "G" })).user(&alice).expect(200).await;
    assert_eq!((&changed["name"], &changed["title"]), (&json!("g"), &json!("G")));
    assert_eq!(bob_s.next_push("group.update").await["title"], "G");
    let changed = api.patch(&one).json(json!({ "title": null })).user(&alice).expect(200).await;
    assert!(changed.get("title").is_none() && changed["name"] == "g");
    api.patch(&one).json(json!({ "mode": "bot" })).user(&alice).invalid(&["chatbot"]).await;
    let bot = json!({ "mode": "bot", "chatbot": project.chatbot("lea").await });
    assert_eq!(api.patch(&one).json(bot).user(&alice).expect(200).await["mode"], "bot");
    assert_eq!(bob_s.next_push("conversation.mode").await["mode"], "bot");

    let carols = format!("{one}/members/carol");
    let with_her = api.put(&carols).json(json!({ "permission": "r" })).user(&alice).expect(200).await;
    assert_eq!(with_her["member_count"], 3);
    assert_eq!(carol_s.next_push("group.update").await["permission"], "r");
    let id = Uuid::new_v4();
    let refused = json!({ "conversation": group, "id": id, "body": "x" });
    carol_s.refused("message.text", refused).await.expect(403, "read_only");
    api.put(&carols).json(json!({ "permission": "w" })).user(&alice).expect(200).await;
    carol_s.say(&group, "now I may").await;
    api.delete(&carols).user(&alice).expect(204).await;
    assert_eq!(carol_s.next_push("group.delete").await["conversation"], json!(group));
    api.delete(&carols).user(&alice).refused(404, "not_found").await;
    api.get(&one).user(&carol).refused(404, "not_found").await;

    // Who may not, and the last owner.
    let bobs = format!("{one}/members/bob");
    api.put(&bobs).json(json!({ "permission": "o" })).user(&bob).refused(403, "forbidden").await;
    api.patch(&one).json(json!({ "name": "h" })).user(&bob).refused(403, "forbidden").await;
    api.delete(&one).user(&bob).refused(403, "forbidden").await;
    api.delete(&format!("{one}/members/alice")).user(&alice).refused(409, "conflict").await;
    let demoted = api.put(&format!("{one}/members/alice")).json(json!({ "permission": "w" }));
    demoted.user(&alice).refused(409, "conflict").await;
    let second = project.group_of(&[&alice]).await;
    let taken = api.patch(&format!("/conversations/{second}")).json(json!({ "name": "G" }));
    taken.user(&alice).refused(409, "name_taken").await;
    api.delete(&bobs).user(&bob).expect(204).await;
    bob_s.next_push("group.delete").await;
    api.delete(&one).user(&alice).expect(204).await;
    api.delete(&one).user(&alice).refused(404, "not_found").await;
}

#[tokio::test]
async fn a_private_conversation_stays_as_it_is() {
    let (_server, project, api) = start().await;
    let [alice, bob, _carol] = project.users(["alice", "bob", "carol"]).await;
    let one = format!("/conversations/{}", project.befriend(&alice, &bob).await);
    let seen = api.get(&one).user(&alice).expect(200).await;
    assert_eq!((&seen["kind"], &seen["permission"]), (&json!("private"), &json!("w")));
    api.patch(&one).json(json!({ "title": "x" })).user(&alice).refused(403, "forbidden").await;
    api.put(&format!("{one}/members/carol"))
        .json(json!({ "permission": "w" }))
        .user(&alice)
        .refused(403, "forbidden")
        .await;
    api.delete(&format!("{one}/members/alice")).user(&alice).refused(403, "forbidden").await;
    api.delete(&one).user(&alice).refused(403, "forbidden").await;
}

#[tokio::test]
async fn lists_are_paged() {
    let (_server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let mut made = vec![project.befriend(&alice, &bob).await];
    for _ in 0..4 {
        made.push(project.group(&[(&alice, Own), (&bob, Write), (&carol, Read)]).await);
    }
    let mut found = pages(&api, &alice, "/conversations", 2).await;
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|item| item["unread"] == 0));
    found.sort_by_key(|item| item["id"].as_str().unwrap().to_owned());
    made.sort();
    let ids: Vec<_> = found.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, made);
    // What is spoken in comes first.
    let path = format!("/conversations/{}/messages", made[3]);
    api.post(&path).json(json!({ "id": Uuid::new_v4(), "body": "hello" })).user(&bob).expect(201).await;
    let first = api.get("/conversations?limit=1").user(&alice).expect(200).await;
    assert_eq!(each(&first["items"], "id"), [&json!(made[3])]);
    assert_eq!(
        (&first["items"][0]["last_message"]["body"], &first["items"][0]["unread"]),
        (&json!("hello"), &json!(1))
    );

    let group = project.group(&[(&alice, Own), (&bob, Write), (&carol, Read)]).await;
    let members = pages(&api, &carol, &format!("/conversations/{group}/members"), 2).await;
    let mut names: Vec<_> = members.iter().map(|member| member["user"]["username"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["alice", "bob", "carol"]);
}

/// All items of a list, by pages of so many.
async fn pages(api: &Api, user: &TestUser, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}?limit={limit}{after}")).user(user).expect(200).await;
        let of_page = page["items"].as_array().unwrap();
        assert!(of_page.len() <= limit);
        items.extend(of_page.iter().cloned());
        let Some(next) = page["next"].as_str() else { return items };
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn receipts_move_forward_and_are_told() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let mut alice_s = server.connect(&alice).await;
    alice_s.say(&group, "one").await;
    alice_s.say(&group, "two").await;
    let receipt = async |kind: &str, seq: i64| {
        let path = format!("/conversations/{group}/receipts");
        api.post(&path).json(json!({ "kind": kind, "seq": seq })).user(&bob).expect(200).await
    };
    let delivered = receipt("delivered", 2).await;
    assert_eq!(delivered, json!({ "conversation": group, "user": bob.shape(), "seq": 2 }));
    assert_eq!(alice_s.next_push("message.delivered").await, delivered);
    assert_eq!(receipt("read", 99).await["seq"], 2);
    assert_eq!(alice_s.next_push("message.read").await["seq"], 2);
    assert_eq!(receipt("read", 1).await["seq"], 2);
    let page = api.get(&format!("/conversations/{group}/messages")).user(&alice).expect(200).await;
    assert_eq!(each(&page["items"], "status"), ["READ", "READ"]);
}
