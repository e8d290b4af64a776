//! What it costs to know who is here.
//!
//! - `presence aggregate`: one session of a user says that it is away or back, and the sessions are added up to what others see;
//!   with one session and with as many as a user may have. Plain data, no actor.
//! - `presence`: a session begins, goes away, comes back and ends, each asked of the keeper and answered with how the user looks
//!   now. 256 users take turns. `tokio`, `actix`, `ractor` and `kameo` keep a map from users to that same plain data in one
//!   task or actor, and do nothing else. `palabre` is the registry of a project, which answers likewise and beside that notes
//!   when users were last seen, counts sessions against their bound, tells a user's other sessions, and looks up in a real
//!   PostgreSQL who may see a user and saves when they were seen. That goes on in the background, one batch at a time, and is
//!   measured only as far as it takes the registry's own thread (and PostgreSQL the other core).
//! - `presence told`: the registry's whole way: so many users go away or come back, until a contact of theirs has it all, read
//!   from a socket. One look-up in PostgreSQL at least is in it.

use crate::database::BenchDb;
use crate::{sample, time_of, tokio_thread};
use actix::{Actor, Addr, Context, Handler, Message, MessageResult, System, SystemRunner};
use criterion::{BenchmarkId, Criterion, Throughput};
use kameo::actor::{ActorRef as KameoRef, Spawn};
use palabre::chat::channel::{Channel, Outstanding, Socket};
use palabre::chat::event_loop::EventLoop;
use palabre::chat::registry::presence::SetStatus;
use palabre::chat::registry::{Connect, Disconnect, Registry};
use palabre::chat::{Chat, Clock};
use palabre::model::presence::{Choice, Presence, UserPresence};
use palabre::model::{SessionId, UserId};
use palabre::store::Database;
use palabre::wire::bounds::Limits;
use palabre::wire::outgoing::{Encoding, Format, Framing};
use palabre::wire::shapes::User;
use ractor::{ActorProcessingErr, ActorRef as RactorRef, RpcReplyPort};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::hint::black_box;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// Users who take turns, and who change at once in a storm: a whole batch of look-ups.
const USERS: usize = 256;
/// What a session does in its life here.
const CHANGES: [Change; 4] = [Change::Begin, Change::Set(Presence::Away), Change::Set(Presence::Online), Change::End];
/// Longer than any run.
const LATER: Duration = Duration::from_secs(3600);
/// Connections to PostgreSQL, as the server has them.
const CONNECTIONS: usize = 4;

pub fn aggregate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("presence aggregate");
    for sessions in [1, Limits::DEFAULT.sessions_per_user] {
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::from_parameter(sessions), |bencher| {
            let ids: Vec<_> = (0..sessions).map(|_| SessionId::random()).collect();
            let mut user = UserPresence::default();
            ids.iter().for_each(|&id| user.connect(id));
            let mut turns = ids.iter().cycle();
            let mut away = false;
            bencher.iter(|| {
                away = !away;
                let requested = if away { Presence::Away } else { Presence::Online };
                user.set(*turns.next().unwrap(), requested, None).unwrap();
                black_box(user.shown())
            });
        });
    }
    group.finish();
}

pub fn registry(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("presence");
    group.throughput(Throughput::Elements(CHANGES.len() as u64));

    let mut started: Option<(SystemRunner, Project)> = None;
    group.bench_function("palabre", |bencher| {
        let (system, project) = started.get_or_insert_with(Project::start);
        let turns = RefCell::new(project.users.iter().cycle());
        let step = async || {
            let user = Arc::clone(turns.borrow_mut().next().unwrap());
            project.live(user).await;
        };
        bencher.iter_custom(|times| system.block_on(time_of(times, step)));
    });
    drop(started);

    let users: Vec<_> = (0..USERS).map(|_| UserId::random()).collect();
    let system = System::new();
    let addr = system.block_on(async { Book::default().start() });
    group.bench_function("actix", |bencher| {
        let life = Life::of(&users);
        let step = async || life.live(async |entry| addr.send(entry).await.unwrap()).await;
        bencher.iter_custom(|times| system.block_on(time_of(times, step)));
    });
    let runtime = tokio_thread();
    let actor = runtime.block_on(async { ractor::Actor::spawn(None, Keeper, ()).await.unwrap().0 });
    group.bench_function("ractor", |bencher| {
        let life = Life::of(&users);
        let ask = async |entry| actor.call(|reply| (entry, reply), None).await.unwrap().unwrap();
        let step = async || life.live(ask).await;
        bencher.iter_custom(|times| runtime.block_on(time_of(times, step)));
    });
    let actor = runtime.block_on(async { <Book as Spawn>::spawn(Book::default()) });
    group.bench_function("kameo", |bencher| {
        let life = Life::of(&users);
        let step = async || life.live(async |entry| actor.ask(entry).await.unwrap()).await;
        bencher.iter_custom(|times| runtime.block_on(time_of(times, step)));
    });
    let task = runtime.block_on(async { start_task() });
    group.bench_function("tokio", |bencher| {
        let life = Life::of(&users);
        let ask = async |entry| {
            let (reply, answer) = oneshot::channel();
            assert!(task.try_send((entry, reply)).is_ok());
            answer.await.unwrap()
        };
        let step = async || life.live(ask).await;
        bencher.iter_custom(|times| runtime.block_on(time_of(times, step)));
    });
    group.finish();
}

pub fn told(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("presence told");
    let mut started: Option<(SystemRunner, Project)> = None;
    for users in [1, USERS] {
        group.throughput(Throughput::Elements(users as u64));
        group.bench_function(BenchmarkId::from_parameter(users), |bencher| {
            let (system, project) = started.get_or_insert_with(|| {
                let (system, project) = Project::start();
                system.block_on(project.come());
                (system, project)
            });
            bencher.iter_custom(|times| system.block_on(time_of(times, async || project.change(users).await)));
        });
    }
    group.finish();
}

/// What happens to a session.
#[derive(Debug, Clone, Copy)]
enum Change {
    Begin,
    Set(Presence),
    End,
}

/// A change of a user's session. Answered with how the user looks then.
#[derive(Message)]
#[rtype(result = "Presence")]
struct Entry {
    user: UserId,
    session: SessionId,
    change: Change,
}

/// Who is here: what the others keep, whatever carries their messages.
#[derive(Default)]
struct Book(HashMap<UserId, UserPresence>);

impl Book {
    fn enter(&mut self, Entry { user, session, change }: Entry) -> Presence {
        let presence = self.0.entry(user).or_default();
        match change {
            Change::Begin => presence.connect(session),
            Change::Set(requested) => presence.set(session, requested, None).unwrap(),
            Change::End => presence.disconnect(session),
        }
        let own = presence.own();
        if !presence.is_live() {
            self.0.remove(&user);
        }
        own
    }
}

/// Users whose sessions begin and end, one after the other.
struct Life<'a> {
    users: &'a [UserId],
    turn: Cell<usize>,
}

impl<'a> Life<'a> {
    fn of(users: &'a [UserId]) -> Self {
        Self { users, turn: Cell::new(0) }
    }

    async fn live(&self, ask: impl AsyncFn(Entry) -> Presence) {
        let turn = self.turn.get();
        self.turn.set((turn + 1) % self.users.len());
        let (user, session) = (self.users[turn], SessionId::random());
        for change in CHANGES {
            black_box(ask(Entry { user, session, change }).await);
        }
    }
}

impl Actor for Book {
    type Context = Context<Self>;
}

impl Handler<Entry> for Book {
    type Result = MessageResult<Entry>;

    fn handle(&mut self, entry: Entry, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.enter(entry))
    }
}

/// For ractor, whose actors have their state beside them.
struct Keeper;

impl ractor::Actor for Keeper {
    type Msg = (Entry, RpcReplyPort<Presence>);
    type State = Book;
    type Arguments = ();

    async fn pre_start(&self, _: RactorRef<Self::Msg>, (): ()) -> Result<Book, ActorProcessingErr> {
        Ok(Book::default())
    }

    async fn handle(
        &self,
        _: RactorRef<Self::Msg>,
        (entry, reply): Self::Msg,
        book: &mut Book,
    ) -> Result<(), ActorProcessingErr> {
        Ok(reply.send(book.enter(entry))?)
    }
}

impl kameo::Actor for Book {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: KameoRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl kameo::message::Message<Entry> for Book {
    type Reply = Result<Presence, Infallible>;

    async fn handle(
        &mut self,
        entry: Entry,
        _: &mut kameo::message::Context<Self, Self::Reply>,
    ) -> Result<Presence, Infallible> {
        Ok(self.enter(entry))
    }
}

fn start_task() -> mpsc::Sender<(Entry, oneshot::Sender<Presence>)> {
    let (sender, mut receiver) = mpsc::channel::<(Entry, oneshot::Sender<Presence>)>(64);
    tokio::spawn(async move {
        let mut book = Book::default();
        while let Some((entry, reply)) = receiver.recv().await {
            let _ = reply.send(book.enter(entry));
        }
    });
    sender
}

/// A project with its registry on an event loop, and one watcher: a contact of all users, with a connection.
struct Project {
    chat: Chat,
    registry: Addr<Registry>,
    users: Vec<Arc<User>>,
    /// Of each user, for those who stay; and whether it is away.
    sessions: Vec<(SessionId, Cell<bool>)>,
    /// The watcher's side of the connection.
    watcher: TcpStream,
    /// What was told before the last change of all.
    told: Cell<u64>,
    _db: BenchDb,
}

impl Project {
    fn start() -> (SystemRunner, Self) {
        let system = System::new();
        let project = system.block_on(async {
            let db = BenchDb::start().await;
            let people = db.people("user", USERS + 1).await;
            let (watcher, people) = people.split_first().unwrap();
            let pairs: Vec<_> = people.iter().map(|person| (watcher.id, person.id)).collect();
            db.befriend(&pairs).await;
            db.analyze().await;
            let named = |(number, id): (u128, UserId)| Arc::new(User { id, ..sample::user(number) });
            let users: Vec<_> = (1..).zip(people.iter().map(|person| person.id)).map(named).collect();
            let database = Database::connect(&db.url(), CONNECTIONS).unwrap();
            let chat = Chat::start(database, Limits::DEFAULT, 1, Clock::system());
            let event_loop = chat.start_loop().unwrap();
            let registry = chat.namespace(db.project).unwrap().registry();
            let watcher = watch(&event_loop, watcher.id).await;
            let sessions = users.iter().map(|_| (SessionId::random(), Cell::new(false))).collect();
            Self { chat, registry, users, sessions, watcher, told: Cell::new(0), _db: db }
        });
        (system, project)
    }

    /// A session of a user begins, goes away, comes back and ends.
    async fn live(&self, user: Arc<User>) {
        let (id, session) = (user.id, SessionId::random());
        self.connect(user, session).await;
        for status in [Presence::Away, Presence::Online] {
            let set = SetStatus { session, user: id, status, text: None };
            black_box(self.registry.send(set).await.unwrap().unwrap());
        }
        self.registry.send(Disconnect { session, user: id }).await.unwrap();
    }

    async fn connect(&self, user: Arc<User>, session: SessionId) {
        let connect = Connect { session, user, choice: Choice::Online, text: None, last_seen: None };
        assert!(black_box(self.registry.send(connect).await.unwrap()).is_ok());
    }

    /// All users come to stay, and the watcher has heard of it.
    async fn come(&self) {
        for (user, (session, _)) in self.users.iter().zip(&self.sessions) {
            self.connect(Arc::clone(user), *session).await;
        }
        self.hear(self.users.len()).await;
    }

    /// The first so many users go away if they were there, or come back, and the watcher has heard of it.
    async fn change(&self, users: usize) {
        for (user, (session, away)) in self.users.iter().zip(&self.sessions).take(users) {
            let status = if away.replace(!away.get()) { Presence::Online } else { Presence::Away };
            let set = SetStatus { session: *session, user: user.id, status, text: None };
            black_box(self.registry.send(set).await.unwrap().unwrap());
        }
        self.hear(users).await;
    }

    /// Reads until the watcher was told of so many more.
    async fn hear(&self, users: usize) {
        self.told.set(self.told.get() + users as u64);
        let mut bytes = [0; 4096];
        while self.chat.metrics.delivered.get() < self.told.get() {
            self.watcher.readable().await.unwrap();
            match self.watcher.try_read(&mut bytes) {
                Ok(read) => assert!(read > 0, "the connection ended"),
                Err(error) => assert!(error.kind() == ErrorKind::WouldBlock, "{error}"),
            }
        }
    }
}

/// A connection of a user who is told things at once. Returns the client's side.
async fn watch(event_loop: &EventLoop, user: UserId) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let socket = Socket::from(listener.accept().await.unwrap().0);
    socket.tune();
    let encoding = Encoding { framing: Framing::WebSocket, format: Format::Json };
    let limits = Limits::DEFAULT;
    let outstanding = Outstanding { bytes: limits.outstanding_bytes, frames: limits.outstanding_frames };
    let now = Instant::now();
    let channel = Rc::new(Channel::new(SessionId::random(), socket, encoding, outstanding, (now, now + LATER)));
    event_loop.add(&channel);
    event_loop.begin_opening(&channel, user);
    event_loop.subscribe(&channel, Vec::new(), HashSet::new());
    channel.open();
    client
}
