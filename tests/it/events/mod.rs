//! The event protocol, told by its clients: one module a subject of `docs/protocol.md`.

mod blocks;
mod changes;
mod contacts;
mod encodings;
mod endings;
mod envelope;
mod games;
mod groups;
mod history;
mod limits;
mod messages;
mod modes;
mod opening;
mod presence;
mod projects;
mod reactions;
mod receipts;
mod strangers;
mod summaries;
mod typing;

use crate::support::project::Project;
use crate::support::server::TestServer;

/// A server with an empty project.
async fn start() -> (TestServer, Project) {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    (server, project)
}
