//! Signing in and looking after one's own account.

use super::{start, user_with_password};
use crate::rest::api::Api;
use crate::support::server::{TestClock, TestServer};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::store::schema::projects;
use palabre::store::users;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_name_and_a_password_give_a_token_that_opens_everything() {
    let (server, project, api) = start().await;
    let alice = user_with_password(&project, "alice", "alice123").await;
    for named in [project.name.clone(), project.id.to_string(), project.id.to_string().to_uppercase()] {
        let body = json!({ "project": named, "username": "alice", "password": "alice123" });
        let signed_in = api.post("/auth/login").json(body).expect(200).await;
        assert_eq!((&signed_in["user"]["id"], &signed_in["user"]["role"]), (&json!(alice.id), &json!("user")));
        let token = signed_in["token"].as_str().unwrap();
        let me = api.get("/auth/me").bearer(token).expect(200).await;
        assert_eq!((&me["user"], &me["expires_at"]), (&signed_in["user"], &signed_in["expires_at"]));
        let mut socket = alice.clone();
        socket.token = token.to_owned();
        server.connect(&socket).await.sync().await;
    }
}

#[tokio::test]
async fn a_wrong_password_name_or_project_and_a_closed_account_are_the_same() {
    let (server, project, api) = start().await;
    user_with_password(&project, "alice", "alice123").await;
    let closed = user_with_password(&project, "closed", "closed123").await;
    let other = server.project("other").await;
    users::set_deactivated(&mut project.conn().await, project.id, closed.row.id, true, Utc::now()).await.unwrap();
    let mut answers = Vec::new();
    for (named, username, password) in [
        ("p", "alice", "wrong123"),
        ("p", "nobody", "alice123"),
        ("nowhere", "alice", "alice123"),
        (other.name.as_str(), "alice", "alice123"),
        ("p", "closed", "closed123"),
    ] {
        let body = json!({ "project": named, "username": username, "password": password });
        answers.push(api.post("/auth/login").json(body).refused(401, "unauthorized").await.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_name_is_tried_twenty_times_whatever_its_project_is_called() {
    let (_server, project, api) = start().await;
    user_with_password(&project, "alice", "alice123").await;
    let id = project.id.to_string();
    let named = ["p", &id, &id.to_uppercase(), &id.replace('-', "")];
    for number in 0..20 {
        let body = json!({ "project": named[number % 4], "username": "alice", "password": "wrong" });
        api.post("/auth/login").json(body).refused(401, "unauthorized").await;
    }
    let body = json!({ "project": "p", "username": "alice", "password": "alice123" });
    let answer = api.post("/auth/login").json(body).refused(429, "rate_limited").await;
    let pause: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&pause), "{pause}");
}

#[tokio::test]
async fn strangers_register_only_where_the_project_lets_them() {
    let (server, project, api) = start().await;
    let new = |project: &str| json!({ "project": project, "username": "dora", "password": "dora1234", "name": "Dora" });
    api.post("/auth/register").json(new("p")).refused(403, "forbidden").await;
    api.post("/auth/register").json(new("nowhere")).refused(403, "forbidden").await;
    let open = diesel::update(projects::table.find(project.id)).set(projects::registration.eq(true));
    open.execute(&mut project.conn().await).await.unwrap();
    let made = api.post("/auth/register").json(new("p")).expect(201).await;
    assert_eq!((&made["user"]["username"], &made["user"]["name"]), (&json!("dora"), &json!("Dora")));
    api.get("/auth/me").bearer(made["token"].as_str().unwrap()).expect(200).await;
    api.post("/auth/register").json(new("p")).refused(409, "name_taken").await;
    let bad = json!({ "project": "p", "username": " dora", "password": "short", "name": "" });
    api.post("/auth/register").json(bad).invalid(&["username", "password", "name"]).await;
    let mut dora = project.user("witness").await;
    dora.token = made["token"].as_str().unwrap().to_owned();
    server.connect(&dora).await;
}

#[tokio::test]
async fn a_token_is_refreshed_as_long_as_it_is_good() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let alice = project.user("alice").await;
    let fresh = api.post("/auth/refresh").user(&alice).expect(200).await;
    clock.advance(Duration::from_secs(3601));
    api.post("/auth/refresh").user(&alice).refused(401, "token_expired").await;
    api.get("/auth/me").user(&alice).refused(401, "token_expired").await;
    let token = fresh["token"].as_str().unwrap();
    api.get("/auth/me").bearer(token).expect(200).await;
    users::set_deactivated(&mut project.conn().await, project.id, alice.row.id, true, Utc::now()).await.unwrap();
    api.post("/auth/refresh").bearer(token).refused(401, "unauthorized").await;
}

#[tokio::test]
async fn another_password_ends_what_the_old_one_opened() {
    let (server, project, api) = start().await;
    let alice = user_with_password(&project, "alice", "alice123").await;
    let bob = project.user("bob").await;
    let [mut phone, mut desk, mut other] = server.connect_all([&alice, &alice, &bob]).await;
    let change = |old: &str, new: &str| api.post("/auth/password").user(&alice).json(json!({ "old": old, "new": new }));
    change("wrong123", "another123").refused(403, "forbidden").await;
    change("alice123", "short").invalid(&["new"]).await;
    let changed = change("alice123", "another123").expect(200).await;
    for session in [&mut phone, &mut desk] {
        assert_eq!(session.closed().await, Some(4203));
    }
    other.sync().await;
    change("another123", "third1234").refused(401, "unauthorized").await;
    api.get("/auth/me").bearer(changed["token"].as_str().unwrap()).expect(200).await;
    let login =
        |password| api.post("/auth/login").json(json!({ "project": "p", "username": "alice", "password": password }));
    login("alice123").refused(401, "unauthorized").await;
    login("another123").expect(200).await;
}

#[tokio::test]
async fn only_users_have_an_account_of_their_own() {
    let (_server, _project, api) = start().await;
    for call in [api.get("/auth/me"), api.post("/auth/refresh"), api.post("/auth/password")] {
        let answer = call.refused(401, "unauthorized").await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    for token in ["", "x", "a.b.c"] {
        api.get("/auth/me").bearer(token).refused(401, "unauthorized").await;
    }
}
