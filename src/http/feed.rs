//! Feeds of a project's figures: how many there may be, what they tell, and when they end.
//!
//! A feed is a task that tells once a second, and a body that hands on what was told. Each second it looks whether its caller may
//! still see it; how long that takes is the database's latency. A reader that leaves too much unread is cut off: the task ends
//! without a farewell, which the body takes for an error.

use super::HttpState;
use super::caller::Credentials;
use super::problem::Problem;
use crate::chat::metrics::ProjectFigures;
use crate::model::{Failure, ProjectId};
use crate::wire::error::{ErrorCode, ErrorData};
use crate::wire::time::Timestamp;
use actix_web::web::Data;
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, timeout};
use utoipa::ToSchema;

/// Feeds of one project at once: some administrators' screens, not a place to serve the public from.
const PROJECT_FEEDS: usize = 8;
/// Feeds of all projects at once: each asks the database once a second.
const FEEDS: usize = 128;
/// When another try may find a free place.
const PAUSE: Duration = Duration::from_secs(10);
/// Between two sets of figures.
const INTERVAL: Duration = Duration::from_secs(1);
/// Figures that may wait for a reader beside what its socket holds.
const BEHIND: usize = 16;
/// Time that the database has to answer before it is told to be away: the next figures are due then.
const DATABASE_PATIENCE: Duration = Duration::from_millis(900);

/// The feeds of this process.
pub struct Feeds {
    open: Arc<AtomicUsize>,
    closing: watch::Sender<bool>,
}

impl Default for Feeds {
    fn default() -> Self {
        Self { open: Arc::default(), closing: watch::Sender::new(false) }
    }
}

impl Feeds {
    /// A place for one more feed of a project.
    ///
    /// # Errors
    /// 429 when the project has as many as it may, 503 when all together have.
    pub fn take(&self, figures: Arc<ProjectFigures>) -> Result<Place, Problem> {
        let refused = |code, detail| Err(Problem::new(code, detail).retry_after(PAUSE));
        if !figures.take_feed(PROJECT_FEEDS) {
            return refused(ErrorCode::RateLimited, "the project has as many feeds open as it may");
        }
        let free = |open| (open < FEEDS).then_some(open + 1);
        if self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).is_err() {
            figures.give_feed_back();
            return refused(ErrorCode::Unavailable, "the server has as many feeds open as it may");
        }
        Ok(Place { open: Arc::clone(&self.open), figures, is_taken: Cell::new(true) })
    }

    /// Ends all of them, and those that are opened from now on.
    pub fn end(&self) {
        self.closing.send_replace(true);
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One of the feeds that may be open at once; free again when dropped.
pub struct Place {
    open: Arc<AtomicUsize>,
    figures: Arc<ProjectFigures>,
    is_taken: Cell<bool>,
}

impl Place {
    fn give_back(&self) {
        if self.is_taken.replace(false) {
            self.open.fetch_sub(1, Ordering::Relaxed);
            self.figures.give_feed_back();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// What a project has under way on this node.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LiveFigures)]
pub struct Figures {
    /// When they were read.
    time: Timestamp,
    /// Connections that are signed in.
    #[schema(example = 42)]
    sessions: i64,
    /// Users with at least one of them.
    #[schema(example = 40)]
    users_online: i64,
    /// Conversations in which somebody spoke a short while ago.
    #[schema(example = 7)]
    rooms_awake: i64,
    /// Messages stored, a second.
    #[schema(example = 12.5)]
    messages_per_second: f64,
    /// Events handed to sessions, a second.
    #[schema(example = 130.0)]
    deliveries_per_second: f64,
    /// Requests of sessions answered, a second.
    #[schema(example = 20.0)]
    requests_per_second: f64,
    /// Sessions closed because they read too slowly, since the server started.
    #[schema(example = 0)]
    slow_consumers: u64,
    database: DatabaseFigures,
}

/// How the database is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LiveDatabase)]
pub struct DatabaseFigures {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    state: &'static str,
    /// Milliseconds that a small question took, waiting for a connection included; `null` without an answer.
    #[schema(example = 0.8)]
    latency_ms: Option<f64>,
}

/// What counters had come to.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Instant,
    stored: u64,
    delivered: u64,
    requests: u64,
}

impl Reading {
    fn of(figures: &ProjectFigures) -> Self {
        Self {
            at: Instant::now(),
            stored: figures.stored.get(),
            delivered: figures.delivered.get(),
            requests: figures.requests.get(),
        }
    }
}

/// To two places, as screens show it.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// What a task hands to its body.
enum Told {
    Figures(Bytes),
    End(Bytes),
}

/// The task; see the module.
struct Feed {
    state: Data<HttpState>,
    credentials: Credentials,
    project: ProjectId,
    place: Rc<Place>,
    reader: mpsc::Sender<Told>,
}

/// Starts a feed on the current event loop; its body.
pub fn start(
    state: Data<HttpState>,
    credentials: Credentials,
    project: ProjectId,
    place: Place,
) -> impl Stream<Item = io::Result<Bytes>> {
    let (reader, told) = mpsc::channel(BEHIND);
    let place = Rc::new(place);
    let feed = Feed { state, credentials, project, place: Rc::clone(&place), reader };
    actix::spawn(feed.run());
    stream::unfold(Some((told, place)), |open| async move {
        let (mut told, place) = open?;
        match told.recv().await {
            Some(Told::Figures(event)) => Some((Ok(event), Some((told, place)))),
            Some(Told::End(event)) => Some((Ok(event), None)),
            None => Some((Err(io::Error::other("the reader is too slow")), None)),
        }
    })
}

impl Feed {
    async fn run(self) {
        let mut closing = self.state.feeds.closing.subscribe();
        let end = tokio::select! {
            end = self.tell() => end,
            () = self.reader.closed() => None,
            _ = closing.wait_for(|closing| *closing) => Some(Failure::Unavailable),
        };
        if let Some(failure) = end {
            // A reader that has no room for it is cut off.
            let _ = self.reader.try_send(Told::End(farewell(&failure)));
        }
    }

    /// Tells until the caller may see it no longer, which is why; or until the reader is too slow.
    async fn tell(&self) -> Option<Failure> {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = Reading::of(&self.place.figures);
        loop {
            ticks.tick().await;
            let database = match self.look().await {
                Ok(database) => database,
                Err(failure) => return Some(failure),
            };
            let now = Reading::of(&self.place.figures);
            let figures = self.figures(&before, &now, database);
            before = now;
            if self.reader.try_send(Told::Figures(event(None, &figures))).is_err() {
                log::debug!(target: "palabre::http", "a live feed is cut: its reader is too slow");
                self.place.give_back();
                return None;
            }
        }
    }

    /// Whether the caller may still see the project, and how the database is.
    async fn look(&self) -> Result<DatabaseFigures, Failure> {
        let begun = Instant::now();
        match timeout(DATABASE_PATIENCE, self.credentials.admin(&self.state)).await {
            Ok(Ok(caller)) if caller.project == self.project => {
                let latency = begun.elapsed().as_secs_f64() * 1_000.0;
                Ok(DatabaseFigures { state: "ok", latency_ms: Some(round(latency)) })
            }
            Ok(Ok(_)) => Err(Failure::Unauthorized),
            // As with sessions: who was let in stays until there is an answer, or the token ends.
            Ok(Err(Failure::Unavailable | Failure::Internal)) | Err(_) => {
                Ok(DatabaseFigures { state: "unavailable", latency_ms: None })
            }
            Ok(Err(failure)) => Err(failure),
        }
    }

    fn figures(&self, before: &Reading, now: &Reading, database: DatabaseFigures) -> Figures {
        // The first set follows its beginning at once.
        let seconds = (now.at - before.at).max(INTERVAL).as_secs_f64();
        let rate = |now: u64, before: u64| round(now.saturating_sub(before) as f64 / seconds);
        let figures = &self.place.figures;
        Figures {
            time: self.state.chat.now().into(),
            sessions: figures.sessions.get(),
            users_online: figures.users.get(),
            rooms_awake: figures.rooms.get(),
            messages_per_second: rate(now.stored, before.stored),
            deliveries_per_second: rate(now.delivered, before.delivered),
            requests_per_second: rate(now.requests, before.requests),
            slow_consumers: figures.slow.get(),
            database,
        }
    }
}

/// A server-sent event. JSON without blanks has no line breaks, so one line of data is enough.
fn event(name: Option<&str>, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n").into()
}

/// The last event, which says why it is.
fn farewell(failure: &Failure) -> Bytes {
    #[derive(Serialize)]
    struct End {
        code: ErrorCode,
        detail: String,
    }
    let ErrorData { code, message, .. } = failure.into();
    event(Some("end"), &End { code, detail: message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_that_end_with_an_empty_one() {
        assert_eq!(event(None, &"a\nb"), "data: \"a\\nb\"\n\n");
        let end = farewell(&Failure::TokenExpired);
        let end = std::str::from_utf8(&end).unwrap();
        assert!(end.starts_with("event: end\ndata: {\"code\":\"token_expired\",") && end.ends_with("}\n\n"), "{end}");
    }

    #[test]
    fn places_are_bounded_for_a_project_and_for_all() {
        let feeds = Feeds::default();
        let mut places = Vec::new();
        for _ in 0..FEEDS / PROJECT_FEEDS {
            let figures = Arc::<ProjectFigures>::default();
            for _ in 0..PROJECT_FEEDS {
                places.push(feeds.take(Arc::clone(&figures)).ok().unwrap());
            }
            assert!(feeds.take(figures).is_err());
        }
        let another = Arc::<ProjectFigures>::default();
        assert!(feeds.take(Arc::clone(&another)).is_err());
        places.first().unwrap().give_back();
        drop(places.remove(0));
        assert_eq!(feeds.open(), FEEDS - 1);
        assert!(feeds.take(another).is_ok());
    }
}
