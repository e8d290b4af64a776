//! What nothing refers to goes in its time; what a crash left goes too.

use super::super::api::Api;
use super::{content, id, kept, path, picture, rows, say, upload};
use crate::support::server::{TestClock, TestServer};
use crate::support::wait::until_async;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use image::ImageFormat;
use palabre::model::MediaId;
use palabre::store::schema::media;
use serde_json::json;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn start(clock: &TestClock) -> (TestServer, Api) {
    let server = TestServer::builder()
        .clock(clock)
        .settings(|settings| settings.media.sweep = Duration::from_millis(50))
        .start()
        .await;
    let api = Api::of(&server);
    (server, api)
}

#[tokio::test]
async fn what_nothing_refers_to_goes_after_a_day() {
    let clock = TestClock::default();
    let (server, api) = start(&clock).await;
    let project = server.project("p").await;
    let mut alice = project.user("alice").await;
    alice.token = alice.token(chrono::Utc::now(), 30 * DAY);
    let group = project.group_of(&[&alice]).await;
    let png = picture(ImageFormat::Png, 400, 300);
    let [shown, worn, forgotten] = [
        upload(&api, &alice, "a", &png).await,
        upload(&api, &alice, "b", &png).await,
        upload(&api, &alice, "c", &png).await,
    ];
    let message = say(&api, &alice, &group, &[&shown]).expect(201).await;
    api.patch("/users/alice").user(&alice).json(json!({ "avatar": worn["id"] })).expect(200).await;
    assert_eq!(api.get(&format!("{}/thumbnail", path(&forgotten))).user(&alice).raw().await.0, 200);
    clock.advance(DAY - Duration::from_secs(60));
    let recent = upload(&api, &alice, "d", b"words").await;
    clock.advance(Duration::from_secs(120));
    until_async("the forgotten one goes", async || {
        (rows(&server).await == 3 && kept(&server).len() == 3).then_some(())
    })
    .await;
    api.get(&path(&forgotten)).user(&alice).refused(404, "not_found").await;
    for media in [&shown, &worn, &recent] {
        assert_eq!(api.get(&content(media)).user(&alice).raw().await.0, 200);
    }
    // What is taken back or off goes then, with the one that was recent.
    let message = format!("/conversations/{group}/messages/{}", message["id"].as_str().unwrap());
    api.delete(&message).user(&alice).expect(200).await;
    clock.advance(DAY);
    until_async("only the avatar stays", async || (rows(&server).await == 1 && kept(&server).len() == 1).then_some(()))
        .await;
    api.patch("/users/alice").user(&alice).json(json!({ "avatar": null })).expect(200).await;
    until_async("nothing stays", async || (rows(&server).await == 0 && kept(&server).is_empty()).then_some(())).await;
}

#[tokio::test]
async fn what_a_crash_leaves_is_found() {
    let clock = TestClock::default();
    let (server, api) = start(&clock).await;
    let project = server.project("p").await;
    let mut alice = project.user("alice").await;
    alice.token = alice.token(chrono::Utc::now(), 30 * DAY);
    let media = upload(&api, &alice, "a", b"words").await;
    let folder = server.db.files().join(project.id.to_string());
    // Contents without a row: the process ended between the two, or the database was set back.
    let nobody = MediaId::random();
    std::fs::write(folder.join(nobody.to_string()), b"x").unwrap();
    std::fs::write(folder.join(format!("{nobody}.thumbnail")), b"x").unwrap();
    // Contents whose row went first.
    let gone = upload(&api, &alice, "b", b"words").await;
    diesel::delete(media::table.find(id(&gone).parse::<MediaId>().unwrap()))
        .execute(&mut server.db.connection().await)
        .await
        .unwrap();
    // A row whose contents never came, and what writing them left.
    let lost = MediaId::random();
    diesel::insert_into(media::table)
        .values((
            media::id.eq(lost),
            media::project_id.eq(project.id),
            media::name.eq(""),
            media::mime.eq(""),
            media::size.eq(1_000),
            media::arrived.eq(false),
            media::created_at.eq(chrono::Utc::now()),
        ))
        .execute(&mut server.db.connection().await)
        .await
        .unwrap();
    let (remains, fresh) = (folder.join(format!("{lost}#1")), folder.join(format!("{lost}#2")));
    for file in [&remains, &fresh] {
        std::fs::write(file, b"x").unwrap();
    }
    let file = std::fs::File::options().write(true).open(&remains).unwrap();
    file.set_modified(SystemTime::now() - DAY).unwrap();
    let expected = [format!("{}/{}", project.id, id(&media)), format!("{}/{lost}#2", project.id)];
    let mut expected = expected.to_vec();
    expected.sort();
    until_async("the contents of nobody go", async || (kept(&server) == expected).then_some(())).await;
    // The row may still be of an upload that is under way.
    assert_eq!(rows(&server).await, 2);
    clock.advance(DAY / 2);
    until_async("the row goes", async || (rows(&server).await == 1).then_some(())).await;
    api.get(&path(&media)).user(&alice).expect(200).await;
}
