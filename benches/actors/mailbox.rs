//! What a message to an actor costs.
//!
//! The actor keeps a sum. `mailbox round trip`: a number is sent, and the new sum comes back. `mailbox throughput`: a thousand
//! numbers are sent without an answer, then one more is asked for. Mailboxes are bounded and messages tried, not awaited, as
//! in our own code; ractor's only are unbounded.

use crate::{time_of, tokio_thread};
use actix::{Actor, Addr, Context, Handler, Message, System};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use kameo::actor::{ActorRef as KameoRef, Spawn};
use ractor::{ActorProcessingErr, ActorRef as RactorRef, RpcReplyPort};
use std::convert::Infallible;
use std::hint::black_box;
use tokio::sync::{mpsc, oneshot};

/// Messages sent before the one that is answered.
const MESSAGES: u64 = 1000;
/// What a mailbox holds.
const MAILBOX: usize = 1024;

/// The actor, whatever carries its messages.
#[derive(Default)]
struct Sum(u64);

impl Sum {
    fn add(&mut self, number: u64) -> u64 {
        self.0 = self.0.wrapping_add(number);
        self.0
    }
}

/// A number to add.
#[derive(Message)]
#[rtype(result = "()")]
struct Tell(u64);

/// A number to add, and to answer with the sum.
#[derive(Message)]
#[rtype(result = "u64")]
struct Ask(u64);

impl Actor for Sum {
    type Context = Context<Self>;
}

impl Handler<Tell> for Sum {
    type Result = ();

    fn handle(&mut self, Tell(number): Tell, _: &mut Self::Context) {
        self.add(number);
    }
}

impl Handler<Ask> for Sum {
    type Result = u64;

    fn handle(&mut self, Ask(number): Ask, _: &mut Self::Context) -> u64 {
        self.add(number)
    }
}

impl kameo::Actor for Sum {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: KameoRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl kameo::message::Message<Tell> for Sum {
    type Reply = ();

    async fn handle(&mut self, Tell(number): Tell, _: &mut kameo::message::Context<Self, ()>) {
        self.add(number);
    }
}

impl kameo::message::Message<Ask> for Sum {
    type Reply = u64;

    async fn handle(&mut self, Ask(number): Ask, _: &mut kameo::message::Context<Self, u64>) -> u64 {
        self.add(number)
    }
}

/// For ractor, whose actors have their state beside them.
struct Summing;

enum RactorMessage {
    Tell(u64),
    Ask(u64, RpcReplyPort<u64>),
}

impl ractor::Actor for Summing {
    type Msg = RactorMessage;
    type State = Sum;
    type Arguments = ();

    async fn pre_start(&self, _: RactorRef<RactorMessage>, (): ()) -> Result<Sum, ActorProcessingErr> {
        Ok(Sum::default())
    }

    async fn handle(
        &self,
        _: RactorRef<RactorMessage>,
        message: RactorMessage,
        sum: &mut Sum,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RactorMessage::Tell(number) => {
                sum.add(number);
            }
            RactorMessage::Ask(number, reply) => reply.send(sum.add(number))?,
        }
        Ok(())
    }
}

/// A task with a channel, and a channel for each answer.
enum TaskMessage {
    Tell(u64),
    Ask(u64, oneshot::Sender<u64>),
}

fn start_task() -> mpsc::Sender<TaskMessage> {
    let (sender, mut receiver) = mpsc::channel(MAILBOX);
    tokio::spawn(async move {
        let mut sum = Sum::default();
        while let Some(message) = receiver.recv().await {
            match message {
                TaskMessage::Tell(number) => {
                    sum.add(number);
                }
                TaskMessage::Ask(number, reply) => {
                    let _ = reply.send(sum.add(number));
                }
            }
        }
    });
    sender
}

async fn ask_actix(addr: &Addr<Sum>) -> u64 {
    addr.send(Ask(1)).await.unwrap()
}

async fn ask_ractor(actor: &RactorRef<RactorMessage>) -> u64 {
    actor.call(|reply| RactorMessage::Ask(1, reply), None).await.unwrap().unwrap()
}

async fn ask_kameo(actor: &KameoRef<Sum>) -> u64 {
    actor.ask(Ask(1)).await.unwrap()
}

async fn ask_task(task: &mpsc::Sender<TaskMessage>) -> u64 {
    let (reply, answer) = oneshot::channel();
    assert!(task.try_send(TaskMessage::Ask(1, reply)).is_ok());
    answer.await.unwrap()
}

/// So many numbers, then a question: the round trip is the case of none.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, tells: u64) {
    let system = System::new();
    let addr = system.block_on(async {
        Sum::create(|ctx| {
            ctx.set_mailbox_capacity(MAILBOX);
            Sum::default()
        })
    });
    group.bench_function("actix", |bencher| {
        let step = async || {
            for _ in 0..tells {
                addr.try_send(Tell(1)).unwrap();
            }
            black_box(ask_actix(&addr).await);
        };
        bencher.iter_custom(|times| system.block_on(time_of(times, step)));
    });
    let runtime = tokio_thread();
    let actor = runtime.block_on(async { ractor::Actor::spawn(None, Summing, ()).await.unwrap().0 });
    group.bench_function("ractor", |bencher| {
        let step = async || {
            for _ in 0..tells {
                actor.cast(RactorMessage::Tell(1)).unwrap();
            }
            black_box(ask_ractor(&actor).await);
        };
        bencher.iter_custom(|times| runtime.block_on(time_of(times, step)));
    });
    let actor = runtime
        .block_on(async { <Sum as Spawn>::spawn_with_mailbox(Sum::default(), kameo::mailbox::bounded(MAILBOX)) });
    group.bench_function("kameo", |bencher| {
        let step = async || {
            for _ in 0..tells {
                actor.tell(Tell(1)).try_send().unwrap();
            }
            black_box(ask_kameo(&actor).await);
        };
        bencher.iter_custom(|times| runtime.block_on(time_of(times, step)));
    });
    let task = runtime.block_on(async { start_task() });
    group.bench_function("tokio", |bencher| {
        let step = async || {
            for _ in 0..tells {
                assert!(task.try_send(TaskMessage::Tell(1)).is_ok());
            }
            black_box(ask_task(&task).await);
        };
        bencher.iter_custom(|times| runtime.block_on(time_of(times, step)));
    });
}

pub fn round_trip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox round trip");
    group.sample_size(20).throughput(Throughput::Elements(1));
    measure(&mut group, 0);
    group.finish();
}

pub fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox throughput");
    group.sample_size(20).throughput(Throughput::Elements(MESSAGES));
    measure(&mut group, MESSAGES);
    group.finish();
}
