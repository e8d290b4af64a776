//! One conversation with many listeners.
//!
//! A few senders write as fast as the listeners hear, or at a fixed pace. Unpaced, a message is sent only when fewer than
//! [`WINDOW`] are on their way, counted over all listeners: the server is busy all the time, and nobody is slow.

use super::common::database::BenchDb;
use super::connection::{Ear, Mouth};
use super::contender::{Contender, Kind};
use super::crowd::open_all;
use super::encoding::{Encoding, NumberFinder, Template};
use super::machine::Cpu;
use super::record::{Record, latencies};
use hdrhistogram::Histogram;
use palabre::model::{ConversationId, UserId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Sessions that write; a session of ours has 64 messages under way at most.
pub const SENDERS: usize = 16;
/// Messages on their way at once: as many as these sessions may have.
const WINDOW: u64 = 1_024;
/// How long all goes on before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// The name of an error's event, as JSON and MessagePack have it.
const ERROR: [&[u8]; 2] = [b"\"error\"", b"\xa5error"];
/// How long the last messages may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct FanOut {
    pub scenario: &'static str,
    pub encoding: Encoding,
    pub receivers: usize,
    /// Messages a second; without one as fast as it goes.
    pub pace: Option<f64>,
    pub lasts: Duration,
}

/// What the senders and listeners of a run share; all are on one thread.
struct Shared {
    receivers: u64,
    began: Instant,
    /// When each message was sent, in microseconds since the beginning.
    sent_at: RefCell<Vec<u64>>,
    deliveries: Cell<u64>,
    latency: RefCell<Histogram<u64>>,
    measuring: Cell<bool>,
    stopping: Cell<bool>,
    moved: Notify,
    refused: Cell<u64>,
}

/// What one listener heard.
#[derive(Default)]
struct Heard {
    count: u64,
    sum: u64,
}

impl Shared {
    fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn sent(&self) -> u64 {
        self.sent_at.borrow().len() as u64
    }

    fn may_send(&self) -> u64 {
        let heard = self.deliveries.get() / self.receivers;
        (heard + WINDOW).saturating_sub(self.sent())
    }
}

/// Runs it against one server, which must be fresh. Of the raw limit `db` is not used.
pub async fn run(plan: FanOut, server: &Contender, db: &BenchDb) -> Record {
    let (people, conversation) = match server.kind {
        Kind::Palabre => {
            let people = db.people(&format!("f{}x", db.unique()), plan.receivers + SENDERS).await;
            let group: Vec<UserId> = people.iter().map(|person| person.id).collect();
            let conversation = db.groups(&[group]).await[0];
            db.analyze().await;
            (people, conversation)
        }
        Kind::RawLimit => (Vec::new(), ConversationId::random()),
    };
    let who = (0..plan.receivers + SENDERS).map(|index| (people.get(index), 0));
    let mut connections = open_all(server, plan.encoding, who).await;
    let senders = connections.split_off(plan.receivers);
    let shared = Rc::new(Shared {
        receivers: plan.receivers as u64,
        began: Instant::now(),
        sent_at: RefCell::default(),
        deliveries: Cell::new(0),
        latency: RefCell::new(latencies()),
        measuring: Cell::new(false),
        stopping: Cell::new(false),
        moved: Notify::new(),
        refused: Cell::new(0),
    });
    let mut listening = JoinSet::new();
    let mut mouths = Vec::new();
    let heard: Rc<RefCell<Vec<Heard>>> = Rc::default();
    for (index, (ear, mouth)) in connections.into_iter().enumerate() {
        heard.borrow_mut().push(Heard::default());
        mouths.push(mouth);
        listening.spawn_local(listen(ear, Rc::clone(&shared), Rc::clone(&heard), index));
    }
    let mut sending = JoinSet::new();
    for (ear, mouth) in senders {
        spawn_local(watch(ear, Rc::clone(&shared)));
        let template = Template::new(plan.encoding, conversation);
        match plan.pace {
            None => sending.spawn_local(send(mouth, template, Rc::clone(&shared))),
            Some(pace) => {
                let period = Duration::from_secs_f64(1.0 / pace);
                let sender = send_paced(mouth, template, Rc::clone(&shared), period);
                sending.spawn_local(sender);
                break;
            }
        };
    }

    sleep(WARM_UP).await;
    let pids = (server.pid(), db.pid());
    let (began, cpu) = (Instant::now(), Cpu::now(pids.0, pids.1));
    let (messages, deliveries) = (shared.sent(), shared.deliveries.get());
    shared.measuring.set(true);
    sleep(plan.lasts).await;
    shared.measuring.set(false);
    let (took, used) = (began.elapsed(), Cpu::now(pids.0, pids.1).since(cpu));
    let (messages, deliveries) = (shared.sent() - messages, shared.deliveries.get() - deliveries);
    shared.stopping.set(true);
    shared.moved.notify_waiters();
    while sending.join_next().await.is_some() {}
    let lost = count_lost(&shared, &heard).await;
    let record = Record {
        suite: "load",
        scenario: plan.scenario,
        server: server.kind.name(),
        encoding: plan.encoding.name(),
        rooms: 1,
        receivers: plan.receivers,
        sessions: plan.receivers + SENDERS,
        pace: plan.pace,
        lost: lost + shared.refused.get(),
        ..Record::default()
    };
    let latency = shared.latency.borrow();
    record.with_deliveries(messages, deliveries, took, used).with_latency(&latency)
}

async fn listen(mut ear: Ear, shared: Rc<Shared>, heard: Rc<RefCell<Vec<Heard>>>, index: usize) {
    let mut finder = NumberFinder::default();
    loop {
        let mut heard_now = Heard::default();
        let result = ear
            .hear(|frame| {
                let Some(number) = finder.find(frame) else { return };
                heard_now.count += 1;
                heard_now.sum += u64::from(number);
                if shared.measuring.get() {
                    let sent = shared.sent_at.borrow().get(number as usize).copied();
                    let took = sent.map(|sent| shared.micros().saturating_sub(sent));
                    took.inspect(|took| shared.latency.borrow_mut().saturating_record(*took));
                }
            })
            .await;
        if let Some(heard) = heard.borrow_mut().get_mut(index) {
            heard.count += heard_now.count;
            heard.sum += heard_now.sum;
        }
        shared.deliveries.set(shared.deliveries.get() + heard_now.count);
        shared.moved.notify_waiters();
        match result {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return eprintln!("a listener lost its connection: {error}"),
        }
    }
}

/// What comes back to a sender: a refusal counts as lost. In MessagePack it is found by the name of the event as well.
async fn watch(mut ear: Ear, shared: Rc<Shared>) {
    let mut first = None;
    while let Ok(true) = ear
        .hear(|frame| {
            if ERROR.iter().any(|mark| memchr::memmem::find(frame, mark).is_some()) {
                shared.refused.set(shared.refused.get() + 1);
                first.get_or_insert_with(|| eprintln!("refused: {}", String::from_utf8_lossy(frame)));
            }
        })
        .await
    {}
}

async fn send(mut mouth: Mouth, mut template: Template, shared: Rc<Shared>) {
    /// Messages of one write.
    const BURST: u64 = 64;
    let mut out = Vec::new();
    while !shared.stopping.get() {
        let burst = shared.may_send().min(BURST);
        if burst == 0 {
            shared.moved.notified().await;
            continue;
        }
        out.clear();
        for _ in 0..burst {
            put(&mut template, &shared, &mut out);
        }
        if mouth.say(&out).await.is_err() {
            return;
        }
        // The others' turn, so that all senders write.
        tokio::task::yield_now().await;
    }
}

async fn send_paced(mut mouth: Mouth, mut template: Template, shared: Rc<Shared>, period: Duration) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut out = Vec::new();
    while !shared.stopping.get() {
        ticks.tick().await;
        out.clear();
        put(&mut template, &shared, &mut out);
        if mouth.say(&out).await.is_err() {
            return;
        }
    }
}

fn put(template: &mut Template, shared: &Shared, out: &mut Vec<u8>) {
    let mut sent_at = shared.sent_at.borrow_mut();
    template.put(u32::try_from(sent_at.len()).expect("some thousand million messages"), out);
    sent_at.push(shared.micros());
}

/// Waits until every listener has heard all, and counts what was not heard, or not once.
async fn count_lost(shared: &Shared, heard: &RefCell<Vec<Heard>>) -> u64 {
    let sent = shared.sent();
    let all = async {
        while shared.deliveries.get() < sent * shared.receivers {
            shared.moved.notified().await;
        }
    };
    // What is missing then is counted.
    let _ = timeout(PATIENCE, all).await;
    let sum = sent * sent.saturating_sub(1) / 2;
    heard.borrow().iter().map(|heard| sent.abs_diff(heard.count).max(u64::from(heard.sum != sum))).sum()
}
