//! Accounts and connections that end while they are in use.

use super::link::Link;
use super::raw::{FIN, PING, Raw, masked};
use super::talk::{Listener, Scene, Talker, check};
use crate::support::client::{Event, text};
use crate::support::frame;
use crate::support::server::TestServer;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::store::schema::{messages, users};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_deleted_in_the_middle_of_a_word_takes_nobody_along() {
    let server = TestServer::start().await;
    let project = server.project("deleted").await;
    let [ann, ben, cleo, gone] = project.users(["ann", "ben", "cleo", "gone"]).await;
    let conversation = project.group_of(&[&ann, &ben, &cleo, &gone]).await;
    let (scene, address) = (Arc::new(Scene::default()), server.addresses.tcp);
    let listener = Listener::new("deleted", &cleo.token, &conversation);
    let listener = tokio::spawn(listener.listen(Arc::clone(&scene), move || address));
    let talkers: Vec<_> = [&ann, &ben]
        .into_iter()
        .map(|user| {
            let talker = Talker::new(&user.username, "deleted", &user.token, &conversation);
            tokio::spawn(talker.talk(Arc::clone(&scene), move || address))
        })
        .collect();
    scene.confirms(20).await;

    // Messages of the one who goes share batches with those of the others.
    let mut leaving = server.connect(&gone).await;
    for number in 0..60 {
        leaving.send("message.text", text(&conversation, &number.to_string())).await;
    }
    let conn = &mut project.conn().await;
    diesel::delete(users::table.find(gone.row.id)).execute(conn).await.unwrap();
    let deleted = Instant::now();
    let mut confirmed = 0;
    loop {
        match leaving.next().await {
            Event::Reply { .. } => confirmed += 1,
            Event::Error { error, .. } => assert!(matches!(error.status, 404 | 503), "{error:?}"),
            Event::Closed(code) => break assert_eq!(code, Some(4203)),
            _ => {}
        }
    }
    assert!(deleted.elapsed() < Duration::from_secs(5), "it took {:?}", deleted.elapsed());

    scene.confirms(20).await;
    scene.enough.store(true, Ordering::SeqCst);
    let mut done = Vec::new();
    for talker in talkers {
        done.push(talker.await.unwrap());
    }
    assert!(done.iter().all(|talker| talker.ends.is_empty()));
    let (mut link, _) = Link::sign_in(address.unwrap(), "deleted", &ann.token).await.unwrap();
    let nobodys = messages::table.filter(messages::author_id.is_null()).count().get_result::<i64>(conn).await.unwrap();
    assert!(nobodys >= confirmed, "{confirmed} were confirmed, {nobodys} are there");
    let stored = usize::try_from(nobodys).unwrap();
    let last = check(&mut link, &conversation, &done, stored).await;
    scene.last.store(last, Ordering::SeqCst);
    assert!(listener.await.unwrap().ends.is_empty());
}

#[tokio::test]
async fn silence_is_asked_about_and_an_answer_is_enough() {
    let server = TestServer::builder()
        .limits(|limits| {
            (limits.ping_after, limits.ping_patience) = (Duration::from_millis(300), Duration::from_millis(900));
        })
        .start()
        .await;
    let project = server.project("silence").await;
    let [ann] = project.users(["ann"]).await;
    let (tcp, http) = (server.addresses.tcp.unwrap(), server.addresses.http);

    // Over TCP it is a frame that asks, and a frame that answers.
    let (mut link, _) = Link::sign_in(tcp, "silence", &ann.token).await.unwrap();
    for _ in 0..4 {
        let asked = loop {
            let frame = link.next().await.expect("closed although it answered");
            if frame.kind == frame::PING {
                break frame;
            }
        };
        assert!(asked.payload.is_null() && asked.correlation == 0);
        link.write(&frame::header(frame::PONG, 0, 0, 0)).await.unwrap();
    }
    assert_eq!(link.closed().await, Some(4101), "no answer any more");

    // A client may ask as well.
    let (mut link, _) = Link::sign_in(tcp, "silence", &ann.token).await.unwrap();
    link.write(&frame::header(frame::PING, 0, 0, 0)).await.unwrap();
    while link.next().await.expect("closed").kind != frame::PONG {}

    // Over a WebSocket it is the protocol's own Ping; where frames are binary a frame asks besides.
    for (protocol, asks) in [("palabre.v1.json", false), ("palabre.v1.bin", true)] {
        let mut raw = Raw::open(http, "silence", protocol, Some(&ann.token)).await;
        let (mut pinged, mut asked, mut code) = (0, 0, None);
        while let Some((first, payload)) = raw.frame().await {
            match first {
                first if first == FIN | PING => {
                    pinged += 1;
                    if pinged < 3 {
                        raw.write(&masked(FIN | 0x0A, &payload)).await;
                    }
                }
                first if first == FIN | super::raw::CLOSE => {
                    code = payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
                }
                _ if payload.get(..3) == Some(&[0x50, 1, frame::PING]) => asked += 1,
                _ => {}
            }
        }
        assert_eq!((pinged, asked, code), (3, if asks { 3 } else { 0 }, Some(4101)), "{protocol}");
    }
}

#[tokio::test]
async fn typing_of_somebody_who_vanished_ends_by_itself() {
    let server = TestServer::builder().limits(|limits| limits.typing_time = Duration::from_millis(200)).start().await;
    let project = server.project("typing").await;
    let [ann, ben] = project.users(["ann", "ben"]).await;
    let conversation = project.group_of(&[&ann, &ben]).await;
    let [mut ann, mut ben] = server.connect_all([&ann, &ben]).await;
    ann.ok("typing.update", json!({ "conversation": conversation, "typing": true })).await;
    drop(ann);
    assert_eq!(ben.next_push("typing.update").await["typing"], true);
    assert_eq!(ben.next_push("typing.update").await["typing"], false);
}
