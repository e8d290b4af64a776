//! Many conversations of two, each with one message on its way: one says something, the other answers, and so on.

use super::common::database::BenchDb;
use super::connection::{Ear, Mouth};
use super::contender::{Contender, Kind};
use super::crowd::open_all;
use super::encoding::{Encoding, NumberFinder, Template};
use super::machine::Cpu;
use super::record::{Record, float, latencies};
use hdrhistogram::Histogram;
use palabre::model::ConversationId;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

const WARM_UP: Duration = Duration::from_secs(1);
/// A pair that has not moved for so long has lost a message.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Pairs {
    pub scenario: &'static str,
    pub encoding: Encoding,
    pub pairs: usize,
    /// Sessions that are there and do nothing.
    pub idle: usize,
    pub lasts: Duration,
}

#[derive(Default)]
struct Shared {
    messages: Cell<u64>,
    round_trips: Cell<u64>,
    latency: RefCell<Option<Histogram<u64>>>,
    stopping: Cell<bool>,
    /// Ends of pairs that were told to stop and did.
    stopped: Cell<usize>,
}

/// Runs it against one server, which must be fresh. Of the raw limit `db` is not used.
pub async fn run(plan: Pairs, server: &Contender, db: &BenchDb) -> Record {
    let (people, conversations) = match server.kind {
        Kind::Palabre => {
            let people = db.people(&format!("p{}x", db.unique()), plan.pairs * 2 + plan.idle).await;
            let (talkers, _) = people.split_at(plan.pairs * 2);
            let pairs: Vec<_> = talkers.chunks(2).map(|pair| vec![pair[0].id, pair[1].id]).collect();
            let conversations = db.groups(&pairs).await;
            db.analyze().await;
            (people, conversations)
        }
        Kind::RawLimit => (Vec::new(), (0..plan.pairs).map(|_| ConversationId::random()).collect()),
    };
    // Whoever is idle sits in a room of the raw limit alone.
    let who = (0..plan.pairs * 2 + plan.idle)
        .map(|index| (people.get(index), index / 2 + index.saturating_sub(plan.pairs * 2)));
    let mut connections = open_all(server, plan.encoding, who).await;
    let _idle = connections.split_off(plan.pairs * 2);
    let shared = Rc::new(Shared::default());
    let mut talks = JoinSet::new();
    for (index, (ear, mouth)) in connections.into_iter().enumerate() {
        let template = Template::new(plan.encoding, conversations[index / 2]);
        talks.spawn_local(talk(ear, mouth, template, index % 2 == 0, Rc::clone(&shared)));
    }

    sleep(WARM_UP).await;
    let pids = (server.pid(), db.pid());
    let (began, cpu) = (Instant::now(), Cpu::now(pids.0, pids.1));
    let (messages, round_trips) = (shared.messages.get(), shared.round_trips.get());
    shared.latency.replace(Some(latencies()));
    sleep(plan.lasts).await;
    let latency = shared.latency.take().unwrap_or_else(latencies);
    let (took, used) = (began.elapsed(), Cpu::now(pids.0, pids.1).since(cpu));
    let (messages, round_trips) = (shared.messages.get() - messages, shared.round_trips.get() - round_trips);
    shared.stopping.set(true);
    let deadline = Instant::now() + PATIENCE;
    while shared.stopped.get() < plan.pairs && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
    let record = Record {
        suite: "load",
        scenario: plan.scenario,
        server: server.kind.name(),
        encoding: plan.encoding.name(),
        rooms: plan.pairs,
        receivers: 1,
        sessions: plan.pairs * 2 + plan.idle,
        lost: (plan.pairs - shared.stopped.get()) as u64,
        ..Record::default()
    };
    let mut record = record.with_deliveries(messages, messages, took, used).with_latency(&latency);
    record.round_trips_per_second = Some(float(round_trips) / took.as_secs_f64());
    record
}

/// One end of a pair. Every message carries the next number, and only the one that is awaited counts: one that is lost stops the
/// pair for good.
async fn talk(mut ear: Ear, mut mouth: Mouth, mut template: Template, begins: bool, shared: Rc<Shared>) {
    let mut finder = NumberFinder::default();
    let mut out = Vec::new();
    let mut number = 0;
    let mut asked = Instant::now();
    if begins {
        template.put(number, &mut out);
    }
    loop {
        if !out.is_empty() {
            asked = Instant::now();
            if mouth.say(&out).await.is_err() {
                return;
            }
            out.clear();
        }
        // What one said oneself comes back too: its reply here, its copy from the raw limit.
        let mut answers = 0;
        let result = ear
            .hear(|frame| {
                let expected = if begins { number + 1 } else { number };
                answers += u32::from(finder.find(frame) == Some(expected));
            })
            .await;
        match result {
            Ok(true) if answers > 1 => return eprintln!("a message came twice"),
            Ok(true) if answers == 0 => continue,
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return eprintln!("a talker lost its connection: {error}"),
        }
        shared.messages.set(shared.messages.get() + 1);
        if begins {
            shared.round_trips.set(shared.round_trips.get() + 1);
            if let Some(latency) = shared.latency.borrow_mut().as_mut() {
                latency.saturating_record(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            if shared.stopping.get() {
                shared.stopped.set(shared.stopped.get() + 1);
                // Stays connected: leaving costs the server too.
                return std::future::pending().await;
            }
            number += 2;
        } else {
            number += 1;
        }
        template.put(number, &mut out);
        if !begins {
            number += 1;
        }
    }
}
