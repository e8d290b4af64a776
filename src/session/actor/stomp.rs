//! A session that speaks STOMP: frames in place of requests, receipts in place of replies, and an error ends it.

use super::{OPENING_PATIENCE, Session, State};
use crate::chat::channel::stomp::Stomp;
use crate::chat::room::marks::{Receipt, ReceiptKind};
use crate::model::Failure;
use crate::session::commands::{Lane, message_text};
use crate::session::opening::{Opened, Opening, Refused};
use crate::session::stomp::acknowledge::{self, Acknowledgement};
use crate::session::stomp::connect::{self, Credentials, HeartBeat};
use crate::session::stomp::destination::Destination;
use crate::session::stomp::required;
use crate::session::stomp::send::{self, Text};
use crate::session::stomp::subscribe::{self, Backlog, Wish};
use crate::session::stomp::transactions::{self, Step, Transactions};
use crate::session::who::Who;
use crate::wire::close::CloseCode;
use crate::wire::error::{ErrorCode, ErrorData};
use crate::wire::outgoing::{Outgoing, stomp_frame};
use crate::wire::shapes::MessageKind;
use crate::wire::stomp::{self, Command, Frame, Version};
use actix::prelude::*;
use futures_util::future::{LocalBoxFuture, join_all, ready};
use std::rc::Rc;
use std::sync::Arc;
use tokio::time::timeout;

/// What a session keeps for STOMP.
#[derive(Default)]
pub(super) struct Dialogue {
    transactions: Transactions,
    /// A subscription that is being told what came before it, and the frame that asked for it.
    backlog: Option<(Backlog, Asked)>,
}

/// What is to be answered of a frame once it is carried out.
pub(super) struct Asked {
    receipt: Option<String>,
    bytes: usize,
}

/// What became of a frame.
enum Done {
    /// All of it.
    All,
    /// There is something to tell first.
    Tell(Box<Backlog>),
    /// The client leaves.
    Farewell,
}

type Work = LocalBoxFuture<'static, Result<Done, Failure>>;

impl Session {
    /// What the connection keeps for STOMP, if it speaks that.
    pub(super) fn stomp(&self) -> Option<&Stomp> {
        self.channel().stomp.get().map(|stomp| &**stomp)
    }

    fn version(&self) -> Version {
        // All frames but the first come after it was settled.
        self.stomp().and_then(Stomp::version).unwrap_or(Version::V10)
    }

    /// A frame that the rate lets through.
    pub(super) fn admit_frame(&mut self, frame: Frame, bytes: usize, ctx: &mut Context<Self>) {
        match (&self.state, frame.command) {
            (State::Stranger, Command::Connect) => {
                if let Err(failure) = self.connect(&frame, ctx) {
                    self.end_with(&failure, None);
                }
            }
            (State::Stranger, _) => self.end_with(&Failure::Unauthorized, frame.header("receipt")),
            (State::Opening | State::Ready(_), Command::Connect) => {
                self.end_with(&Failure::Conflict("the connection is open already"), None);
            }
            (State::Opening | State::Ready(_), _) => self.enqueue(super::Job::Frame(frame), bytes, ctx),
        }
    }

    /// Says why, and closes: after an error nothing follows in STOMP.
    fn end_with(&self, failure: &Failure, receipt: Option<&str>) {
        self.count_request();
        let code = match failure {
            Failure::Unauthorized => CloseCode::Unauthorized,
            Failure::TokenExpired => CloseCode::TokenExpired,
            Failure::Unavailable | Failure::Internal | Failure::RateLimited { .. } => CloseCode::Overloaded,
            Failure::TooLarge(_) => CloseCode::TooBig,
            _ => CloseCode::Protocol,
        };
        self.end_with_error(code, &ErrorData::from(failure), receipt);
    }

    fn end_with_error(&self, code: CloseCode, error: &ErrorData, receipt: Option<&str>) {
        let frame = stomp::error(self.stomp().and_then(Stomp::version), error, receipt);
        let frame = stomp_frame(self.channel().encoding().framing, &frame);
        self.channel().close_after(Some(frame), code, code.reason());
    }

    fn connect(&mut self, frame: &Frame, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let Some(version) = Version::negotiate(frame.header("accept-version").map(str::trim)) else {
            let error = ErrorData::new(ErrorCode::BadEnvelope, "the versions are 1.0, 1.1 and 1.2");
            self.end_with_error(CloseCode::Protocol, &error, None);
            return Ok(());
        };
        if let Some(stomp) = self.stomp() {
            stomp.agree(version);
        }
        let beat = connect::heart_beat(frame.header("heart-beat"), &self.opening.doors.chat.limits)?;
        let credentials = Credentials::of(frame, self.token.take())?;
        let project = self.project.clone().ok_or(Failure::Unauthorized)?;
        self.state = State::Opening;
        // Its time to say who it is goes on: nothing that a client does may prolong it.
        let sign_in_by = self.channel().vigil.pause_sign_in();
        let (opening, address) = (Rc::clone(&self.opening), self.channel().peer());
        let open = async move {
            let open = async {
                let token = credentials.token(&opening.doors, &project, address).await?;
                Opening::open(&opening, &project, &token).await
            };
            timeout(OPENING_PATIENCE, open).await.unwrap_or(Err(Refused::Close(CloseCode::Overloaded)))
        };
        ctx.spawn(open.into_actor(self).map(move |result, session, ctx| {
            match result {
                Ok(opened) => session.connected(opened, version, &beat),
                Err(refused) => {
                    session.channel().vigil.sign_in_by.set(sign_in_by);
                    session.state = State::Stranger;
                    session.waiting.clear();
                    match refused {
                        Refused::Failure(failure) => session.end_with(&failure, None),
                        Refused::Close(code) => session.channel().close(code),
                    }
                }
            }
            session.pump(ctx);
            session.close_if_done();
        }));
        Ok(())
    }

    fn connected(&mut self, Opened { who, .. }: Opened, version: Version, beat: &HeartBeat) {
        if let Some(figures) = self.channel().figures.get().cloned() {
            self.pass.signed_in(&figures);
        }
        let frame = stomp::connected(version, &who.session.to_string(), beat.offered, &who.user().username);
        self.channel().send(stomp_frame(self.channel().encoding().framing, &frame));
        self.channel().open();
        if let Some(stomp) = self.stomp() {
            stomp.beat(beat.send, beat.expect);
        }
        self.state = State::Ready(who);
    }

    /// Which lane a frame takes.
    pub(super) fn lane_of(who: &Who, frame: &Frame) -> Lane {
        if frame.command != Command::Send || frame.header("transaction").is_some() {
            return Lane::Alone;
        }
        match frame.header("destination").map(Destination::to_send) {
            Some(Ok(Destination::Conversation(conversation))) if who.knows_room(conversation) => {
                Lane::Say(conversation)
            }
            _ => Lane::Alone,
        }
    }

    /// Carries a frame out.
    pub(super) fn run_frame(&mut self, who: Rc<Who>, frame: &Frame, bytes: usize, ctx: &mut Context<Self>) {
        let asked = Asked { receipt: frame.header("receipt").map(str::to_owned), bytes };
        match self.begin_frame(who, frame, bytes) {
            Ok(work) => {
                let done = work.into_actor(self);
                ctx.spawn(done.map(move |result, session, ctx| session.end_frame(asked, result, ctx)));
            }
            Err(failure) => self.end_frame(asked, Err(failure), ctx),
        }
    }

    fn begin_frame(&mut self, who: Rc<Who>, frame: &Frame, bytes: usize) -> Result<Work, Failure> {
        let version = self.version();
        let now = self.opening.doors.chat.now();
        let stomp = self.opening.channel.stomp.get().ok_or(Failure::Internal)?;
        let transactions = &mut self.dialogue.transactions;
        let work: Work = match frame.command {
            Command::Send => return self.send_text(who, frame, bytes),
            Command::Subscribe => {
                let wish = Wish::read(frame, version, stomp)?;
                Box::pin(async move {
                    Ok(wish.begin(who).await?.map_or(Done::All, |backlog| Done::Tell(Box::new(backlog))))
                })
            }
            Command::Unsubscribe => {
                let name = subscribe::name(frame, version)?;
                let destination = frame.header("destination").unwrap_or_default();
                if !stomp.unsubscribe(name, destination) {
                    return Err(Failure::NotFound("subscription"));
                }
                all_done()
            }
            Command::Ack | Command::Nack => {
                let one = Acknowledgement::read(frame, version)?;
                match frame.header("transaction") {
                    Some(name) => {
                        if !stomp.is_waiting(one.delivered()) {
                            return Err(acknowledge::UNKNOWN);
                        }
                        transactions.add(name, Step::Acknowledge(one), bytes)?;
                        all_done()
                    }
                    None => {
                        let moved = stomp.settle(one.delivered(), one.verdict).map_err(|_| acknowledge::UNKNOWN)?;
                        Box::pin(note(who, moved.into_iter().collect()))
                    }
                }
            }
            Command::Begin => {
                transactions.begin(required(frame, "transaction")?, now)?;
                stomp.set_alarm(transactions.deadline());
                all_done()
            }
            Command::Abort => {
                transactions.end(required(frame, "transaction")?)?;
                stomp.set_alarm(transactions.deadline());
                all_done()
            }
            Command::Commit => {
                let transaction = transactions.end(required(frame, "transaction")?)?;
                stomp.set_alarm(transactions.deadline());
                Box::pin(commit(who, transaction.steps))
            }
            Command::Disconnect => Box::pin(ready(Ok(Done::Farewell))),
            Command::Connect => return Err(Failure::Conflict("the connection is open already")),
        };
        Ok(work)
    }

    fn send_text(&mut self, who: Rc<Who>, frame: &Frame, bytes: usize) -> Result<Work, Failure> {
        let destination = Destination::to_send(send::destination(frame)?)?;
        if destination == Destination::Session {
            let token = connect::bearer(frame).ok_or(Failure::Unauthorized)?.to_owned();
            let opening = Rc::clone(&self.opening);
            return Ok(Box::pin(async move { opening.renew(&who, None, &token).await.map(|_| Done::All) }));
        }
        let text = send::text(frame)?;
        if let Some(name) = frame.header("transaction") {
            self.dialogue.transactions.add(name, Step::Send(destination, text), bytes)?;
            return Ok(all_done());
        }
        let Text { id, body } = text;
        // With the room at hand the text is in its mailbox when this returns: that keeps the order of a lane.
        if let Destination::Conversation(conversation) = destination
            && who.knows_room(conversation)
        {
            let said = message_text::run(who, 0, message_text::Data::plain(conversation, id, body));
            return Ok(Box::pin(async move { said.await.map(|_| Done::All) }));
        }
        Ok(Box::pin(async move {
            let conversation = destination.conversation(&who).await?;
            message_text::run(who, 0, message_text::Data::plain(conversation, id, body)).await.map(|_| Done::All)
        }))
    }

    fn end_frame(&mut self, asked: Asked, result: Result<Done, Failure>, ctx: &mut Context<Self>) {
        match result {
            Ok(Done::Tell(backlog)) => {
                self.dialogue.backlog = Some((*backlog, asked));
                return self.tell_backlog(ctx);
            }
            Ok(done) => {
                self.count_request();
                if let Some(receipt) = &asked.receipt {
                    let frame = stomp::receipt(self.version(), receipt);
                    self.channel().send(stomp_frame(self.channel().encoding().framing, &frame));
                }
                if matches!(done, Done::Farewell) {
                    self.channel().close(CloseCode::Normal);
                }
            }
            Err(failure) => self.end_with(&failure, asked.receipt.as_deref()),
        }
        self.job_done(asked.bytes, ctx);
    }

    /// Tells a new subscription what came before it, as far as the client reads it.
    pub(super) fn tell_backlog(&mut self, ctx: &mut Context<Self>) {
        let Some((mut backlog, asked)) = self.dialogue.backlog.take() else { return };
        let channel = Rc::clone(self.channel());
        loop {
            if channel.is_half_full() && !channel.is_closing() {
                self.dialogue.backlog = Some((backlog, asked));
                channel.flush();
                return self.wait_for_room();
            }
            let Some(message) = backlog.messages.pop_front() else { break };
            let kind = if message.kind == MessageKind::Game { "message.game" } else { "message.text" };
            let event = Outgoing::saying(kind, Arc::new(message));
            channel.tell_before(backlog.name.as_deref(), &backlog.destination, &event);
        }
        match &self.state {
            State::Ready(who) if backlog.goes_on() && !channel.is_closing() => {
                channel.flush();
                let read = backlog.read(Rc::clone(who)).into_actor(self);
                ctx.spawn(read.map(move |read, session, ctx| match read {
                    Ok(backlog) => {
                        session.dialogue.backlog = Some((backlog, asked));
                        session.tell_backlog(ctx);
                    }
                    Err(failure) => session.end_frame(asked, Err(failure), ctx),
                }));
            }
            _ => {
                channel.catch_up(backlog.name.as_deref(), &backlog.destination, backlog.last, backlog.more);
                channel.flush();
                self.end_frame(asked, Ok(Done::All), ctx);
            }
        }
    }

    /// Notes as delivered what went out to subscriptions that acknowledge by that. One look at a time: what goes out meanwhile is
    /// gathered.
    pub(super) fn note_delivered(&mut self, ctx: &mut Context<Self>) {
        let State::Ready(who) = &self.state else { return };
        let Some(delivered) = self.stomp().map(Stomp::take_delivered) else { return };
        self.brake.noting.set(true);
        let noted = note(Rc::clone(who), delivered.into_iter().collect());
        ctx.spawn(noted.into_actor(self).map(|_, session, _| {
            // What could not be noted is with the next one: the watermark stands for all before it.
            session.brake.noting.set(false);
            session.channel().wake();
        }));
    }

    /// Ends transactions that were open for too long, and with them the session: its client has lost track of them.
    pub(super) fn look_at_transactions(&mut self) {
        let now = self.opening.doors.chat.now();
        let deadline = self.dialogue.transactions.deadline();
        if deadline.is_some_and(|deadline| now >= deadline) {
            self.dialogue.transactions = Transactions::default();
            self.end_with(&Failure::Conflict("a transaction was not committed in its time"), None);
        } else if let Some(stomp) = self.stomp() {
            stomp.set_alarm(deadline);
        }
    }
}

fn all_done() -> Work {
    Box::pin(ready(Ok(Done::All)))
}

/// Moves the user's delivered watermarks; done when that is durable.
async fn note(who: Rc<Who>, moved: Vec<(crate::model::ConversationId, i64)>) -> Result<Done, Failure> {
    let receipts = moved.into_iter().map(|(conversation, seq)| {
        let (session, user, blocked) = (who.session, who.user(), who.blocked());
        let receipt = Receipt { session, user, kind: ReceiptKind::Delivered, seq, blocked };
        who.ask_room(conversation, receipt)
    });
    for noted in join_all(receipts).await {
        match noted {
            // Who is no member any more has no watermark.
            Ok(_) | Err(Failure::NotFound(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(Done::All)
}

/// Stores the texts of a transaction, all or none; then what it acknowledges is.
async fn commit(who: Rc<Who>, steps: Vec<Step>) -> Result<Done, Failure> {
    let (mut texts, mut acknowledged) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Send(destination, text) => texts.push((destination, text)),
            Step::Acknowledge(one) => acknowledged.push(one),
        }
    }
    transactions::store(Rc::clone(&who), texts).await?;
    let mut moved = Vec::new();
    if let Some(stomp) = who.channel.stomp.get() {
        for one in acknowledged {
            // It was there when it was named; what ended meanwhile needs no acknowledgement.
            moved.extend(stomp.settle(one.delivered(), one.verdict).ok().flatten());
        }
    }
    note(who, moved).await
}
