//! New messages: checked, handed to the scribe, and told in order once they are stored.
//!
//! The scribe reports in the order in which the room handed in. Three things can stand between a report and its telling:
//!
//! - **Stale**: the conversation changed since the room looked. Nothing was stored. The room takes no more to the scribe until all
//!   that is under way has come back, reads the conversation, and checks what was refused and what waited again, in order.
//! - **A gap**: the number is not the next one. Others stored messages that this room did not see: another node, or a batch whose
//!   report was lost. The room reads those from the database and tells them first ([`super::tell`]).
//! - **Silence**: a report that never comes (its scribe failed). The sender is told to try again, and since the message may be
//!   stored all the same, the room catches up with the database.

use super::tell::{Said, Telling, Untold};
use super::{Membership, Room};
use crate::chat::scribe::{Report, Slip, Store, Stored};
use crate::cluster::ReplyTo;
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, MessageId, Usage};
use crate::store::messages::{self, ByApp, NewGame, NewMessage, Outcome};
use crate::wire::shapes::{Attachment, Game, Message, MessageKind, MessageStatus, Role, User};
use actix::prelude::*;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Messages of one room that may be under way; beyond that senders are told to try again.
const UNDER_WAY: usize = 1_024;
/// After this the scribe's report is taken for lost; longer than the scribe's own patience.
const REPORT_PATIENCE: Duration = Duration::from_secs(15);
/// How long after its outcome was lost a message may still be stored: the statement lives on in the database for as long as
/// that lets statements run, and may wait for a lock there.
const LATE: Duration = Duration::from_secs(35);

/// Says something in the conversation. A session's reply goes through the hub, in its place among the pushes; who has none hears
/// by `done` alone.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub struct Say {
    pub reply: Option<ReplyTo>,
    pub author: Arc<User>,
    pub draft: Draft,
    pub done: Said,
}
/// A message as its author wrote it, checked but for the right to write it.
#[derive(Debug, Clone)]
pub struct Draft {
    pub id: MessageId,
    pub kind: MessageKind,
    pub body: String,
    pub reply_to: Option<MessageId>,
    pub tone: Option<String>,
    pub attachments: Vec<Attachment>,
    pub game: Option<Game>,
    /// With a game: the app that invites.
    pub by_app: Option<ByApp>,
}

/// A message between the sender and the database.
struct Pending {
    ticket: u64,
    say: Say,
    since: Instant,
}

/// What a room's messages are doing.
#[derive(Default)]
pub struct Speech {
    next_ticket: u64,
    /// With the scribe, in order of their tickets.
    pending: VecDeque<Pending>,
    /// To be checked again once the conversation was read anew, in order.
    recheck: VecDeque<Say>,
    rereading: bool,
    /// Of whom is looked whether what they may not say was stored before.
    looking: usize,
    /// Stored, but not the next number.
    pub(super) untold: Vec<Untold>,
    pub(super) catching_up: bool,
    /// Something was stored while it does: it looks once more.
    pub(super) again: bool,
    /// The database may hold messages that this room doesn't know of.
    pub(super) suspicious: bool,
    /// When it can be said that no more of those come.
    settled_at: Option<Instant>,
}

impl Speech {
    /// The outcome of a message is not known: it may be stored, now or later.
    pub fn suspect(&mut self) {
        self.suspicious = true;
        self.settled_at = Some(Instant::now() + LATE);
    }

    /// Nothing more goes to the scribe before all that is there has come back and the conversation was read once more.
    pub fn hold_back(&mut self) {
        self.rereading = true;
    }

    /// Messages are with the scribe.
    pub fn awaits_reports(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Nothing is under way.
    pub fn is_quiet(&self) -> bool {
        self.pending.is_empty()
            && self.recheck.is_empty()
            && self.looking == 0
            && self.untold.is_empty()
            && !self.catching_up
            && !self.suspicious
            && self.settled_at.is_none()
    }
}

impl Handler<Say> for Room {
    type Result = ();

    fn handle(&mut self, say: Say, ctx: &mut Self::Context) {
        self.touch();
        self.accept(say, ctx);
    }
}

impl Handler<Stored> for Room {
    type Result = ();

    fn handle(&mut self, Stored(reports): Stored, ctx: &mut Self::Context) {
        let mut telling = Telling::default();
        for Report { ticket, outcome } in reports {
            while self.speech.pending.front().is_some_and(|pending| pending.ticket < ticket) {
                self.give_up_on_first();
            }
            let is_next = self.speech.pending.front().is_some_and(|pending| pending.ticket == ticket);
            if is_next && let Some(pending) = self.speech.pending.pop_front() {
                self.settle(pending, outcome, &mut telling, ctx);
            } else if matches!(outcome, Ok(Outcome::Stored { .. })) {
                // It was given up on, and is there all the same.
                self.speech.suspect();
            }
        }
        self.finish(telling, ctx);
        self.reread_if_due(ctx);
    }
}

/// Resolves when the room has read its conversation: what is stored from then on behind its back it can tell.
#[derive(actix::Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct Attend;

impl Handler<Attend> for Room {
    type Result = Result<(), Failure>;

    fn handle(&mut self, _: Attend, _: &mut Self::Context) -> Self::Result {
        self.touch();
        self.picture.as_ref().map(|_| ()).map_err(Clone::clone)
    }
}

impl Room {
    /// Checks a message and hands it to the scribe.
    fn accept(&mut self, say: Say, ctx: &mut Context<Self>) {
        if say.done.is_closed() {
            // The session went while this waited.
            return;
        }
        if self.speech.pending.len() + self.speech.recheck.len() + self.speech.looking >= UNDER_WAY {
            let _ = say.done.send(Err(Failure::Unavailable));
            return;
        }
        if self.speech.rereading {
            self.speech.recheck.push_back(say);
            return;
        }
        match self.admit(say.author.id, Permission::Write) {
            Ok((picture, Membership { .. })) => {
                let version = picture.version;
                self.hand_in(say, version);
            }
            Err(_) if !self.is_fresh() => {
                self.speech.recheck.push_back(say);
                self.speech.rereading = true;
                self.reread_if_due(ctx);
            }
            Err(Failure::ReadOnly) => self.confirm_or_refuse(say, ctx),
            Err(failure) => {
                let _ = say.done.send(Err(failure));
            }
        }
    }

    /// Who may write no longer still hears that what they say again was stored when they might: else they could only take it for lost.
    fn confirm_or_refuse(&mut self, say: Say, ctx: &mut Context<Self>) {
        let (chat, message) = (self.chat.clone(), self.new_message(&say, 0));
        let look =
            async move { (say, chat.run(async |connection| Ok(messages::confirm(connection, &message).await?)).await) };
        self.speech.looking += 1;
        ctx.spawn(look.into_actor(self).map(|(say, stored), room, ctx| {
            room.speech.looking -= 1;
            match stored {
                Ok(Some(message)) => {
                    let (message, usage, since) = (Arc::new(message), Usage::default(), Instant::now());
                    room.tell_one(Untold { message, usage, asked: Some((say.reply, say.done)), since }, ctx);
                }
                Ok(None) => {
                    let _ = say.done.send(Err(Failure::ReadOnly));
                }
                Err(failure) => {
                    let _ = say.done.send(Err(failure));
                }
            }
        }));
    }

    fn hand_in(&mut self, say: Say, version: i64) {
        let message = self.new_message(&say, version);
        let ticket = self.speech.next_ticket;
        let Some(report_to) = &self.report_to else { return };
        let since = Instant::now();
        let store = Store { message, slip: Slip::new(Arc::clone(report_to), ticket), since };
        if self.chat.hand_to_scribe(self.id, store).is_err() {
            let _ = say.done.send(Err(Failure::Unavailable));
            return;
        }
        // The report waits in this room's mailbox for this call to end.
        self.speech.next_ticket += 1;
        self.speech.pending.push_back(Pending { ticket, say, since });
    }

    fn new_message(&self, say: &Say, version: i64) -> NewMessage {
        let draft = &say.draft;
        let media: Vec<_> = draft.attachments.iter().map(|attachment| attachment.id).collect();
        let game = draft.game.as_ref().map(|game| NewGame {
            name: game.name.clone(),
            payload: game.payload.clone(),
            capacity: game.capacity,
            expires_at: game.expires_at.map(|expires_at| expires_at.0),
            by_app: draft.by_app.clone(),
        });
        NewMessage {
            conversation: self.id,
            version,
            project: self.project,
            id: draft.id,
            author: say.author.id,
            kind: draft.kind,
            role: Role::User,
            chatbot: None,
            body: draft.body.clone(),
            reply_to: draft.reply_to,
            tone: draft.tone.clone(),
            digest: messages::digest(
                draft.kind,
                &draft.body,
                draft.reply_to,
                draft.tone.as_deref(),
                &media,
                game.as_ref(),
            ),
            attachments: media,
            game,
            created_at: self.chat.now(),
        }
    }

    fn settle(
        &mut self,
        pending: Pending,
        outcome: Result<Outcome, Failure>,
        telling: &mut Telling,
        ctx: &mut Context<Self>,
    ) {
        let say = pending.say;
        match outcome {
            Ok(Outcome::Stored { seq, created_at }) => {
                self.figures.stored.add(1);
                let Say { reply, author, draft, done } = say;
                let message = Arc::new(told_form(self.id, author, draft, seq, created_at));
                let asked = Some((reply, done));
                let untold = Untold { message, usage: Usage::default(), asked, since: pending.since };
                self.tell(untold, telling, ctx);
            }
            Ok(Outcome::Confirmed(message)) => {
                let asked = Some((say.reply, say.done));
                let (message, usage) = (message.into(), Usage::default());
                self.tell(Untold { message, usage, asked, since: pending.since }, telling, ctx);
            }
            Ok(Outcome::Stale) => {
                self.speech.recheck.push_back(say);
                self.speech.rereading = true;
            }
            Ok(Outcome::IdTaken) => {
                let _ = say.done.send(Err(Failure::IdTaken));
            }
            Ok(Outcome::Gone) => {
                let _ = say.done.send(Err(Failure::NotFound("conversation")));
            }
            Err(failure) => {
                self.speech.suspect();
                let _ = say.done.send(Err(failure));
            }
        }
    }

    /// When nothing is with the scribe any more, reads the conversation anew; what waits is checked again then.
    fn reread_if_due(&mut self, ctx: &mut Context<Self>) {
        if self.speech.rereading && self.speech.pending.is_empty() {
            self.read(ctx);
        }
    }

    /// The conversation was read: checks again what waited for that.
    pub(super) fn read_done(&mut self, ctx: &mut Context<Self>) {
        if !self.speech.pending.is_empty() {
            return;
        }
        self.speech.rereading = false;
        for say in std::mem::take(&mut self.speech.recheck) {
            if !self.is_fresh() {
                let failure = self.picture.as_ref().err().cloned().unwrap_or(Failure::Unavailable);
                let _ = say.done.send(Err(failure));
                continue;
            }
            self.accept(say, ctx);
        }
    }

    /// Looks after reports that never came and messages that could not be told yet.
    pub(super) fn fail_overdue(&mut self, ctx: &mut Context<Self>) {
        while self.speech.pending.front().is_some_and(|pending| pending.since.elapsed() > REPORT_PATIENCE) {
            self.give_up_on_first();
        }
        for untold in &mut self.speech.untold {
            if untold.since.elapsed() > REPORT_PATIENCE
                && let Some((_, done)) = untold.asked.take()
            {
                let _ = done.send(Err(Failure::Unavailable));
            }
        }
        self.reread_if_due(ctx);
        if self.speech.settled_at.take_if(|at| *at <= Instant::now()).is_some() {
            self.speech.suspicious = true;
        }
        if self.speech.suspicious || !self.speech.untold.is_empty() {
            self.catch_up(ctx);
        }
    }

    fn give_up_on_first(&mut self) {
        if let Some(lost) = self.speech.pending.pop_front() {
            self.speech.suspect();
            let _ = lost.say.done.send(Err(Failure::Unavailable));
        }
    }
}

fn told_form(
    conversation: ConversationId,
    author: Arc<User>,
    draft: Draft,
    seq: i64,
    created_at: DateTime<Utc>,
) -> Message {
    Message {
        id: draft.id,
        conversation,
        seq,
        author,
        kind: draft.kind,
        role: Role::User,
        body: draft.body,
        reply_to: draft.reply_to,
        tone: draft.tone,
        attachments: draft.attachments,
        game: draft.game,
        reactions: BTreeMap::new(),
        reaction_counts: BTreeMap::new(),
        status: MessageStatus::Sent,
        date: created_at.into(),
        edited_at: None,
        deleted_at: None,
        ended: None,
    }
}
