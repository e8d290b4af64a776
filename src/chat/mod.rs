//! The actors, and who may message whom.
//!
//! | actor | is messaged by | and messages |
//! | --- | --- | --- |
//! | [`hub::Hub`], one an event loop | rooms, registries (through the bus) | writes to its loop's channels |
//! | [`namespace::Namespace`], one a project | sessions, registries, rooms that fall asleep | starts rooms and the registry |
//! | [`registry::Registry`], one a project | sessions, hubs (roll call) | the bus, rooms (to read anew) |
//! | [`room::Room`], one an active conversation | sessions, scribes | its scribe, the bus |
//! | [`scribe::Scribe`], a few a process | rooms | reports to rooms |
//! | [`llm::Llm`], one a process | registries, sessions, rooms | rooms |
//!
//! Nobody waits for an actor above itself in the way of a message (session, room, scribe, hub), so no circle can lock up. Every
//! request between actors has a time limit where it is awaited.
//!
//! What may wait for an actor is bounded in one of three ways, for in actix every clone of an address has one place in the
//! mailbox beside its capacity:
//!
//! - Hubs have one address, kept in one place and used from there with `try_send`; a full mailbox is waited for. What waits for a
//!   scribe is in an inbox with bounds of its own ([`scribe::Inbox`]).
//! - Who asks a room, a namespace or a registry is a session, which has a bounded number of requests under way; and a room
//!   refuses what goes beyond its own bounds.
//! - `do_send`, which no capacity holds back, is used only for reports whose number the receiver itself bounds.

pub mod callbacks;
pub mod channel;
pub mod departure;
pub mod desk;
pub mod event_loop;
pub mod exchange;
mod expiry;
pub mod founding;
mod guard;
pub mod hub;
mod indexing;
pub mod llm;
pub mod metrics;
pub mod namespace;
mod quotas;
pub mod registry;
pub mod room;
pub mod scribe;
mod scribes;

pub use crate::model::Clock;

use crate::assistant::Models;
use crate::assistant::quota::{self, Quota};
use crate::cluster::Bus;
use crate::model::{ConversationId, Failure, ProjectId};
use crate::store::pool::Database;
use crate::wire::bounds::Limits;
use actix::Addr;
use callbacks::Wake;
use chrono::{DateTime, Utc};
use desk::Bell;
use diesel_async::AsyncPgConnection;
use event_loop::EventLoop;
use indexing::Unindexed;
use llm::LlmHandle;
use metrics::Metrics;
use namespace::{Namespace, NamespaceHandle};
use registry::Registry;
use scribe::{Entry, Full};
use scribes::Scribes;
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a request may keep the database busy before it is given up: longer than waiting for a connection takes at most.
const DATABASE_PATIENCE: Duration = Duration::from_secs(10);

/// What every actor needs.
pub struct Core {
    pub database: Database,
    pub bus: Arc<Bus>,
    pub metrics: Arc<Metrics>,
    pub limits: Limits,
    /// What language models may use up.
    pub quota: Quota,
    /// What search doesn't know of yet.
    pub unindexed: Unindexed,
    /// Wakes the support desk.
    pub desk: Bell,
    /// Wakes who delivers callbacks.
    pub callbacks: Wake,
    clock: Clock,
}

impl Core {
    /// The time of now, in whole milliseconds as the wire has it, so that what is told is what is stored.
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// Runs work on a connection from the pool.
    ///
    /// # Errors
    /// The work's own, or [`Failure::Unavailable`] when there is no connection or it takes too long.
    pub async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let run = async {
            let mut connection = self.database.get().await?;
            work(&mut connection).await
        };
        timeout(DATABASE_PATIENCE, run).await.unwrap_or(Err(Failure::Unavailable))
    }
}

/// The chat of this process: cheap to clone, and handed to every actor.
#[derive(Clone)]
pub struct Chat(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    scribes: Scribes,
    namespaces: Mutex<HashMap<ProjectId, NamespaceHandle>>,
    llm: OnceLock<LlmHandle>,
}

impl Deref for Chat {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.0.core
    }
}

impl Chat {
    /// The chat over a database. Its scribes run on a thread of their own from now on; hubs join when event loops start.
    #[must_use]
    pub fn start(database: Database, limits: Limits, scribes: usize, clock: Clock) -> Self {
        let quota_settings = quota::Settings { user_tokens: limits.user_tokens, ..quota::Settings::default() };
        let core = Arc::new(Core {
            quota: Quota::new(database.clone(), clock.clone(), quota_settings),
            database,
            bus: Arc::default(),
            metrics: Arc::default(),
            limits,
            unindexed: Unindexed::default(),
            desk: Bell::default(),
            callbacks: Wake::default(),
            clock,
        });
        let scribes = Scribes::start(&core, scribes);
        Self(Arc::new(Inner { core, scribes, namespaces: Mutex::default(), llm: OnceLock::new() }))
    }

    /// Ends game invitations in their time, on the current arbiter, until the task is aborted.
    pub fn watch_expiry(&self) -> JoinHandle<()> {
        expiry::start(self)
    }

    /// Makes what is stored findable, on the current arbiter, until the task is aborted.
    pub fn watch_search(&self) -> JoinHandle<()> {
        indexing::start(self)
    }

    /// Lets bots answer from now on, with these models.
    pub fn start_bots(&self, models: Models) {
        self.0.llm.get_or_init(|| LlmHandle::start(self, models));
    }

    /// The actor that lets bots answer; `None` where they don't.
    #[must_use]
    pub fn llm(&self) -> Option<&LlmHandle> {
        self.0.llm.get()
    }

    /// Looks after the support desks of all projects, on the current arbiter, until the task is aborted.
    pub fn watch_desk(&self) -> JoinHandle<()> {
        desk::start(self)
    }

    /// Looks after what calls of models have reserved, on the current arbiter, until the task is aborted.
    pub fn watch_quotas(&self) -> JoinHandle<()> {
        quotas::start(self)
    }

    /// Makes the current arbiter an event loop on which sessions can live.
    ///
    /// Returns `None` if there are too many loops already.
    #[must_use]
    pub fn start_loop(&self) -> Option<Rc<EventLoop>> {
        hub::Hub::start_loop(&self.0.core)
    }

    /// The namespace of a project, started if it sleeps and started anew if it failed. `None` when the server stops.
    #[must_use]
    pub fn namespace(&self, project: ProjectId) -> Option<NamespaceHandle> {
        let mut namespaces = self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = namespaces.get(&project)
            && handle.is_alive()
        {
            return Some(handle.clone());
        }
        let handle = Namespace::start_in(self, project, namespaces.get(&project))?;
        namespaces.insert(project, handle.clone());
        Some(handle)
    }

    /// Namespaces of projects that are in use.
    #[must_use]
    pub fn namespace_count(&self) -> usize {
        self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The projects that were in use on this node.
    #[must_use]
    pub fn projects(&self) -> Vec<ProjectId> {
        self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Of each scribe the messages that wait for it, and the bytes of their bodies.
    #[must_use]
    pub fn scribe_depths(&self) -> Vec<(usize, usize)> {
        self.0.scribes.depths()
    }

    /// The namespace of a project if it runs.
    #[must_use]
    pub fn namespace_if_awake(&self, project: ProjectId) -> Option<Addr<Namespace>> {
        let namespaces = self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        namespaces.get(&project).map(|handle| handle.namespace.clone())
    }

    /// The registry of a project if it runs.
    #[must_use]
    pub fn registry_if_awake(&self, project: ProjectId) -> Option<Addr<Registry>> {
        let namespaces = self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        namespaces.get(&project).map(NamespaceHandle::registry)
    }

    /// A project is gone: its namespace and registry stop.
    pub(crate) fn forget_namespace(&self, project: ProjectId) {
        let forgotten = self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner).remove(&project);
        if let Some(handle) = forgotten {
            let registry = handle.registry();
            // Past the mailboxes' bounds: one message each. The namespace first, or it would start another registry.
            handle.namespace.do_send(namespace::Retire { registry });
        }
    }

    /// Hands something to the scribe that stores what happens in a conversation.
    ///
    /// # Errors
    /// [`Full`] when too much waits for that scribe.
    pub fn hand_to_scribe(&self, conversation: ConversationId, entry: impl Into<Entry>) -> Result<(), Full> {
        self.0.scribes.put(conversation, entry.into())
    }

    /// Waits until no scribe has anything left to store, at most so long; then ends their thread.
    pub async fn stop(&self, patience: Duration) {
        let begun = Instant::now();
        if let Some(llm) = self.llm() {
            llm.stop(patience / 2).await;
        }
        self.0.scribes.stop(patience.saturating_sub(begun.elapsed())).await;
    }
}
