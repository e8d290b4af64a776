//! The REST API, told by its clients: one module a resource.

mod api;
mod auth;
mod infrastructure;

use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use api::Api;
use chrono::Utc;
use palabre::model::password;
use palabre::store::users;

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
    users::set_password(conn, project.id, user.row.id, &hash, Utc::now()).await.unwrap();
    user.row = users::find(conn, project.id, user.row.id).await.unwrap().unwrap();
    user.token = user.token(Utc::now(), std::time::Duration::from_secs(3600));
    user
}
