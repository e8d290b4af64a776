//! The database goes away under load and comes back: clients get 503 or wait, nothing confirmed is lost, nothing is doubled,
//! everyone hears everything in order, and all goes on.

use super::proxy::{Proxy, Way};
use super::raw::{FIN, Raw, TEXT, upgrade};
use super::stage::Stage;
use crate::support::db::TestDb;
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

async fn stage() -> (Stage, Proxy) {
    let db = Arc::new(TestDb::new().await);
    let proxy = Proxy::to(&db).await;
    let server = TestServer::builder().on(&db, proxy.url()).start().await;
    (Stage::on(server).await, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_and_started_again() {
    /// Long enough that whoever talks has been refused many times, and that presence and accounts were looked at.
    const OUTAGE: Duration = Duration::from_secs(3);
    let (stage, proxy) = stage().await;
    stage
        .while_talking(2, async || {
            let before = stage.scene.unavailable.load(Ordering::SeqCst);
            proxy.set(Way::Closed);
            sleep(OUTAGE).await;
            let told = || stage.scene.unavailable.load(Ordering::SeqCst) > before;
            until_async("somebody is told", async || told().then_some(())).await;
            proxy.set(Way::Open);
        })
        .await;
    let (talkers, listener) = stage.finish().await;
    assert!(talkers.iter().all(|talker| talker.ends.is_empty()), "no connection ends with the database");
    assert!(listener.ends.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_for_a_while() {
    /// Shorter than anybody's patience: clients wait.
    const SILENCE: Duration = Duration::from_secs(2);
    let (stage, proxy) = stage().await;
    stage
        .while_talking(2, async || {
            proxy.set(Way::Clogged);
            sleep(SILENCE).await;
            proxy.set(Way::Open);
        })
        .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_for_longer_than_anybody_waits() {
    /// Longer than a batch may take: what was given up then may be stored all the same when the way is open again.
    const SILENCE: Duration = Duration::from_secs(13);
    let (stage, proxy) = stage().await;
    stage
        .while_talking(1, async || {
            proxy.set(Way::Clogged);
            sleep(SILENCE).await;
            proxy.set(Way::Open);
        })
        .await;
    assert!(stage.scene.unavailable.load(Ordering::SeqCst) > 0, "nobody waits for ever");
    let (talkers, listener) = stage.finish().await;
    assert!(talkers.iter().all(|talker| talker.ends.is_empty()));
    assert!(listener.ends.is_empty());
}

#[tokio::test]
async fn an_upgrade_that_needs_it_is_told_that_it_is_away() {
    let db = Arc::new(TestDb::new().await);
    let proxy = Proxy::to(&db).await;
    let server = TestServer::builder().on(&db, proxy.url()).start().await;
    let project = server.project_with_origins("pages", &["https://pages.example"]).await;
    let [ann] = project.users(["ann"]).await;
    server.connect(&ann).await.sync().await;
    for way in [Way::Closed, Way::Clogged] {
        proxy.set(way);
        // Whether a page of that origin may connect only the database knows.
        let mut raw = Raw::connect(server.addresses.http).await;
        raw.write(upgrade("/ws/pages", "Origin: https://pages.example\r\n").as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{way:?}: {head:?}");
        // Whoever brings a token is told to come back later.
        let mut raw = Raw::open(server.addresses.http, "pages", "palabre.v1.json", Some(&ann.token)).await;
        assert_eq!(raw.close_code().await, Some(4100), "{way:?}");
        proxy.set(Way::Open);
        until_async("the database to be back", async || {
            let mut raw = Raw::open(server.addresses.http, "pages", "palabre.v1.json", Some(&ann.token)).await;
            raw.frame().await.filter(|(first, _)| *first == FIN | TEXT)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_between_the_commit_and_its_answer() {
    const CUTS: usize = 12;
    let (stage, proxy) = stage().await;
    stage.while_talking(CUTS, async || proxy.lose_next_answer()).await;
    assert!(stage.scene.unavailable.load(Ordering::SeqCst) > 0, "whose outcome is unknown is told so");
    let (talkers, _) = stage.finish().await;
    assert!(talkers.iter().all(|talker| talker.ends.is_empty()));
}
