//! Delivers callbacks to apps.
//!
//! What is to be told lies in the database ([`crate::store::callbacks`]), written with what happened. One task a node takes what is
//! due and posts it, many at once but few for each target, so that one that is slow or dead holds up only itself. An app that
//! answers with 2xx has it; one that answers 410 wants no more of that invitation; anything else is tried again, later and later,
//! until it is too old. A node that dies, or can't reach the database to say what came of a try, leaves it to be tried again: so an app may
//! be told twice, and never not at all.

mod post;

pub use post::{Guard, Refused};

use super::Chat;
use crate::model::callback::back_off;
use crate::store::callbacks::{self, Capacity, Taken};
use chrono::{DateTime, Utc};
use post::{Answer, Post};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

/// How often to look for what is due again, or what another node noted and left.
const INTERVAL: Duration = Duration::from_secs(1);
/// Deliveries under way at once: each is a socket and some kilobytes.
const UNDER_WAY: usize = 128;
/// Those for one target: enough for a busy app, and no more than a small one bears. So it takes 32 dead targets to slow the others
/// down, and each try of those takes at most the time limit.
const PER_TARGET: i64 = 4;
/// After this a try is taken for lost, and due again: longer than it may take with its look-ups in the database.
const LEASE: Duration = Duration::from_secs(60);
/// How often to look for what is too old, and count what waits.
const SWEEP: Duration = Duration::from_secs(10);

/// Has the task look at once: something was noted on this node.
#[derive(Debug, Default)]
pub struct Wake(Notify);

impl Wake {
    /// Something is to be delivered.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The task that delivers.
pub struct Deliveries {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Deliveries {
    /// Starts it on the current arbiter. What is older than `expiry` is given up.
    ///
    /// # Errors
    /// A text for the operator if there can be no HTTP client.
    pub fn start(chat: &Chat, guard: Arc<Guard>, expiry: Duration) -> Result<Self, String> {
        let post = Arc::new(Post::new(guard)?);
        let (stop, told_to_stop) = oneshot::channel();
        let work = Work { chat: chat.clone(), post, under_way: JoinSet::new(), targets: HashMap::new() };
        Ok(Self { stop, task: actix::spawn(work.run(expiry, told_to_stop)) })
    }

    /// Takes nothing more, and waits so long for what is under way. What is not done by then is left to the next who looks.
    pub async fn stop(self, patience: Duration) {
        // The task puts back what it breaks off, which takes a moment, unless the database is away.
        let limit = patience.saturating_add(Duration::from_secs(1));
        let _ = self.stop.send(patience);
        let abort = self.task.abort_handle();
        if timeout(limit, self.task).await.is_err() {
            abort.abort();
        }
    }
}

struct Work {
    chat: Chat,
    post: Arc<Post>,
    under_way: JoinSet<Taken>,
    /// What is under way, by its target.
    targets: HashMap<String, Vec<Taken>>,
}

impl Work {
    async fn run(mut self, expiry: Duration, mut told_to_stop: oneshot::Receiver<Duration>) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut sweep_at = Instant::now();
        let patience = loop {
            tokio::select! {
                biased;
                patience = &mut told_to_stop => break patience.unwrap_or_default(),
                Some(done) = self.under_way.join_next(), if !self.under_way.is_empty() => self.forget(done.ok()),
                () = self.chat.callbacks.0.notified() => {}
                _ = ticks.tick() => {}
            }
            if sweep_at <= Instant::now() {
                sweep_at = Instant::now() + SWEEP;
                self.sweep(expiry).await;
            }
            self.take().await;
        };
        let finish = async {
            while let Some(done) = self.under_way.join_next().await {
                self.forget(done.ok());
            }
        };
        if timeout(patience, finish).await.is_err() {
            self.put_back().await;
        }
    }

    /// Takes what is due, as far as there is room, and begins to deliver it.
    async fn take(&mut self) {
        let free = UNDER_WAY.saturating_sub(self.under_way.len());
        if free == 0 {
            return;
        }
        let now = self.chat.now();
        let (targets, under_way) = self
            .targets
            .iter()
            .map(|(target, taken)| (target.clone(), i64::try_from(taken.len()).unwrap_or(0)))
            .unzip();
        let room = Capacity { targets, under_way, per_target: PER_TARGET, free: i64::try_from(free).unwrap_or(0) };
        let taken = self.chat.run(async |conn| Ok(callbacks::take(conn, &room, now, later(now, LEASE)).await?)).await;
        for taken in taken.into_iter().flatten() {
            self.targets.entry(taken.target.clone()).or_default().push(taken.clone());
            self.under_way.spawn_local(deliver(self.chat.clone(), Arc::clone(&self.post), taken));
        }
    }

    /// A delivery came to an end; one that failed within itself comes back with its lease, and what is kept of it then.
    fn forget(&mut self, done: Option<Taken>) {
        let Some(done) = done else {
            // Which one is not known: at worst its target gets one place less until the others are done.
            if self.under_way.is_empty() {
                self.targets.clear();
            }
            return;
        };
        if let Some(taken) = self.targets.get_mut(&done.target) {
            taken.retain(|other| other.id != done.id);
            if taken.is_empty() {
                self.targets.remove(&done.target);
            }
        }
    }

    /// Breaks off what is under way, and lets others have it at once.
    async fn put_back(&mut self) {
        self.under_way.shutdown().await;
        let now = self.chat.now();
        let left: Vec<Taken> = self.targets.drain().flat_map(|(_, taken)| taken).collect();
        let put_back = self.chat.run(async |conn| {
            for taken in &left {
                callbacks::retry(conn, taken, now).await?;
            }
            Ok(())
        });
        if put_back.await.is_err() {
            log::debug!(target: "palabre::callbacks", "what was under way comes back with its lease");
        }
    }

    async fn sweep(&self, expiry: Duration) {
        let before = earlier(self.chat.now(), expiry);
        let swept = self.chat.run(async |conn| {
            let expired = callbacks::expire(conn, before).await?;
            Ok((expired, callbacks::waiting(conn).await?))
        });
        if let Ok((expired, waiting)) = swept.await {
            if expired > 0 {
                log::warn!(target: "palabre::callbacks", "{expired} callbacks were given up: they were never taken");
            }
            self.chat.metrics.callbacks_expired.add(expired);
            self.chat.metrics.callbacks_waiting.set(waiting);
        }
    }
}

/// One try, and what comes of it.
async fn deliver(chat: Chat, post: Arc<Post>, taken: Taken) -> Taken {
    let answer = post.send(&taken, chat.now()).await;
    let settled = match &answer {
        Answer::Taken => {
            chat.metrics.callbacks_delivered.add(1);
            chat.run(async |conn| Ok(callbacks::delivered(conn, taken.id).await?)).await
        }
        Answer::Unwanted => {
            log::info!(target: "palabre::callbacks", "{} wants no more of an invitation", taken.target);
            chat.run(async |conn| Ok(callbacks::unwanted(conn, taken.id).await?)).await
        }
        Answer::Failed(why) => {
            chat.metrics.callbacks_failed.add(1);
            let wait = back_off(taken.attempts, rand::random());
            log::info!(target: "palabre::callbacks", "{}: {why}; try {} of {}", taken.target, taken.attempts, taken.id);
            chat.run(async |conn| Ok(callbacks::retry(conn, &taken, later(chat.now(), wait)).await?)).await
        }
    };
    if settled.is_err() {
        log::debug!(target: "palabre::callbacks", "what came of {} could not be stored", taken.id);
    }
    taken
}

fn later(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    now.checked_add_signed(chrono::TimeDelta::from_std(wait).unwrap_or_default()).unwrap_or(now)
}

fn earlier(now: DateTime<Utc>, age: Duration) -> DateTime<Utc> {
    now.checked_sub_signed(chrono::TimeDelta::from_std(age).unwrap_or(chrono::TimeDelta::MAX)).unwrap_or_default()
}
