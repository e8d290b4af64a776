//! Files in an S3-compatible store, and what happens while a store is away.

use super::super::api::Api;
use super::super::app;
use super::{content, id, path, picture, rows, upload};
use crate::support::s3::S3;
use crate::support::server::{Builder, TestServer};
use crate::support::wait::until_async;
use image::ImageFormat;
use palabre::model::{MediaId, ProjectId, password};
use palabre::store::accounts;
use serde_json::json;
use std::time::Duration;

fn builder(s3: &S3) -> Builder {
    TestServer::builder().settings(|settings| {
        s3.set(settings);
        settings.media.sweep = Duration::from_secs(3_600);
    })
}

#[tokio::test]
async fn files_are_kept_in_the_bucket() {
    let s3 = S3::start();
    let server = builder(&s3).start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let alice = project.user("alice").await;
    let small = upload(&api, &alice, "a.png", &picture(ImageFormat::Png, 400, 300)).await;
    // Larger than one piece, and not a multiple of pieces.
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|n| (n % 251) as u8).collect();
    let large = upload(&api, &alice, "b", &bytes).await;
    let (status, _, body) = api.get(&content(&large)).user(&alice).raw().await;
    assert!(status == 200 && body == bytes);
    let (status, headers, body) =
        api.get(&content(&large)).user(&alice).header("Range", "bytes=5242870-5242890").raw().await;
    assert_eq!((status, &headers["content-range"]), (206, &"bytes 5242870-5242890/12000000".parse().unwrap()));
    assert_eq!(body, bytes[5_242_870..=5_242_890]);
    assert_eq!(api.get(&format!("{}/thumbnail", path(&small))).user(&alice).raw().await.0, 200);
    let name = |media, end: &str| format!("palabre/{}/{}{end}", project.id, id(media));
    let mut names = vec![name(&small, ""), name(&small, ".thumbnail"), name(&large, "")];
    names.sort();
    assert_eq!((s3.names(), s3.uploads()), (names, 0));
    for media in [&small, &large] {
        api.delete(&path(media)).user(&alice).expect(204).await;
    }
    assert_eq!((s3.names(), s3.badly_signed()), (Vec::<String>::new(), 0));
    assert!(s3.asked().len() > 10, "{:?}", s3.asked());
}

#[tokio::test]
async fn a_wrong_key_opens_nothing() {
    let s3 = S3::start();
    let server = builder(&s3)
        .settings(|settings| settings.media.s3_secret = Some("another secret".to_owned().into()))
        .start()
        .await;
    let alice = server.project("p").await.user("alice").await;
    let api = Api::of(&server);
    let refused = api.post("/media").user(&alice).file("a", b"words").refused(503, "unavailable").await;
    assert!(!refused.body.to_string().contains("Signature"), "{}", refused.body);
    assert!(s3.badly_signed() > 0 && s3.names().is_empty());
    assert_eq!(rows(&server).await, 0);
}

#[tokio::test]
async fn a_store_that_is_away_comes_back() {
    let s3 = S3::start();
    let server = builder(&s3).start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let alice = project.user("alice").await;
    let media = upload(&api, &alice, "a.png", &picture(ImageFormat::Png, 400, 300)).await;
    let other = upload(&api, &alice, "b", b"words").await;
    s3.set_away(true);
    let thumbnail = format!("{}/thumbnail", path(&media));
    for call in [
        api.post("/media").user(&alice).file("c", b"words"),
        api.get(&content(&media)).user(&alice),
        api.get(&thumbnail).user(&alice),
    ] {
        let answer = call.refused(503, "unavailable").await;
        assert_eq!(answer.headers["retry-after"], "2");
    }
    // What is known of files is in the database, and a deletion is one: its contents are left to the sweep.
    api.get(&path(&media)).user(&alice).expect(200).await;
    api.delete(&path(&other)).user(&alice).expect(204).await;
    assert_eq!((rows(&server).await, s3.names().len()), (1, 2));
    s3.set_away(false);
    assert_eq!(api.get(&content(&media)).user(&alice).raw().await.0, 200);
    assert_eq!(api.get(&thumbnail).user(&alice).raw().await.0, 200);
    upload(&api, &alice, "c", b"words").await;
    // A store that has no room left in the middle of an upload is left as it was.
    s3.set_full(true);
    let before = s3.names();
    api.post("/media").user(&alice).file("d", &vec![b'a'; 11_000_000]).refused(503, "unavailable").await;
    assert_eq!((s3.names(), s3.uploads(), rows(&server).await), (before, 0, 2));
}

#[tokio::test]
async fn the_sweep_goes_through_all_pages_of_the_bucket() {
    let s3 = S3::start();
    for _ in 0..5 {
        s3.put(&format!("palabre/{}/{}", ProjectId::random(), MediaId::random()), b"x");
    }
    let others = ["elsewhere/file", "palabre/notes.txt", "palabre2/x"];
    for name in others {
        s3.put(name, b"x");
    }
    let server = builder(&s3).settings(|settings| settings.media.sweep = Duration::from_millis(50)).start().await;
    let alice = server.project("p").await.user("alice").await;
    let media = upload(&Api::of(&server), &alice, "a", b"words").await;
    until_async("only what is known or not ours stays", async || (s3.names().len() == others.len() + 1).then_some(()))
        .await;
    assert!(s3.names().iter().any(|name| name.ends_with(&id(&media))));
}

#[tokio::test]
async fn a_deleted_project_takes_its_files_along() {
    let s3 = S3::start();
    let server = builder(&s3).start().await;
    let api = Api::of(&server);
    let (project, other) = (server.project("p").await, server.project("other").await);
    let hash = password::hash("a password", [7; 16]).unwrap();
    let mut conn = server.db.connection().await;
    let owner = palabre::model::OrganizationId::random();
    accounts::create_organization(&mut conn, owner, "acme", &hash).await.unwrap();
    let doomed = ProjectId::random();
    accounts::create_project(&mut conn, doomed, owner, "doomed", &[]).await.unwrap();
    let key = "the key of doomed";
    accounts::create_app(&mut conn, uuid::Uuid::new_v4(), doomed, "game", key).await.unwrap();
    for _ in 0..3 {
        api.post("/media").key(key).file("a", b"words").expect(201).await;
    }
    let kept = api.post("/media").key(&app(&other, "game").await).file("a", b"words").expect(201).await;
    let login = json!({ "name": "acme", "password": "a password" });
    let token = api.post("/organizations/login").json(login).expect(200).await["token"].as_str().unwrap().to_owned();
    api.get(&path(&kept)).bearer(&token).refused(403, "forbidden").await;
    api.delete("/projects/doomed").bearer(&token).expect(204).await;
    assert_eq!(s3.names(), [format!("palabre/{}/{}", other.id, id(&kept))]);
    drop(project);
}
