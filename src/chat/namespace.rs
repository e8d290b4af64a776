//! A namespace: one project's rooms and its registry, and the wall around them.
//!
//! It starts rooms when somebody speaks, forgets those that fell asleep, and starts anew those that failed.

use super::Chat;
use super::guard::FailureGuard;
use super::metrics::ProjectFigures;
use super::registry::presence::Told;
use super::registry::{self, Registry};
use super::room::{MaySleep, Room};
use crate::model::{ConversationId, ProjectId};
use actix::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use tokio::sync::oneshot;

/// Requests that may wait for a namespace.
const MAILBOX: usize = 16_384;

/// A room that is awake.
struct Entry {
    room: Addr<Room>,
    told: Arc<AtomicI64>,
    entered_at: Instant,
}

/// The actor; see the module.
pub struct Namespace {
    chat: Chat,
    project: ProjectId,
    rooms: HashMap<ConversationId, Entry>,
    registry: Arc<RwLock<Addr<Registry>>>,
    /// What the registry has told of presences: the next one goes on from there.
    told: Told,
    figures: Arc<ProjectFigures>,
    _guard: FailureGuard,
}

/// What a session keeps of its project's namespace.
#[derive(Clone)]
pub struct NamespaceHandle {
    pub namespace: Addr<Namespace>,
    /// What the project counts; a namespace that takes over from a failed one goes on with them.
    pub figures: Arc<ProjectFigures>,
    registry: Arc<RwLock<Addr<Registry>>>,
    told: Told,
}

impl NamespaceHandle {
    /// The registry of now: one that failed is replaced by another.
    #[must_use]
    pub fn registry(&self) -> Addr<Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The namespace runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.namespace.connected()
    }
}

impl Namespace {
    /// Starts a namespace with its registry, on an event loop of its own choosing. It takes over from one that `failed`. `None`
    /// when the server stops and there is no loop left to start it on.
    #[must_use]
    pub fn start_in(chat: &Chat, project: ProjectId, failed: Option<&NamespaceHandle>) -> Option<NamespaceHandle> {
        let arbiter = chat.bus.arbiter(spread(project.0.as_u128()))?;
        let told = failed.map(|failed| failed.told.clone()).unwrap_or_default();
        let figures = failed.map(|failed| Arc::clone(&failed.figures)).unwrap_or_default();
        if let Some(failed) = failed {
            // It would tell presences beside the new one. Past the mailbox's bound: one message.
            failed.registry().do_send(registry::Retire);
        }
        let (registry, lost) = Registry::start_in(&arbiter, chat, (project, &figures), told.clone(), failed.is_some());
        let registry = Arc::new(RwLock::new(registry));
        let (guard, _) = FailureGuard::new(format!("the namespace of project {project}"));
        let (chat, kept, shared) = (chat.clone(), Arc::clone(&registry), told.clone());
        let counted = Arc::clone(&figures);
        let namespace = Self::start_in_arbiter(&arbiter, move |ctx| {
            watch(lost, ctx.address(), RegistryFailed);
            Self { chat, project, rooms: HashMap::new(), registry: kept, told: shared, figures: counted, _guard: guard }
        });
        Some(NamespaceHandle { namespace, figures, registry, told })
    }

    fn room(&mut self, conversation: ConversationId, hub: usize, ctx: &mut Context<Self>) -> Option<Addr<Room>> {
        if let Some(entry) = self.rooms.get_mut(&conversation)
            && entry.room.connected()
        {
            entry.entered_at = Instant::now();
            return Some(entry.room.clone());
        }
        self.start_room(conversation, hub, ctx)
    }

    /// Starts a room, instead of the one there was.
    fn start_room(&mut self, conversation: ConversationId, hub: usize, ctx: &mut Context<Self>) -> Option<Addr<Room>> {
        // A room that failed leaves word of how far it had told.
        let told =
            self.rooms.remove(&conversation).map_or_else(|| Arc::new(AtomicI64::new(NEVER_TOLD)), |failed| failed.told);
        let (guard, failed) = FailureGuard::new(format!("the room of conversation {conversation}"));
        let (chat, namespace, id) = (self.chat.clone(), ctx.address().recipient(), (self.project, conversation));
        let (known, figures) = (Arc::clone(&told), Arc::clone(&self.figures));
        let arbiter = self.chat.bus.arbiter(hub)?;
        let room = Room::start_in_arbiter(&arbiter, move |_| Room::new(chat, namespace, id, known, figures, guard));
        self.rooms.insert(conversation, Entry { room: room.clone(), told, entered_at: Instant::now() });
        watch(failed, ctx.address(), RoomFailed { conversation, hub, room: room.clone() });
        Some(room)
    }
}

/// Tells the namespace when an actor of its fails. In a task of its own: the namespace itself would look at every such wait each
/// time it wakes.
fn watch<M>(failed: oneshot::Receiver<()>, namespace: Addr<Namespace>, news: M)
where
    M: Message<Result = ()> + Send + 'static,
    Namespace: Handler<M>,
{
    actix::spawn(async move {
        if failed.await.is_ok() {
            // Past the mailbox's bound: one message an actor.
            namespace.do_send(news);
        }
    });
}

/// A room failed.
#[derive(Message)]
#[rtype(result = "()")]
struct RoomFailed {
    conversation: ConversationId,
    hub: usize,
    room: Addr<Room>,
}

impl Handler<RoomFailed> for Namespace {
    type Result = ();

    /// Starts it anew at once: what it had stored and not told must not wait for the next speaker.
    fn handle(&mut self, RoomFailed { conversation, hub, room }: RoomFailed, ctx: &mut Self::Context) {
        // Its mailbox may still be open: this comes when the panic has not yet taken all of it. Somebody may also have entered
        // since and found it closed.
        if self.rooms.get(&conversation).is_some_and(|entry| entry.room == room) {
            self.start_room(conversation, hub, ctx);
        }
    }
}

/// The registry failed.
#[derive(Message)]
#[rtype(result = "()")]
struct RegistryFailed;

impl Handler<RegistryFailed> for Namespace {
    type Result = ();

    fn handle(&mut self, _: RegistryFailed, ctx: &mut Self::Context) {
        let Some(arbiter) = self.chat.bus.arbiter(spread(self.project.0.as_u128())) else { return };
        let (registry, lost) =
            Registry::start_in(&arbiter, &self.chat, (self.project, &self.figures), self.told.clone(), true);
        watch(lost, ctx.address(), RegistryFailed);
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = registry;
    }
}

/// No room of this conversation has told anything yet.
const NEVER_TOLD: i64 = -1;

fn spread(id: u128) -> usize {
    usize::try_from(id % crate::cluster::MAX_LOOPS as u128).unwrap_or(0)
}

impl Actor for Namespace {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

/// The project is gone: the namespace stops, and then its registry.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Retire {
    pub registry: Addr<Registry>,
}

impl Handler<Retire> for Namespace {
    type Result = ();

    fn handle(&mut self, Retire { registry }: Retire, ctx: &mut Self::Context) {
        ctx.stop();
        registry.do_send(registry::Retire);
    }
}

/// The room of a conversation, started if it sleeps. That there is such a conversation, and who may enter, the room tells.
#[derive(Message)]
#[rtype(result = "Option<Addr<Room>>")]
pub struct Enter {
    pub conversation: ConversationId,
    /// The loop on which to start it: the first speaker's, so that two people on one loop need no other.
    pub hub: usize,
}

impl Handler<Enter> for Namespace {
    type Result = Option<Addr<Room>>;

    fn handle(&mut self, Enter { conversation, hub }: Enter, ctx: &mut Self::Context) -> Self::Result {
        self.room(conversation, hub, ctx)
    }
}

/// The room of a conversation if it is awake.
#[derive(Message)]
#[rtype(result = "Option<Addr<Room>>")]
pub struct IfAwake(pub ConversationId);

impl Handler<IfAwake> for Namespace {
    type Result = Option<Addr<Room>>;

    fn handle(&mut self, IfAwake(conversation): IfAwake, _: &mut Self::Context) -> Self::Result {
        self.rooms.get(&conversation).map(|entry| entry.room.clone())
    }
}

impl Handler<MaySleep> for Namespace {
    type Result = bool;

    fn handle(&mut self, MaySleep { conversation, room }: MaySleep, _: &mut Self::Context) -> bool {
        let Some(entry) = self.rooms.get(&conversation) else { return true };
        if entry.room != room {
            return true;
        }
        if entry.entered_at.elapsed() < self.chat.limits.room_idle {
            return false;
        }
        self.rooms.remove(&conversation);
        true
    }
}

/// Fails the namespace's registry, as an error in its code would. For tests of what holds then.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FailRegistry;

impl Handler<FailRegistry> for Namespace {
    type Result = ();

    fn handle(&mut self, _: FailRegistry, _: &mut Self::Context) {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).do_send(super::registry::Fail);
    }
}
