//! The Llm actor: lets bots answer, one answer at a time in each conversation.
//!
//! - [`turn`]: one answer, from what was said to the stored message.
//! - [`speaker`]: the way to the conversation's room, through which a bot says everything.
//! - [`lost`]: what nodes that are gone have left: answers to be ended, and questions nobody took.
//!
//! The actor only knows which conversations are being answered. Each has a task of its own on the actor's thread: one that fails
//! takes nothing else with it, and its answer is ended like that of a node that is gone. The right to answer is a row in the
//! database (`store/answers.rs`), so it does not matter how often, or to how many nodes, a message is handed.

mod lost;
pub(super) mod speaker;
mod turn;

use self::lost::Waiting;
use super::Chat;
use super::exchange::Lines;
use super::guard::FailureGuard;
use crate::assistant::Models;
use crate::model::{ConversationId, ProjectId};
use actix::prelude::*;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use uuid::Uuid;

/// Requests that may wait for the actor; what is beyond that is found by its own look.
const MAILBOX: usize = 65_536;
/// Conversations that may be at some point of an answer at once; likewise.
const UNDER_WAY: usize = 8_192;
/// How often the actor looks for what nodes that are gone have left.
const LOOK: Duration = Duration::from_secs(1);
/// So long the database has to be there without a break before answers are taken over: whoever lives has renewed its right by then.
const CALM: Duration = Duration::from_secs(3);

/// Why an answer is to end before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A member wants so.
    Stop,
    /// Somebody else is to answer.
    TurnIsOver,
    /// The server stops.
    Shutdown,
}

/// What the tasks share.
#[derive(Clone)]
struct Desk {
    chat: Chat,
    models: Models,
    /// Names this process among those that answer.
    holder: Uuid,
}

/// A conversation that is being answered.
struct UnderWay {
    end: watch::Sender<Option<End>>,
    project: ProjectId,
    /// Something more was said since.
    again: bool,
}

/// The actor; see the module.
pub struct Llm {
    desk: Desk,
    under_way: HashMap<ConversationId, UnderWay>,
    /// Who wants to know when nothing is under way; nothing is begun any more.
    stopping: Option<oneshot::Sender<()>>,
    looking: bool,
    /// Questions that looks found and another node may be about to answer.
    waiting: Waiting,
    /// Since when the database answers.
    well_since: Option<Instant>,
    _guard: FailureGuard,
}

/// The way to the actor, whichever it is by now, and its models.
pub struct LlmHandle {
    pub models: Models,
    /// Those who ask and wait for the whole answer.
    pub(super) lines: Lines,
    llm: Arc<ArcSwap<Addr<Llm>>>,
    arbiter: Arbiter,
}

impl LlmHandle {
    /// Starts the actor on a thread of its own, and another whenever one fails.
    #[must_use]
    pub fn start(chat: &Chat, models: Models) -> Self {
        let arbiter = Arbiter::new();
        let desk = Desk { chat: chat.clone(), models: models.clone(), holder: Uuid::new_v4() };
        let (first, mut failed) = Llm::start_in(&arbiter.handle(), desk.clone());
        let llm = Arc::new(ArcSwap::from_pointee(first));
        let kept = Arc::clone(&llm);
        arbiter.spawn(async move {
            while failed.await.is_ok() {
                // What the one before was at is no longer renewed: it is ended by the next look that finds it.
                let desk = Desk { holder: Uuid::new_v4(), ..desk.clone() };
                let (next, failure) = Llm::start_in(&Arbiter::current(), desk);
                kept.store(Arc::new(next));
                failed = failure;
            }
        });
        Self { models, lines: Lines::default(), llm, arbiter }
    }

    /// Something was said in a conversation in which a bot may answer.
    pub fn heed(&self, project: ProjectId, conversation: ConversationId) {
        // One that is full finds it by its own look.
        let _ = self.llm.load().try_send(Heed { project, conversation });
    }

    /// Ends the answer under way; whether there is one on this node.
    pub async fn end_answer(&self, conversation: ConversationId) -> bool {
        let llm = Addr::clone(&self.llm.load());
        llm.send(EndAnswer { conversation, end: End::Stop }).await.unwrap_or(false)
    }

    /// Somebody else is to answer in a conversation from now on.
    pub fn turn_is_over(&self, conversation: ConversationId) {
        // One that is full sees it within a second when it renews its right.
        let _ = self.llm.load().try_send(EndAnswer { conversation, end: End::TurnIsOver });
    }

    /// Fails the actor, as an error in its code would. For tests of what holds then.
    pub fn fail(&self) {
        self.llm.load().do_send(Fail);
    }

    /// Ends all answers with what is there, at most so long, and then the thread.
    pub async fn stop(&self, patience: Duration) {
        let (done, ended) = oneshot::channel();
        self.llm.load().do_send(Stop(done));
        if timeout(patience, ended).await.is_err() {
            log::warn!(target: "palabre::server", "answers of bots were under way when the time to stop was over");
        }
        self.arbiter.stop();
    }
}

impl Llm {
    fn start_in(arbiter: &ArbiterHandle, desk: Desk) -> (Addr<Self>, oneshot::Receiver<()>) {
        let (guard, failed) = FailureGuard::new("the Llm".to_owned());
        let llm = Self::start_in_arbiter(arbiter, move |_| Self {
            desk,
            under_way: HashMap::new(),
            stopping: None,
            looking: false,
            waiting: Waiting::default(),
            well_since: None,
            _guard: guard,
        });
        (llm, failed)
    }

    fn begin(&mut self, project: ProjectId, conversation: ConversationId, ctx: &mut Context<Self>) {
        if self.stopping.is_some() {
            return;
        }
        if let Some(under_way) = self.under_way.get_mut(&conversation) {
            under_way.again = true;
            return;
        }
        if self.under_way.len() >= UNDER_WAY {
            return;
        }
        let (end, ended) = watch::channel(None);
        self.under_way.insert(conversation, UnderWay { end, project, again: false });
        let (desk, done) = (self.desk.clone(), Done { conversation, llm: ctx.address() });
        actix::spawn(async move {
            turn::answer_all(&desk, project, conversation, ended).await;
            drop(done);
        });
    }

    fn ended(&mut self, conversation: ConversationId, ctx: &mut Context<Self>) {
        let Some(UnderWay { project, again, .. }) = self.under_way.remove(&conversation) else { return };
        if again {
            self.begin(project, conversation, ctx);
        }
        if self.under_way.is_empty()
            && let Some(stopped) = self.stopping.take()
        {
            let _ = stopped.send(());
            ctx.stop();
        }
    }

    /// Looks for what nodes that are gone have left, one look at a time.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.looking || self.stopping.is_some() {
            return;
        }
        self.looking = true;
        let desk = self.desk.clone();
        let may_take_over = self.well_since.is_some_and(|since| since.elapsed() >= CALM);
        // After an outage the right to these may have run out; they go on all the same.
        let own: Vec<ConversationId> = self.under_way.keys().copied().collect();
        let look = async move { lost::look(&desk, &own, may_take_over).await };
        let look = look.into_actor(self).map(|found, llm, ctx| {
            llm.looking = false;
            let Some(found) = found else {
                // The database is away: the next look sees.
                llm.well_since = None;
                return;
            };
            llm.well_since.get_or_insert_with(Instant::now);
            let due = llm.waiting.due(found.waiting);
            for (project, conversation) in found.ended.into_iter().chain(due) {
                llm.begin(project, conversation, ctx);
            }
        });
        ctx.spawn(look);
    }
}

/// Tells the actor that a conversation's task is over, also when it failed.
struct Done {
    conversation: ConversationId,
    llm: Addr<Llm>,
}

impl Drop for Done {
    fn drop(&mut self) {
        // Past the mailbox's bound: one message a task, of which there are so many at most.
        self.llm.do_send(Ended(self.conversation));
    }
}

impl Actor for Llm {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.look(ctx);
        ctx.run_interval(LOOK, Self::look);
    }
}

/// Something was said.
#[derive(Message)]
#[rtype(result = "()")]
struct Heed {
    project: ProjectId,
    conversation: ConversationId,
}

impl Handler<Heed> for Llm {
    type Result = ();

    fn handle(&mut self, Heed { project, conversation }: Heed, ctx: &mut Self::Context) {
        self.begin(project, conversation, ctx);
    }
}

/// A conversation's task is over.
#[derive(Message)]
#[rtype(result = "()")]
struct Ended(ConversationId);

impl Handler<Ended> for Llm {
    type Result = ();

    fn handle(&mut self, Ended(conversation): Ended, ctx: &mut Self::Context) {
        self.ended(conversation, ctx);
    }
}

/// An answer is to end; whether there is one.
#[derive(Message)]
#[rtype(result = "bool")]
struct EndAnswer {
    conversation: ConversationId,
    end: End,
}

impl Handler<EndAnswer> for Llm {
    type Result = bool;

    fn handle(&mut self, EndAnswer { conversation, end }: EndAnswer, _: &mut Self::Context) -> bool {
        let Some(under_way) = self.under_way.get(&conversation) else { return false };
        if self.stopping.is_none() {
            under_way.end.send_replace(Some(end));
        }
        true
    }
}

/// The server stops.
#[derive(Message)]
#[rtype(result = "()")]
struct Stop(oneshot::Sender<()>);

impl Handler<Stop> for Llm {
    type Result = ();

    fn handle(&mut self, Stop(stopped): Stop, ctx: &mut Self::Context) {
        for under_way in self.under_way.values_mut() {
            under_way.again = false;
            under_way.end.send_replace(Some(End::Shutdown));
        }
        if self.under_way.is_empty() {
            let _ = stopped.send(());
            ctx.stop();
        } else {
            self.stopping = Some(stopped);
        }
    }
}

/// Fails the actor; see [`LlmHandle::fail`].
#[derive(Message)]
#[rtype(result = "()")]
struct Fail;

impl Handler<Fail> for Llm {
    type Result = ();

    #[expect(clippy::panic, reason = "this is what it is for")]
    fn handle(&mut self, _: Fail, _: &mut Self::Context) {
        panic!("told to fail");
    }
}
