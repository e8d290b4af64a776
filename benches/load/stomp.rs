//! Two clients that speak STOMP and answer each other, among many sessions that talk too: how long a message takes.

use super::common::database::BenchDb;
use super::connection::{Ear, Mouth, open_stomp};
use super::contender::Contender;
use super::crowd::open_all;
use super::encoding::{self, Encoding, NumberFinder, Template};
use super::machine::Cpu;
use super::record::{Record, latencies};
use palabre::model::ConversationId;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

const WARM_UP: Duration = Duration::from_secs(1);
/// How often each of the others says something.
const PACE: Duration = Duration::from_secs(1);
/// A message that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Stomp {
    /// All sessions, those two among them.
    pub sessions: usize,
    pub lasts: Duration,
}

/// Runs it against one server, which must be fresh.
pub async fn run(plan: Stomp, server: &Contender, db: &BenchDb) -> Record {
    let people = db.people(&format!("s{}x", db.unique()), plan.sessions).await;
    let pairs: Vec<_> = people.chunks(2).map(|pair| pair.iter().map(|person| person.id).collect()).collect();
    let conversations = db.groups(&pairs).await;
    db.analyze().await;
    let others = people.iter().enumerate().skip(2).map(|(index, person)| (Some(person), index / 2));
    let others = open_all(server, Encoding::WsJson, others).await;
    let told = Rc::new(Cell::new(0));
    let mut talks = JoinSet::new();
    for (index, (ear, mouth)) in others.into_iter().enumerate() {
        let template = Template::new(Encoding::WsJson, conversations[index / 2 + 1]);
        // Not all at the same moment.
        let first = PACE.mul_f64(index as f64 / plan.sessions as f64);
        talks.spawn_local(listen(ear, Rc::clone(&told)));
        talks.spawn_local(talk(mouth, template, first));
    }
    let mut one = open_stomp(server, &people[0], conversations[0]).await.expect("a connection");
    let mut other = open_stomp(server, &people[1], conversations[0]).await.expect("a connection");
    sleep(WARM_UP).await;

    let pids = (server.pid(), db.pid());
    let (began, cpu, told_before) = (Instant::now(), Cpu::now(pids.0, pids.1), told.get());
    let (mut latency, mut messages, mut lost) = (latencies(), 0, 0);
    while began.elapsed() < plan.lasts {
        let asked = Instant::now();
        one.1.say(&said(conversations[0], messages)).await.expect("an open connection");
        match timeout(PATIENCE, hear(&mut other.0, messages)).await {
            Ok(()) => latency.saturating_record(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX)),
            Err(_) => lost += 1,
        }
        messages += 1;
        std::mem::swap(&mut one, &mut other);
    }
    let (took, used) = (began.elapsed(), Cpu::now(pids.0, pids.1).since(cpu));
    let all = told.get() - told_before + u64::from(messages);
    let record = Record {
        suite: "load",
        scenario: "stomp",
        server: server.kind.name(),
        encoding: "stomp",
        rooms: conversations.len(),
        receivers: 1,
        sessions: plan.sessions,
        lost,
        ..Record::default()
    };
    record.with_deliveries(all, all, took, used).with_latency(&latency)
}

fn said(conversation: ConversationId, number: u32) -> Vec<u8> {
    let body = encoding::numbered(number);
    encoding::text(&format!("SEND\ndestination:/app/conversations/{conversation}\ncontent-type:text/plain\n\n{body}\0"))
}

/// Waits for the message of this number.
async fn hear(ear: &mut Ear, number: u32) {
    let mut finder = NumberFinder::default();
    let mut found = false;
    while !found {
        let open = ear.hear(|frame| found |= finder.find(frame) == Some(number)).await.expect("an open connection");
        assert!(open, "the server closed");
    }
}

async fn listen(mut ear: Ear, told: Rc<Cell<u64>>) {
    let mut finder = NumberFinder::default();
    loop {
        let mut pushes = 0;
        // Replies to one's own requests have their number too.
        let count = |frame: &[u8]| {
            let is_reply = frame.windows(5).take(16).any(|window| window == b"\"re\":");
            pushes += u64::from(!is_reply && finder.find(frame).is_some());
        };
        if !ear.hear(count).await.unwrap_or(false) {
            return;
        }
        told.set(told.get() + pushes);
    }
}

async fn talk(mut mouth: Mouth, mut template: Template, first: Duration) {
    sleep(first).await;
    let (mut ticks, mut out) = (interval(PACE), Vec::new());
    for number in 0.. {
        ticks.tick().await;
        out.clear();
        template.put(number, &mut out);
        if mouth.say(&out).await.is_err() {
            return;
        }
    }
}
