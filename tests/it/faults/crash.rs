//! The real program, killed while people talk: what was confirmed is there, once, in order.

use super::link::Link;
use super::program::{Program, processes_on, tokens};
use super::talk::{Scene, Talker, check};
use crate::support::db::scratch_dir;
use crate::support::wait::until;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const ROUNDS: usize = 4;
/// Messages that are confirmed before the server is killed; not the same number in each round, so that it is not always at
/// the same moment of a batch.
const A_ROUND: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_under_load() {
    let data_dir = scratch_dir("crash");
    let mut server = Program::start(&data_dir);
    let tokens = tokens(&data_dir, &PEOPLE);
    let (mut link, _) = Link::sign_in(server.tcp, "default", &tokens[0]).await.unwrap();
    let group = link.ok("group.update", &json!({ "name": "crash", "add": PEOPLE[1..] })).await;
    let conversation = group["id"].as_str().unwrap();

    let scene = Arc::new(Scene::default());
    let address: Arc<Mutex<Option<SocketAddr>>> = Arc::new(Mutex::new(Some(server.tcp)));
    let talkers: Vec<_> = PEOPLE
        .iter()
        .zip(&tokens)
        .map(|(name, token)| {
            let (scene, address) = (Arc::clone(&scene), Arc::clone(&address));
            let talker = Talker::new(name, "default", token, conversation);
            tokio::spawn(talker.talk(scene, move || *address.lock().unwrap()))
        })
        .collect();
    for round in 0..ROUNDS {
        scene.confirms(A_ROUND + 7 * round).await;
        *address.lock().unwrap() = None;
        server.kill();
        server = Program::start(&data_dir);
        *address.lock().unwrap() = Some(server.tcp);
    }
    scene.confirms(A_ROUND).await;
    scene.enough.store(true, Ordering::SeqCst);
    let mut done = Vec::new();
    for talker in talkers {
        done.push(talker.await.unwrap());
    }
    assert!(done.iter().all(|talker| talker.ends[&None] >= ROUNDS), "everyone was cut off");

    let (mut link, _) = Link::sign_in(server.tcp, "default", &tokens[0]).await.unwrap();
    check(&mut link, conversation, &done, 0).await;
    server.kill();
    until("PostgreSQL to end with its server", || processes_on(&data_dir).is_empty().then_some(()));
}
