//! Every call by everybody: the customer, a stranger, agents who have the request and who don't, an administrator, another
//! project's people, an app, and nobody.

use super::{Desk, at, id, of};
use crate::rest::api::Call;
use crate::rest::app;
use crate::support::project::TestUser;
use chrono::{TimeDelta, Utc};
use palabre::model::account::UserRole;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

impl Desk {
    /// Every call about a request, each with a body that could be right.
    fn calls(&self, request: &Value) -> Vec<Call> {
        let api = &self.api;
        let mut calls = vec![
            api.get(&format!("/support/requests/{}", id(request))),
            api.post(&at(request, "take")),
            api.post(&at(request, "transfer")).json(json!({ "to": "dan" })),
            api.post(&at(request, "resolve")),
            api.post(&at(request, "close")),
            api.post(&at(request, "reopen")),
            api.post(&at(request, "rating")).json(json!({ "stars": 3 })),
            api.put(&at(request, "tags")).json(json!({ "tags": [] })),
        ];
        for list in ["sessions", "notes", "audit"] {
            calls.push(api.get(&at(request, list)));
        }
        calls.push(api.post(&at(request, "sessions")));
        calls.push(api.post(&at(request, "notes")).json(json!({ "body": "x" })));
        calls
    }

    /// Every call about a session.
    fn session_calls(&self, session: &Value) -> Vec<Call> {
        let api = &self.api;
        vec![
            api.get(&format!("/support/sessions/{}", id(session))),
            api.get(&of(session, "messages")),
            api.get(&of(session, "transcript")),
            api.post(&of(session, "close")),
        ]
    }

    /// Every call about nothing in particular.
    fn other_calls(&self) -> Vec<Call> {
        let api = &self.api;
        let new = json!({ "type": "CHAT", "priority": "LOW", "subject": "x" });
        let mut calls =
            vec![api.get("/support/requests"), api.post("/support/requests").json(new), api.get("/support/search?q=x")];
        calls.extend(self.staff_calls());
        calls
    }

    /// Those of them that are for agents.
    fn staff_calls(&self) -> Vec<Call> {
        let (api, canned) = (&self.api, format!("/support/canned/{}", Uuid::new_v4()));
        vec![
            api.get("/support/queue"),
            api.get("/support/agents"),
            api.get("/support/agents/me"),
            api.put("/support/agents/me").json(json!({ "status": "away" })),
            api.get("/support/canned"),
            api.post("/support/canned").json(json!({ "name": "x", "body": "x" })),
            api.patch(&canned).json(json!({ "body": "x" })),
            api.delete(&canned),
        ]
    }
}

fn expired(user: &TestUser) -> String {
    user.token(Utc::now() - TimeDelta::hours(2), Duration::from_secs(3600))
}

#[tokio::test]
async fn it_needs_a_users_token_that_is_good() {
    let desk = Desk::open().await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    let key = app(&desk.project, "game").await;
    let all = || {
        let mut all = desk.calls(&request);
        all.extend(desk.session_calls(&session));
        all.extend(desk.other_calls());
        all
    };
    for call in all() {
        call.refused(401, "unauthorized").await;
    }
    for call in all() {
        call.bearer(&expired(&desk.alice)).refused(401, "token_expired").await;
    }
    for call in all() {
        call.key(&key).refused(403, "forbidden").await;
    }
}

#[tokio::test]
async fn anothers_request_and_session_do_not_exist() {
    let desk = Desk::open().await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    let other = desk.server.project("other").await;
    let [foreign, foreign_agent, foreign_admin] = other.users(["alice", "carol", "root"]).await;
    super::set_role(&other, &foreign_agent, UserRole::Agent).await;
    super::set_role(&other, &foreign_admin, UserRole::Admin).await;
    for user in [&desk.bob, &foreign, &foreign_agent, &foreign_admin] {
        for call in desk.calls(&request).into_iter().chain(desk.session_calls(&session)) {
            call.user(user).refused(404, "not_found").await;
        }
    }
    // A session is not even an agent's who does not have the request.
    for call in desk.session_calls(&session) {
        call.user(&desk.dan).refused(404, "not_found").await;
    }
    for nobody in [json!({ "id": Uuid::new_v4() }), json!({ "id": "no-uuid" })] {
        for call in desk.calls(&nobody).into_iter().chain(desk.session_calls(&nobody)) {
            call.user(&desk.root).refused(404, "not_found").await;
        }
    }
    assert_eq!(desk.get(&desk.bob, "/support/requests").await, json!({ "items": [] }));
    assert_eq!(desk.get(&foreign_admin, "/support/requests").await, json!({ "items": [] }));
    assert_eq!(desk.seen(&desk.alice, &request).await["status"], "IN_PROGRESS", "nothing was done to it");
}

#[tokio::test]
async fn what_is_for_agents_is_not_for_customers() {
    let desk = Desk::open().await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    let api = &desk.api;
    for step in ["take", "resolve", "close", "reopen"] {
        api.post(&at(&request, step)).user(&desk.alice).refused(403, "forbidden").await;
    }
    let transfer = || api.post(&at(&request, "transfer")).json(json!({ "to": "dan" }));
    transfer().user(&desk.alice).refused(403, "forbidden").await;
    for list in ["notes", "audit"] {
        api.get(&at(&request, list)).user(&desk.alice).refused(403, "forbidden").await;
    }
    api.post(&at(&request, "notes")).json(json!({ "body": "x" })).user(&desk.alice).refused(403, "forbidden").await;
    api.put(&at(&request, "tags")).json(json!({ "tags": ["x"] })).user(&desk.alice).refused(403, "forbidden").await;
    for call in desk.staff_calls() {
        call.user(&desk.alice).refused(403, "forbidden").await;
    }
    for whose in ["all", "assigned"] {
        let list = format!("/support/requests?whose={whose}");
        api.get(&list).user(&desk.alice).refused(403, "forbidden").await;
    }
    // An agent who does not have it decides nothing, but sees that it is there.
    for step in ["resolve", "close", "reopen", "sessions"] {
        api.post(&at(&request, step)).user(&desk.dan).refused(403, "forbidden").await;
    }
    transfer().user(&desk.dan).refused(403, "forbidden").await;
    api.get(&at(&request, "sessions")).user(&desk.dan).refused(403, "forbidden").await;
    api.post(&at(&request, "take")).user(&desk.dan).refused(409, "conflict").await;
    assert_eq!(desk.seen(&desk.dan, &request).await["agent"], desk.carol.shape());
    // Ratings are the customer's alone.
    for user in [&desk.carol, &desk.dan, &desk.root] {
        let rating = api.post(&at(&request, "rating")).json(json!({ "stars": 5 }));
        rating.user(user).refused(403, "forbidden").await;
    }
    // An administrator reads all, and decides.
    assert_eq!(desk.get(&desk.root, &of(&session, "messages")).await, json!({ "messages": [], "more": false }));
    assert_eq!(desk.step(&desk.root, &request, "resolve").await["status"], "RESOLVED");
}

#[tokio::test]
async fn agents_are_customers_of_their_own_requests() {
    let desk = Desk::open().await;
    let request = desk.request(&desk.carol).await;
    assert!(request.get("tags").is_none());
    for call in [desk.api.post(&at(&request, "take")), desk.api.get(&at(&request, "notes"))] {
        call.user(&desk.carol).refused(403, "forbidden").await;
    }
    let mine = desk.get(&desk.carol, "/support/requests?whose=own").await;
    assert_eq!(mine["items"][0]["id"], request["id"]);
    for path in ["/support/requests", "/support/queue"] {
        let all = desk.get(&desk.carol, path).await;
        assert!(all["items"][0].get("tags").is_none(), "one's own is shown as to any customer");
        assert!(desk.get(&desk.dan, path).await["items"][0].get("tags").is_some());
    }
    desk.step(&desk.dan, &request, "take").await;
    let to_customer = desk.api.post(&at(&request, "transfer")).json(json!({ "to": "carol" }));
    to_customer.user(&desk.dan).invalid(&["to"]).await;
}

#[tokio::test]
async fn bodies_and_queries_are_checked() {
    let desk = Desk::open().await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    let (api, alice, carol) = (&desk.api, &desk.alice, &desk.carol);
    let new = |body: Value| api.post("/support/requests").json(body).user(alice);
    new(json!({ "type": "CHAT", "priority": "MEDIUM" })).invalid(&["subject"]).await;
    new(json!({ "type": "PHONE", "priority": "LOW", "subject": "x" })).invalid(&["type"]).await;
    new(json!({ "type": "CHAT", "priority": "low", "subject": "x" })).invalid(&["priority"]).await;
    new(json!({ "type": "CONTACT_FORM", "priority": "LOW", "subject": "x" })).invalid(&["message"]).await;
    new(json!({ "type": "CHAT", "priority": "LOW", "subject": "", "message": "" }))
        .invalid(&["subject", "message"])
        .await;
    new(json!({ "type": "CHAT", "priority": "LOW", "subject": "x", "status": "NEW" })).invalid(&["status"]).await;
    new(json!({ "type": "CHAT", "priority": "LOW", "subject": "x", "bot": true })).invalid(&["bot"]).await;
    let form = json!({ "type": "CONTACT_FORM", "priority": "LOW", "subject": "x", "message": "x", "bot": true });
    new(form).invalid(&["bot"]).await;
    let transfer = |to: &str| api.post(&at(&request, "transfer")).json(json!({ "to": to })).user(carol);
    for to in ["nobody", "bob", "alice", "carol"] {
        transfer(to).invalid(&["to"]).await;
    }
    let agent = |body: Value| api.put("/support/agents/me").json(body).user(carol);
    agent(json!({ "status": "asleep" })).invalid(&["status"]).await;
    for capacity in [0, 101] {
        agent(json!({ "status": "busy", "capacity": capacity })).invalid(&["capacity"]).await;
    }
    let tags = |tags: Value| api.put(&at(&request, "tags")).json(json!({ "tags": tags })).user(carol);
    tags(json!(["a", "", "x\ny", " "])).invalid(&["tags[1]", "tags[2]", "tags[3]"]).await;
    tags(json!(vec!["a"; 21])).invalid(&["tags"]).await;
    let rating = |body: Value| api.post(&at(&request, "rating")).json(body).user(alice);
    rating(json!({ "stars": 0 })).invalid(&["stars"]).await;
    rating(json!({ "stars": 6, "comment": "" })).invalid(&["stars", "comment"]).await;
    api.post(&at(&request, "notes")).json(json!({ "body": "" })).user(carol).invalid(&["body"]).await;
    for (path, field) in [
        ("/support/requests?status=OPEN", "status"),
        ("/support/requests?whose=mine", "whose"),
        ("/support/requests?after=eA", "after"),
        ("/support/queue?priority=URGENT", "priority"),
        ("/support/queue?after=eA", "after"),
        ("/support/queue?limit=0", "limit"),
        ("/support/search", "q"),
        ("/support/search?q=x&after=eA", "after"),
        ("/support/canned?limit=201", "limit"),
    ] {
        api.get(path).user(carol).invalid(&[field]).await;
    }
    api.get(&format!("{}?after=eA", at(&request, "audit"))).user(carol).invalid(&["after"]).await;
    api.get(&format!("{}?after=eA", at(&request, "notes"))).user(carol).invalid(&["after"]).await;
    let both = format!("{}?before_seq=1&after_seq=1", of(&session, "messages"));
    api.get(&both).user(carol).invalid(&["after_seq"]).await;
}
