//! An ordinary day: groups in which people type, say something, and read what others said.
//!
//! Each person is in [`GROUPS_EACH`] groups of [`GROUP`] and, at a fixed pace, types in one of them, then says something there;
//! twice a second each marks as read what has come.

use super::common::database::BenchDb;
use super::connection::{Ear, Mouth};
use super::contender::Contender;
use super::crowd::open_all;
use super::encoding::{Encoding, NumberFinder, Template};
use super::machine::Cpu;
use super::record::{Record, float, latencies};
use hdrhistogram::Histogram;
use palabre::model::{ConversationId, UserId};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

const GROUP: usize = 20;
const GROUPS_EACH: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const READS: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(15);

/// What to run, over JSON.
#[derive(Debug, Clone, Copy)]
pub struct Mixed {
    pub people: usize,
    /// Messages a second of each person.
    pub pace: f64,
    pub lasts: Duration,
}

struct Shared {
    began: Instant,
    sent_at: RefCell<Vec<u64>>,
    deliveries: Cell<u64>,
    /// Typing and receipts that came.
    others: Cell<u64>,
    latency: RefCell<Histogram<u64>>,
    measuring: Cell<bool>,
    stopping: Cell<bool>,
}

impl Shared {
    fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Runs it against a fresh server.
pub async fn run(plan: Mixed, server: &Contender, db: &BenchDb) -> Record {
    let people = db.people(&format!("m{}x", db.unique()), plan.people).await;
    // Every round of groups cuts the circle of people at another place and stride, so that groups differ.
    let mut groups: Vec<Vec<UserId>> = Vec::new();
    let mut of: Vec<Vec<usize>> = vec![Vec::new(); plan.people];
    for round in 0..GROUPS_EACH {
        let count = plan.people / GROUP;
        let first = groups.len();
        groups.resize(first + count, Vec::new());
        for (index, person) in people.iter().enumerate() {
            let group = first + (index / GROUP + (index % GROUP) * round) % count;
            groups[group].push(person.id);
            of[index].push(group);
        }
    }
    let conversations = db.groups(&groups).await;
    db.analyze().await;
    let who = people.iter().map(|person| (Some(person), 0));
    let connections = open_all(server, Encoding::WsJson, who).await;
    let shared = Rc::new(Shared {
        began: Instant::now(),
        sent_at: RefCell::default(),
        deliveries: Cell::new(0),
        others: Cell::new(0),
        latency: RefCell::new(latencies()),
        measuring: Cell::new(false),
        stopping: Cell::new(false),
    });
    let mut lives = JoinSet::new();
    for (index, (ear, mouth)) in connections.into_iter().enumerate() {
        let rooms: Vec<ConversationId> = of[index].iter().map(|&group| conversations[group]).collect();
        let phase = float(index as u64) / float(plan.people as u64);
        lives.spawn_local(live(ear, mouth, rooms, plan.pace, phase, Rc::clone(&shared)));
    }

    sleep(WARM_UP).await;
    let pids = (server.pid(), db.pid());
    let (began, cpu) = (Instant::now(), Cpu::now(pids.0, pids.1));
    let (sent, deliveries) = (shared.sent_at.borrow().len(), shared.deliveries.get());
    shared.measuring.set(true);
    sleep(plan.lasts).await;
    shared.measuring.set(false);
    let (took, used) = (began.elapsed(), Cpu::now(pids.0, pids.1).since(cpu));
    let (messages, deliveries) = ((shared.sent_at.borrow().len() - sent) as u64, shared.deliveries.get() - deliveries);
    shared.stopping.set(true);
    // Those who wrote hear a reply instead.
    let expected = shared.sent_at.borrow().len() as u64 * (GROUP as u64 - 1);
    let all = async {
        while shared.deliveries.get() < expected {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = timeout(PATIENCE, all).await;
    eprintln!(
        "mixed: {} of typing, receipts and replies came beside {} of {expected} messages",
        shared.others.get(),
        shared.deliveries.get()
    );
    let record = Record {
        suite: "load",
        scenario: "mixed",
        server: server.kind.name(),
        encoding: Encoding::WsJson.name(),
        rooms: groups.len(),
        receivers: GROUP - 1,
        sessions: plan.people,
        pace: Some(plan.pace * float(plan.people as u64)),
        lost: expected.abs_diff(shared.deliveries.get()),
        ..Record::default()
    };
    let latency = shared.latency.borrow();
    record.with_deliveries(messages, deliveries, took, used).with_latency(&latency)
}

/// One person's client.
async fn live(mut ear: Ear, mut mouth: Mouth, rooms: Vec<ConversationId>, pace: f64, phase: f64, shared: Rc<Shared>) {
    let mut templates: Vec<Template> = rooms.iter().map(|room| Template::new(Encoding::WsJson, *room)).collect();
    let unread: Rc<RefCell<HashMap<String, i64>>> = Rc::default();
    let listening = {
        let (unread, shared) = (Rc::clone(&unread), Rc::clone(&shared));
        async move {
            let mut finder = NumberFinder::default();
            while let Ok(true) = ear.hear(|frame| hear(frame, &mut finder, &unread, &shared)).await {}
            eprintln!("somebody lost the connection");
        }
    };
    let speaking = async {
        let period = Duration::from_secs_f64(1.0 / pace);
        sleep(period.mul_f64(phase)).await;
        let (mut says, mut reads) = (interval(period), interval(READS));
        says.set_missed_tick_behavior(MissedTickBehavior::Delay);
        reads.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut turn, mut request) = (0, 0);
        let mut out = Vec::new();
        loop {
            out.clear();
            tokio::select! {
                _ = says.tick() => {
                    if shared.stopping.get() {
                        continue;
                    }
                    turn = (turn + 1) % rooms.len();
                    request += 1;
                    let typing = json!({ "conversation": rooms[turn], "typing": true });
                    out.extend(Encoding::WsJson.request(request, "typing.update", &typing));
                    let mut sent_at = shared.sent_at.borrow_mut();
                    templates[turn].put(u32::try_from(sent_at.len()).expect("a count"), &mut out);
                    sent_at.push(shared.micros());
                }
                _ = reads.tick() => {
                    for (conversation, seq) in unread.borrow_mut().drain() {
                        request += 1;
                        let read = json!({ "conversation": conversation, "seq": seq });
                        out.extend(Encoding::WsJson.request(request, "message.read", &read));
                    }
                }
            }
            if mouth.say(&out).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(listening, speaking);
}

fn hear(frame: &[u8], finder: &mut NumberFinder, unread: &RefCell<HashMap<String, i64>>, shared: &Shared) {
    let start = frame.iter().position(|&byte| byte == b'{').unwrap_or(0);
    let Some(number) = finder.find(frame) else {
        if memchr::memmem::find(frame, b"\"error\"").is_some() {
            eprintln!("refused: {}", String::from_utf8_lossy(frame));
        }
        return shared.others.set(shared.others.get() + 1);
    };
    let event: Value = serde_json::from_slice(&frame[start..]).expect("an event");
    if event.get("re").is_some() {
        return;
    }
    shared.deliveries.set(shared.deliveries.get() + 1);
    if let (Some(conversation), Some(seq)) = (event["data"]["conversation"].as_str(), event["data"]["seq"].as_i64()) {
        unread.borrow_mut().entry(conversation.to_owned()).and_modify(|last| *last = seq.max(*last)).or_insert(seq);
    }
    if shared.measuring.get() {
        let sent = shared.sent_at.borrow()[number as usize];
        shared.latency.borrow_mut().saturating_record(shared.micros().saturating_sub(sent));
    }
}
