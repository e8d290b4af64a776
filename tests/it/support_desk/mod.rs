//! The support desk: a project with a customer, agents and an administrator, through REST and sockets.

mod agents;
mod audit;
mod bots;
mod life;
mod notes;
mod outage;
mod queue;
mod races;
mod rights;
mod sessions;
mod steps;
mod timeouts;

use crate::rest::api::Api;
use crate::support::client::Client;
use crate::support::http::SECRET;
use crate::support::project::{Project, TestUser};
use crate::support::server::{TestClock, TestServer};
use crate::support::wait::until_async;
use chrono::Utc;
use palabre::model::account::UserRole;
use palabre::store::accounts;
use palabre::store::people::{self, Changes};
use palabre::wire::token::Tokens;
use serde_json::{Value, json};
use std::time::Duration;

/// A server with a project and the people of a desk.
struct Desk {
    server: TestServer,
    clock: TestClock,
    project: Project,
    api: Api,
    /// The customer.
    alice: TestUser,
    /// Another customer.
    bob: TestUser,
    /// Agents.
    carol: TestUser,
    dan: TestUser,
    /// An administrator.
    root: TestUser,
}

impl Desk {
    async fn open() -> Self {
        let clock = TestClock::default();
        let server = TestServer::builder().clock(&clock).start().await;
        Self::on(server, clock).await
    }

    async fn on(server: TestServer, clock: TestClock) -> Self {
        let project = server.project("p").await;
        let [alice, bob, carol, dan, root] = project.users(["alice", "bob", "carol", "dan", "root"]).await;
        for (user, role) in [(&carol, UserRole::Agent), (&dan, UserRole::Agent), (&root, UserRole::Admin)] {
            set_role(&project, user, role).await;
        }
        let api = Api::of(&server);
        Self { server, clock, project, api, alice, bob, carol, dan, root }
    }

    /// A new request of a user.
    async fn request(&self, of: &TestUser) -> Value {
        self.urgent(of, "MEDIUM").await
    }

    /// A new request of this priority.
    async fn urgent(&self, of: &TestUser, priority: &str) -> Value {
        let body = json!({ "type": "CHAT", "priority": priority, "subject": "The car does not start" });
        self.api.post("/support/requests").json(body).user(of).expect(201).await
    }

    /// What a user does with a request: `take`, `resolve` …
    async fn step(&self, user: &TestUser, request: &Value, step: &str) -> Value {
        self.api.post(&at(request, step)).user(user).expect(200).await
    }

    /// A new session about a request.
    async fn session(&self, user: &TestUser, request: &Value) -> Value {
        self.api.post(&at(request, "sessions")).user(user).expect(201).await
    }

    /// A request that an agent has, and the talk about it.
    async fn talk(&self, customer: &TestUser, agent: &TestUser) -> (Value, Value) {
        let request = self.request(customer).await;
        let request = self.step(agent, &request, "take").await;
        let session = self.session(customer, &request).await;
        (request, session)
    }

    async fn get(&self, user: &TestUser, path: &str) -> Value {
        self.api.get(path).user(user).expect(200).await
    }

    /// The request as a user sees it now.
    async fn seen(&self, user: &TestUser, request: &Value) -> Value {
        self.get(user, &format!("/support/requests/{}", id(request))).await
    }

    /// An agent says how they work.
    async fn set(&self, agent: &TestUser, status: &str, capacity: i64) -> Value {
        let body = json!({ "status": status, "capacity": capacity });
        self.api.put("/support/agents/me").json(body).user(agent).expect(200).await
    }

    /// The names of the steps of a request.
    async fn steps(&self, request: &Value) -> Vec<String> {
        let audit = self.get(&self.root, &at(request, "audit")).await;
        let name = |step: &Value| step["step"].as_str().unwrap().to_owned();
        audit["items"].as_array().unwrap().iter().map(name).collect()
    }

    /// Waits until the request looks so to the administrator.
    async fn until(&self, request: &Value, field: &str, value: &str) -> Value {
        until_async(&format!("{field} {value}"), async || {
            let seen = self.seen(&self.root, request).await;
            (seen[field] == value || seen[field]["username"] == value).then_some(seen)
        })
        .await
    }

    /// The desk gives requests to agents.
    async fn assign_automatically(&self) {
        self.settings(json!({ "support_auto_assign": true })).await;
    }

    /// The project's owner changes it.
    async fn settings(&self, change: Value) {
        let path = format!("/projects/{}", self.project.name);
        self.api.patch(&path).bearer(&self.owner().await).json(change).expect(200).await;
    }

    /// A token of the project's owner.
    async fn owner(&self) -> String {
        let owner = format!("the owner of {}", self.project.name);
        let owner = accounts::organization_by(&mut self.project.conn().await, &owner).await.unwrap().unwrap();
        let bearer = accounts::token_of_organization(&owner);
        let tokens = Tokens::new(SECRET.as_bytes());
        tokens.issue_organization(&bearer, Utc::now(), Duration::from_secs(3600)).unwrap()
    }
}

/// Gives a user a role.
pub async fn set_role(project: &Project, user: &TestUser, role: UserRole) {
    let changes = Changes { role: Some(role), ..Changes::default() };
    people::change(&mut project.conn().await, project.id, user.row.id, &changes, Utc::now()).await.unwrap();
}

fn id(of: &Value) -> &str {
    of["id"].as_str().unwrap()
}

/// The path of something of a request.
fn at(request: &Value, what: &str) -> String {
    format!("/support/requests/{}/{what}", id(request))
}

/// The path of something of a session.
fn of(session: &Value, what: &str) -> String {
    format!("/support/sessions/{}/{what}", id(session))
}

fn conversation(session: &Value) -> &str {
    session["conversation"].as_str().unwrap()
}

/// The pushes of a type that came so far.
async fn pushes(client: &mut Client, wanted: &str) -> Vec<Value> {
    use crate::support::client::Event;
    client.sync().await;
    let came = client.take_inbox().into_iter().filter_map(|event| match event {
        Event::Push { kind, data } if kind == wanted => Some(data),
        _ => None,
    });
    came.collect()
}
