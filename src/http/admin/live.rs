//! `GET /live`: the server's figures, each second, as JSON.

use super::{AdminState, Snapshot};
use crate::http::problem;
use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use actix_web_actors::ws;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Feeds at once: some operators' windows, not a place to serve the public from.
const MAX_FEEDS: usize = 32;
/// Between two sets of figures.
const INTERVAL: Duration = Duration::from_secs(1);
/// Silence after which an operator's window is taken for gone. Each second brings a ping, which any client answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens the feed.
pub async fn open(
    request: HttpRequest,
    state: web::Data<AdminState>,
    stream: web::Payload,
) -> Result<HttpResponse, Error> {
    let Some(place) = Place::take(&state.feeds) else { return Ok(problem::status(StatusCode::SERVICE_UNAVAILABLE)) };
    let feed = Feed { snapshot: Arc::clone(&state.snapshot), heard: Instant::now(), _place: place };
    ws::start(feed, &request, stream)
}

/// One of the feeds that may be open at once; free again when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(feeds: &Arc<AtomicUsize>) -> Option<Self> {
        feeds
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < MAX_FEEDS).then_some(open + 1))
            .ok()
            .map(|_| Self(Arc::clone(feeds)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An operator's window. What it can't read fast enough is not piled up: this context rests while its socket is full.
struct Feed {
    snapshot: Snapshot,
    /// When the client was last heard of.
    heard: Instant,
    _place: Place,
}

impl Feed {
    fn tell(&mut self, ctx: &mut ws::WebsocketContext<Self>) {
        if self.heard.elapsed() > PATIENCE {
            ctx.stop();
            return;
        }
        ctx.text((self.snapshot)().to_string());
        ctx.ping(b"");
    }
}

impl Actor for Feed {
    type Context = ws::WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tell(ctx);
        ctx.run_interval(INTERVAL, Self::tell);
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for Feed {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Self::Context) {
        self.heard = Instant::now();
        match message {
            Ok(ws::Message::Ping(payload)) => ctx.pong(&payload),
            Ok(ws::Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            // There is nothing to be said to this feed.
            Ok(_) => {}
            Err(error) => {
                log::debug!(target: "palabre::http", "a live feed ended: {error}");
                ctx.stop();
            }
        }
    }
}
