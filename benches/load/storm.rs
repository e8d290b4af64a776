//! Everybody comes at once, stays, and comes back after a restart.
//!
//! Each session is told its three conversations (one of two people, one of [`SMALL`], one of [`LARGE`]), its contacts, and who of
//! those that it may see is online.

use super::common::database::{BenchDb, Person};
use super::connection::{Ear, Mouth};
use super::contender::Contender;
use super::crowd::open_all;
use super::encoding::Encoding;
use super::machine::{Cpu, resident_kib};
use super::record::{Record, float};
use palabre::model::UserId;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A group in which presence is told.
const SMALL: usize = 10;
/// A group beyond the size up to which presence is told.
const LARGE: usize = 100;
/// Messages that there are already, in each of so many of the large groups.
const PAST: i64 = 100_000;
const GROUPS_WITH_A_PAST: usize = 3;
/// A server that uses less of a second's CPU time than this has come to rest.
const AT_REST: f64 = 0.05;

/// Runs storm, idle and restart; the server is stopped at the end.
pub async fn run(sessions: usize, db: &BenchDb) -> Vec<Record> {
    let people = db.people(&format!("s{}x", db.unique()), sessions).await;
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    for size in [2, SMALL, LARGE] {
        let groups: Vec<Vec<UserId>> = ids.chunks(size).map(<[UserId]>::to_vec).collect();
        let groups = db.groups(&groups).await;
        if size == LARGE {
            for group in groups.into_iter().take(GROUPS_WITH_A_PAST) {
                db.history(group, PAST).await;
            }
        }
    }
    let pairs: Vec<_> = ids.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    db.befriend(&pairs).await;
    db.analyze().await;
    let record = |scenario| Record {
        suite: "load",
        scenario,
        server: "palabre",
        encoding: Encoding::WsJson.name(),
        rooms: 3,
        sessions,
        ..Record::default()
    };

    let server = Contender::palabre(db);
    at_rest(&server, db).await;
    let empty = resident_kib(server.pid());
    let (connections, storm) = come(&server, db, &people, record("storm")).await;
    let listening = listen(connections);
    at_rest(&server, db).await;
    let grown = resident_kib(server.pid()) - empty;
    let began = Instant::now();
    let cpu = Cpu::now(server.pid(), db.pid());
    sleep(Duration::from_secs(3)).await;
    let used = Cpu::now(server.pid(), db.pid()).since(cpu);
    eprintln!("idle: {:.2} % of a core", used.server / began.elapsed().as_secs_f64() * 100.0);
    let idle = Record {
        rss_per_session_kib: Some(grown / float(sessions as u64)),
        seconds: began.elapsed().as_secs_f64(),
        ..record("idle")
    };

    let ports = [server.http.port(), server.tcp.port()];
    server.stop();
    drop(listening);
    let server = Contender::palabre_at(db, ports);
    let (connections, restart) = come(&server, db, &people, record("restart")).await;
    drop(connections);
    vec![storm, idle, restart]
}

/// Connects everybody; done when each was told how things are.
async fn come(server: &Contender, db: &BenchDb, people: &[Person], record: Record) -> (Vec<(Ear, Mouth)>, Record) {
    let transactions = db.transactions().await;
    let cpu = Cpu::now(server.pid(), db.pid());
    let began = Instant::now();
    let connections = open_all(server, Encoding::WsJson, people.iter().map(|person| (Some(person), 0))).await;
    let took = began.elapsed();
    let used = Cpu::now(server.pid(), db.pid()).since(cpu);
    eprintln!(
        "{}: {:.1} s, CPU of the server {:.1} s, of the database {:.1} s",
        record.scenario,
        took.as_secs_f64(),
        used.server,
        used.database
    );
    // What PostgreSQL counts it reports when a connection is idle, at the latest a second later.
    sleep(Duration::from_secs(2)).await;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let statements = (db.transactions().await - transactions) as f64;
    let record = Record {
        seconds: took.as_secs_f64(),
        statements_per_session: Some(statements / float(people.len() as u64)),
        ..record
    };
    (connections, record)
}

/// Reads what comes until it is dropped.
fn listen(connections: Vec<(Ear, Mouth)>) -> JoinSet<()> {
    let mut listening = JoinSet::new();
    for (mut ear, mouth) in connections {
        listening.spawn_local(async move {
            while let Ok(true) = ear.hear(|_| {}).await {}
            drop(mouth);
        });
    }
    listening
}

/// Waits until the server has nothing left to do.
async fn at_rest(server: &Contender, db: &BenchDb) {
    for _ in 0..20 {
        let before = Cpu::now(server.pid(), db.pid());
        sleep(Duration::from_secs(1)).await;
        if Cpu::now(server.pid(), db.pid()).since(before).server < AT_REST {
            return;
        }
    }
}
