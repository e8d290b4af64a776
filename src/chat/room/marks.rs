//! Delivered and read watermarks: forward only, durable before anyone is told, gathered while the scribe is busy.

use super::Room;
use crate::chat::scribe::{Mark, MarkSlip, Marked};
use crate::cluster::Publication;
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, SessionId, UserId};
use crate::store::members::Advance;
use crate::wire::limits::SMALL_CONVERSATION;
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::{ConversationKind, User};
use actix::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use utoipa::ToSchema;

/// In a conversation of more than [`SMALL_CONVERSATION`] members, authors get a digest at most this often.
const DIGEST: Duration = Duration::from_secs(1);
/// Authors who get digests of how far their newest message has come: those who spoke last.
const DIGEST_AUTHORS: usize = 64;
/// Receipts of one room that may wait for the scribe.
const WAITING: usize = 16_384;

/// Moves a user's watermark. Resolves with where it stands, when that is durable.
#[derive(actix::Message)]
#[rtype(result = "Result<i64, Failure>")]
pub struct Receipt {
    pub session: SessionId,
    pub user: Arc<User>,
    pub kind: ReceiptKind,
    /// Up to this message; beyond the newest one is clamped.
    pub seq: i64,
    /// Whom the user blocks: they hear nothing of it.
    pub blocked: Option<Arc<HashSet<UserId>>>,
}

/// How far a user has come with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// It has arrived.
    Delivered,
    /// It was read, and so has arrived.
    Read,
}

impl ReceiptKind {
    /// The event that tells it.
    #[must_use]
    pub fn event(self) -> &'static str {
        match self {
            Self::Delivered => "message.delivered",
            Self::Read => "message.read",
        }
    }
}

/// What the other members are told, and who asked is answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptPush {
    pub conversation: ConversationId,
    pub user: Arc<User>,
    pub seq: i64,
}

/// What an author is told in a large conversation: how many have come up to a message of theirs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReceiptDigest)]
pub struct Digest {
    conversation: ConversationId,
    seq: i64,
    read: usize,
    delivered: usize,
    of: usize,
}

/// A user's receipts that wait for the scribe, or are with it.
struct Moving {
    /// The session that moved them last: it has its reply.
    session: SessionId,
    user: Arc<User>,
    blocked: Option<Arc<HashSet<UserId>>>,
    delivered: i64,
    read: i64,
    waiting: Vec<(i64, oneshot::Sender<Result<i64, Failure>>)>,
}

/// An author of late.
struct Spoke {
    author: UserId,
    /// Their newest message.
    seq: i64,
    /// How many had read and received it at the last digest.
    told: Option<(usize, usize)>,
}

/// What a room's watermarks are doing.
#[derive(Default)]
pub struct Watermarks {
    gathering: HashMap<UserId, Moving>,
    /// Receipts that wait in `gathering`.
    waiting: usize,
    with_scribe: Vec<Moving>,
    /// Those who spoke last, oldest first.
    spoke: Vec<Spoke>,
    digest_is_due: bool,
    read_moved: bool,
}

impl Watermarks {
    /// Nothing is under way.
    pub fn is_quiet(&self) -> bool {
        self.gathering.is_empty() && self.with_scribe.is_empty() && !self.digest_is_due
    }

    /// A user said something: digests are about that from now on.
    pub fn spoke(&mut self, author: UserId, seq: i64) {
        self.spoke.retain(|spoke| spoke.author != author);
        if self.spoke.len() >= DIGEST_AUTHORS {
            self.spoke.remove(0);
        }
        self.spoke.push(Spoke { author, seq, told: None });
    }
}

impl Handler<Receipt> for Room {
    type Result = ResponseFuture<Result<i64, Failure>>;

    fn handle(&mut self, receipt: Receipt, ctx: &mut Self::Context) -> Self::Result {
        self.touch();
        let member = match self.admit(receipt.user.id, Permission::Read) {
            Ok((_, member)) => member,
            Err(failure) => return Box::pin(async { Err(failure) }),
        };
        let seq = receipt.seq.min(self.told());
        let stands = match receipt.kind {
            ReceiptKind::Delivered => member.delivered,
            ReceiptKind::Read => member.read,
        };
        if seq <= stands {
            return Box::pin(async move { Ok(stands) });
        }
        if self.watermarks.waiting >= WAITING {
            return Box::pin(async { Err(Failure::Unavailable) });
        }
        let (done, outcome) = oneshot::channel();
        let moving = self.watermarks.gathering.entry(receipt.user.id).or_insert_with(|| Moving {
            session: receipt.session,
            user: receipt.user,
            blocked: None,
            delivered: 0,
            read: 0,
            waiting: Vec::new(),
        });
        (moving.session, moving.blocked) = (receipt.session, receipt.blocked);
        moving.delivered = moving.delivered.max(seq);
        if receipt.kind == ReceiptKind::Read {
            moving.read = moving.read.max(seq);
        }
        moving.waiting.push((seq, done));
        self.watermarks.waiting += 1;
        self.move_on(ctx);
        Box::pin(async move { outcome.await.unwrap_or(Err(Failure::Unavailable)) })
    }
}

impl Handler<Marked> for Room {
    type Result = ();

    fn handle(&mut self, Marked(result): Marked, ctx: &mut Self::Context) {
        for moving in std::mem::take(&mut self.watermarks.with_scribe) {
            if result.is_ok() {
                self.tell_moved(&moving, ctx);
            }
            for (seq, done) in moving.waiting {
                let _ = done.send(result.clone().map(|()| seq));
            }
        }
        self.move_on(ctx);
    }
}

impl Room {
    /// Hands what has gathered to the scribe, unless it still has something of this room.
    fn move_on(&mut self, ctx: &mut Context<Self>) {
        if !self.watermarks.with_scribe.is_empty() || self.watermarks.gathering.is_empty() {
            return;
        }
        let tell = self.picture.as_ref().is_ok_and(|picture| !picture.blocked);
        let moving: Vec<_> = self.watermarks.gathering.drain().map(|(_, moving)| moving).collect();
        self.watermarks.waiting = 0;
        let marks = moving.iter().map(|moving| Advance {
            conversation: self.id,
            user: moving.user.id,
            delivered: moving.delivered,
            read: moving.read,
            tell,
        });
        let mark = Mark { marks: marks.collect(), slip: MarkSlip::new(ctx.address().recipient()) };
        self.watermarks.with_scribe = moving;
        // A scribe that doesn't take it drops the slip, which then reports.
        let _ = self.chat.hand_to_scribe(self.id, mark);
    }

    /// A user's watermarks are durable: the room knows them, and the others hear of it.
    fn tell_moved(&mut self, moving: &Moving, ctx: &mut Context<Self>) {
        let Ok(picture) = &mut self.picture else { return };
        let Some(member) = picture.members.get_mut(&moving.user.id) else { return };
        let (delivered, read) = (moving.delivered > member.delivered, moving.read > member.read);
        member.delivered = member.delivered.max(moving.delivered);
        member.read = member.read.max(moving.read);
        if picture.kind == ConversationKind::Private && picture.blocked {
            return;
        }
        if picture.members.len() > SMALL_CONVERSATION {
            self.watermarks.read_moved |= read;
            if !std::mem::replace(&mut self.watermarks.digest_is_due, true) {
                ctx.run_later(DIGEST, Self::tell_digests);
            }
            return;
        }
        // Reading implies delivered: one push says both.
        let (kind, seq) = match (read, delivered) {
            (true, _) => (ReceiptKind::Read, moving.read),
            (false, true) => (ReceiptKind::Delivered, moving.delivered),
            (false, false) => return,
        };
        self.tell_receipt(moving, kind, seq, ctx);
        if read && moving.delivered > moving.read {
            self.tell_receipt(moving, ReceiptKind::Delivered, moving.delivered, ctx);
        }
    }

    /// To the other members and the user's other sessions, but to nobody on the other side of a block.
    fn tell_receipt(&self, moving: &Moving, kind: ReceiptKind, seq: i64, ctx: &mut Context<Self>) {
        let push = ReceiptPush { conversation: self.id, user: Arc::clone(&moving.user), seq };
        let publication = Publication::to_conversation(self.id, Outgoing::new(kind.event(), push))
            .by(moving.user.id)
            .hiding_from(moving.blocked.clone())
            .skipping(moving.session);
        self.publish(publication, ctx);
    }

    /// Tells the authors of the newest messages how many have received and read them.
    fn tell_digests(&mut self, ctx: &mut Context<Self>) {
        self.watermarks.digest_is_due = false;
        let kind =
            if std::mem::take(&mut self.watermarks.read_moved) { ReceiptKind::Read } else { ReceiptKind::Delivered };
        let mut digests = Vec::new();
        if let Ok(picture) = &self.picture {
            for Spoke { author, seq, told } in &mut self.watermarks.spoke {
                let (mut read, mut delivered) = (0, 0);
                for (user, member) in &picture.members {
                    if user != author {
                        read += usize::from(member.read >= *seq);
                        delivered += usize::from(member.delivered >= *seq);
                    }
                }
                if told.replace((read, delivered)) != Some((read, delivered)) {
                    let of = picture.members.len().saturating_sub(1);
                    digests.push((*author, Digest { conversation: self.id, seq: *seq, read, delivered, of }));
                }
            }
        }
        for (author, digest) in digests {
            self.publish(Publication::to_users(vec![author], Outgoing::new(kind.event(), digest)), ctx);
        }
    }
}
