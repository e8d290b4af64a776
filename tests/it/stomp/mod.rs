//! STOMP, told by its clients, in its three versions.

mod acknowledge;
mod backlog;
mod connect;
mod hostile;
mod library;
mod mixed;
mod send;
mod subscribe;
mod support;
mod transactions;

use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use chrono::Utc;
use palabre::model::password;
use palabre::store::users;

/// A server with a project, two friends in it, and their conversation.
async fn friends() -> (TestServer, Project, [TestUser; 2], String) {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    (server, project, [alice, bob], chat)
}

fn topic(conversation: &str) -> String {
    format!("/topic/conversations/{conversation}")
}

fn app(conversation: &str) -> String {
    format!("/app/conversations/{conversation}")
}

/// Gives a user a password.
async fn set_password(project: &Project, user: &TestUser, text: &str) {
    let hash = password::hash(text, [7; 16]).unwrap();
    users::set_password(&mut project.conn().await, project.id, user.row.id, &hash, Utc::now()).await.unwrap();
}
