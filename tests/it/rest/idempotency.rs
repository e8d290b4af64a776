//! Requests that name themselves.

use super::api::Call;
use super::{app, start};
use crate::rest::api::Api;
use crate::support::server::{TestClock, TestServer};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::store::schema::idempotency;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const KEY: &str = "Idempotency-Key";

#[tokio::test]
async fn what_is_sent_twice_is_done_once_and_answered_the_same() {
    let (server, project, api) = start().await;
    let (key, other) = (app(&project, "game").await, app(&project, "other").await);
    let path = format!("/users/{}", Uuid::new_v4());
    let make = |name: &str| api.post(&path).key(&key).json(json!({ "name": name })).header(KEY, "order-1");
    let first = make("dora").send().await;
    assert_eq!((first.status, first.headers.get("idempotency-replayed")), (201, None));
    for _ in 0..3 {
        let again = make("dora").send().await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    }
    // With a slash it is the same path.
    let slash = api.post(&format!("{path}/")).key(&key).json(json!({ "name": "dora" })).header(KEY, "order-1");
    assert_eq!(slash.expect(201).await, first.body);
    make("dörte").refused(409, "conflict").await;
    // Another caller's names are another's, and without a name it is done anew.
    api.post(&path).key(&other).json(json!({ "name": "dora" })).header(KEY, "order-1").refused(409, "id_taken").await;
    api.post(&path).key(&key).json(json!({ "name": "dora" })).refused(409, "id_taken").await;
    let elsewhere = app(&server.project("elsewhere").await, "game").await;
    api.post(&path)
        .key(&elsewhere)
        .json(json!({ "name": "dora" }))
        .header(KEY, "order-1")
        .refused(409, "id_taken")
        .await;
    for bad in ["", "a b", &"x".repeat(256)] {
        let call = api.post(&path).key(&key).json(json!({ "name": "dora" })).header(KEY, bad);
        call.invalid(&[KEY]).await;
    }
    api.post(&path).json(json!({ "name": "dora" })).header(KEY, "order-2").refused(401, "unauthorized").await;
}

#[tokio::test]
async fn many_at_once_are_one() {
    let (_server, project, api) = start().await;
    let key = app(&project, "game").await;
    let path = format!("/users/{}", Uuid::new_v4());
    let make = || api.post(&path).key(&key).json(json!({ "name": "dora" })).header(KEY, "order-1");
    let answers = futures_util::future::join_all((0..8).map(|_| make().send())).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert!(made >= 1 && answers.iter().all(|answer| answer.status == 201 || answer.body["code"] == "conflict"));
    let first = answers.iter().filter(|answer| answer.headers.get("idempotency-replayed").is_none());
    assert_eq!(first.filter(|answer| answer.status == 201).count(), 1);
    make().expect(201).await;
}

#[tokio::test]
async fn refusals_are_answers_too_and_secrets_are_not_kept() {
    let server = TestServer::builder().settings(|settings| settings.rest.open_organizations = true).start().await;
    let api = Api::of(&server);
    let organization = json!({ "name": "acme", "password": "acme1234" });
    let token = api.post("/organizations").json(organization).expect(201).await["token"].as_str().unwrap().to_owned();
    let post = |path: &str, body: Value| api.post(path).bearer(&token).json(body).header(KEY, "order-1");
    post("/projects", json!({ "name": "No" })).invalid(&["name"]).await;
    assert_eq!(post("/projects", json!({ "name": "No" })).send().await.headers["idempotency-replayed"], "true");
    api.post("/projects").bearer(&token).json(json!({ "name": "shop" })).expect(201).await;
    let made = post("/projects/shop/apps", json!({ "name": "billing" })).expect(201).await;
    let again = post("/projects/shop/apps", json!({ "name": "billing" })).refused(409, "conflict").await;
    assert!(!again.body.to_string().contains(made["key"].as_str().unwrap()));
    let conn = &mut server.db.connection().await;
    let kept: Vec<Option<Vec<u8>>> = idempotency::table.select(idempotency::answer).load(conn).await.unwrap();
    let key = made["key"].as_str().unwrap().as_bytes();
    assert!(kept.iter().flatten().all(|answer| !answer.windows(key.len()).any(|window| window == key)));
}

#[tokio::test]
async fn names_are_kept_for_a_day() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let key = app(&project, "game").await;
    let path = format!("/users/{}", Uuid::new_v4());
    let make = || -> Call { api.post(&path).key(&key).json(json!({ "name": "dora" })).header(KEY, "order-1") };
    make().expect(201).await;
    clock.advance(Duration::from_secs(23 * 3600));
    make().expect(201).await;
    clock.advance(Duration::from_secs(2 * 3600));
    make().refused(409, "id_taken").await;
    // One that was lost with its server is taken over.
    let conn = &mut project.conn().await;
    let lose = diesel::update(idempotency::table).set(idempotency::status.eq(None::<i16>));
    lose.execute(conn).await.unwrap();
    let answer = make().refused(409, "conflict").await;
    assert_eq!(answer.headers["retry-after"], "1");
    clock.advance(Duration::from_secs(120));
    make().refused(409, "id_taken").await;
}
