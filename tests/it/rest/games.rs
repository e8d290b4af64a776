//! Invitations that apps make: for users and as themselves, who may and who is let alone, lists, and taking them back.

use super::api::{Api, Call};
use super::{app, start};
use crate::support::client::{each, with};
use crate::support::project::Project;
use crate::support::server::{TestClock, TestServer};
use chrono::{TimeDelta, Utc};
use palabre::model::permission::Permission::{Own, Read, Write};
use palabre::store::users;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// An invitation with a new id.
fn invitation(extra: Value) -> Value {
    with(json!({ "id": Uuid::new_v4(), "game": "chess", "payload": { "table": 12 } }), extra)
}

fn invite(api: &Api, key: &str, extra: Value) -> Call {
    api.post("/games/invitations").key(key).json(invitation(extra))
}

fn answer(invitation: &Value, action: &str) -> Value {
    json!({ "message": invitation["id"], "action": action })
}

#[tokio::test]
async fn an_app_invites_for_a_user() {
    let (server, project, api) = start().await;
    let key = app(&project, "chess").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice_s, mut bob_s] = server.connect_all([&alice, &bob]).await;
    let end = (Utc::now() + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%S.250Z").to_string();
    let new = invitation(json!({ "from": "alice", "to": bob.id, "capacity": 2, "expires_at": end }));
    let post = |body: &Value| api.post("/games/invitations").key(&key).json(body.clone());
    let made = post(&new).expect(201).await;
    let expected = json!({
        "id": new["id"], "conversation": chat, "seq": 1, "author": alice.shape(), "game": "chess",
        "payload": { "table": 12 }, "capacity": 2, "seats": [], "declined": [], "state": "offered",
        "expires_at": end, "created_at": made["created_at"],
    });
    assert_eq!(made, expected);
    for session in [&mut alice_s, &mut bob_s] {
        let push = session.next_push("message.game").await;
        assert_eq!((&push["id"], &push["author"]), (&new["id"], &alice.shape()));
        assert_eq!(push["game"]["expires_at"], end);
    }
    // Sent again it is the same, whichever way its user is named; with anything else the id is taken.
    assert_eq!(post(&new).expect(201).await, made);
    let by_header = json!({ "id": new["id"], "game": "chess", "payload": { "table": 12 }, "capacity": 2,
        "expires_at": end, "conversation": chat });
    assert_eq!(post(&by_header).header("X-Palabre-User", "alice").expect(201).await, made);
    post(&with(new.clone(), json!({ "capacity": 3 }))).refused(409, "id_taken").await;
    let other = app(&project, "other").await;
    api.post("/games/invitations").key(&other).json(new.clone()).refused(409, "id_taken").await;
    let socket = json!({ "to": "bob", "id": new["id"], "game": "chess", "payload": { "table": 12 }, "capacity": 2,
        "expires_at": end });
    alice_s.refused("message.game", socket).await.expect(409, "id_taken");

    let taken = bob_s.ok("message.game", answer(&made, "accept")).await;
    let seen = api.get(&format!("/games/invitations/{}", made["id"].as_str().unwrap())).key(&key).expect(200).await;
    assert_eq!(seen, with(made, json!({ "state": "accepted", "seats": [bob.shape()] })));
    assert_eq!(alice_s.next_push("message.game").await, taken);
}

#[tokio::test]
async fn it_may_what_the_user_may() {
    let (server, project, api) = start().await;
    let elsewhere = server.project("elsewhere").await;
    let [alice, bob, carol, gone] = project.users(["alice", "bob", "carol", "gone"]).await;
    elsewhere.user("dora").await;
    users::set_deactivated(&mut project.conn().await, project.id, gone.row.id, true, Utc::now()).await.unwrap();
    let key = app(&project, "chess").await;
    let group = project.group(&[(&alice, Own), (&bob, Read)]).await;
    let into = |from: &str| invite(&api, &key, json!({ "from": from, "conversation": group }));
    into("alice").expect(201).await;
    into("bob").refused(403, "read_only").await;
    into("carol").refused(404, "not_found").await;
    for nobody in ["gone", "dora", "nobody", ""] {
        into(nobody).invalid(&["from"]).await;
    }
    let to = |to: &str| invite(&api, &key, json!({ "from": "alice", "to": to }));
    to("carol").refused(403, "forbidden").await;
    to("alice").refused(403, "forbidden").await;
    for nobody in ["gone", "dora", "nobody"] {
        to(nobody).refused(404, "not_found").await;
    }
    // Whom one blocks hears nothing of it, as ever.
    let chat = project.befriend(&alice, &carol).await;
    to("carol").expect(201).await;
    let page = api.get(&format!("/conversations/{chat}/messages")).user(&carol).expect(200).await;
    assert_eq!(each(&page["items"], "kind"), ["game"]);
}

#[tokio::test]
async fn an_app_invites_as_itself() {
    let (server, project, api) = start().await;
    let key = app(&project, "Chess club").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let mut bob_s = server.connect(&bob).await;
    let to_bob = || invite(&api, &key, json!({ "to": "bob" }));
    let made = to_bob().expect(201).await;
    assert_eq!(made["author"]["name"], "Chess club");
    assert_eq!(made["author"]["username"], "app:Chess club");
    // The app is a contact of bob's now, and the conversation is theirs.
    bob_s.next_push("contact.update").await;
    let contact = bob_s.next_push("contact.update").await;
    assert_eq!((&contact["status"], &contact["conversation"]), (&json!("accepted"), &made["conversation"]));
    let push = bob_s.next_push("message.game").await;
    assert_eq!((&push["id"], &push["author"]), (&made["id"], &made["author"]));
    bob_s.ok("message.game", answer(&made, "accept")).await;
    // The second one needs no introduction.
    let again = to_bob().expect(201).await;
    assert_eq!((&again["conversation"], &again["author"]), (&made["conversation"], &made["author"]));

    // Who wants to be left alone is.
    let relate = |action: &str| json!({ "user": made["author"]["id"], "action": action });
    bob_s.ok("contact.update", relate("block")).await;
    to_bob().refused(403, "forbidden").await;
    bob_s.ok("contact.update", relate("unblock")).await;
    to_bob().expect(201).await;
    bob_s.ok("contact.update", relate("remove")).await;
    to_bob().refused(403, "forbidden").await;
    bob_s.ok("contact.update", relate("invite")).await;
    to_bob().expect(201).await;

    // In a group it is a member like others.
    let group = project.group_of(&[&alice]).await;
    let into = || invite(&api, &key, json!({ "conversation": group }));
    into().refused(404, "not_found").await;
    let path = format!("/conversations/{group}/members/{}", made["author"]["id"].as_str().unwrap());
    api.put(&path).user(&alice).json(json!({ "permission": "w" })).expect(200).await;
    assert_eq!(into().expect(201).await["author"], made["author"]);
    let own = made["author"]["id"].as_str().unwrap();
    invite(&api, &key, json!({ "to": own })).invalid(&["to"]).await;
    // Somebody who has the name already keeps it.
    let second = app(&project, "alias").await;
    project.user("app:alias").await;
    let named = invite(&api, &second, json!({ "to": "alice" })).expect(201).await;
    assert!(named["author"]["username"].as_str().unwrap().len() == 40 && named["author"]["name"] == "alias");
    let close = api.patch(&format!("/users/{own}")).key(&key).json(json!({ "deactivated": true }));
    close.expect(200).await;
    into().refused(403, "forbidden").await;
}

#[tokio::test]
async fn first_invitations_at_once_make_one_conversation() {
    let (_server, project, api) = start().await;
    let key = app(&project, "chess").await;
    project.user("bob").await;
    let many = (0..6).map(|_| invite(&api, &key, json!({ "to": "bob" })).expect(201));
    let made = futures_util::future::join_all(many).await;
    let mut numbers: Vec<_> = made.iter().map(|made| made["seq"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert!(
        made.iter().all(|one| one["conversation"] == made[0]["conversation"] && one["author"] == made[0]["author"])
    );
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (_server, project, api) = start().await;
    let key = app(&project, "chess").await;
    let group = project.group_of(&[&project.user("alice").await]).await;
    let with_group = |extra: Value| invite(&api, &key, with(json!({ "from": "alice", "conversation": group }), extra));
    for (extra, field) in [
        (json!({ "game": "" }), "game"),
        (json!({ "game": "x".repeat(65) }), "game"),
        (json!({ "payload": "x".repeat(4095) }), "payload"),
        (json!({ "payload": "\0" }), "payload"),
        (json!({ "capacity": 0 }), "capacity"),
        (json!({ "capacity": 101 }), "capacity"),
        (json!({ "capacity": 1.5 }), "capacity"),
        (json!({ "expires_at": "2020-01-01T00:00:00Z" }), "expires_at"),
        (json!({ "expires_at": "soon" }), "expires_at"),
        (json!({ "to": "bob" }), "to"),
        (json!({ "id": "1" }), "id"),
        (json!({ "extra": 1 }), "extra"),
        (json!({ "callback_url": "" }), "callback_url"),
        (json!({ "callback_url": "ftp://example.org" }), "callback_url"),
        (json!({ "callback_url": "http://user:secret@1.1.1.1/" }), "callback_url"),
        (json!({ "callback_url": format!("http://1.1.1.1/{}", "x".repeat(2048)) }), "callback_url"),
    ] {
        with_group(extra).invalid(&[field]).await;
    }
    with_group(json!({ "payload": "x".repeat(4094), "capacity": 100 })).expect(201).await;
    with_group(json!({ "payload": null })).expect(201).await;
    with_group(json!({})).header("X-Palabre-User", "alice").invalid(&["from"]).await;
    invite(&api, &key, json!({ "capacity": 0 })).invalid(&["conversation", "capacity"]).await;
    api.post("/games/invitations").key(&key).refused(400, "bad_envelope").await;
    for query in ["?state=lost", "?limit=0", "?limit=201", "?after=eA", "?x=1"] {
        let field = query[1..].split('=').next().unwrap();
        api.get(&format!("/games/invitations{query}")).key(&key).invalid(&[field]).await;
    }
    // One that can be called, but nothing to sign with.
    let called = json!({ "callback_url": "http://1.1.1.1/" });
    with_group(called.clone()).refused(409, "conflict").await;
    api.post("/games/callback-secret").key(&key).expect(200).await;
    assert_eq!(with_group(called).expect(201).await["callback_url"], "http://1.1.1.1/");
}

#[tokio::test]
async fn addresses_inside_are_refused() {
    let (_server, project, api) = start().await;
    let key = app(&project, "chess").await;
    api.post("/games/callback-secret").key(&key).expect(200).await;
    let group = project.group_of(&[&project.user("alice").await]).await;
    for url in [
        "http://127.0.0.1:8080/",
        "http://localhost/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://[fd00::1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://0.0.0.0/",
    ] {
        let into = json!({ "from": "alice", "conversation": group, "callback_url": url });
        invite(&api, &key, into).invalid(&["callback_url"]).await;
    }
}

#[tokio::test]
async fn lists_are_paged_and_by_state() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let key = app(&project, "chess").await;
    let group = project.group_of(&[&alice, &bob]).await;
    let mut bob_s = server.connect(&bob).await;
    let end = (Utc::now() + TimeDelta::minutes(5)).to_rfc3339();
    let mut made = Vec::new();
    for extra in [json!({}), json!({ "expires_at": end }), json!({}), json!({ "capacity": 2 })] {
        let into = with(json!({ "from": "alice", "conversation": group }), extra);
        made.push(invite(&api, &key, into).expect(201).await);
    }
    bob_s.ok("message.game", answer(&made[0], "accept")).await;
    let withdraw = format!("/games/invitations/{}/withdraw", made[2]["id"].as_str().unwrap());
    api.post(&withdraw).key(&key).expect(200).await;
    clock.advance(Duration::from_secs(301));

    let ids = async |query: &str| -> Vec<Value> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("/games/invitations?limit=1{query}{after}")).key(&key).expect(200).await;
            found.extend(each(&page["items"], "id").into_iter().cloned());
            let Some(next) = page["next"].as_str() else { return found };
            after = format!("&after={next}");
        }
    };
    let id = |index: usize| made[index]["id"].clone();
    assert_eq!(ids("").await, [id(3), id(2), id(1), id(0)]);
    assert_eq!(ids("&state=offered").await, [id(3)]);
    assert_eq!(ids("&state=expired").await, [id(1)]);
    assert_eq!(ids("&state=full").await, [id(0)]);
    assert_eq!(ids("&state=withdrawn").await, [id(2)]);
    assert_eq!(ids("&state=accepted").await, [] as [Value; 0]);
    let expired = api.get(&format!("/games/invitations/{}", made[1]["id"].as_str().unwrap())).key(&key);
    assert_eq!(expired.expect(200).await["state"], "expired");
    // What was deleted is gone.
    let message = format!("/conversations/{group}/messages/{}", made[3]["id"].as_str().unwrap());
    api.delete(&message).user(&alice).expect(200).await;
    assert_eq!(ids("").await, [id(2), id(1), id(0)]);
    api.get(&format!("/games/invitations/{}", made[3]["id"].as_str().unwrap()))
        .key(&key)
        .refused(404, "not_found")
        .await;
}

/// Every call about an invitation.
fn calls(api: &Api, id: &str) -> Vec<Call> {
    let one = format!("/games/invitations/{id}");
    vec![api.get(&one), api.post(&format!("{one}/withdraw"))]
}

#[tokio::test]
async fn an_invitation_is_its_apps_alone() {
    let (server, project, api) = start().await;
    let other: Project = server.project("other").await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    let (key, second, foreign) =
        (app(&project, "chess").await, app(&project, "second").await, app(&other, "chess").await);
    let made = invite(&api, &key, json!({ "from": "alice", "conversation": group })).expect(201).await;
    let id = made["id"].as_str().unwrap();
    for key in [&second, &foreign] {
        for call in calls(&api, id) {
            call.key(key).refused(404, "not_found").await;
        }
        assert_eq!(api.get("/games/invitations").key(key).expect(200).await, json!({ "items": [] }));
    }
    invite(&api, &foreign, json!({ "from": "alice", "conversation": group })).invalid(&["from"]).await;
    invite(&api, &foreign, json!({ "conversation": group })).refused(404, "not_found").await;
    for call in calls(&api, "no-uuid").into_iter().chain(calls(&api, &Uuid::new_v4().to_string())) {
        call.key(&key).refused(404, "not_found").await;
    }
    // What a user says is no app's invitation.
    let mut session = server.connect(&alice).await;
    let said = session.say(&group, "hello").await;
    for call in calls(&api, said["id"].as_str().unwrap()) {
        call.key(&key).refused(404, "not_found").await;
    }
    let all = || {
        let mut all = calls(&api, id);
        all.extend([
            api.get("/games/invitations"),
            api.post("/games/invitations").json(invitation(json!({ "conversation": group }))),
            api.post("/games/callback-secret"),
        ]);
        all
    };
    for call in all() {
        call.refused(401, "unauthorized").await;
    }
    for call in all() {
        call.key("no such key").refused(401, "unauthorized").await;
    }
    for call in all() {
        call.user(&alice).refused(403, "forbidden").await;
    }
}

#[tokio::test]
async fn an_app_takes_back_what_it_made() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group(&[(&bob, Own), (&alice, Write)]).await;
    let key = app(&project, "chess").await;
    let made = async || invite(&api, &key, json!({ "from": "alice", "conversation": group })).expect(201).await;
    let withdraw = |invitation: &Value| {
        api.post(&format!("/games/invitations/{}/withdraw", invitation["id"].as_str().unwrap())).key(&key)
    };
    let [mut alice_s, mut bob_s] = server.connect_all([&alice, &bob]).await;
    let first = made().await;
    bob_s.refused("message.game", answer(&first, "withdraw")).await.expect(403, "forbidden");
    // Even when the user for whom it was made may write no more.
    let path = format!("/conversations/{group}/members/alice");
    api.put(&path).user(&bob).json(json!({ "permission": "r" })).expect(200).await;
    let back = withdraw(&first).expect(200).await;
    assert_eq!(back["state"], "withdrawn");
    for session in [&mut alice_s, &mut bob_s] {
        session.next_push("message.game").await;
        assert_eq!(session.next_push("message.game").await["game"]["state"], "withdrawn");
    }
    assert_eq!(withdraw(&first).expect(200).await, back);
    bob_s.refused("message.game", answer(&first, "accept")).await.expect(409, "conflict");
    api.put(&path).user(&bob).json(json!({ "permission": "w" })).expect(200).await;
    let second = made().await;
    alice_s.ok("message.game", answer(&second, "withdraw")).await;
    assert_eq!(withdraw(&second).expect(200).await["state"], "withdrawn");
    let third = made().await;
    bob_s.ok("message.game", answer(&third, "accept")).await;
    withdraw(&third).refused(409, "conflict").await;
    let fourth = made().await;
    api.delete(&path).user(&bob).expect(204).await;
    assert_eq!(withdraw(&fourth).expect(200).await["state"], "withdrawn");
}

#[tokio::test]
async fn a_request_with_a_name_is_done_once() {
    let (_server, project, api) = start().await;
    let key = app(&project, "chess").await;
    project.user("bob").await;
    let body = invitation(json!({ "to": "bob" }));
    let post = || api.post("/games/invitations").key(&key).json(body.clone()).header("Idempotency-Key", "one");
    let first = post().expect(201).await;
    let again = post().send().await;
    assert_eq!((again.status, &again.body), (201, &first));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    // A secret is not kept.
    let secret = || api.post("/games/callback-secret").key(&key).header("Idempotency-Key", "two");
    assert_eq!(secret().expect(200).await["callback_secret"].as_str().unwrap().len(), 43);
    secret().refused(409, "conflict").await;
}
