//! The real program's start and end: what it says when, and that nothing confirmed is lost when it is told to stop under load.

use super::link::{Link, history};
use super::program::{Program, command, processes_on, serve, tokens};
use super::talk::{Scene, Talker};
use crate::support::db::scratch_dir;
use crate::support::wait::until;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_under_load() {
    let data_dir = scratch_dir("stop");
    let mut server = Program::start(&data_dir);
    let health: Value = crate::support::crypto::http_client()
        .get(format!("http://{}/api/v1/health", server.http))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(health["status"], "ok", "it says that it is ready when it is: {health}");
    let people = ["alice", "bob", "carol"];
    let tokens = tokens(&data_dir, &people);
    let (mut link, _) = Link::sign_in(server.tcp, "default", &tokens[0]).await.unwrap();
    let group = link.ok("group.update", &json!({ "name": "stop", "add": people[1..] })).await;
    let conversation = group["id"].as_str().unwrap().to_owned();

    let scene = Arc::new(Scene::default());
    let address = server.tcp;
    let talkers: Vec<_> = people
        .iter()
        .zip(&tokens)
        .map(|(name, token)| {
            let talker = Talker::new(name, "default", token, &conversation);
            tokio::spawn(talker.talk_once(Arc::clone(&scene), address))
        })
        .collect();
    scene.confirms(200).await;
    let told = Instant::now();
    server.signal(libc::SIGTERM);
    let status = server.ended();
    assert!(status.success(), "{status}");
    assert!(told.elapsed() < Duration::from_secs(10), "it took {:?}", told.elapsed());
    let printed = server.printed();
    assert_eq!(printed.len(), 1, "the line that says that it is ready is the last one: {printed:?}");
    assert!(processes_on(&data_dir).is_empty(), "PostgreSQL ends with it");

    let mut confirmed = Vec::new();
    for talker in talkers {
        let talker = talker.await.unwrap();
        assert_eq!(talker.ends.keys().collect::<Vec<_>>(), [&Some(4000)], "everyone is told to come back");
        confirmed.extend(talker.confirmed);
    }
    assert_eq!(link.closed().await, Some(4000));
    let server = Program::start(&data_dir);
    let (mut link, _) = Link::sign_in(server.tcp, "default", &tokens[0]).await.unwrap();
    let messages = history(&mut link, &conversation).await;
    for (id, (_, seq)) in confirmed {
        let message = &messages[usize::try_from(seq - 1).unwrap()];
        assert_eq!((message["id"].as_str(), message["seq"].as_i64()), (Some(id.to_string().as_str()), Some(seq)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let data_dir = scratch_dir("twice");
    let mut server = Program::start(&data_dir);
    let token = &tokens(&data_dir, &["alice"])[0];
    // One that does not even read the server's farewell keeps an orderly stop waiting.
    let (_never_closes, _) = Link::sign_in(server.tcp, "default", token).await.unwrap();
    server.signal(libc::SIGTERM);
    let told = Instant::now();
    server.signal(libc::SIGTERM);
    let status = server.ended();
    assert!(status.code() == Some(130) || status.success() || status.signal().is_some(), "{status}");
    assert!(told.elapsed() < Duration::from_secs(3), "it took {:?}", told.elapsed());
    until("PostgreSQL to end", || processes_on(&data_dir).is_empty().then_some(()));
    Program::start(&data_dir);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_postgresql_killed_under_load_comes_back() {
    let data_dir = scratch_dir("pg");
    let server = Program::start(&data_dir);
    let tokens = tokens(&data_dir, &["alice"]);
    let (mut link, _) = Link::sign_in(server.tcp, "default", &tokens[0]).await.unwrap();
    let conversation = link.ok("group.update", &json!({ "name": "pg" })).await["id"].as_str().unwrap().to_owned();
    let scene = Arc::new(Scene::default());
    let address = server.tcp;
    let talker = Talker::new("alice", "default", &tokens[0], &conversation);
    let talker = tokio::spawn(talker.talk(Arc::clone(&scene), move || Some(address)));
    let mut killed = None;
    for _ in 0..2 {
        scene.confirms(50).await;
        // What was confirmed last may still be the work of the one killed before: its children finish what they are at.
        let pid = until("PostgreSQL to be back", || postgres_pid(&data_dir).filter(|&pid| Some(pid) != killed));
        killed = Some(pid);
        // SAFETY: a system call without pointers; the process is this test's own PostgreSQL.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
    }
    until("PostgreSQL to be back", || postgres_pid(&data_dir).filter(|&pid| Some(pid) != killed));
    scene.confirms(50).await;
    scene.enough.store(true, Ordering::SeqCst);
    let talker = talker.await.unwrap();
    assert!(talker.ends.is_empty(), "no connection ends with the database");
    super::talk::check(&mut link, &conversation, &[talker], 0).await;
}

/// The process of the PostgreSQL on a data directory, if there is one.
fn postgres_pid(data_dir: &Path) -> Option<libc::pid_t> {
    let note = std::fs::read_to_string(data_dir.join("database/postmaster.pid")).ok()?;
    let pid = note.lines().next()?.parse().ok()?;
    Path::new("/proc").join(format!("{pid}")).exists().then_some(pid)
}

/// What a server that can't start says; it prints nothing and leaves nothing running.
fn refusal(mut command: std::process::Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn it_refuses_to_start_without_a_secret() {
    let data_dir = scratch_dir("secret");
    let mut without = command(["serve", "--listen", "127.0.0.1:0", "--tcp", "none", "--admin", "none", "--data-dir"]);
    without.arg(&data_dir);
    let (status, said) = refusal(without);
    assert!(said.contains("PALABRE_JWT_SECRET") && said.contains("--jwt-secret"), "{said}");
    assert!(matches!(status, Some(1 | 2)), "{status:?}");
    let mut short = command(["serve", "--jwt-secret", "thirty-one bytes are not enough"]);
    short.arg("--data-dir").arg(&data_dir);
    let (_, said) = refusal(short);
    assert!(said.contains("at least 32 bytes") && !said.contains("not enough"), "{said}");
    assert!(processes_on(&data_dir).is_empty());
}

#[test]
fn it_says_which_address_is_in_use() {
    let data_dir = scratch_dir("in-use");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--tcp", "--admin"] {
        let mut serve = serve(&data_dir);
        let arguments: Vec<_> = serve.get_args().map(ToOwned::to_owned).collect();
        let at = arguments.iter().position(|argument| argument == flag).unwrap() + 1;
        let arguments = arguments
            .iter()
            .enumerate()
            .map(|(index, old)| if index == at { address.as_ref() } else { old.as_os_str() });
        serve = command(arguments);
        let (status, said) = refusal(serve);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(&address) && said.to_lowercase().contains("in use"), "{said}");
    }
    assert!(processes_on(&data_dir).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_data_is_refused() {
    let data_dir = scratch_dir("second");
    let first = Program::start(&data_dir);
    let (status, said) = tokio::task::spawn_blocking({
        let data_dir = data_dir.clone();
        move || refusal(serve(&data_dir))
    })
    .await
    .unwrap();
    assert_eq!(status, Some(1));
    assert!(said.contains("another palabre"), "{said}");
    let health =
        crate::support::crypto::http_client().get(format!("http://{}/api/v1/health", first.http)).send().await.unwrap();
    assert!(health.status().is_success(), "the first one notices nothing");
}
