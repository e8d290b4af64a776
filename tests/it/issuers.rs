//! Tokens of others: on every door, with keys that change and servers that are away.

use crate::rest::api::Api;
use crate::support::client::Via;
use crate::support::issuer::{AUDIENCE, Answer, Issuer, NAME, SigningKey};
use crate::support::project::{Project, TestUser};
use crate::support::server::{Builder, TestClock, TestServer};
use crate::support::stomp::StompClient;
use jsonwebtoken::Algorithm;
use palabre::store::identity::{self, IssuerRow};
use serde_json::{Value, json};
use std::time::Duration;

fn builder() -> Builder {
    TestServer::builder().settings(|settings| settings.auth.issuer_allow = vec!["127.0.0.1".to_owned()])
}

async fn trust(project: &Project, issuer: &Issuer, create_users: bool) {
    let row = IssuerRow {
        project_id: project.id,
        issuer: NAME.to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks: issuer.url(),
        create_users,
    };
    identity::set_issuer(&mut project.conn().await, &row).await.unwrap();
}

/// A server whose project trusts an issuer of one key, and makes users.
async fn start() -> (TestServer, Project, Issuer, SigningKey) {
    let server = builder().start().await;
    let project = server.project("p").await;
    let key = SigningKey::new("one", Algorithm::EdDSA);
    let issuer = Issuer::start(&[&key]).await;
    trust(&project, &issuer, true).await;
    (server, project, issuer, key)
}

/// Who the server takes the bearer of a token for.
async fn who(server: &TestServer, token: &str) -> Value {
    Api::of(server).get("/auth/me").bearer(token).expect(200).await["user"].take()
}

async fn refused(server: &TestServer, token: &str) {
    Api::of(server).get("/auth/me").bearer(token).refused(401, "unauthorized").await;
}

/// A user as the test's clients want one, who has this token.
fn bearer(server_user: &Value, like: &TestUser, token: &str) -> TestUser {
    let text = |field: &str| server_user[field].as_str().unwrap().to_owned();
    TestUser { id: text("id"), username: text("username"), token: token.to_owned(), ..like.clone() }
}

#[tokio::test]
async fn a_token_of_each_kind_opens_every_door() {
    let server = builder().start().await;
    let project = server.project("p").await;
    let like = project.user("like").await;
    let keys =
        [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA].map(|kind| SigningKey::new(&format!("{kind:?}"), kind));
    let issuer = Issuer::start(&keys.iter().collect::<Vec<_>>()).await;
    trust(&project, &issuer, true).await;
    for key in &keys {
        let token = key
            .sign(&json!({ "sub": key.id, "preferred_username": "dora", "name": "Dora B", "email": "d@example.org" }));
        let user = who(&server, &token).await;
        assert_eq!(
            (&user["name"], &user["email"], &user["role"]),
            (&json!("Dora B"), &json!("d@example.org"), &json!("user"))
        );
        let user = bearer(&user, &like, &token);
        for via in Via::ALL {
            let client = server.connect_via(&user, via).await;
            assert_eq!(client.opening().ready["user"]["id"], user.id);
        }
        StompClient::connect(&server, &user, "1.2").await;
    }
    assert_eq!(issuer.asked(), 1);
    // The name was free once; after that the subject is the name.
    let names: Vec<_> = [
        who(&server, &keys[0].sign(&json!({ "sub": "RS256" }))).await,
        who(&server, &keys[0].sign(&json!({ "sub": "ES256" }))).await,
    ]
    .map(|user| user["username"].as_str().unwrap().to_owned())
    .into();
    assert_eq!(names, ["dora", "ES256"]);
}

#[tokio::test]
async fn what_does_not_check_out_is_refused() {
    let (server, project, _issuer, key) = start().await;
    let now = chrono::Utc::now().timestamp();
    assert!(who(&server, &key.sign(&json!({ "sub": "a", "aud": ["other", AUDIENCE] }))).await.is_object());
    for claims in [
        json!({ "sub": "a", "iss": "https://elsewhere.example.org/" }),
        json!({ "sub": "a", "aud": "other" }),
        json!({ "sub": "a", "aud": [] }),
        json!({ "sub": "" }),
        json!({ "sub": "a".repeat(256) }),
        json!({ "sub": "a\u{0}" }),
        json!({ "sub": 7 }),
        json!({ "sub": "a", "nbf": now + 120 }),
        json!({ "sub": "a", "iat": now + 120 }),
        json!({ "sub": "a", "exp": "tomorrow" }),
        json!({ "sub": "a", "exp": null }),
    ] {
        refused(&server, &key.sign(&claims)).await;
    }
    let late = Api::of(&server).get("/auth/me").bearer(&key.sign(&json!({ "sub": "a", "exp": now - 70 })));
    late.refused(401, "token_expired").await;
    who(&server, &key.sign(&json!({ "sub": "a", "exp": now - 20 }))).await;
    // Another key under the same name; a signature cut off; the public key as a secret.
    let good = key.sign(&json!({ "sub": "a" }));
    refused(&server, &SigningKey::new("one", Algorithm::EdDSA).sign(&json!({ "sub": "a" }))).await;
    refused(&server, &SigningKey::new("one", Algorithm::ES256).sign(&json!({ "sub": "a" }))).await;
    refused(&server, good.rsplit_once('.').unwrap().0).await;
    let public = key.public().to_string();
    let secret = jsonwebtoken::EncodingKey::from_secret(public.as_bytes());
    let claims = json!({ "sub": "a", "iss": NAME, "aud": AUDIENCE, "exp": now + 60 });
    let header = jsonwebtoken::Header { kid: Some("one".to_owned()), ..Default::default() };
    refused(&server, &jsonwebtoken::encode(&header, &claims, &secret).unwrap()).await;
    // A project that trusts nobody.
    let other = server.project("other").await;
    let mut stranger = TestUser { token: good, ..other.user("x").await };
    stranger.project = "other".to_owned();
    let (mut client, _) = server.upgrade("other", Via::WsJson).bearer(&stranger.token).open().await.unwrap();
    assert_eq!(client.closed().await, Some(4200));
    drop(project);
}

#[tokio::test]
async fn without_making_users_a_subject_must_be_known() {
    let (server, project, issuer, key) = start().await;
    trust(&project, &issuer, false).await;
    let alice = project.user("alice").await;
    assert_eq!(who(&server, &key.sign(&json!({ "sub": "alice" }))).await["id"], alice.id);
    assert_eq!(who(&server, &key.sign(&json!({ "sub": alice.id }))).await["id"], alice.id);
    refused(&server, &key.sign(&json!({ "sub": "bob", "preferred_username": "alice" }))).await;
    // Where users are made, nobody becomes one of before.
    trust(&project, &issuer, true).await;
    let made = who(&server, &key.sign(&json!({ "sub": "alice" }))).await;
    assert_ne!(made["id"], alice.id);
    assert!(made["username"].as_str().unwrap().starts_with("alice-"), "{made}");
}

#[tokio::test]
async fn two_at_once_make_one_user() {
    let (server, _project, _issuer, key) = start().await;
    let token = key.sign(&json!({ "sub": "42", "preferred_username": "dora" }));
    let users = futures_util::future::join_all((0..8).map(|_| who(&server, &token))).await;
    assert!(users.iter().all(|user| user["id"] == users[0]["id"]), "{users:#?}");
    let again = who(&server, &key.sign(&json!({ "sub": "42", "preferred_username": "other" }))).await;
    assert_eq!(again["id"], users[0]["id"]);
}

#[tokio::test]
async fn keys_are_fetched_again_for_an_unknown_one_but_once_a_minute() {
    let clock = TestClock::default();
    let server = builder().clock(&clock).start().await;
    let project = server.project("p").await;
    let [one, two, three] = ["one", "two", "three"].map(|id| SigningKey::new(id, Algorithm::EdDSA));
    let issuer = Issuer::start(&[&one]).await;
    trust(&project, &issuer, true).await;
    let token = |key: &SigningKey| key.sign(&json!({ "sub": "a" }));
    who(&server, &token(&one)).await;
    issuer.publish(&[&one, &two]);
    for _ in 0..5 {
        refused(&server, &token(&two)).await;
    }
    assert_eq!(issuer.asked(), 1);
    clock.advance(Duration::from_secs(61));
    who(&server, &token(&two)).await;
    assert_eq!(issuer.asked(), 2);
    // The issuer goes away: what is known will do, and what is not can't be told.
    issuer.answer(Answer::Status("503 Service Unavailable"));
    clock.advance(Duration::from_secs(61));
    Api::of(&server).get("/auth/me").bearer(&token(&three)).refused(503, "unavailable").await;
    who(&server, &token(&one)).await;
    assert_eq!(issuer.asked(), 3);
    // A key that it takes back is good no longer than an hour.
    issuer.publish(&[&two]);
    clock.advance(Duration::from_secs(3000));
    who(&server, &key_that_lasts(&one)).await;
    clock.advance(Duration::from_secs(700));
    refused(&server, &key_that_lasts(&one)).await;
}

fn key_that_lasts(key: &SigningKey) -> String {
    key.sign(&json!({ "sub": "a", "exp": chrono::Utc::now().timestamp() + 100_000 }))
}

#[tokio::test]
async fn nothing_is_fetched_from_where_it_may_not() {
    let (server, _project, issuer, key) = start().await;
    issuer.answer(Answer::Redirect(issuer.url()));
    Api::of(&server).get("/auth/me").bearer(&key.sign(&json!({ "sub": "a" }))).refused(503, "unavailable").await;
    assert_eq!(issuer.asked(), 1);
    for answer in ["{".to_owned(), " ".repeat(300 * 1024)] {
        let (server, _project, issuer, key) = start().await;
        issuer.answer(Answer::Document(answer));
        Api::of(&server).get("/auth/me").bearer(&key.sign(&json!({ "sub": "a" }))).refused(503, "unavailable").await;
    }
    // Not allowed here.
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let issuer = Issuer::start(&[&key]).await;
    trust(&project, &issuer, true).await;
    Api::of(&server).get("/auth/me").bearer(&key.sign(&json!({ "sub": "a" }))).refused(503, "unavailable").await;
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_a_fresh_one_prolongs_it() {
    let clock = TestClock::default();
    let server = builder().clock(&clock).start().await;
    let project = server.project("p").await;
    let like = project.user("like").await;
    let key = SigningKey::new("one", Algorithm::EdDSA);
    let issuer = Issuer::start(&[&key]).await;
    trust(&project, &issuer, true).await;
    let now = chrono::Utc::now().timestamp();
    let token = key.sign(&json!({ "sub": "a", "exp": now + 300 }));
    let user = bearer(&who(&server, &token).await, &like, &token);
    let [mut goes, mut stays] = server.connect_all([&user, &user]).await;
    clock.advance(Duration::from_secs(250));
    goes.next_push("session.expiring").await;
    stays.next_push("session.expiring").await;
    stays.ok("session.auth", json!({ "token": key.sign(&json!({ "sub": "a", "exp": now + 900 })) })).await;
    let other = stays.refused("session.auth", json!({ "token": key.sign(&json!({ "sub": "b" })) })).await;
    assert_eq!(other.code, "forbidden");
    clock.advance(Duration::from_secs(60));
    assert_eq!(goes.closed().await, Some(4201));
    stays.sync().await;
}

#[tokio::test]
async fn organizations_name_the_issuer_of_a_project() {
    let server = builder().settings(|settings| settings.rest.open_organizations = true).start().await;
    let api = Api::of(&server);
    let made = api.post("/organizations").json(json!({ "name": "acme", "password": "acme1234" })).expect(201).await;
    let token = made["token"].as_str().unwrap();
    for name in ["shop", "game"] {
        api.post("/projects").bearer(token).json(json!({ "name": name })).expect(201).await;
    }
    let key = SigningKey::new("one", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let path = "/projects/shop/issuer";
    api.get(path).bearer(token).refused(404, "not_found").await;
    let new = json!({ "issuer": NAME, "audience": AUDIENCE, "jwks": issuer.url(), "create_users": true });
    assert_eq!(api.put(path).bearer(token).json(new.clone()).expect(200).await, new);
    assert_eq!(api.get(path).bearer(token).expect(200).await, new);
    for jwks in ["", "http://id.example.org/", "https://10.0.0.1/", "https://a:b@id.example.org/", "x"] {
        let bad = json!({ "issuer": NAME, "audience": AUDIENCE, "jwks": jwks });
        api.put(path).bearer(token).json(bad).invalid(&["jwks"]).await;
    }
    api.put(path)
        .bearer(token)
        .json(json!({ "issuer": "", "audience": "a\nb", "jwks": "x" }))
        .invalid(&["issuer", "audience", "jwks"])
        .await;
    let users = key.sign(&json!({ "sub": "a" }));
    let in_shop = who(&server, &users).await;
    // With two projects that trust it a call must say which it means.
    api.put("/projects/game/issuer").bearer(token).json(new).expect(200).await;
    refused(&server, &users).await;
    let me = api.get("/auth/me").bearer(&users).header("X-Project", "shop").expect(200).await;
    assert_eq!(me["user"]["id"], in_shop["id"]);
    let me = api.get("/auth/me").bearer(&users).header("X-Project", "game").expect(200).await;
    assert_ne!(me["user"]["id"], in_shop["id"]);
    api.delete(path).bearer(token).expect(204).await;
    api.delete(path).bearer(token).refused(404, "not_found").await;
    let gone = api.get("/auth/me").bearer(&users).header("X-Project", "shop");
    gone.refused(401, "unauthorized").await;
    let set = json!({ "issuer": NAME, "audience": AUDIENCE, "jwks": issuer.url() });
    api.put(path).bearer(&users).json(set).refused(403, "forbidden").await;
}
