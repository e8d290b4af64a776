//! The REST API, told by its clients: one module a resource.

pub mod api;
mod auth;
mod callbacks;
mod contacts;
mod contract;
mod conversations;
mod cors;
mod games;
mod idempotency;
mod infrastructure;
mod live;
mod media;
mod messages;
mod on_behalf;
mod organizations;
mod search;
mod usage;
mod users;

use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use api::Api;
use chrono::Utc;
use palabre::model::account::UserRole;
use palabre::model::password;
use palabre::store::people::{self, Changes};
use palabre::store::{accounts, users as rows};
use uuid::Uuid;

/// A server with an empty project, and a way to its REST API.
async fn start() -> (TestServer, Project, Api) {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let api = Api::of(&server);
    (server, project, api)
}

/// A new user with a password.
async fn user_with_password(project: &Project, username: &str, password: &str) -> TestUser {
    let mut user = project.user(username).await;
    let hash = password::hash(password, [7; 16]).unwrap();
    let conn = &mut project.conn().await;
    rows::set_password(conn, project.id, user.row.id, &hash, Utc::now()).await.unwrap();
    user.row = rows::find(conn, project.id, user.row.id).await.unwrap().unwrap();
    user.token = user.token(Utc::now(), std::time::Duration::from_secs(3600));
    user
}

/// A new app; its access key.
pub async fn app(project: &Project, name: &str) -> String {
    let key = format!("the key of {name} in {}", project.name);
    accounts::create_app(&mut project.conn().await, Uuid::new_v4(), project.id, name, &key).await.unwrap();
    key
}

/// A new administrator.
async fn admin(project: &Project, username: &str) -> TestUser {
    let user = project.user(username).await;
    let changes = Changes { role: Some(UserRole::Admin), ..Changes::default() };
    people::change(&mut project.conn().await, project.id, user.row.id, &changes, Utc::now()).await.unwrap();
    user
}
