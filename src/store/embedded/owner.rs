//! The thread that owns PostgreSQL: starts it, starts it again when it was killed, and stops it.

use std::fs::File;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::account::Account;
use super::binaries::Binaries;
use super::layout::Layout;
use super::postmaster::{self, signal};
use super::{Error, LOOK_INTERVAL, cluster};

/// How long a start may take. Recovery after a crash reads what was written since the last checkpoint, at worst a
/// gigabyte; cut short it would begin anew.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// How long a stop may take before it is forced.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Between the end of a PostgreSQL that nobody stopped and the next start; doubles up to the second number, and starts over
/// once one ran for longer than that.
const RESTART_DELAY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How often the first start is tried: what a killed PostgreSQL left in memory may take a moment to go.
const FIRST_STARTS: u32 = 4;

/// A running PostgreSQL and the thread that keeps it running. Dropping it stops both.
pub(super) struct Owner {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and the side that stops it share.
#[derive(Default)]
struct Control {
    state: Mutex<State>,
    /// Notified at each change of `stopping` and `ended`.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopping: bool,
    /// The child while it is not reaped, so that a signal can't hit another process.
    child: Option<libc::pid_t>,
    /// Whether the thread is done.
    ended: bool,
}

impl Control {
    /// A poisoned lock still guards three plain values.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits at most so long while something holds of the state; `false` when it still does.
    fn wait_while(&self, longest: Duration, holds: impl Fn(&State) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), longest, |state| holds(state));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Stops PostgreSQL by a signal, now and whenever the thread would start it again.
    fn stop(&self, number: libc::c_int) {
        let mut state = self.lock();
        state.stopping = true;
        if let Some(pid) = state.child {
            signal(pid, number);
        }
        self.changed.notify_all();
    }
}

/// Tells of the thread's end, also when it panics.
struct TellsEnd(Arc<Control>);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

impl Owner {
    /// Starts PostgreSQL and waits until it takes connections and has its database. `file` is the owner's lock: it is held
    /// until PostgreSQL has ended.
    pub(super) fn start(
        account: Account,
        layout: Layout,
        binaries: Binaries,
        durable: bool,
        file: File,
    ) -> Result<Self, Error> {
        let control = Arc::new(Control::default());
        let (ready_sender, ready) = mpsc::sync_channel(1);

        let keeper = Keeper { account, layout, binaries, durable, control: Arc::clone(&control) };
        let tells_end = TellsEnd(Arc::clone(&control));
        let run = move || {
            let _held_to_the_end = (file, tells_end);
            match keeper.first_start() {
                Ok(child) => {
                    // Nobody waits for the answer only when the caller's thread died: the loop sees to the rest.
                    let _ = ready_sender.send(Ok(()));
                    keeper.keep(child);
                }
                Err(error) => {
                    let _ = ready_sender.send(Err(error));
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("palabre-postgres".into())
            .spawn(run)
            .map_err(|error| Error::Thread(error.to_string()))?;
        let owner = Self { control, thread: Some(thread) };
        ready.recv().map_err(|error| Error::Thread(error.to_string()))??;
        Ok(owner)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.control.stop(libc::SIGINT);
        if !self.control.wait_while(STOP_PATIENCE, |state| !state.ended) {
            log::error!(target: "palabre::store", "PostgreSQL does not stop, killing it");
            self.control.stop(libc::SIGKILL);
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!(target: "palabre::store", "the thread that runs PostgreSQL panicked");
        }
    }
}

/// The thread's side.
struct Keeper {
    account: Account,
    layout: Layout,
    binaries: Binaries,
    durable: bool,
    control: Arc<Control>,
}

impl Keeper {
    /// From whatever an earlier run left to a PostgreSQL with its database.
    fn first_start(&self) -> Result<Child, Error> {
        cluster::make_cluster(&self.account, &self.layout, &self.binaries, self.durable)?;
        let mut delay = RESTART_DELAY.0;
        let mut tries = 1;
        let mut child = loop {
            match self.start() {
                Ok(child) => break child,
                Err(error) if tries == FIRST_STARTS => return Err(error),
                Err(error) => log::warn!(target: "palabre::store", "{error}; trying again"),
            }
            self.wait(delay);
            delay *= 2;
            tries += 1;
        };
        if let Err(error) = cluster::make_database(&self.layout.socket_dir) {
            self.end(&mut child);
            return Err(error);
        }
        Ok(child)
    }

    /// Starts PostgreSQL once and waits until it takes connections.
    fn start(&self) -> Result<Child, Error> {
        postmaster::clear_away(&self.layout.cluster)?;
        let mut child = postmaster::spawn(&self.account, &self.layout, &self.binaries, self.durable)?;
        let pid = self.announce(&child)?;
        let deadline = Instant::now() + START_PATIENCE;
        while !postmaster::is_ready(&self.layout.cluster, pid) {
            if self.has_ended(&mut child) {
                return Err(Error::Program { program: "postgres", output: postmaster::log_tail(&self.layout.log) });
            }
            if Instant::now() >= deadline {
                self.end(&mut child);
                return Err(Error::NotReady { after: START_PATIENCE, log: self.layout.log.clone() });
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        log::info!(target: "palabre::store", "PostgreSQL {} runs on {} (process {pid})", self.binaries.version, self.layout.cluster.display());
        Ok(child)
    }

    /// Starts PostgreSQL again whenever it has ended, until it is told to stop.
    fn keep(&self, mut child: Child) {
        let mut delay = RESTART_DELAY.0;
        loop {
            let started = Instant::now();
            self.reap(&mut child);
            if started.elapsed() > RESTART_DELAY.1 {
                delay = RESTART_DELAY.0;
            }
            child = loop {
                self.wait(delay);
                if self.control.lock().stopping {
                    return;
                }
                delay = (delay * 2).min(RESTART_DELAY.1);
                match self.start() {
                    Ok(child) => break child,
                    Err(error) => log::error!(target: "palabre::store", "{error}; trying again in {delay:?}"),
                }
            };
        }
    }

    /// Makes the child known to the side that may have to stop it.
    fn announce(&self, child: &Child) -> Result<libc::pid_t, Error> {
        let pid = libc::pid_t::try_from(child.id()).map_err(|error| Error::Thread(error.to_string()))?;
        let mut state = self.control.lock();
        state.child = Some(pid);
        if state.stopping {
            signal(pid, libc::SIGINT);
        }
        Ok(pid)
    }

    /// Pauses; a stop cuts it short.
    fn wait(&self, duration: Duration) {
        self.control.wait_while(duration, |state| !state.stopping);
    }

    /// Waits until the child has ended, then reaps it.
    fn reap(&self, child: &mut Child) {
        if let Ok(pid) = libc::pid_t::try_from(child.id()) {
            postmaster::wait_for_end(pid);
        }
        let mut state = self.control.lock();
        state.child = None;
        match child.wait() {
            Ok(status) if state.stopping => log::info!(target: "palabre::store", "PostgreSQL has ended ({status})"),
            Ok(status) => {
                log::error!(target: "palabre::store", "PostgreSQL ended by itself ({status}), starting it again");
            }
            Err(error) => log::error!(target: "palabre::store", "PostgreSQL can't be waited for: {error}"),
        }
    }

    fn has_ended(&self, child: &mut Child) -> bool {
        let mut state = self.control.lock();
        let ended = !matches!(child.try_wait(), Ok(None));
        if ended {
            state.child = None;
        }
        ended
    }

    /// Kills a child that is of no use.
    fn end(&self, child: &mut Child) {
        // It may have ended by itself.
        let _ = child.kill();
        self.reap(child);
    }
}
