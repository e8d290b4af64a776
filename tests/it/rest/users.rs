//! The users of a project, as its administrators and apps have them, and as they are to each other.

use super::api::Api;
use super::{admin, app, start, user_with_password};
use crate::support::client::text;
use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::MediaId;
use palabre::store::schema::media;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_app_makes_finds_renames_and_deletes_users() {
    let (_server, project, api) = start().await;
    let key = app(&project, "game").await;
    let id = Uuid::new_v4().to_string();
    for path in [format!("/users/{id}"), format!("/users/{}/", Uuid::new_v4())] {
        let name = if path.ends_with('/') { "second" } else { "dora" };
        let made = api.post(&path).key(&key).json(json!({ "name": name })).expect(201).await;
        assert_eq!((&made["username"], &made["name"], &made["role"]), (&json!(name), &json!(name), &json!("user")));
    }
    let by_name = api.get("/users/dora/").key(&key).expect(200).await;
    assert_eq!((&by_name["id"], &by_name), (&json!(id), &api.get(&format!("/users/{id}")).key(&key).expect(200).await));
    let renamed = api.put("/users/dora/").key(&key).json(json!({ "name": "dörte b" })).expect(200).await;
    assert_eq!((&renamed["id"], &renamed["username"]), (&json!(id), &json!("dörte b")));
    api.get("/users/dora").key(&key).refused(404, "not_found").await;
    api.get("/users/d%C3%B6rte%20b").key(&key).expect(200).await;
    for strange in ["/users/a%00b", "/users/%FF", "/users/a%2Fb"] {
        api.get(strange).key(&key).refused(404, "not_found").await;
        let relate = api.post(&format!("{strange}/contacts")).key(&key);
        relate.json(json!({ "user": "dora", "action": "invite" })).refused(404, "not_found").await;
    }
    api.delete(&format!("/users/{id}/")).key(&key).expect(204).await;
    api.get(&format!("/users/{id}")).key(&key).refused(404, "not_found").await;
    // The name and the id are free again.
    api.post(&format!("/users/{id}")).key(&key).json(json!({ "name": "dörte b" })).expect(201).await;
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_with_its_reason() {
    let (server, project, api) = start().await;
    let key = app(&project, "game").await;
    let alice = project.user("alice").await;
    let elsewhere = server.project("other").await.user("alice").await;
    let post = |path: &str| api.post(path).key(&key);
    let new = || format!("/users/{}/", Uuid::new_v4());
    for path in [new(), new().trim_end_matches('/').to_owned()] {
        post(&path).refused(400, "bad_envelope").await;
        post(&path).json(json!({})).invalid(&["name"]).await;
        post(&path).json(json!({ "name": "x", "email": "x@y" })).invalid(&["email"]).await;
        post(&path).json(json!({ "name": null })).invalid(&["name"]).await;
        post(&path).json(json!({ "name": Uuid::new_v4().to_string() })).invalid(&["name"]).await;
        post(&path).json(json!({ "name": "alice" })).refused(409, "name_taken").await;
        api.put(&path).key(&key).json(json!({ "name": "nobody" })).refused(404, "not_found").await;
    }
    post("/users/bob/").json(json!({ "name": "bob" })).invalid(&["user"]).await;
    post(&format!("/users/{}/", Uuid::nil())).json(json!({ "name": "bob" })).invalid(&["user"]).await;
    for taken in [&alice, &elsewhere] {
        post(&format!("/users/{}/", taken.id)).json(json!({ "name": "bob" })).refused(409, "id_taken").await;
    }
    post("/users").json(json!({ "name": "x" })).refused(405, "unknown_type").await;
    post("/users/").refused(405, "unknown_type").await;
    project.user("bob").await;
    api.put("/users/alice").key(&key).json(json!({ "name": "bob" })).refused(409, "name_taken").await;
}

#[tokio::test]
async fn who_may_do_what_with_whom() {
    let (server, project, api) = start().await;
    let other = server.project("other").await;
    let (foreign_key, foreign_admin) = (app(&other, "game").await, admin(&other, "root").await);
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let root = admin(&project, "root").await;
    let id = Uuid::new_v4();
    let calls = |path: &str| {
        let body = |call: super::api::Call| call.json(json!({ "name": "x" }));
        [
            api.get("/users"),
            body(api.post(&format!("/users/{id}"))),
            api.get(path),
            body(api.put(path)),
            body(api.patch(path)),
            api.delete(path),
            api.post(&format!("{path}/contacts")).json(json!({ "user": "alice", "action": "invite" })),
        ]
    };
    for call in calls("/users/bob") {
        call.refused(401, "unauthorized").await;
    }
    for call in calls("/users/bob") {
        call.key("no such key").refused(401, "unauthorized").await;
    }
    let statuses = async |user: &TestUser, path: &str| {
        let mut statuses = Vec::new();
        for call in calls(path) {
            statuses.push(call.user(user).send().await.status);
        }
        statuses
    };
    // A user sees others, and changes nobody.
    assert_eq!(statuses(&alice, "/users/bob").await, [403, 403, 200, 403, 403, 403, 403]);
    let seen = api.get("/users/bob").user(&alice).expect(200).await;
    assert_eq!(seen, json!({ "id": bob.id, "username": "bob" }));
    // Nobody sees another project.
    let by_id = format!("/users/{}", bob.id);
    for call in calls(&by_id).into_iter().skip(2) {
        call.key(&foreign_key).refused(404, "not_found").await;
    }
    for call in calls(&by_id).into_iter().skip(2) {
        call.user(&foreign_admin).refused(404, "not_found").await;
    }
    assert_eq!(names(&api.get("/users").key(&foreign_key).expect(200).await), ["root"]);
    assert_eq!(names(&api.get("/users/").user(&root).expect(200).await), ["alice", "bob", "root"]);
    api.delete("/users/bob").user(&root).expect(204).await;
}

#[tokio::test]
async fn lists_are_paged_and_searched_by_the_beginning_of_either_name() {
    let (_server, project, api) = start().await;
    let key = app(&project, "game").await;
    let crowd = project.crowd(7).await;
    api.patch("/users/user3").key(&key).json(json!({ "name": "Zoë_100%" })).expect(200).await;
    let get = |query: &str| api.get(&format!("/users{query}")).key(&key);
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = get(&format!("?limit=3{after}")).expect(200).await;
        found.extend(names(&page).into_iter().map(str::to_owned));
        assert!(page["items"].as_array().unwrap().len() <= 3);
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let all: Vec<_> = crowd.iter().map(|user| user.username.clone()).collect();
    assert_eq!(found, all);
    for (query, expected) in [
        ("?q=USER", 7),
        ("?q=user3", 1),
        ("?q=zo%C3%8B_", 1),
        ("?q=zo%C3%AB_100%25", 1),
        ("?q=%25", 0),
        ("?q=user_", 0),
        ("?q=ser", 0),
    ] {
        assert_eq!(names(&get(query).expect(200).await).len(), expected, "{query}");
    }
    get("?limit=0").invalid(&["limit"]).await;
    get("?limit=201").invalid(&["limit"]).await;
    get("?limit=x").invalid(&["limit"]).await;
    get("?after=*").invalid(&["after"]).await;
    get("?q=").invalid(&["q"]).await;
    get("?page=2").invalid(&["page"]).await;
}

#[tokio::test]
async fn a_profile_is_seen_at_once_by_those_who_may_see_it() {
    let (server, project, api) = start().await;
    let [alice, bob, carol, dave, eve] = project.users(["alice", "bob", "carol", "dave", "eve"]).await;
    project.befriend(&alice, &bob).await;
    project.befriend(&alice, &eve).await;
    project.block(&eve, &alice).await;
    let group = project.group_of(&[&carol, &alice]).await;
    let mut sockets = server.connect_all([&alice, &bob, &carol, &dave, &eve]).await;
    let picture = picture(&project, &alice, "image/png").await;
    let change = json!({
        "name": "Alice L.", "first_name": "Alice", "last_name": "Liddell", "email": "alice@example.org",
        "avatar": picture, "language": "en-GB", "profile": "https://example.org/alice",
    });
    let changed = api.patch("/users/alice").user(&alice).json(change.clone()).expect(200).await;
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&changed[field], value);
    }
    let shape = json!({
        "id": alice.id, "username": "alice", "name": "Alice L.", "avatar": picture, "profile": "https://example.org/alice",
    });
    let [own, friend, member, stranger, blocker] = &mut sockets;
    for socket in [&mut *own, friend, &mut *member] {
        assert_eq!(socket.next_push("user.update").await, shape);
    }
    stranger.expect_no("user.update").await;
    blocker.expect_no("user.update").await;
    // Sessions of before speak under the new name.
    own.say(&group, "hello").await;
    assert_eq!(member.next_push("message.text").await["author"], shape);
    assert_eq!(api.get("/users/alice").user(&dave).expect(200).await, shape);
    // What is taken away is gone; what nobody sees is nobody's news.
    let cleared = api.patch("/users/alice").user(&alice).json(json!({ "name": null, "email": null })).expect(200).await;
    assert!(cleared.get("name").is_none() && cleared.get("email").is_none() && cleared["language"] == "en-GB");
    assert!(member.next_push("user.update").await.get("name").is_none());
    api.patch("/users/alice").user(&alice).json(json!({ "language": "fr" })).expect(200).await;
    api.patch("/users/alice").user(&alice).json(json!({})).expect(200).await;
    member.expect_no("user.update").await;
}

async fn picture(project: &Project, owner: &TestUser, mime: &str) -> String {
    let id = MediaId::random();
    diesel::insert_into(media::table)
        .values((
            media::id.eq(id),
            media::project_id.eq(project.id),
            media::owner_id.eq(owner.row.id),
            media::name.eq("picture"),
            media::mime.eq(mime),
            media::size.eq(1),
        ))
        .execute(&mut project.conn().await)
        .await
        .unwrap();
    id.to_string()
}

#[tokio::test]
async fn a_profile_takes_what_makes_sense_and_names_every_field_that_does_not() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let key = app(&project, "game").await;
    let patch = |body: Value| api.patch("/users/alice").user(&alice).json(body);
    let bad = json!({
        "name": "", "first_name": "x".repeat(101), "last_name": "a\nb", "email": "nowhere", "language": "fr_FR",
        "profile": "javascript:alert(1)",
    });
    patch(bad).invalid(&["name", "first_name", "last_name", "email", "language", "profile"]).await;
    patch(json!({ "avatar": "me" })).invalid(&["avatar"]).await;
    let other = server.project("other").await;
    let stranger = other.user("alice").await;
    for avatar in [
        Uuid::new_v4().to_string(),
        picture(&project, &bob, "image/png").await,
        picture(&project, &alice, "text/html").await,
        picture(&other, &stranger, "image/png").await,
    ] {
        patch(json!({ "avatar": avatar })).invalid(&["avatar"]).await;
    }
    for body in [json!({ "role": "admin" }), json!({ "deactivated": false }), json!({ "username": "root" })] {
        patch(body).refused(403, "forbidden").await;
    }
    patch(json!({ "password": "x" })).invalid(&["password"]).await;
    patch(json!({ "role": "king" })).invalid(&["role"]).await;
    api.patch("/users/nobody").key(&key).json(json!({})).refused(404, "not_found").await;
    let promoted =
        api.patch("/users/alice").key(&key).json(json!({ "role": "admin", "username": "queen" })).expect(200).await;
    assert_eq!((&promoted["role"], &promoted["username"]), (&json!("admin"), &json!("queen")));
    api.get("/users").user(&alice).expect(200).await;
    api.patch("/users/queen").key(&key).json(json!({ "username": "bob" })).refused(409, "name_taken").await;
}

#[tokio::test]
async fn a_closed_account_lets_nobody_in_until_it_is_opened_again() {
    let (server, project, api) = start().await;
    let alice = user_with_password(&project, "alice", "alice123").await;
    let bob = project.user("bob").await;
    let key = app(&project, "game").await;
    let [mut socket, mut other] = server.connect_all([&alice, &bob]).await;
    let set = |closed: bool| api.patch("/users/alice").key(&key).json(json!({ "deactivated": closed }));
    assert_eq!(set(true).expect(200).await["deactivated"], true);
    assert_eq!(socket.closed().await, Some(4203));
    other.sync().await;
    api.get("/auth/me").user(&alice).refused(401, "unauthorized").await;
    let login = || api.post("/auth/login").json(json!({ "project": "p", "username": "alice", "password": "alice123" }));
    login().refused(401, "unauthorized").await;
    api.get("/users/alice").user(&bob).refused(404, "not_found").await;
    assert_eq!(api.get("/users/alice").key(&key).expect(200).await["deactivated"], true);
    assert_eq!(set(false).expect(200).await["deactivated"], false);
    login().expect(200).await;
}

#[tokio::test]
async fn contacts_are_made_over_rest_and_seen_by_the_sockets() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let key = app(&project, "game").await;
    let [mut a, mut b] = server.connect_all([&alice, &bob]).await;
    let relate = |user: &str| api.post(&format!("/users/{user}/contacts/"));
    let invited = relate("alice").key(&key).json(json!({ "user": "bob", "action": "invite" })).expect(200).await;
    assert_eq!(invited, json!({ "user": bob.shape(), "status": "invited" }));
    assert_eq!(a.next_push("contact.update").await, invited);
    assert_eq!(b.next_push("contact.update").await["status"], "pending");
    let accept = relate(&bob.id).user(&bob).json(json!({ "user": alice.id, "action": "accept" }));
    let accepted = accept.expect(200).await;
    assert_eq!(a.next_push("contact.update").await["status"], "accepted");
    let chat = accepted["conversation"].as_str().unwrap().to_owned();
    a.ok("message.text", text(&chat, "hello")).await;
    relate("alice").user(&alice).json(json!({ "user": "bob", "action": "accept" })).expect(200).await;
    relate("alice").user(&alice).json(json!({ "user": "bob", "action": "decline" })).refused(409, "conflict").await;
    relate("alice").user(&alice).refused(400, "bad_envelope").await;
    relate("alice").user(&alice).json(json!({ "user": "alice", "action": "invite" })).invalid(&["user"]).await;
    relate("alice").user(&alice).json(json!({ "user": "bob", "action": "marry" })).invalid(&["action"]).await;
    relate("bob").user(&alice).json(json!({ "user": "alice", "action": "invite" })).refused(403, "forbidden").await;
    relate("alice").user(&alice).json(json!({ "user": "nobody", "action": "invite" })).refused(404, "not_found").await;
}

#[tokio::test]
async fn who_is_deleted_is_gone_and_what_they_wrote_stays() {
    let (server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let key = app(&project, "game").await;
    let chat = project.befriend(&alice, &bob).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let [mut a, mut b, mut c] = server.connect_all([&alice, &bob, &carol]).await;
    for conversation in [&chat, &group] {
        a.say(conversation, "I was here").await;
    }
    b.forget().await;
    c.forget().await;
    api.delete("/users/alice").key(&key).expect(204).await;
    assert_eq!(a.closed().await, Some(4203));
    let gone = b.next_push("contact.update").await;
    assert_eq!((&gone["user"]["id"], &gone["status"]), (&json!(alice.id), &json!("removed")));
    let status = c.next_push("status.update").await;
    assert_eq!((&status["user"]["id"], &status["status"]), (&json!(alice.id), &json!("offline")));
    // The group has an owner again: of two alike the one who was first.
    let mut owners = 0;
    for socket in [&mut b, &mut c] {
        loop {
            let update = socket.next_push("group.update").await;
            if update["id"] == json!(group) {
                assert_eq!(update["member_count"], 2);
                owners =
                    update["members"].as_array().unwrap().iter().filter(|member| member["permission"] == "o").count();
                break;
            }
        }
    }
    assert_eq!(owners, 1);
    for conversation in [&chat, &group] {
        let history = b.ok("message.fetch", json!({ "conversation": conversation })).await;
        assert_eq!(history["messages"][0]["body"], "I was here");
        assert_eq!(history["messages"][0]["author"], json!({ "id": Uuid::nil(), "username": "deleted" }));
    }
    b.refused("message.text", text(&chat, "are you there?")).await.expect(403, "read_only");
    b.say(&group, "she is gone").await;
    assert_eq!(c.next_push("message.text").await["body"], "she is gone");
    api.get("/auth/me").user(&alice).refused(401, "unauthorized").await;
    api.delete("/users/alice").key(&key).refused(404, "not_found").await;
    let new = api.post(&format!("/users/{}", Uuid::new_v4())).key(&key).json(json!({ "name": "alice" }));
    new.expect(201).await;
}

#[tokio::test]
async fn a_group_goes_to_the_one_who_may_do_most() {
    use palabre::model::permission::Permission::{Administer, Own, Read, Write};
    let server = TestServer::start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let [alice, bob, carol, dave] = project.users(["alice", "bob", "carol", "dave"]).await;
    let key = app(&project, "game").await;
    let group = project.group(&[(&alice, Own), (&bob, Write), (&carol, Administer), (&dave, Read)]).await;
    let mut carol = server.connect(&carol).await;
    api.call(Method::DELETE, "/users/alice").key(&key).expect(204).await;
    let own = loop {
        let update = carol.next_push("group.update").await;
        if update.get("permission").is_some() {
            break update;
        }
    };
    assert_eq!((&own["permission"], &own["member_count"]), (&json!("o"), &json!(3)));
    carol.ok("group.update", json!({ "conversation": group, "title": "mine now" })).await;
}
