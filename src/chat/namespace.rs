//! A namespace: one project's rooms and its registry, and the wall around them.
//!
//! It starts rooms when somebody speaks, forgets those that fell asleep, and starts anew those that failed.

use super::Chat;
use super::guard::FailureGuard;
use super::registry::{Registry, Shown};
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
    shown: Shown,
    _guard: FailureGuard,
}

/// What a session keeps of its project's namespace.
#[derive(Clone)]
pub struct NamespaceHandle {
    pub namespace: Addr<Namespace>,
    registry: Arc<RwLock<Addr<Registry>>>,
    shown: Shown,
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
    /// Starts a namespace with its registry, on an event loop of its own choosing, in the place of one that failed if there
    /// was one. `None` when the server stops and there is no
    /// loop left to start it on.
    #[must_use]
    pub fn start_in(chat: &Chat, project: ProjectId, failed: Option<NamespaceHandle>) -> Option<NamespaceHandle> {
        let arbiter = chat.bus.arbiter(spread(project.0.as_u128()))?;
        let (guard, _) = FailureGuard::new(format!("the namespace of project {project}"));
        let takes_over = failed.is_some();
        let shown = failed.map(|failed| failed.shown).unwrap_or_default();
        let registry = Registry::start_in(&arbiter, chat, project, Arc::clone(&shown), takes_over);
        let registry = Arc::new(RwLock::new(registry));
        let (kept, kept_shown, chat) = (Arc::clone(&registry), Arc::clone(&shown), chat.clone());
        let namespace = Self::start_in_arbiter(&arbiter, move |_| Self {
            chat,
            project,
            rooms: HashMap::new(),
            registry: kept,
            shown: kept_shown,
            _guard: guard,
        });
        Some(NamespaceHandle { namespace, registry, shown })
    }

    fn room(&mut self, conversation: ConversationId, hub: usize, ctx: &mut Context<Self>) -> Option<Addr<Room>> {
        if let Some(entry) = self.rooms.get_mut(&conversation)
            && entry.room.connected()
        {
            entry.entered_at = Instant::now();
            return Some(entry.room.clone());
        }
        // A room that failed leaves word of how far it had told.
        let told =
            self.rooms.remove(&conversation).map_or_else(|| Arc::new(AtomicI64::new(NEVER_TOLD)), |failed| failed.told);
        let (guard, failed) = FailureGuard::new(format!("the room of conversation {conversation}"));
        let (chat, namespace, id) = (self.chat.clone(), ctx.address().recipient(), (self.project, conversation));
        let known = Arc::clone(&told);
        let arbiter = self.chat.bus.arbiter(hub)?;
        let room = Room::start_in_arbiter(&arbiter, move |_| Room::new(chat, namespace, id, known, guard));
        self.rooms.insert(conversation, Entry { room: room.clone(), told, entered_at: Instant::now() });
        self.watch(conversation, failed, hub, ctx);
        Some(room)
    }

    /// Starts a failed room anew at once: what it had stored and not told must not wait for the next speaker.
    fn watch(&self, conversation: ConversationId, failed: oneshot::Receiver<()>, hub: usize, ctx: &mut Context<Self>) {
        let restart = failed.into_actor(self).map(move |failed, namespace, ctx| {
            if failed.is_ok() {
                namespace.room(conversation, hub, ctx);
            }
        });
        ctx.spawn(restart);
    }

    /// Sees that there is a registry.
    fn tend_registry(&mut self, _: &mut Context<Self>) {
        let failed = !self.registry.read().unwrap_or_else(PoisonError::into_inner).connected();
        if !failed {
            return;
        }
        let Some(arbiter) = self.chat.bus.arbiter(spread(self.project.0.as_u128())) else { return };
        let registry = Registry::start_in(&arbiter, &self.chat, self.project, Arc::clone(&self.shown), true);
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = registry;
    }
}

/// No room of this conversation has told anything yet.
const NEVER_TOLD: i64 = -1;
/// How often the registry is looked after.
const TEND: std::time::Duration = std::time::Duration::from_millis(500);

fn spread(id: u128) -> usize {
    usize::try_from(id % crate::cluster::MAX_LOOPS as u128).unwrap_or(0)
}

impl Actor for Namespace {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(TEND, Self::tend_registry);
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
