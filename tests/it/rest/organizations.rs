//! Organizations, their projects, and the access keys of apps.

use super::api::Api;
use super::{admin, app, start};
use crate::support::client::Via;
use crate::support::server::TestServer;
use palabre::config::Secret;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const OPERATOR: &str = "the token of the operators";

/// A server that is open to new organizations, and the token of one.
pub(super) async fn open() -> (TestServer, Api, String) {
    let server = TestServer::builder().settings(|settings| settings.rest.open_organizations = true).start().await;
    let api = Api::of(&server);
    let token = organization(&api, "acme").await;
    (server, api, token)
}

async fn organization(api: &Api, name: &str) -> String {
    let made = api.post("/organizations").json(json!({ "name": name, "password": "acme1234" })).expect(201).await;
    made["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn operators_make_organizations_and_strangers_only_where_they_may() {
    let server = TestServer::builder()
        .settings(|settings| settings.listen.admin_token = Some(Secret::from(OPERATOR.to_owned())))
        .start()
        .await;
    let api = Api::of(&server);
    let new = || api.post("/organizations").json(json!({ "name": "acme", "password": "acme1234" }));
    new().refused(401, "unauthorized").await;
    new().bearer("another token of somebody").refused(401, "unauthorized").await;
    let made = new().bearer(OPERATOR).expect(201).await;
    let me = api.get("/organizations/me").bearer(made["token"].as_str().unwrap()).expect(200).await;
    assert_eq!((&me, &me["name"]), (&made["organization"], &json!("acme")));
    new().bearer(OPERATOR).refused(409, "name_taken").await;
    let bad = api.post("/organizations").bearer(OPERATOR).json(json!({ "name": " ", "password": "short" }));
    bad.invalid(&["name", "password"]).await;

    let (_server, _project, closed) = start().await;
    closed
        .post("/organizations")
        .json(json!({ "name": "x", "password": "acme1234" }))
        .refused(401, "unauthorized")
        .await;
    let (_server, open, _) = open().await;
    open.post("/organizations").refused(400, "bad_envelope").await;
}

#[tokio::test]
async fn an_organization_signs_in_and_is_no_user() {
    let (server, api, token) = open().await;
    let login = |name: &str, password: &str| {
        api.post("/organizations/login").json(json!({ "name": name, "password": password }))
    };
    let signed_in = login("acme", "acme1234").expect(200).await;
    api.get("/projects").bearer(signed_in["token"].as_str().unwrap()).expect(200).await;
    let wrong = login("acme", "wrong").refused(401, "unauthorized").await;
    assert_eq!(wrong.body, login("nobody", "acme1234").refused(401, "unauthorized").await.body);
    for call in [api.get("/auth/me"), api.post("/auth/refresh"), api.get("/users"), api.get("/users/x")] {
        call.bearer(&token).refused(403, "forbidden").await;
    }
    let project = server.project("p").await;
    let (user, key) = (admin(&project, "root").await, app(&project, "game").await);
    for path in ["/organizations/me", "/projects", "/projects/p", "/projects/p/apps"] {
        api.get(path).user(&user).refused(403, "forbidden").await;
        api.get(path).key(&key).refused(403, "forbidden").await;
        api.get(path).refused(401, "unauthorized").await;
    }
    // A socket is for users.
    let mut socket = server.stranger("p", Via::WsJson).await;
    socket.refused("session.auth", json!({ "project": "p", "token": token })).await;
}

#[tokio::test]
async fn projects_are_made_changed_and_found_by_their_owner_only() {
    let (_server, api, token) = open().await;
    let other = organization(&api, "other").await;
    let new = json!({ "name": "shop", "origins": ["https://shop.example.org"], "registration": true });
    let made = api.post("/projects").bearer(&token).json(new.clone()).expect(201).await;
    assert_eq!((&made["origins"], &made["registration"]), (&new["origins"], &json!(true)));
    let id = made["id"].as_str().unwrap();
    for name in ["shop", id] {
        assert_eq!(api.get(&format!("/projects/{name}/")).bearer(&token).expect(200).await, made);
        let path = format!("/projects/{name}");
        api.get(&path).bearer(&other).refused(404, "not_found").await;
        api.patch(&path).bearer(&other).json(json!({ "registration": false })).refused(404, "not_found").await;
        api.delete(&path).bearer(&other).refused(404, "not_found").await;
        api.get(&format!("{path}/apps")).bearer(&other).refused(404, "not_found").await;
        api.post(&format!("{path}/apps")).bearer(&other).json(json!({ "name": "x" })).refused(404, "not_found").await;
    }
    api.post("/projects").bearer(&other).json(json!({ "name": "shop" })).refused(409, "name_taken").await;
    api.post("/projects").bearer(&token).refused(400, "bad_envelope").await;
    let bad = json!({ "name": "Shop", "origins": ["https://ok.example", "https://Bad.example/x"] });
    api.post("/projects").bearer(&token).json(bad).invalid(&["name", "origins[1]"]).await;
    let many = vec!["https://a.example"; 101];
    api.post("/projects").bearer(&token).json(json!({ "name": "x", "origins": many })).invalid(&["origins"]).await;

    let patch = |body: Value| api.patch("/projects/shop").bearer(&token).json(body);
    assert_eq!(patch(json!({})).expect(200).await, made);
    let changed = patch(json!({ "origins": [], "registration": false })).expect(200).await;
    assert_eq!((&changed["origins"], &changed["registration"]), (&json!([]), &json!(false)));
    let desk = json!({ "support_auto_assign": true, "support_timeout_s": 60 });
    let changed = patch(desk).expect(200).await;
    assert_eq!((&changed["support_auto_assign"], &changed["support_timeout_s"]), (&json!(true), &json!(60)));
    for seconds in [59, 604_801] {
        patch(json!({ "support_timeout_s": seconds })).invalid(&["support_timeout_s"]).await;
    }
    api.post("/projects").bearer(&token).json(json!({ "name": "second" })).expect(201).await;
    patch(json!({ "name": "second" })).refused(409, "name_taken").await;
    assert_eq!(patch(json!({ "name": "market" })).expect(200).await["id"], id);
    api.get("/projects/shop").bearer(&token).refused(404, "not_found").await;

    let page = api.get("/projects?limit=1").bearer(&token).expect(200).await;
    assert_eq!(page["items"][0]["name"], "market");
    let next = page["next"].as_str().unwrap();
    let page = api.get(&format!("/projects?after={next}")).bearer(&token).expect(200).await;
    assert_eq!((&page["items"][0]["name"], page.get("next")), (&json!("second"), None));
    assert_eq!(api.get("/projects").bearer(&other).expect(200).await["items"], json!([]));
}

#[tokio::test]
async fn a_key_is_shown_once_rotated_and_revoked() {
    let (_server, api, token) = open().await;
    api.post("/projects").bearer(&token).json(json!({ "name": "shop" })).expect(201).await;
    let made = api.post("/projects/shop/apps").bearer(&token).json(json!({ "name": "billing" })).expect(201).await;
    let (id, first) = (made["app"]["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert_eq!(first.len(), 43);
    api.get("/users").key(first).expect(200).await;
    let listed = api.get("/projects/shop/apps/").bearer(&token).expect(200).await;
    assert_eq!(listed, json!({ "items": [made["app"]] }));
    api.post("/projects/shop/apps").bearer(&token).json(json!({ "name": "billing" })).refused(409, "name_taken").await;
    api.post("/projects/shop/apps").bearer(&token).json(json!({ "name": "" })).invalid(&["name"]).await;

    let rotate = |app: &str| api.post(&format!("/projects/shop/apps/{app}/key")).bearer(&token);
    let rotated = rotate(id).expect(200).await;
    let second = rotated["key"].as_str().unwrap();
    assert_ne!(first, second);
    api.get("/users").key(first).refused(401, "unauthorized").await;
    api.get("/users").key(second).expect(200).await;
    for app in [Uuid::new_v4().to_string(), "billing".to_owned()] {
        rotate(&app).refused(404, "not_found").await;
        api.delete(&format!("/projects/shop/apps/{app}")).bearer(&token).refused(404, "not_found").await;
    }
    api.delete(&format!("/projects/shop/apps/{id}")).bearer(&token).expect(204).await;
    api.get("/users").key(second).refused(401, "unauthorized").await;
}

#[tokio::test]
async fn a_project_goes_with_everything_in_it() {
    let (server, api, token) = open().await;
    api.post("/projects").bearer(&token).json(json!({ "name": "shop", "registration": true })).expect(201).await;
    let key = api.post("/projects/shop/apps").bearer(&token).json(json!({ "name": "billing" })).expect(201).await;
    let key = key["key"].as_str().unwrap().to_owned();
    let register = |name: &str| {
        let body = json!({ "project": "shop", "username": name, "password": "secret12" });
        api.post("/auth/register").json(body)
    };
    let mut sockets = Vec::new();
    let mut tokens = BTreeSet::new();
    for name in ["alice", "bob"] {
        let user = register(name).expect(201).await;
        let token = user["token"].as_str().unwrap().to_owned();
        let mut socket = server.stranger("shop", Via::WsJson).await;
        socket.ok("session.auth", json!({ "project": "shop", "token": token })).await;
        socket.open().await;
        sockets.push(socket);
        tokens.insert(token);
    }
    let group = sockets[0].ok("group.update", json!({ "name": "us", "add": ["bob"] })).await;
    for number in 0..20 {
        sockets[0].say(group["id"].as_str().unwrap(), &number.to_string()).await;
    }
    let elsewhere = server.project("elsewhere").await.user("alice").await;
    let mut untouched = server.connect(&elsewhere).await;
    api.delete("/projects/shop").bearer(&token).expect(204).await;
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, Some(4203));
    }
    untouched.sync().await;
    for token in &tokens {
        api.get("/auth/me").bearer(token).refused(401, "unauthorized").await;
    }
    api.get("/users").key(&key).refused(401, "unauthorized").await;
    register("carol").refused(403, "forbidden").await;
    api.delete("/projects/shop").bearer(&token).refused(404, "not_found").await;
    // Its name is free, and the new one is empty.
    api.post("/projects").bearer(&token).json(json!({ "name": "shop", "registration": true })).expect(201).await;
    let alice = register("alice").expect(201).await;
    let mut socket = server.stranger("shop", Via::WsJson).await;
    socket.ok("session.auth", json!({ "project": "shop", "token": alice["token"] })).await;
    assert!(socket.open().await.conversations.is_empty());
}

#[tokio::test]
async fn an_organization_changes_its_password_and_its_tokens_of_before_end() {
    let (_server, api, token) = open().await;
    let change = |token: &str, old: &str, new: &str| {
        api.post("/organizations/password").bearer(token).json(json!({ "old": old, "new": new }))
    };
    change(&token, "acme1234", "short").invalid(&["new"]).await;
    change(&token, "wrong one", "a longer one").refused(403, "forbidden").await;
    api.get("/organizations/me").bearer(&token).expect(200).await;
    // Of two changes at once one is refused: its token is no longer good, or its old password.
    let (one, other) = tokio::join!(
        change(&token, "acme1234", "a longer one").send(),
        change(&token, "acme1234", "another one").send()
    );
    let (done, refused, new) =
        if one.status == 200 { (one, other, "a longer one") } else { (other, one, "another one") };
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(matches!(refused.status, 401 | 403), "{}", refused.body);
    api.get("/organizations/me").bearer(&token).refused(401, "unauthorized").await;
    api.get("/projects").bearer(done.body["token"].as_str().unwrap()).expect(200).await;
    let login = |password: &str| api.post("/organizations/login").json(json!({ "name": "acme", "password": password }));
    login("acme1234").refused(401, "unauthorized").await;
    login(new).expect(200).await;
}
