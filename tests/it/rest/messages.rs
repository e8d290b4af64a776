//! Messages over REST: sent once, seen by sockets at once, and the other way round.

use super::api::{Api, Call};
use super::start;
use crate::support::client::each;
use crate::support::project::TestUser;
use futures_util::future::join_all;
use palabre::model::permission::Permission::{Own, Read, Write};
use serde_json::{Value, json};
use uuid::Uuid;

const THUMB: &str = "%F0%9F%91%8D";

fn send(api: &Api, user: &TestUser, conversation: &str, body: Value) -> Call {
    api.post(&format!("/conversations/{conversation}/messages")).json(body).user(user)
}

fn text(body: &str) -> Value {
    json!({ "id": Uuid::new_v4(), "body": body })
}

#[tokio::test]
async fn what_is_said_over_rest_is_heard_at_once() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let [mut phone, mut bob_s] = server.connect_all([&alice, &bob]).await;
    let first = send(&api, &alice, &group, text("Salut !")).expect(201).await;
    assert_eq!((&first["seq"], &first["author"], &first["status"]), (&json!(1), &alice.shape(), &json!("SENT")));
    // The sender's own sessions hear it like everybody's.
    for client in [&mut phone, &mut bob_s] {
        assert_eq!(client.next_push("message.text").await, first);
    }
    let second = bob_s.say(&group, "two").await;
    let mut answer = text("three");
    (answer["reply_to"], answer["tone"]) = (second["id"].clone(), json!("/j"));
    let third = send(&api, &alice, &group, answer).expect(201).await;
    assert_eq!((&third["seq"], &third["reply_to"], &third["tone"]), (&json!(3), &second["id"], &json!("/j")));
    let page = api.get(&format!("/conversations/{group}/messages")).user(&bob).expect(200).await;
    assert_eq!(page, json!({ "items": [first, second, third], "more": false }));
}

#[tokio::test]
async fn sent_many_times_at_once_it_is_stored_once() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group(&[(&alice, Write), (&bob, Own)]).await;
    let mut bob_s = server.connect(&bob).await;
    let same = text("once");
    let sent = join_all((0..8).map(|_| send(&api, &alice, &group, same.clone()).expect(201))).await;
    assert!(sent.iter().all(|message| *message == sent[0] && message["seq"] == 1), "{sent:?}");
    // Over a socket it is still the same one.
    let mut alice_s = server.connect(&alice).await;
    let mut again = same.clone();
    again["conversation"] = json!(group);
    assert_eq!(alice_s.ok("message.text", again).await, sent[0]);
    assert_eq!(bob_s.next_push("message.text").await, sent[0]);
    bob_s.expect_no("message.text").await;
    let mut other = same.clone();
    other["body"] = json!("twice");
    send(&api, &alice, &group, other).refused(409, "id_taken").await;
    send(&api, &bob, &group, same.clone()).refused(409, "id_taken").await;
    // Also who may write no longer hears that it was stored.
    bob_s.ok("group.update", json!({ "conversation": group, "permissions": { "alice": "r" } })).await;
    assert_eq!(send(&api, &alice, &group, same).expect(201).await, sent[0]);
    send(&api, &alice, &group, text("no")).refused(403, "read_only").await;
}

#[tokio::test]
async fn what_cannot_be_said_is_refused() {
    let (_server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group(&[(&alice, Own), (&bob, Read)]).await;
    send(&api, &bob, &group, text("x")).refused(403, "read_only").await;
    send(&api, &alice, &group, json!({ "body": "x" })).invalid(&["id"]).await;
    send(&api, &alice, &group, json!({ "id": "x", "body": "x" })).invalid(&["id"]).await;
    let bad = json!({ "id": Uuid::new_v4(), "body": "", "tone": "j", "attachments": vec![json!({ "id": Uuid::new_v4() }); 11] });
    send(&api, &alice, &group, bad).invalid(&["body", "tone", "attachments"]).await;
    send(&api, &alice, &group, json!({ "id": Uuid::new_v4(), "body": "x", "to": "bob" })).invalid(&["to"]).await;
    for (field, value) in [("reply_to", json!(Uuid::new_v4())), ("attachments", json!([{ "id": Uuid::new_v4() }]))] {
        let mut message = text("x");
        message[field] = value;
        send(&api, &alice, &group, message).refused(404, "not_found").await;
    }
    let path = format!("/conversations/{group}/messages");
    api.post(&path).user(&alice).refused(400, "bad_envelope").await;
    api.post(&path).user(&alice).body("text/plain", "{}").refused(415, "bad_envelope").await;
    for (query, field) in [
        ("limit=201", "limit"),
        ("before_seq=x", "before_seq"),
        ("before_seq=1&after_seq=1", "after_seq"),
        ("before=2026-11-21T00:00:00Z&after_seq=1", "before"),
        ("before=yesterday", "before"),
    ] {
        api.get(&format!("{path}?{query}")).user(&alice).invalid(&[field]).await;
    }
}

#[tokio::test]
async fn pages_go_by_number_and_by_date() {
    let (server, project, api) = start().await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    let mut alice_s = server.connect(&alice).await;
    let mut said = Vec::new();
    for number in 1..=5 {
        said.push(alice_s.say(&group, &number.to_string()).await);
    }
    let get = async |query: &str| {
        let page = api.get(&format!("/conversations/{group}/messages?{query}")).user(&alice).expect(200).await;
        let seqs: Vec<i64> = each(&page["items"], "seq").into_iter().map(|seq| seq.as_i64().unwrap()).collect();
        (seqs, page["more"].as_bool().unwrap())
    };
    assert_eq!(get("limit=2").await, (vec![4, 5], true));
    assert_eq!(get("before_seq=4&limit=2").await, (vec![2, 3], true));
    assert_eq!(get("before_seq=2").await, (vec![1], false));
    assert_eq!(get("after_seq=3&limit=1").await, (vec![4], true));
    assert_eq!(get("after_seq=5").await, (vec![], false));
    assert_eq!(get("before=2000-01-01T00:00:00Z").await, (vec![], false));
    assert_eq!(get("before=2999-01-01T00:00:00Z").await, (vec![1, 2, 3, 4, 5], false));
}

#[tokio::test]
async fn a_page_ends_before_it_grows_too_large() {
    let (server, project, api) = start().await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    let mut alice_s = server.connect(&alice).await;
    for _ in 0..20 {
        alice_s.say(&group, &"x".repeat(16_000)).await;
    }
    let page = api.get(&format!("/conversations/{group}/messages")).user(&alice).expect(200).await;
    let items = page["items"].as_array().unwrap();
    assert!(items.len() < 20 && page["more"] == true);
    assert_eq!(items.last().unwrap()["seq"], 20);
    let older = format!("/conversations/{group}/messages?before_seq={}", items[0]["seq"]);
    let older = api.get(&older).user(&alice).expect(200).await;
    assert_eq!(older["items"].as_array().unwrap().len() + items.len(), 20);
}

#[tokio::test]
async fn changes_over_rest_are_seen_at_once() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let [mut alice_s, mut bob_s] = server.connect_all([&alice, &bob]).await;
    let said = bob_s.say(&group, "befor").await;
    let one = format!("/conversations/{group}/messages/{}", said["id"].as_str().unwrap());
    let edited = api.patch(&one).json(json!({ "body": "before" })).user(&bob).expect(200).await;
    assert_eq!((&edited["body"], edited.get("edited_at").is_some()), (&json!("before"), true));
    assert_eq!(alice_s.next_push("message.edit").await, edited);

    let thumb = format!("{one}/reactions/{THUMB}");
    let reacted = api.put(&thumb).user(&alice).expect(200).await;
    assert_eq!(reacted["reaction_counts"], json!({ "👍": 1 }));
    // The user's own sessions did not do it, so they hear of it.
    for client in [&mut alice_s, &mut bob_s] {
        let push = client.next_push("message.react").await;
        assert_eq!((&push["user"], &push["on"], &push["count"]), (&alice.shape(), &json!(true), &json!(1)));
    }
    assert_eq!(api.put(&thumb).user(&alice).expect(200).await, reacted);
    bob_s.expect_no("message.react").await;
    let taken_back = api.delete(&thumb).user(&alice).expect(200).await;
    assert_eq!(taken_back["reaction_counts"], json!({}));
    assert_eq!(api.delete(&thumb).user(&alice).expect(200).await, taken_back);
    api.put(&format!("{one}/reactions/word")).user(&alice).invalid(&["emoji"]).await;

    api.patch(&one).json(json!({ "body": "mine" })).user(&alice).refused(403, "forbidden").await;
    api.patch(&one).json(json!({ "body": "" })).user(&bob).invalid(&["body"]).await;
    let deleted = api.delete(&one).user(&alice).expect(200).await;
    assert_eq!((&deleted["body"], deleted.get("deleted_at").is_some()), (&json!(""), true));
    assert_eq!(bob_s.next_push("message.delete").await, deleted);
    assert_eq!(api.delete(&one).user(&bob).expect(200).await, deleted);
    api.patch(&one).json(json!({ "body": "again" })).user(&bob).refused(409, "conflict").await;
    api.put(&thumb).user(&alice).refused(409, "conflict").await;
    api.delete(&thumb).user(&alice).refused(409, "conflict").await;
    let gone = format!("/conversations/{group}/messages/{}", Uuid::new_v4());
    api.delete(&gone).user(&bob).refused(404, "not_found").await;
}

#[tokio::test]
async fn the_blocked_are_nowhere_to_be_seen() {
    let (server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&carol, &alice, &bob]).await;
    project.block(&bob, &alice).await;
    let mut bob_s = server.connect(&bob).await;
    let hidden = send(&api, &alice, &group, text("hidden")).expect(201).await;
    let hidden = format!("/conversations/{group}/messages/{}", hidden["id"].as_str().unwrap());
    let mine = json!({ "id": Uuid::new_v4(), "body": "shown" });
    let shown = send(&api, &bob, &group, mine.clone()).expect(201).await;
    let one = format!("/conversations/{group}/messages/{}", shown["id"].as_str().unwrap());
    api.put(&format!("{one}/reactions/{THUMB}")).user(&alice).expect(200).await;
    bob_s.expect_no("message.react").await;
    // Whatever is answered holds nothing of hers.
    api.put(&format!("{hidden}/reactions/{THUMB}")).user(&bob).refused(404, "not_found").await;
    api.delete(&format!("{hidden}/reactions/{THUMB}")).user(&bob).refused(404, "not_found").await;
    let edited = api.patch(&one).json(json!({ "body": "shown!" })).user(&bob).expect(200).await;
    assert_eq!(edited["reaction_counts"], json!({}));
    assert_eq!(send(&api, &bob, &group, mine).expect(201).await["reaction_counts"], json!({}));
    let page = api.get(&format!("/conversations/{group}/messages")).user(&bob).expect(200).await;
    assert_eq!(each(&page["items"], "body"), ["shown!"]);
    let page = api.get(&format!("/conversations/{group}/messages")).user(&carol).expect(200).await;
    assert_eq!(each(&page["items"], "body"), ["hidden", "shown!"]);
    assert_eq!(page["items"][1]["reaction_counts"], json!({ "👍": 1 }));
}

#[tokio::test]
async fn one_message_is_shown_to_members_who_may_hear_its_author() {
    let (server, project, api) = start().await;
    let [alice, bob, carol, eve] = project.users(["alice", "bob", "carol", "eve"]).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let said = send(&api, &alice, &group, text("Salut !")).expect(201).await;
    let path = |conversation: &str, message: &Value| {
        format!("/conversations/{conversation}/messages/{}", message.as_str().unwrap())
    };
    let one = path(&group, &said["id"]);
    let shown = api.get(&one).user(&bob).expect(200).await;
    assert_eq!((&shown["body"], &shown["seq"], &shown["author"]), (&said["body"], &said["seq"], &said["author"]));
    // Who is no member learns nothing, nor does anybody elsewhere.
    api.get(&one).user(&eve).refused(404, "not_found").await;
    let elsewhere = server.project("elsewhere").await;
    api.get(&one).user(&elsewhere.user("alice").await).refused(404, "not_found").await;
    let other = project.group_of(&[&bob]).await;
    api.get(&path(&other, &said["id"])).user(&bob).refused(404, "not_found").await;
    api.get(&path(&group, &json!(Uuid::new_v4()))).user(&bob).refused(404, "not_found").await;
    api.get(&path(&group, &json!("x"))).user(&bob).refused(404, "not_found").await;
    project.block(&carol, &alice).await;
    api.get(&one).user(&carol).refused(404, "not_found").await;
    let left = api.delete(&one).user(&alice).expect(200).await;
    assert_eq!(api.get(&one).user(&bob).expect(200).await, left);
    assert!(left["deleted_at"].is_string() && left["body"] == "");
}
