//! Search: by stem in both languages, ranked, and only what one may see.

use super::api::Api;
use super::{app, start};
use crate::support::client::each;
use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use palabre::store::schema::search_marks;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

async fn search(api: &Api, user: &TestUser, query: &str) -> Value {
    api.get(&format!("/messages/search?{query}")).user(user).expect(200).await
}

fn bodies(page: &Value) -> Vec<&str> {
    each(&page["items"], "body").into_iter().map(|body| body.as_str().unwrap()).collect()
}

/// Waits until search knows a conversation up to this message.
async fn known(project: &Project, message: &Value) {
    let conversation: Uuid = message["conversation"].as_str().unwrap().parse().unwrap();
    let conn = &mut project.conn().await;
    until_async("search knows what was said", async || {
        let mark = search_marks::table.find(conversation).select(search_marks::seq);
        let seq: Option<i64> = mark.first(conn).await.optional().unwrap();
        (seq >= message["seq"].as_i64()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn words_are_found_in_any_of_their_forms_in_both_languages() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    api.patch("/users/bob").json(json!({ "language": "fr-CA" })).user(&bob).expect(200).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let mut alice_s = server.connect(&alice).await;
    alice_s.say(&group, "We were running through the park").await;
    alice_s.say(&group, "Les chevaux mangeaient dans les prairies").await;
    known(&project, &alice_s.say(&group, "last words").await).await;
    for query in ["q=run", "q=runs%20parks", "q=%22through%20the%20park%22"] {
        assert_eq!(bodies(&search(&api, &alice, query).await), ["We were running through the park"], "{query}");
    }
    for query in ["q=manger", "q=prairie", "q=prairies%20manger"] {
        assert_eq!(bodies(&search(&api, &bob, query).await), ["Les chevaux mangeaient dans les prairies"], "{query}");
    }
    // Who asks in one language finds the very words of the other.
    assert_eq!(search(&api, &bob, "q=running").await["items"].as_array().unwrap().len(), 1);
    for query in ["q=unheard", "q=the", "q=park%20-running"] {
        assert_eq!(search(&api, &alice, query).await, json!({ "items": [] }), "{query}");
    }
}

#[tokio::test]
async fn the_best_match_comes_first_and_pages_go_on() {
    let (server, project, api) = start().await;
    let alice = project.user("alice").await;
    let [one, other] = [project.group_of(&[&alice]).await, project.group_of(&[&alice]).await];
    let mut alice_s = server.connect(&alice).await;
    alice_s.say(&one, "ship ship ship").await;
    alice_s.say(&other, "a ship, and much else that was said that day").await;
    let last = alice_s.say(&one, "ships that pass: the ship").await;
    let elsewhere = alice_s.say(&other, "nothing of that").await;
    for message in [last, elsewhere] {
        known(&project, &message).await;
    }
    let all = search(&api, &alice, "q=ship").await;
    assert_eq!(bodies(&all).len(), 3);
    assert_eq!(each(&all["items"], "body")[0], "ship ship ship");
    let first = search(&api, &alice, "q=ship&limit=2").await;
    let rest = search(&api, &alice, &format!("q=ship&limit=2&after={}", first["next"].as_str().unwrap())).await;
    assert_eq!([bodies(&first), bodies(&rest)].concat(), bodies(&all));
    assert!(rest.get("next").is_none());
    let there = search(&api, &alice, &format!("q=ship&conversation={other}")).await;
    assert_eq!(each(&there["items"], "conversation"), [&json!(other)]);
}

#[tokio::test]
async fn only_what_one_may_see_is_found() {
    let (server, project, api) = start().await;
    let foreign = server.project("other").await.user("alice").await;
    let [alice, bob, carol, eve] = project.users(["alice", "bob", "carol", "eve"]).await;
    let group = project.group_of(&[&carol, &alice, &bob]).await;
    project.block(&bob, &alice).await;
    let [mut alice_s, mut carol_s] = server.connect_all([&alice, &carol]).await;
    alice_s.say(&group, "secret of the blocked").await;
    let kept = carol_s.say(&group, "secret kept").await;
    let deleted = carol_s.say(&group, "secret no more").await;
    known(&project, &deleted).await;
    assert_eq!(bodies(&search(&api, &carol, "q=secret").await).len(), 3);
    assert_eq!(search(&api, &bob, "q=secret").await["items"].as_array().unwrap().len(), 2);
    for stranger in [&eve, &foreign] {
        assert_eq!(search(&api, stranger, "q=secret").await, json!({ "items": [] }));
    }
    carol_s.ok("message.delete", json!({ "conversation": group, "message": deleted["id"] })).await;
    assert_eq!(bodies(&search(&api, &bob, "q=secret").await), ["secret kept"]);
    let edit = json!({ "conversation": group, "message": kept["id"], "body": "all is open now" });
    carol_s.ok("message.edit", edit).await;
    assert_eq!(search(&api, &bob, "q=secret").await, json!({ "items": [] }));
    assert_eq!(bodies(&search(&api, &bob, "q=opens").await), ["all is open now"]);
    // Who is a member no longer finds nothing.
    carol_s.ok("group.update", json!({ "conversation": group, "remove": ["bob"] })).await;
    assert_eq!(search(&api, &bob, "q=open").await, json!({ "items": [] }));
}

#[tokio::test]
async fn questions_are_checked() {
    let (_server, project, api) = start().await;
    let (alice, key) = (project.user("alice").await, app(&project, "game").await);
    let get = |query: &str| api.get(&format!("/messages/search{query}"));
    get("?q=x").refused(401, "unauthorized").await;
    get("?q=x").key(&key).refused(403, "forbidden").await;
    let expired = alice.token(Utc::now() - TimeDelta::hours(2), Duration::from_secs(3600));
    get("?q=x").bearer(&expired).refused(401, "token_expired").await;
    for (query, field) in [
        ("", "q"),
        ("?q=", "q"),
        ("?q=x&limit=0", "limit"),
        ("?q=x&after=eA", "after"),
        ("?q=x&after=OTk5OQ", "after"),
        ("?q=x&conversation=y", "conversation"),
        ("?q=x&colour=red", "colour"),
    ] {
        get(query).user(&alice).invalid(&[field]).await;
    }
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_given_up_and_holds_nothing() {
    let server = TestServer::builder()
        .settings(|settings| settings.database.pool_size = std::num::NonZeroUsize::new(1).unwrap())
        .start()
        .await;
    let project = server.project("p").await;
    let (api, alice) = (Api::of(&server), project.user("alice").await);
    // Whoever looks for matches waits for as long as this is open.
    let mut conn = project.conn().await;
    conn.batch_execute("BEGIN; LOCK TABLE searchable IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let (slow, other) = tokio::join!(
        api.get("/messages/search?q=x").user(&alice).refused(503, "unavailable"),
        api.get("/auth/me").user(&alice).expect(200),
    );
    assert_eq!(other["user"]["username"], "alice");
    assert!(slow.headers.contains_key("retry-after"));
    // The only connection there is serves others again, with the time limit of all statements.
    api.get("/contacts").user(&alice).expect(200).await;
    conn.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(search(&api, &alice, "q=x").await, json!({ "items": [] }));
}
