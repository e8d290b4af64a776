//! The support desk of all projects: what happens there by itself, and who is told.
//!
//! Steps that people take are transactions of [`crate::store::support`], told by [`tell`]. What has to happen without anybody doing it
//! is done here in rounds, once a second and soon after a step: sessions that went quiet end, requests whose agent is gone
//! wait again, waiting ones are given to agents where the project wants it, and who waits is told their place when it changed.
//! Nothing of that is kept in memory but the places that were told: a restart loses nothing, and several nodes on one database do
//! the same without doing it twice, since each step looks again at what it locked.

mod places;
mod tell;

pub use tell::{prepare, tell, tell_agent};

use super::Chat;
use crate::model::support::assign;
use crate::model::{Failure, ProjectId, RequestId};
use crate::store::support::{Actor, Changed, assignment, orphans, queue, requests, sessions};
use crate::wire::support::Request;
use diesel_async::AsyncPgConnection;
use places::Told;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Between two rounds when nothing happens: a session ends, and a place is told, that late at most.
const INTERVAL: Duration = Duration::from_secs(1);
/// Between two rounds in any case: what happens meanwhile is looked at together, so a storm of steps costs no more than this.
const PAUSE: Duration = Duration::from_millis(100);
/// How often people who are gone are looked for when nobody says so.
const SWEEP: Duration = Duration::from_secs(5);
/// Sessions ended, requests settled or given to somebody in a round: each is a transaction; the others come with the next round.
const BATCH: i64 = 64;

/// Wakes the desk.
#[derive(Default)]
pub struct Bell {
    rung: Notify,
    left: AtomicBool,
}

impl Bell {
    /// Something happened that the desk should look at: a step, an agent who comes, a setting.
    pub fn wake(&self) {
        self.rung.notify_one();
    }

    /// Somebody who may have requests is gone, or is no agent any more.
    pub fn wake_for_left(&self) {
        self.left.store(true, Ordering::Release);
        self.wake();
    }
}

/// Looks after all desks, on the current arbiter, until the task is aborted.
pub fn start(chat: &Chat) -> JoinHandle<()> {
    let chat = chat.clone();
    actix::spawn(async move {
        let (mut told, mut sweep_at) = (Told::default(), Instant::now());
        loop {
            let _ = timeout(INTERVAL, chat.desk.rung.notified()).await;
            let sweep = chat.desk.left.swap(false, Ordering::AcqRel) || sweep_at <= Instant::now();
            if sweep {
                sweep_at = Instant::now() + SWEEP;
            }
            // Each by itself: what one can't do now must not keep the others. When the database is away, so it was logged.
            let _ = end_quiet(&chat).await;
            if sweep {
                let _ = settle_orphans(&chat).await;
            }
            let _ = assign_waiting(&chat).await;
            let _ = told.follow(&chat).await;
            sleep(PAUSE).await;
        }
    })
}

/// Takes a step, tells it, and gives the request as the actor sees it then. With `moves` somebody may have to leave its conversation.
///
/// # Errors
/// The step's own.
pub async fn act(
    chat: &Chat,
    actor: Actor,
    id: RequestId,
    moves: bool,
    step: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<Changed, Failure>,
) -> Result<Request, Failure> {
    if moves {
        prepare(chat, actor.project, id).await?;
    }
    let changed = chat.run(step).await?;
    spread(chat, actor.project, changed).await;
    see(chat, actor, id).await
}

/// Tells what changed, also when whoever waits for it goes away, and wakes the desk.
pub async fn spread(chat: &Chat, project: ProjectId, changed: Changed) {
    let teller = chat.clone();
    let telling = actix::spawn(async move {
        tell(&teller, project, changed).await;
        teller.desk.wake();
    });
    // It fails only with the server.
    let _ = telling.await;
}

/// A request as the actor sees it, with its place while it waits.
///
/// # Errors
/// [`Failure::NotFound`] for strangers.
pub async fn see(chat: &Chat, actor: Actor, id: RequestId) -> Result<Request, Failure> {
    let now = chat.now();
    chat.run(async |conn| {
        let mut request = requests::seen(conn, actor, id).await?;
        request.place = queue::place_of(conn, id).await?;
        if let Some(place) = request.place {
            let taken = queue::recent_takes(conn, actor.project, now).await?;
            request.wait_s = crate::model::support::expected_wait(place, &taken);
        }
        Ok(request)
    })
    .await
}

async fn end_quiet(chat: &Chat) -> Result<(), Failure> {
    let now = chat.now();
    for due in chat.run(async |conn| Ok(sessions::due(conn, now, BATCH).await?)).await? {
        if let Some(changed) = chat.run(async |conn| sessions::time_out(conn, due, now).await).await? {
            tell(chat, due.0, changed).await;
        }
    }
    Ok(())
}

async fn settle_orphans(chat: &Chat) -> Result<(), Failure> {
    let now = chat.now();
    for (project, id) in chat.run(async |conn| Ok(orphans::left_alone(conn, BATCH).await?)).await? {
        prepare(chat, project, id).await?;
        if let Some(changed) = chat.run(async |conn| orphans::settle(conn, project, id, now).await).await? {
            tell(chat, project, changed).await;
        }
    }
    Ok(())
}

/// Gives what waits to who has the least to do. What two nodes give at once one of them gives.
async fn assign_waiting(chat: &Chat) -> Result<(), Failure> {
    for project in chat.run(async |conn| Ok(queue::assigning(conn).await?)).await? {
        let (waiting, agents) = chat
            .run(async |conn| {
                let agents = queue::candidates(conn, project).await?;
                let waiting =
                    if agents.is_empty() { Vec::new() } else { queue::assignable(conn, project, BATCH).await? };
                Ok((waiting, agents))
            })
            .await?;
        for (id, agent) in assign(&waiting, &agents) {
            let now = chat.now();
            let given = chat.run(async |conn| assignment::give_to(conn, project, id, agent, now).await).await;
            match given {
                Ok(changed) => tell(chat, project, changed).await,
                // Things went on since the look: the next one sees them as they are.
                Err(Failure::Conflict(_) | Failure::NotFound(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
    }
    Ok(())
}
