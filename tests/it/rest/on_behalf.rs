//! Apps that act for users: with all rights of that user, and none beside.

use super::{admin, app, start, user_with_password};
use crate::support::client::each;
use chrono::Utc;
use palabre::store::users;
use serde_json::json;
use uuid::Uuid;

const USER: &str = "X-Palabre-User";

#[tokio::test]
async fn an_app_does_what_its_user_may() {
    let (server, project, api) = start().await;
    let key = app(&project, "game").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let mut bob_s = server.connect(&bob).await;
    let list = api.get("/conversations").key(&key).header(USER, "alice").expect(200).await;
    assert_eq!(each(&list["items"], "id"), [&json!(chat)]);
    let path = format!("/conversations/{chat}/messages");
    let new = json!({ "id": Uuid::new_v4(), "body": "hello" });
    let said = api.post(&path).key(&key).header(USER, &alice.id).json(new.clone()).expect(201).await;
    assert_eq!(said["author"], alice.shape());
    assert_eq!(bob_s.next_push("message.text").await, said);
    // It is the same as if she had said it herself.
    assert_eq!(api.post(&path).user(&alice).json(new).expect(201).await, said);
    let found = api.get("/messages/search?q=nothing").key(&key).header(USER, "alice").expect(200).await;
    assert_eq!(found["items"], json!([]));
    let status = json!({ "status": "busy" });
    // Who has no session is offline, whatever they chose.
    assert_eq!(api.put("/status").key(&key).header(USER, "bob").json(status).expect(200).await["status"], "busy");
    let contacts = api.get("/contacts").key(&key).header(USER, "bob").expect(200).await;
    assert_eq!(contacts["items"][0]["user"], alice.shape());
    let read = json!({ "kind": "read", "seq": 1 });
    let receipt = api.post(&format!("/conversations/{chat}/receipts")).key(&key).header(USER, "bob").json(read);
    assert_eq!(receipt.expect(200).await["user"], bob.shape());
    // A name that is no ASCII is encoded.
    let doerte = project.user("dörte 100%").await;
    let own = api.get("/status").key(&key).header(USER, "d%C3%B6rte%20100%25").expect(200).await;
    assert_eq!(own["user"], doerte.shape());
}

#[tokio::test]
async fn and_nothing_that_the_user_may_not() {
    let (_server, project, api) = start().await;
    let key = app(&project, "game").await;
    let [alice, bob, eve] = project.users(["alice", "bob", "eve"]).await;
    admin(&project, "root").await;
    let group = project.group_of(&[&alice, &bob]).await;
    let one = format!("/conversations/{group}");
    api.get(&one).key(&key).header(USER, "eve").refused(404, "not_found").await;
    api.patch(&one).key(&key).header(USER, "bob").json(json!({ "title": "x" })).refused(403, "forbidden").await;
    // The app's own rights are left at home.
    api.get("/users").key(&key).expect(200).await;
    api.get("/users").key(&key).header(USER, "eve").refused(403, "forbidden").await;
    api.get("/users").key(&key).header(USER, "root").expect(200).await;
    let path = format!("/users/{}", alice.id);
    api.patch(&path).key(&key).header(USER, "eve").json(json!({ "name": "x" })).refused(403, "forbidden").await;
    let public = api.get(&path).key(&key).header(USER, "eve").expect(200).await;
    assert_eq!(public, alice.shape());
    let own = api.patch(&format!("/users/{}", eve.id)).key(&key).header(USER, "eve").json(json!({ "name": "Eve" }));
    assert_eq!(own.expect(200).await["name"], "Eve");
}

#[tokio::test]
async fn it_takes_a_user_of_the_project_whose_account_is_open() {
    let (server, project, api) = start().await;
    let key = app(&project, "game").await;
    let foreign = server.project("elsewhere").await.user("dora").await;
    let gone = project.user("gone").await;
    users::set_deactivated(&mut project.conn().await, project.id, gone.row.id, true, Utc::now()).await.unwrap();
    for name in ["dora", &foreign.id, "gone", &gone.id, "nobody", "", "%", "%zz", "%00", "%C3"] {
        api.get("/conversations").key(&key).header(USER, name).invalid(&[USER]).await;
        api.get("/users").key(&key).header(USER, name).invalid(&[USER]).await;
    }
    let long = "x".repeat(1_201);
    api.get("/conversations").key(&key).header(USER, &long).invalid(&[USER]).await;
    let twice = api.get("/conversations").key(&key).header(USER, "gone").header(USER, "gone");
    twice.invalid(&[USER]).await;
    api.get("/conversations").key(&key).refused(403, "forbidden").await;
    api.get("/conversations").key("no such key").header(USER, "gone").refused(401, "unauthorized").await;
    // A user's own token is the user's; the header means nothing beside it.
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let own = api.get("/status").user(&alice).header(USER, &bob.id).expect(200).await;
    assert_eq!(own["user"], alice.shape());
}

#[tokio::test]
async fn signing_in_stays_with_the_user() {
    let (_server, project, api) = start().await;
    let key = app(&project, "game").await;
    user_with_password(&project, "alice", "alice123").await;
    api.get("/auth/me").key(&key).header(USER, "alice").refused(403, "forbidden").await;
    api.post("/auth/refresh").key(&key).header(USER, "alice").refused(403, "forbidden").await;
    let change = json!({ "old": "alice123", "new": "alice456" });
    api.post("/auth/password").key(&key).header(USER, "alice").json(change).refused(403, "forbidden").await;
}

#[tokio::test]
async fn names_of_requests_are_of_one_user() {
    let (_server, project, api) = start().await;
    let key = app(&project, "game").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let make = |user: &str| {
        let body = json!({ "title": "ours" });
        api.post("/conversations").key(&key).header(USER, user).header("Idempotency-Key", "one").json(body)
    };
    let (first, second) = (make("alice").expect(201).await, make(&bob.id).expect(201).await);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(make(&alice.id).expect(201).await, first);
    assert_eq!(make("bob").expect(201).await, second);
}
