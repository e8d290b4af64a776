//! Contacts and presence over REST.

use super::api::Call;
use super::{app, start};
use crate::support::client::each;
use chrono::{TimeDelta, Utc};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn they_are_a_users_own() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let (key, foreign) = (app(&project, "game").await, server.project("other").await.user("zoe").await);
    let calls = || -> [Call; 5] {
        [
            api.get("/contacts"),
            api.post("/contacts").json(json!({ "user": "bob", "action": "invite" })),
            api.get("/status"),
            api.get("/status/bob"),
            api.put("/status").json(json!({ "status": "busy" })),
        ]
    };
    let expired = alice.token(Utc::now() - TimeDelta::hours(2), Duration::from_secs(3600));
    for call in calls() {
        call.refused(401, "unauthorized").await;
    }
    for call in calls() {
        call.bearer(&expired).refused(401, "token_expired").await;
    }
    for call in calls() {
        call.key(&key).refused(403, "forbidden").await;
    }
    for path in ["/contacts", "/status/bob"] {
        // Another project has no Bob.
        let call = if path == "/contacts" {
            api.post(path).json(json!({ "user": bob.id, "action": "invite" }))
        } else {
            api.get(path)
        };
        call.user(&foreign).refused(404, "not_found").await;
    }
    let post = |body| api.post("/contacts").json(body).user(&alice);
    post(json!({ "user": "bob", "action": "hug" })).invalid(&["action"]).await;
    post(json!({ "user": "alice", "action": "invite" })).invalid(&["user"]).await;
    post(json!({ "user": "nobody", "action": "invite" })).refused(404, "not_found").await;
    post(json!({ "user": "bob", "action": "accept" })).refused(409, "conflict").await;
    api.get("/contacts?after=!").user(&alice).invalid(&["after"]).await;
    api.get("/contacts?limit=201").user(&alice).invalid(&["limit"]).await;
    for status in ["away", "offline", "asleep"] {
        api.put("/status").json(json!({ "status": status })).user(&alice).invalid(&["status"]).await;
    }
    let long = "x".repeat(201);
    api.put("/status").json(json!({ "status": "busy", "text": long })).user(&alice).invalid(&["text"]).await;
    api.put("/status").user(&alice).refused(400, "bad_envelope").await;
}

#[tokio::test]
async fn an_invitation_goes_from_door_to_door() {
    let (server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let [mut alice_s, mut bob_s] = server.connect_all([&alice, &bob]).await;
    let invite = json!({ "user": "bob", "action": "invite" });
    let mine = api.post("/contacts").json(invite).user(&alice).expect(200).await;
    assert_eq!((&mine["user"], mine.get("conversation")), (&bob.shape(), None));
    assert_eq!(alice_s.next_push("contact.update").await, mine);
    assert_eq!(bob_s.next_push("contact.update").await["user"], alice.shape());
    bob_s.ok("contact.update", json!({ "user": "alice", "action": "accept" })).await;
    let listed = api.get("/contacts").user(&alice).expect(200).await;
    assert_eq!(each(&listed["items"], "status"), ["accepted"]);
    // They can talk at once.
    let conversation = listed["items"][0]["conversation"].as_str().unwrap();
    let said = alice_s.say(conversation, "hello").await;
    assert_eq!(bob_s.next_push("message.text").await, said);
    project.befriend(&alice, &carol).await;
    let first = api.get("/contacts?limit=1").user(&alice).expect(200).await;
    let second = format!("/contacts?limit=1&after={}", first["next"].as_str().unwrap());
    let second = api.get(&second).user(&alice).expect(200).await;
    assert!(second.get("next").is_none() && second["items"] != first["items"]);
}

#[tokio::test]
async fn a_presence_chosen_over_rest_is_seen_at_once() {
    let (server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    project.befriend(&alice, &bob).await;
    // Chosen before there is a session, it holds for those to come.
    let chosen = json!({ "status": "busy", "text": "back at noon" });
    let offline = api.put("/status").json(chosen).user(&alice).expect(200).await;
    assert_eq!((&offline["status"], &offline["text"]), (&json!("offline"), &json!("back at noon")));
    assert_eq!(api.get("/status").user(&alice).expect(200).await, offline);
    let mut bob_s = server.connect(&bob).await;
    let mut alice_s = server.connect(&alice).await;
    let own = api.get("/status/alice").user(&alice).expect(200).await;
    assert_eq!((&own["status"], &own["text"]), (&json!("busy"), &json!("back at noon")));
    assert_eq!(bob_s.next_push("status.update").await["status"], "busy");
    let changed = api.put("/status").json(json!({ "status": "online", "text": "" })).user(&alice).expect(200).await;
    assert_eq!(changed["status"], "online");
    assert_eq!(alice_s.next_status_of(&alice.id).await, changed);
    assert_eq!(bob_s.next_push("status.update").await, changed);
    assert_eq!(api.get(&format!("/status/{}", alice.id)).user(&bob).expect(200).await, changed);
    api.put("/status").json(json!({ "status": "invisible" })).user(&alice).expect(200).await;
    assert_eq!(bob_s.next_push("status.update").await["status"], "offline");
    assert_eq!(api.get("/status/alice").user(&bob).expect(200).await["status"], "offline");
    assert_eq!(api.get("/status").user(&alice).expect(200).await["status"], "invisible");
    // Carol shares nothing with her.
    api.get("/status/alice").user(&carol).refused(404, "not_found").await;
}
