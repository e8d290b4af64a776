//! The quotas of this process: calls reserve here before they ask a model, wait for a place if they must, and say in the end what
//! they used.
//!
//! What holds is in the database ([`crate::store::usage`]); here is what belongs to a process: who waits, whose lease is to be
//! renewed, and what could not be booked yet. [`Quota::keep`] looks after all that and has to run.
//!
//! A [`Reservation`] ends in one of three ways, each of which is booked once, whatever happens to the database meanwhile:
//! [`Reservation::settle`] books what was used; [`Reservation::release`] books nothing; and where it is just dropped, with a task that
//! was ended or panicked, what it had noted is booked, as for a process that died.

mod held;

use crate::model::quota::{Amount, Level, Limit, Price, Used, Wish, estimate, month_of};
use crate::model::{Clock, Failure, UserId};
use crate::store::quotas::{self, Balance};
use crate::store::usage::{self, Attempt, Terms, Warning};
use crate::store::{Connection, Database};
use held::{Held, Place};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use uuid::Uuid;

pub use crate::store::usage::Call;

/// The tokens of a user and month where nobody set another quota.
pub const USER_TOKENS: u64 = 50_000;
/// How long a call waits for others to give back what they don't use: longer than an answer may take, unless settings say so.
const PATIENCE: Duration = Duration::from_secs(240);
/// After so long without a word a process counts as dead, by the database's clock: longer than any pause of a healthy one.
const LEASE: Duration = Duration::from_secs(30);
/// Calls that may wait in one process: each is a little memory, and a transaction whenever something is given back.
const WAITING: usize = 256;
/// Calls that may wait in one organization, so that it leaves places to the others.
const WAITING_OF_ORGANIZATION: usize = 64;
/// Transactions that reserve at once: those of one organization go one after the other anyway, and the pool is for all.
const ATTEMPTS: usize = 2;
/// How long one transaction may take, waiting for a connection included.
const DATABASE_PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked whether something was given back on another node, while somebody waits here.
const LOOK: Duration = Duration::from_millis(250);
/// How often those who wait look again whatever was heard.
const ANYWAY: Duration = Duration::from_secs(2);
/// How often calls of dead processes are taken back.
const SWEEP: Duration = Duration::from_secs(5);
/// Calls that are taken back at once.
const SWEPT: usize = 100;
/// How long after a failure what has ended is tried to be booked again.
const AGAIN: Duration = Duration::from_secs(2);
/// Warnings that may wait to be told.
const WARNINGS: usize = 1_000;

/// What tests set otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The tokens of a user and month where nobody set another quota.
    pub user_tokens: u64,
    /// How long a call waits for others.
    pub patience: Duration,
    /// How long a call stands without a word of its process.
    pub lease: Duration,
    /// Calls that may wait here.
    pub waiting: usize,
    /// Calls of one organization that may wait, on all nodes.
    pub waiting_of_organization: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_tokens: USER_TOKENS,
            patience: PATIENCE,
            lease: LEASE,
            waiting: WAITING,
            waiting_of_organization: WAITING_OF_ORGANIZATION,
        }
    }
}

/// The way to the quotas: cheap to clone.
#[derive(Clone)]
pub struct Quota(Arc<Shared>);

struct Shared {
    database: Database,
    clock: Clock,
    settings: Settings,
    attempts: Semaphore,
    waiting: AtomicUsize,
    /// Goes up when something was given back.
    turns: watch::Sender<u64>,
    /// Calls whose leases are to be renewed.
    living: Mutex<HashSet<Uuid>>,
    /// Calls that have ended and are not booked yet; `None` books what was noted.
    ended: Mutex<HashMap<Uuid, Option<Used>>>,
    warnings: Mutex<VecDeque<Warning>>,
    /// Something ended, or is to be told.
    stirred: Notify,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a call asks for, in characters as the caller knows them.
#[must_use]
pub fn wish(input_characters: u64, output_tokens: u64, price: Option<Price>) -> Wish {
    Wish { input: estimate(input_characters), output: output_tokens, price }
}

/// How a user stands this month, with the server's quota where none is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub limit: Limit,
    pub used: Amount,
    pub reserved: Amount,
}

impl Standing {
    /// The tokens that are left, of what is booked; `None` where there is no limit.
    #[must_use]
    pub fn tokens_remaining(&self) -> Option<u64> {
        self.limit.tokens.map(|most| most.saturating_sub(self.used.tokens))
    }
}

impl Quota {
    /// Over a database. Nothing is kept alive or taken back before [`Self::keep`] runs.
    #[must_use]
    pub fn new(database: Database, clock: Clock, settings: Settings) -> Self {
        Self(Arc::new(Shared {
            database,
            clock,
            settings,
            attempts: Semaphore::new(ATTEMPTS),
            waiting: AtomicUsize::new(0),
            turns: watch::Sender::new(0),
            living: Mutex::default(),
            ended: Mutex::default(),
            warnings: Mutex::default(),
            stirred: Notify::new(),
        }))
    }

    /// Reserves what a call may take on every level; waits if it does not fit beside others. It is booked in the month in which it
    /// is granted, also when the answer ends in the next one.
    ///
    /// Dropping the future gives up the place.
    ///
    /// # Errors
    /// - [`Failure::QuotaExceeded`] if what is booked has reached the quota of a level, now or while it waits.
    /// - [`Failure::NotFound`] if there is no such project, or the user is none of it.
    /// - [`Failure::Unavailable`] if too many wait, it has waited too long, or the database is away.
    pub async fn reserve(&self, call: Call) -> Result<Reservation, Failure> {
        let shared = &self.0;
        let Settings { user_tokens, patience, lease, waiting_of_organization, .. } = shared.settings;
        let terms = Terms { user_tokens, lease, waiting: waiting_of_organization };
        let mut held = Held::new(shared);
        let mut turns = shared.turns.subscribe();
        let deadline = Instant::now() + patience;
        let mut place = None;
        loop {
            turns.mark_unchanged();
            let attempt = {
                let _turn = shared.attempts.acquire().await.map_err(|_| Failure::Unavailable)?;
                let day = shared.clock.now().date_naive();
                let attempt = shared.run(async |conn| usage::attempt(conn, held.id, &call, day, terms).await).await;
                attempt.inspect_err(|failure| {
                    // Refused for certain, and it never had a place: there is nothing to take away.
                    if place.is_none() && matches!(failure, Failure::QuotaExceeded(_) | Failure::NotFound(_)) {
                        held.forget();
                    }
                })?
            };
            match attempt {
                Attempt::Granted { output } => {
                    held.otherwise = None;
                    let price = call.wish.price;
                    return Ok(Reservation { held, output_tokens: output, price });
                }
                Attempt::Waiting => place = Some(place.map_or_else(|| Place::take(shared), Ok)?),
            }
            tokio::select! {
                // The sender lives as long as `shared`.
                _ = turns.changed() => {}
                () = sleep_until(deadline) => return Err(Failure::Unavailable),
            }
        }
    }

    /// How a user stands this month.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] if the database is away.
    pub async fn of_user(&self, user: UserId) -> Result<Standing, Failure> {
        let Balance { own, used, reserved, .. } = self.balance(Level::User, user.0).await?;
        Ok(Standing { limit: self.or_default(own), used, reserved })
    }

    /// A user's quota, with the server's where none is set.
    #[must_use]
    pub fn or_default(&self, limit: Limit) -> Limit {
        Limit { tokens: limit.tokens.or(Some(self.0.settings.user_tokens)), ..limit }
    }

    /// How a level stands this month; users without the server's quota.
    ///
    /// # Errors
    /// As [`Self::of_user`].
    pub async fn balance(&self, level: Level, subject: Uuid) -> Result<Balance, Failure> {
        let month = month_of(self.0.clock.now());
        self.0.run(async |conn| Ok(quotas::balance(conn, level, subject, month).await?)).await
    }

    /// Those who wait here look again: a quota was changed.
    pub fn changed(&self) {
        self.0.turns.send_modify(|turn| *turn = turn.wrapping_add(1));
    }

    /// Calls that wait in this process.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Looks after the calls of this process, and takes back those of dead ones, for ever. `tell` gets each warning once.
    pub async fn keep(&self, mut tell: impl FnMut(Warning)) {
        let shared = &self.0;
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let renewal = shared.settings.lease / 3;
        let start = Instant::now();
        let (mut book_at, mut renew_at, mut sweep_at, mut wake_at) = (start, start + renewal, start, start);
        let mut turn = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shared.stirred.notified() => {}
            }
            if Instant::now() >= book_at && shared.book_ended().await.is_err() {
                book_at = Instant::now() + AGAIN;
            }
            let now = Instant::now();
            if now >= renew_at {
                renew_at = now + renewal;
                shared.renew().await;
            }
            if now >= sweep_at {
                sweep_at = now + SWEEP;
                shared.take_back().await;
            }
            if self.waiting() > 0 {
                let seen = shared.run(async |conn| Ok(usage::turn(conn).await?)).await.ok();
                if now >= wake_at || (seen.is_some() && seen != turn) {
                    (turn, wake_at) = (seen, now + ANYWAY);
                    self.changed();
                }
            }
            while let Some(warning) = shared.next_warning() {
                tell(warning);
            }
        }
    }
}

impl Shared {
    async fn run<T>(&self, work: impl AsyncFnOnce(&mut Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let run = async {
            let mut connection = self.database.get().await?;
            work(&mut connection).await
        };
        timeout(DATABASE_PATIENCE, run).await.unwrap_or(Err(Failure::Unavailable))
    }

    /// Ends a call in the database.
    async fn settle(&self, id: Uuid, used: Option<Used>) -> Result<(), Failure> {
        let user_tokens = self.settings.user_tokens;
        let warnings = self.run(async |conn| usage::settle(conn, id, used, user_tokens).await).await?;
        locked(&self.living).remove(&id);
        self.warn(warnings);
        self.turns.send_modify(|turn| *turn = turn.wrapping_add(1));
        Ok(())
    }

    /// Books what ended and could not be booked then. What fails stays for the next time, with its lease.
    async fn book_ended(&self) -> Result<(), Failure> {
        let ended: Vec<(Uuid, Option<Used>)> = locked(&self.ended).iter().map(|(id, used)| (*id, *used)).collect();
        for (id, used) in ended {
            self.settle(id, used).await?;
            locked(&self.ended).remove(&id);
        }
        Ok(())
    }

    async fn renew(&self) {
        let ids: Vec<Uuid> = locked(&self.living).iter().copied().collect();
        if !ids.is_empty() {
            // The next time is soon enough: a lease is three times as long.
            let _ = self.run(async |conn| Ok(usage::renew(conn, &ids, self.settings.lease).await?)).await;
        }
    }

    async fn take_back(&self) {
        for _ in 0..SWEPT {
            let user_tokens = self.settings.user_tokens;
            match self.run(async |conn| usage::take_back(conn, user_tokens).await).await {
                Ok(Some(warnings)) => {
                    self.warn(warnings);
                    self.turns.send_modify(|turn| *turn = turn.wrapping_add(1));
                }
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn warn(&self, warnings: Vec<Warning>) {
        if warnings.is_empty() {
            return;
        }
        let mut waiting = locked(&self.warnings);
        let room = WARNINGS.saturating_sub(waiting.len());
        waiting.extend(warnings.into_iter().take(room));
        drop(waiting);
        self.stirred.notify_one();
    }

    fn next_warning(&self) -> Option<Warning> {
        locked(&self.warnings).pop_front()
    }
}

/// Tokens and money that are kept for one call of a model.
#[must_use = "what it keeps is given back when it is dropped"]
pub struct Reservation {
    held: Held,
    output_tokens: u64,
    price: Option<Price>,
}

impl Reservation {
    /// Tokens that the model may write: what was asked for, lowered to what is left.
    #[must_use]
    pub fn output_tokens(&self) -> u64 {
        self.output_tokens
    }

    /// What so many tokens cost, in millionths of the currency; nothing where no price is known.
    #[must_use]
    pub fn cost(&self, used: Used) -> u64 {
        self.price.map_or(0, |price| price.cost(used))
    }

    /// Names the reservation in the database.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.held.id
    }

    /// Keeps what was used so far: it is booked if nothing more is heard of this call. To be called when the request has gone out, with
    /// the estimate of its input, and now and then while the answer comes. It only ever goes up.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] if the database is away; the call may go on.
    pub async fn note_used(&self, used: Used) -> Result<(), Failure> {
        self.held.shared.run(async |conn| Ok(usage::note(conn, self.held.id, used).await?)).await
    }

    /// Books what was really used and gives back the rest. To be called when what the answer belongs to is stored: a conversation
    /// that is not there yet counts nothing.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] if the database is away. It is booked later then, as soon as it is back.
    pub async fn settle(self, used: Used) -> Result<(), Failure> {
        self.end(used).await
    }

    /// Gives everything back: the call came to nothing.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub async fn release(self) -> Result<(), Failure> {
        self.end(Used::default()).await
    }

    /// The tokens of users for whom nobody set a quota, for who settles within a transaction of their own
    /// ([`crate::store::usage::settle`], with [`Self::id`]) and then says [`Self::settled`].
    #[must_use]
    pub fn user_tokens(&self) -> u64 {
        self.held.shared.settings.user_tokens
    }

    /// It was settled in a transaction that has committed, with these warnings.
    pub fn settled(mut self, warnings: Vec<Warning>) {
        self.held.forget();
        let shared = &self.held.shared;
        shared.warn(warnings);
        shared.turns.send_modify(|turn| *turn = turn.wrapping_add(1));
    }

    async fn end(mut self, used: Used) -> Result<(), Failure> {
        // First, so that it is booked also when this future is dropped.
        self.held.otherwise = Some(used);
        self.held.shared.settle(self.held.id, Some(used)).await?;
        self.held.forget();
        Ok(())
    }
}
