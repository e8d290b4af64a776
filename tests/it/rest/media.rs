//! Files over REST.

mod access;
mod download;
mod pictures;
mod store;
mod sweep;
mod upload;

use super::api::{Api, Call};
use crate::support::project::TestUser;
use crate::support::server::TestServer;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};
use std::io::Cursor;
use uuid::Uuid;

/// Sends a file as a user; what is said of it.
async fn upload(api: &Api, user: &TestUser, name: &str, bytes: &[u8]) -> Value {
    api.post("/media").user(user).file(name, bytes).expect(201).await
}

fn id(media: &Value) -> String {
    media["id"].as_str().unwrap().to_owned()
}

fn path(media: &Value) -> String {
    format!("/media/{}", id(media))
}

fn content(media: &Value) -> String {
    format!("/media/{}/content", id(media))
}

/// Says something with files.
fn say(api: &Api, user: &TestUser, conversation: &str, files: &[&Value]) -> Call {
    let files: Vec<Value> = files.iter().map(|file| json!({ "id": file["id"] })).collect();
    let body = json!({ "id": Uuid::new_v4(), "body": "look", "attachments": files });
    api.post(&format!("/conversations/{conversation}/messages")).user(user).json(body)
}

pub(super) fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The files in a server's folder, by what comes behind the folder's name.
fn kept(server: &TestServer) -> Vec<String> {
    let folder = server.db.files();
    let mut names = Vec::new();
    for project in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(project.path()).into_iter().flatten().flatten() {
            names.push(file.path().strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    names
}

/// How many rows there are of files, arrived or not.
async fn rows(server: &TestServer) -> i64 {
    use diesel::QueryDsl;
    use diesel_async::RunQueryDsl;
    palabre::store::schema::media::table.count().get_result(&mut server.db.connection().await).await.unwrap()
}
