//! What it costs to tell a room's sessions what was said, from the publisher to each session, without sockets.
//!
//! The work is the same for all: 64 messages with a text of 128 bytes are there as typed events. Each is encoded once, as a
//! WebSocket text frame of JSON, and told to every session, in order. The time ends when every session has all the bytes.
//! Encoding takes each the same time, about half of it or more for ten sessions.
//!
//! - `palabre`: the bus, the hub and the channels of one event loop. A channel has the bytes when they are in its outbox, where
//!   they wait for the socket; no task of the session's is woken for that. The hub joins what has come meanwhile, so these 64
//!   messages come to a channel as one piece.
//! - `palabre one by one`: the next message is published when the one before has come to all: nothing to join.
//! - `tokio mpsc`, `actix`, `ractor`, `kameo`: a task or actor a session, and one piece of bytes a message for each.
//! - `tokio mpsc joined`: as `tokio mpsc`, but the 64 messages are joined first, as our hub does.
//! - `tokio broadcast`: a task a session, and one channel that all of them read.
//!
//! Sessions of those have the bytes when their task or actor has them in hand; they drop them then. Ours looks up who hears
//! the conversation, and counts what each session has outstanding against its bounds; the others know neither.

use crate::rooms::{Actix, Arrivals, Broadcast, Kameo, MESSAGES, Ractor, Room, Tasks};
use crate::{sample, tokio_thread};
use actix::{System, SystemRunner};
use bytes::{Bytes, BytesMut};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use palabre::chat::channel::{Channel, Outstanding, Socket};
use palabre::chat::event_loop::EventLoop;
use palabre::chat::{Chat, Clock};
use palabre::cluster::Publication;
use palabre::model::{ConversationId, SessionId, UserId};
use palabre::store::Database;
use palabre::wire::bounds::Limits;
use palabre::wire::outgoing::{Encoding, Format, Framing};
use std::collections::HashSet;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::yield_now;

const SESSIONS: [usize; 4] = [10, 100, 1000, 10_000];
const TEXT: usize = 128;
const ENCODING: Encoding = Encoding { framing: Framing::WebSocket, format: Format::Json };
/// Frames that a session may have outstanding: twice as many as it gets, so that it says that it is half full when it has all.
const OUTSTANDING: Outstanding = Outstanding { bytes: usize::MAX / 2, frames: 2 * MESSAGES };
/// Longer than any run.
const LATER: Duration = Duration::from_secs(3600);

/// The messages, typed and not encoded yet.
fn publications(conversation: ConversationId) -> Vec<Publication> {
    let message = |number| sample::message(conversation, number, TEXT);
    let numbers = 0..u32::try_from(MESSAGES).unwrap();
    numbers.map(|number| Publication::of_message("message.text", message(number))).collect()
}

pub fn fan_out(criterion: &mut Criterion) {
    // A descriptor a session.
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let mut group = criterion.benchmark_group("fan-out");
    group.sampling_mode(SamplingMode::Flat);
    for sessions in SESSIONS {
        group.throughput(Throughput::Elements((sessions * MESSAGES) as u64));
        palabre(&mut group, sessions);
        let (each, joined) = (Arrivals::new(sessions, MESSAGES), Arrivals::new(sessions, 1));
        on_tokio(&mut group, "tokio mpsc", &each, async || Tasks::start(&each));
        on_tokio(&mut group, "tokio mpsc joined", &joined, async || Tasks::start(&joined));
        on_tokio(&mut group, "tokio broadcast", &each, async || Broadcast::start(&each));
        on_tokio(&mut group, "ractor", &each, async || Ractor::start(&each).await);
        on_tokio(&mut group, "kameo", &each, async || Kameo::start(&each).await);
        let mut started: Option<(SystemRunner, Actix)> = None;
        group.bench_function(BenchmarkId::new("actix", sessions), |bencher| {
            let (system, room) = started.get_or_insert_with(|| {
                let system = System::new();
                let room = system.block_on(async { Actix::start(&each) });
                (system, room)
            });
            bencher.iter_custom(|times| system.block_on(tell(times, room, &each)));
        });
    }
    group.finish();
}

/// Measures a room on tokio's runtime, which is started when it is needed.
fn on_tokio<R: Room>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    arrivals: &Arc<Arrivals>,
    start: impl AsyncFn() -> R,
) {
    let mut started: Option<(Runtime, R)> = None;
    group.bench_function(BenchmarkId::new(name, arrivals.sessions()), |bencher| {
        let (runtime, room) = started.get_or_insert_with(|| {
            let runtime = tokio_thread();
            let room = runtime.block_on(start());
            (runtime, room)
        });
        bencher.iter_custom(|times| runtime.block_on(tell(times, room, arrivals)));
    });
}

/// Tells everything so many times; how long that took, without the making of the messages.
async fn tell(times: u64, room: &impl Room, arrivals: &Arrivals) -> Duration {
    let mut taken = Duration::ZERO;
    for _ in 0..times {
        let publications = publications(sample::conversation(1));
        let start = Instant::now();
        let frames = publications.iter().map(|publication| publication.event.push(ENCODING));
        if arrivals.pieces() == 1 {
            room.tell(&joined(frames));
        } else {
            frames.for_each(|frame| room.tell(&frame));
        }
        arrivals.complete().await;
        taken += start.elapsed();
    }
    taken
}

fn joined(frames: impl Iterator<Item = Bytes>) -> Bytes {
    let frames: Vec<_> = frames.collect();
    let mut joined = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    frames.iter().for_each(|frame| joined.extend_from_slice(frame));
    joined.freeze()
}

fn palabre(group: &mut BenchmarkGroup<'_, WallTime>, sessions: usize) {
    let mut started: Option<(SystemRunner, House)> = None;
    for (name, burst) in [("palabre", MESSAGES), ("palabre one by one", 1)] {
        group.bench_function(BenchmarkId::new(name, sessions), |bencher| {
            let (system, house) = started.get_or_insert_with(|| {
                let system = System::new();
                let house = system.block_on(async { House::start() });
                (system, house)
            });
            bencher.iter_custom(|times| system.block_on(house.tell(times, sessions, burst)));
        });
    }
}

/// An event loop with its hub.
struct House {
    chat: Chat,
    event_loop: Rc<EventLoop>,
    /// Of a connection that channels have for a socket, each by a descriptor of its own. Nothing is written to it.
    connection: (TcpStream, TcpStream),
}

impl House {
    fn start() -> Self {
        // Nothing is looked up, so there is no database either.
        let database = Database::connect("postgres://palabre@/palabre?host=/nonexistent", 1).unwrap();
        let chat = Chat::start(database, Limits::DEFAULT, 1, Clock::system());
        let event_loop = chat.start_loop().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        server.set_nonblocking(true).unwrap();
        Self { chat, event_loop, connection: (server, client) }
    }

    /// As for the others. Each time there are new channels, whose outboxes are empty, as those of idle connections are.
    async fn tell(&self, times: u64, sessions: usize, burst: usize) -> Duration {
        let mut taken = Duration::ZERO;
        for _ in 0..times {
            let conversation = sample::conversation(1);
            let channels: Vec<_> = (0..sessions).map(|_| self.open(conversation)).collect();
            // The runtime learns that the sockets are writable.
            for _ in 0..8 + sessions / 512 {
                yield_now().await;
            }
            let mut publications = publications(conversation).into_iter();
            let delivered = &self.chat.metrics.delivered;
            let mut target = delivered.get();
            let start = Instant::now();
            while publications.len() > 0 {
                for publication in publications.by_ref().take(burst) {
                    assert!(self.chat.bus.publish(publication).is_none(), "the hub's mailbox is full");
                    target += sessions as u64;
                }
                while delivered.get() < target {
                    yield_now().await;
                }
            }
            taken += start.elapsed();
            assert!(channels.iter().all(|channel| channel.is_half_full() && !channel.is_closing()));
            self.close(&channels);
        }
        taken
    }

    /// A channel of a session that hears the conversation, and whose pushes wait in its outbox.
    fn open(&self, conversation: ConversationId) -> Rc<Channel> {
        let socket = tokio::net::TcpStream::from_std(self.connection.0.try_clone().unwrap()).unwrap();
        let now = Instant::now();
        let session = SessionId::random();
        let channel = Rc::new(Channel::new(session, Socket::from(socket), ENCODING, OUTSTANDING, (now, now + LATER)));
        self.event_loop.add(&channel);
        self.event_loop.begin_opening(&channel, UserId::random());
        self.event_loop.subscribe(&channel, vec![conversation], HashSet::new());
        channel
    }

    /// The event loop looks for who leaves from the first, and puts the last in the place: in this order it finds each at once.
    fn close(&self, channels: &[Rc<Channel>]) {
        let Some((first, rest)) = channels.split_first() else { return };
        self.event_loop.remove(first);
        rest.iter().rev().for_each(|channel| self.event_loop.remove(channel));
    }
}
