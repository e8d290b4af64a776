//! A project's registry: the sessions of each user, what they add up to, and who hears of it.
//!
//! - [`presence`]: what users look like to others, told in order and never with a flicker.
//! - [`profile`]: what users are called, told when it changes.
//! - [`relate`]: contacts, invitations, blocks.
//! - [`recover`]: how a registry that takes over from a failed one learns who is here.

pub mod choose;
pub mod presence;
pub mod profile;
pub mod recover;
pub mod relate;

use super::Chat;
use super::guard::FailureGuard;
use super::metrics::ProjectFigures;
use crate::cluster::Delivery;
use crate::model::presence::{Choice, Presence, UserPresence};
use crate::model::{ConversationId, Failure, ProjectId, SessionId, UserId};
use crate::store::presence::Kept;
use crate::store::users;
use crate::wire::close::CloseCode;
use crate::wire::shapes::{Status, User};
use actix::prelude::*;
use chrono::{DateTime, Utc};
use presence::Told;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Requests that may wait for a registry.
const MAILBOX: usize = 16_384;
/// How often accounts are compared with the database: a session ends within 5 s of its user's end, whoever wrote that.
const ACCOUNTS: Duration = Duration::from_secs(2);

/// A user with a session here.
struct Live {
    user: Arc<User>,
    presence: UserPresence,
    sessions: HashSet<SessionId>,
    /// When others last could see the user there.
    last_seen: Option<DateTime<Utc>>,
    /// `last_seen` where it is not yet in the database.
    unsaved: Option<DateTime<Utc>>,
    /// Others could see the user there after the last change.
    was_there: bool,
    /// Among those whose presence is to be told.
    queued: bool,
    /// When the credentials changed last, as the loops were told; `None` before that, and when a session came since.
    credentials: Option<DateTime<Utc>>,
}

/// The actor; see the module.
pub struct Registry {
    chat: Chat,
    project: ProjectId,
    figures: Arc<ProjectFigures>,
    users: HashMap<UserId, Live>,
    told: Told,
    /// Whose presence may have to be told, in order.
    to_tell: VecDeque<UserId>,
    /// A telling is under way; what has changed by its end is told after it.
    telling: bool,
    profiles: profile::Profiles,
    recovery: recover::Recovery,
    /// Pairs of users between whom an action is under way: the next one waits, so that what is told comes in the order of
    /// what was stored.
    pairs: HashMap<(UserId, UserId), Arc<tokio::sync::Mutex<()>>>,
    _guard: FailureGuard,
}

impl Registry {
    /// Starts a registry on a loop. One that takes over from a failed one asks the loops who is here; `told` is what that one
    /// had told. The receiver hears when the registry fails.
    #[must_use]
    pub fn start_in(
        arbiter: &ArbiterHandle,
        chat: &Chat,
        (project, figures): (ProjectId, &Arc<ProjectFigures>),
        told: Told,
        takes_over: bool,
    ) -> (Addr<Self>, oneshot::Receiver<()>) {
        let (guard, failed) = FailureGuard::new(format!("the registry of project {project}"));
        let (chat, figures) = (chat.clone(), Arc::clone(figures));
        let registry = Self::start_in_arbiter(arbiter, move |_| Self {
            chat,
            project,
            figures,
            users: HashMap::new(),
            told,
            to_tell: VecDeque::new(),
            telling: false,
            profiles: profile::Profiles::default(),
            recovery: recover::Recovery::new(takes_over),
            pairs: HashMap::new(),
            _guard: guard,
        });
        (registry, failed)
    }

    /// What is known of a user who is here, begun with what the database keeps.
    fn live(&mut self, user: Arc<User>, kept: Kept) -> &mut Live {
        let Kept { choice, text, last_seen } = kept;
        self.users.entry(user.id).or_insert_with(|| Live {
            was_there: self.told.of(user.id).0 != Presence::Offline,
            user,
            presence: UserPresence::new(choice, text),
            sessions: HashSet::new(),
            last_seen,
            unsaved: None,
            queued: false,
            credentials: None,
        })
    }

    /// Looks at the accounts of all who are here.
    fn check_accounts(&mut self, ctx: &mut Context<Self>) {
        let live: Vec<UserId> = self.users.keys().copied().collect();
        self.check_accounts_of(live, ctx);
    }

    /// Ends the sessions of users who were deactivated, deleted, or changed the password after their token was issued.
    fn check_accounts_of(&mut self, live: Vec<UserId>, ctx: &mut Context<Self>) {
        if live.is_empty() {
            return;
        }
        ctx.spawn(self.look_at_accounts(live).map(|_, _, _| ()));
    }

    /// As [`Self::check_accounts_of`]; resolves when the loops were told.
    fn look_at_accounts(&self, live: Vec<UserId>) -> impl ActorFuture<Self, Output = Result<(), Failure>> + use<> {
        let (chat, project) = (self.chat.clone(), self.project);
        let check = async move {
            let known =
                chat.run(async |connection| Ok(users::credentials_changed(connection, project, &live).await?)).await?;
            Ok::<_, Failure>((live, known))
        };
        check.into_actor(self).map(|result, registry, ctx| {
            // Away: the next round sees.
            let (live, known) = result?;
            for user in live {
                let Some(live) = registry.users.get_mut(&user) else { continue };
                let credentials = known.get(&user).copied();
                if credentials.is_some() && credentials == live.credentials {
                    continue;
                }
                live.credentials = credentials;
                // Whoever is not among the known is gone: all sessions end.
                let issued_before = credentials.unwrap_or(DateTime::<Utc>::MAX_UTC);
                registry.deliver(Delivery::End { user, issued_before, code: CloseCode::AccountGone }, ctx);
            }
            Ok(())
        })
    }

    fn deliver(&self, delivery: Delivery, ctx: &mut Context<Self>) {
        if let Some(backlog) = self.chat.bus.deliver(delivery) {
            ctx.wait(backlog.into_actor(self));
        }
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(ACCOUNTS, Self::check_accounts);
        self.recover(ctx);
    }
}

impl Drop for Registry {
    /// Also when it failed: the next one counts anew.
    fn drop(&mut self) {
        self.figures.users.down_by(self.users.values().filter(|live| !live.sessions.is_empty()).count());
    }
}

/// A session begins. Resolves with the presence as the user sees it, or with why the session must close.
#[derive(Message)]
#[rtype(result = "Result<Status, CloseCode>")]
pub struct Connect {
    pub session: SessionId,
    pub user: Arc<User>,
    pub choice: Choice,
    pub text: Option<String>,
    pub last_seen: Option<DateTime<Utc>>,
}

impl Handler<Connect> for Registry {
    type Result = Result<Status, CloseCode>;

    fn handle(&mut self, connect: Connect, ctx: &mut Self::Context) -> Self::Result {
        let Connect { session, user, choice, text, last_seen } = connect;
        let id = user.id;
        let most = self.chat.limits.sessions_per_user;
        let live = self.live(Arc::clone(&user), Kept { choice, text, last_seen });
        live.user = user;
        if !live.sessions.contains(&session) && live.sessions.len() >= most {
            return Err(CloseCode::TooManySessions);
        }
        // It may have read the user before the last change: it is told once more.
        live.credentials = None;
        let is_first = live.sessions.is_empty();
        live.sessions.insert(session);
        live.presence.connect(session);
        let status = live.own_status();
        if is_first {
            self.figures.users.up();
        }
        self.tell_presence(id, ctx);
        Ok(status)
    }
}

/// A session is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Disconnect {
    pub session: SessionId,
    pub user: UserId,
}

impl Handler<Disconnect> for Registry {
    type Result = ();

    fn handle(&mut self, Disconnect { session, user }: Disconnect, ctx: &mut Self::Context) {
        self.recovery.session_ended(session);
        if let Some(live) = self.users.get_mut(&user) {
            if live.sessions.remove(&session) && live.sessions.is_empty() {
                self.figures.users.down();
            }
            live.presence.disconnect(session);
            self.tell_presence(user, ctx);
        }
    }
}

/// A user's account changed: sessions that must end because of that end now, not at the next look.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CheckAccount(pub UserId);

impl CheckAccount {
    /// Tells the registry of a project, if it runs on this node. Others see for themselves.
    pub fn tell(chat: &Chat, project: ProjectId, user: UserId) {
        if let Some(registry) = chat.registry_if_awake(project) {
            // Past the mailbox's bound: one message a change that is stored.
            registry.do_send(Self(user));
        }
    }
}

impl Handler<CheckAccount> for Registry {
    type Result = ();

    fn handle(&mut self, CheckAccount(user): CheckAccount, ctx: &mut Self::Context) {
        if self.users.contains_key(&user) {
            self.check_accounts_of(vec![user], ctx);
        }
    }
}

/// Something was said in a conversation in which a bot answers.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ForBot(pub ConversationId);

impl Handler<ForBot> for Registry {
    type Result = ();

    fn handle(&mut self, ForBot(conversation): ForBot, _: &mut Self::Context) {
        if let Some(llm) = self.chat.llm() {
            llm.heed(self.project, conversation);
        }
    }
}

/// Looks at the accounts of all who are here, now.
#[derive(Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct CheckAccounts;

impl Handler<CheckAccounts> for Registry {
    type Result = ResponseActFuture<Self, Result<(), Failure>>;

    fn handle(&mut self, _: CheckAccounts, _: &mut Self::Context) -> Self::Result {
        let live = self.users.keys().copied().collect();
        Box::pin(self.look_at_accounts(live))
    }
}

/// Another registry takes over, or the project is gone: this one stops.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Retire;

impl Handler<Retire> for Registry {
    type Result = ();

    fn handle(&mut self, _: Retire, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// Fails the registry, as an error in its code would. For tests of what holds then.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Fail;

impl Handler<Fail> for Registry {
    type Result = ();

    #[expect(clippy::panic, reason = "this is what it is for")]
    fn handle(&mut self, _: Fail, _: &mut Self::Context) {
        panic!("told to fail");
    }
}
