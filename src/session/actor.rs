//! The session actor: one a connection, WebSocket or TCP.
//!
//! It reads requests, runs commands, and answers. Requests of a session take effect in the order in which they arrive: the next one
//! begins when the one before is done, except that messages for one conversation follow each other without waiting ([`Lane`]): their
//! room and their scribe keep them in order, and share a transaction.

mod opening;
mod stomp;

pub use opening::Auth;

use self::stomp::Dialogue;
use super::commands::{self, Lane, Reply};
use super::doors::{Doors, Pass, Share};
use super::opening::Opening;
use super::rate::Bucket;
use super::reader::{Brake, Decoder, Reader, Received};
use super::who::Who;
use crate::chat::channel::Channel;
use crate::chat::event_loop::EventLoop;
use crate::chat::registry::Disconnect;
use crate::model::Failure;
use crate::wire::close::{CloseCode, Violation};
use crate::wire::envelope::{BadRequest, Request};
use crate::wire::error::{ErrorCode, ErrorData};
use crate::wire::field;
use crate::wire::limits::UNPARSABLE_FRAMES;
use crate::wire::outgoing::{self, Outgoing};
use crate::wire::stomp as frames;
use actix::prelude::*;
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Messages of one lane that may be under way at once: as many as make a good batch.
const UNDER_WAY: usize = 64;
/// Bytes of the requests that may be under way or wait; their replies must fit in what a session may have outstanding.
const UNDER_WAY_BYTES: usize = 128 * 1024;
/// Requests that wait before reading stops.
const WAITING: usize = 64;

/// How long a sign-in may take: the database's patience, and the registry's.
const OPENING_PATIENCE: Duration = Duration::from_secs(20);

/// How far a session has come.
enum State {
    /// Nobody has signed in.
    Stranger,
    /// A sign-in is under way.
    Opening,
    Ready(Rc<Who>),
}

/// The actor; see the module.
pub struct Session {
    opening: Rc<Opening>,
    /// The project of the address by which the client came, if it named one.
    project: Option<String>,
    /// The token that came with the opening.
    token: Option<String>,
    state: State,
    pass: Pass,
    bucket: Bucket,
    unparsable: u32,
    waiting: VecDeque<(Job, usize)>,
    /// What came over the rate and waits for its turn: STOMP has no way to refuse it.
    parked: Option<Received>,
    dialogue: Dialogue,
    lane: Lane,
    under_way: usize,
    /// Of the requests that are under way or wait.
    bytes: usize,
    /// What is left of the opening, for a client that must read first.
    untold: VecDeque<Outgoing>,
    /// Nothing more comes: close with this when all is done.
    end: Option<Violation>,
    brake: Rc<Brake>,
}

/// What a session is asked to do.
enum Job {
    Request(Request),
    Frame(frames::Frame),
}

/// What a listener knows of a connection.
pub struct Arrival {
    pub channel: Rc<Channel>,
    pub decoder: Decoder,
    /// Bytes that were read with the opening.
    pub early: Bytes,
    pub pass: Pass,
    pub project: Option<String>,
    pub token: Option<String>,
}

impl Session {
    /// Starts a session on the current event loop.
    pub fn start_on(doors: &Arc<Doors>, event_loop: &Rc<EventLoop>, arrival: Arrival) {
        let Arrival { channel, decoder, early, pass, project, token } = arrival;
        event_loop.add(&channel);
        if doors.closing.load(Ordering::Relaxed) {
            // It may have come after all others were told.
            channel.close(CloseCode::Shutdown);
        }
        let limits = &doors.chat.limits;
        let session = Self {
            opening: Rc::new(Opening {
                doors: Arc::clone(doors),
                event_loop: Rc::clone(event_loop),
                channel: Rc::clone(&channel),
            }),
            project,
            token,
            state: State::Stranger,
            pass,
            bucket: Bucket::new(limits.events_per_second, limits.events_burst, Instant::now()),
            unparsable: 0,
            waiting: VecDeque::new(),
            parked: None,
            dialogue: Dialogue::default(),
            lane: Lane::Alone,
            under_way: 0,
            bytes: 0,
            untold: VecDeque::new(),
            end: None,
            brake: Rc::default(),
        };
        let (brake, share) = (Rc::clone(&session.brake), Some(Share::none(doors)));
        let reader = Reader::new(channel, Rc::clone(event_loop), decoder, early, brake, share);
        Self::create(|ctx| {
            ctx.add_stream(reader);
            session
        });
    }

    fn channel(&self) -> &Rc<Channel> {
        &self.opening.channel
    }

    fn take(&mut self, received: Received, ctx: &mut Context<Self>) {
        match received {
            Received::Resume => {
                self.tell_opening();
                self.tell_backlog(ctx);
                return self.pump(ctx);
            }
            Received::Delivered => return self.note_delivered(ctx),
            Received::Alarm => return self.look_at_transactions(),
            Received::End(violation) => {
                self.end = Some(violation);
                return self.close_if_done();
            }
            Received::Request(..) | Received::Bad(_) | Received::Frame(..) => {}
        }
        if let Err(retry_after) = self.bucket.take(Instant::now()) {
            if self.stomp().is_some() {
                return self.park(received, retry_after, ctx);
            }
            let re = match &received {
                Received::Request(request, _) => Some(request.id),
                Received::Bad(bad) => bad.re(),
                _ => None,
            };
            self.refuse(re, &Failure::RateLimited { retry_after });
            return;
        }
        match received {
            Received::Request(request, bytes) => {
                self.unparsable = 0;
                self.admit(request, bytes, ctx);
            }
            Received::Bad(bad) => self.complain(&bad),
            Received::Frame(frame, bytes) => self.admit_frame(frame, bytes, ctx),
            Received::End(_) | Received::Resume | Received::Delivered | Received::Alarm => {}
        }
    }

    /// Reads nothing until there is a turn for this.
    fn park(&mut self, received: Received, wait: Duration, ctx: &mut Context<Self>) {
        self.parked = Some(received);
        self.brake.hold.set(true);
        ctx.run_later(wait, |session, ctx| {
            if let Some(received) = session.parked.take() {
                session.take(received, ctx);
                session.pump(ctx);
            }
        });
    }

    /// Closes a connection from which nothing more comes, once what it asked for is done.
    fn close_if_done(&mut self) {
        if self.under_way > 0 || !self.waiting.is_empty() {
            return;
        }
        if let Some(Violation { code, reason }) = self.end.take() {
            self.channel().close_with(code, reason);
        }
    }

    fn complain(&mut self, bad: &BadRequest) {
        self.send_error(bad.re(), bad.error());
        if !matches!(bad, BadRequest::Unparsable(_)) {
            self.unparsable = 0;
            return;
        }
        self.unparsable += 1;
        if self.unparsable >= UNPARSABLE_FRAMES {
            self.channel().close(CloseCode::Protocol);
        }
    }

    fn admit(&mut self, request: Request, bytes: usize, ctx: &mut Context<Self>) {
        match (&self.state, request.kind.as_str()) {
            (State::Stranger, "session.auth") => self.sign_in(request, ctx),
            (State::Stranger, _) => self.refuse(Some(request.id), &Failure::Unauthorized),
            (State::Opening | State::Ready(_), _) => self.enqueue(Job::Request(request), bytes, ctx),
        }
    }

    fn enqueue(&mut self, job: Job, bytes: usize, ctx: &mut Context<Self>) {
        self.bytes += bytes;
        self.waiting.push_back((job, bytes));
        self.pump(ctx);
    }

    /// Begins what may begin.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        while let State::Ready(who) = &self.state
            && let Some((job, _)) = self.waiting.front()
            // After an error nothing of STOMP takes effect.
            && !(self.stomp().is_some() && self.channel().is_closing())
        {
            // Its own answers must not make a session slow.
            if self.channel().is_half_full() || !self.untold.is_empty() {
                self.wait_for_room();
                break;
            }
            let lane = match job {
                Job::Request(request) => commands::lane(who, request),
                Job::Frame(frame) => Self::lane_of(who, frame),
            };
            let joins = lane == self.lane && lane != Lane::Alone && self.under_way < UNDER_WAY;
            if self.under_way > 0 && !joins {
                break;
            }
            self.lane = lane;
            self.under_way += 1;
            let who = Rc::clone(who);
            match self.waiting.pop_front() {
                Some((Job::Request(request), bytes)) => self.run(who, request, bytes, ctx),
                Some((Job::Frame(frame), bytes)) => self.run_frame(who, &frame, bytes, ctx),
                None => {}
            }
        }
        if self.waiting.is_empty() {
            // A burst must not leave its memory with an idle session.
            self.waiting = VecDeque::new();
        }
        let hold = self.parked.is_some() || self.waiting.len() >= WAITING || self.bytes >= UNDER_WAY_BYTES;
        if self.brake.hold.replace(hold) && !hold {
            self.channel().wake();
        }
    }

    fn run(&mut self, who: Rc<Who>, request: Request, bytes: usize, ctx: &mut Context<Self>) {
        let id = request.id;
        if request.kind == "session.auth" {
            let opening = Rc::clone(&self.opening);
            let renew = async move {
                let Auth { token, project } = field::from_value(request.data)?;
                opening.renew(&who, project.as_deref(), &token).await
            };
            let done = renew.into_actor(self).map(move |result, session, ctx| {
                let reply = result.map(|ready| Reply::Event(Box::new(Outgoing::new("session.auth", ready))));
                session.finish(id, bytes, Some(reply), ctx);
            });
            ctx.spawn(done);
            return;
        }
        match commands::run(who, request) {
            Some(command) => {
                let done = command.into_actor(self);
                ctx.spawn(done.map(move |result, session, ctx| session.finish(id, bytes, Some(result), ctx)));
            }
            None => self.finish(id, bytes, None, ctx),
        }
    }

    fn finish(&mut self, id: u32, bytes: usize, result: Option<Result<Reply, Failure>>, ctx: &mut Context<Self>) {
        match result {
            Some(Ok(Reply::Event(event))) => {
                self.count_request();
                self.channel().send(event.reply(self.channel().encoding(), id));
            }
            Some(Ok(Reply::InHub)) => self.count_request(),
            Some(Err(failure)) => self.refuse(Some(id), &failure),
            None => self.send_error(Some(id), &ErrorData::new(ErrorCode::UnknownType, "unknown type")),
        }
        self.job_done(bytes, ctx);
    }

    fn job_done(&mut self, bytes: usize, ctx: &mut Context<Self>) {
        self.under_way -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        self.pump(ctx);
        self.close_if_done();
    }

    fn refuse(&self, re: Option<u32>, failure: &Failure) {
        self.send_error(re, &ErrorData::from(failure));
    }

    fn send_error(&self, re: Option<u32>, error: &ErrorData) {
        self.count_request();
        self.channel().send(outgoing::error_frame(self.channel().encoding(), re, error));
    }

    fn count_request(&self) {
        self.opening.doors.chat.metrics.requests.add(1);
        if let Some(figures) = self.channel().figures.get() {
            figures.requests.add(1);
        }
    }

    /// Goes on when the client has read enough.
    fn wait_for_room(&self) {
        self.brake.wants_room.set(true);
        self.channel().wake();
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Nothing is sent to a session but through its channel: its mailbox needs no room.
        ctx.set_mailbox_capacity(1);
        if self.stomp().is_some() {
            // It signs in by `CONNECT`.
            return;
        }
        if let (Some(project), Some(token)) = (self.project.clone(), self.token.take()) {
            self.open(project, token, None, ctx);
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.channel().cut();
    }
}

impl Drop for Session {
    /// Also when it failed: nobody may go on believing that it is there.
    fn drop(&mut self) {
        let channel = self.channel();
        channel.cut();
        self.opening.event_loop.remove(channel);
        let metrics = &self.opening.doors.chat.metrics;
        if let Some(code) = channel.closed_with() {
            metrics.closes.count(code);
            if code == CloseCode::Slow {
                metrics.slow.add(1);
                if let Some(figures) = channel.figures.get() {
                    figures.slow.add(1);
                }
            }
        }
        let (Some(&project), Some(&user)) = (channel.project.get(), channel.user.get()) else { return };
        if let Some(namespace) = self.opening.doors.chat.namespace(project) {
            // Past the mailbox's bound: one message a session.
            namespace.registry().do_send(Disconnect { session: channel.session, user });
        }
    }
}

impl StreamHandler<Received> for Session {
    fn handle(&mut self, received: Received, ctx: &mut Self::Context) {
        self.take(received, ctx);
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
