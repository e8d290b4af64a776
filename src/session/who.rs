//! Who a session is, and its ways to the actors.

use crate::chat::Chat;
use crate::chat::channel::Channel;
use crate::chat::namespace::{Enter, NamespaceHandle};
use crate::chat::registry::Registry;
use crate::chat::room::Room;
use crate::chat::room::say::Say;
use crate::chat::room::tell::Said;
use crate::cluster::ReplyTo;
use crate::model::account::UserRole;
use crate::model::{ConversationId, Failure, ProjectId, SessionId, UserId};
use crate::store::members;
use crate::store::users::{self, UserRow};
use crate::wire::shapes::{self, User};
use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use diesel_async::AsyncPgConnection;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a request to an actor may take: longer than the database's patience and the scribe's, so that their answer comes
/// first.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rooms whose addresses a session keeps: the conversations that are on a screen.
const ROOMS: usize = 4;

/// An authenticated session.
pub struct Who {
    pub chat: Chat,
    pub session: SessionId,
    /// The index of its event loop.
    pub hub: usize,
    pub project: ProjectId,
    /// As of the beginning of the session.
    user: Arc<User>,
    pub role: UserRole,
    pub channel: Rc<Channel>,
    namespace: RefCell<NamespaceHandle>,
    rooms: RefCell<Vec<Known>>,
}

struct Known {
    conversation: ConversationId,
    room: Addr<Room>,
    entered_at: Instant,
}

impl Who {
    /// A session of a user, in the namespace of the user's project.
    pub fn new(
        chat: Chat,
        (session, hub, channel): (SessionId, usize, Rc<Channel>),
        user: &UserRow,
        namespace: NamespaceHandle,
    ) -> Self {
        Self {
            chat,
            session,
            hub,
            project: user.project_id,
            user: Arc::new(users::shape(user)),
            role: user.role,
            channel,
            namespace: RefCell::new(namespace),
            rooms: RefCell::default(),
        }
    }

    /// The user's id.
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// The user as they are now.
    pub fn user(&self) -> Arc<User> {
        self.channel.profile.borrow().clone().unwrap_or_else(|| Arc::clone(&self.user))
    }

    /// Whom the user blocks.
    pub fn blocked(&self) -> Option<Arc<HashSet<UserId>>> {
        self.channel.blocked.borrow().clone()
    }

    /// Where the reply to a request goes, for those that come through the hub. STOMP knows no replies, only receipts, which need no
    /// place among the messages; its sessions are told what they say as all others are.
    pub fn reply_to(&self, re: u32) -> Option<ReplyTo> {
        self.channel.stomp.get().is_none().then_some(ReplyTo { hub: self.hub, session: self.session, re })
    }

    /// Asks the conversation's room.
    ///
    /// # Errors
    /// The room's own, or [`Failure::Unavailable`] when it is overloaded, fails or takes too long.
    pub async fn ask_room<M, T>(&self, conversation: ConversationId, message: M) -> Result<T, Failure>
    where
        M: Message<Result = Result<T, Failure>> + Send + 'static,
        T: Send + 'static,
        Room: Handler<M>,
        <Room as Actor>::Context: ToEnvelope<Room, M>,
    {
        let room = self.room(conversation).await?;
        ask(&room, message).await?
    }

    /// Says something in a conversation; done when it is stored and on its way.
    ///
    /// # Errors
    /// The room's own, or [`Failure::Unavailable`] when it is overloaded or fails.
    pub async fn say(&self, conversation: ConversationId, what: impl FnOnce(Said) -> Say) -> Result<(), Failure> {
        let room = self.room(conversation).await?;
        said(say(&room, what)).await?;
        Ok(())
    }

    /// Asks the project's registry.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when it is overloaded, fails or takes too long.
    pub async fn ask_registry<M>(&self, message: M) -> Result<M::Result, Failure>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Registry: Handler<M>,
        <Registry as Actor>::Context: ToEnvelope<Registry, M>,
    {
        ask(&self.namespace()?.registry(), message).await
    }

    /// The users whom a request names, by id or username.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if one is not of this project or deactivated.
    pub async fn resolve(&self, connection: &mut AsyncPgConnection, name: &str) -> Result<UserRow, Failure> {
        let found = users::resolve(connection, self.project, &[name]).await?;
        found.into_iter().next().flatten().ok_or(Failure::NotFound("user"))
    }

    /// Whether this session entered the conversation's room a short while ago.
    pub fn knows_room(&self, conversation: ConversationId) -> bool {
        self.with_known_room(conversation, |_| ()).is_some()
    }

    /// Calls `speak` with the conversation's room, if this session entered it a short while ago.
    pub fn with_known_room<T>(&self, conversation: ConversationId, speak: impl FnOnce(&Addr<Room>) -> T) -> Option<T> {
        // A room sleeps when nobody entered it for its whole idle time, so half of that is safe to keep.
        let keep = self.chat.limits.room_idle / 2;
        let rooms = self.rooms.borrow();
        let known = rooms.iter().find(|known| known.conversation == conversation)?;
        (known.entered_at.elapsed() < keep && known.room.connected()).then(|| speak(&known.room))
    }

    /// The conversation's room: one it knows, if it entered it a short while ago, else the namespace's.
    async fn room(&self, conversation: ConversationId) -> Result<Addr<Room>, Failure> {
        if let Some(room) = self.with_known_room(conversation, Addr::clone) {
            return Ok(room);
        }
        if !self.channel.hears(conversation) {
            // Rooms are not started for who has no business there.
            let member = self.chat.run(async |connection| {
                Ok(members::permission(connection, self.project, conversation, self.id()).await?)
            });
            member.await?.ok_or(Failure::NotFound("conversation"))?;
        }
        let entered_at = Instant::now();
        let enter = Enter { conversation, hub: self.hub };
        let room = ask(&self.namespace()?.namespace, enter).await?.ok_or(Failure::Unavailable)?;
        let mut rooms = self.rooms.borrow_mut();
        rooms.retain(|known| known.conversation != conversation);
        if rooms.len() >= ROOMS {
            rooms.remove(0);
        }
        rooms.push(Known { conversation, room: room.clone(), entered_at });
        Ok(room)
    }

    /// The namespace of now: one that failed is replaced by another.
    fn namespace(&self) -> Result<NamespaceHandle, Failure> {
        let handle = self.namespace.borrow().clone();
        if handle.is_alive() {
            return Ok(handle);
        }
        let handle = self.chat.namespace(self.project).ok_or(Failure::Unavailable)?;
        *self.namespace.borrow_mut() = handle.clone();
        Ok(handle)
    }
}

/// Says something in a room: it is in the room's mailbox when this returns. There is no time limit here, of which each message
/// would pay the price: the room has one, for all that it took, and what it did not take, or took and failed, is dropped, which is
/// heard at once.
pub fn say(
    room: &Addr<Room>,
    what: impl FnOnce(Said) -> Say,
) -> oneshot::Receiver<Result<Arc<shapes::Message>, Failure>> {
    let (done, outcome) = oneshot::channel();
    // One that is full or gone drops the message.
    let _ = room.try_send(what(done));
    outcome
}

/// The end of what [`say`] began: the message as it was stored.
///
/// # Errors
/// The room's own, or [`Failure::Unavailable`] when it was overloaded or failed.
pub async fn said(
    outcome: oneshot::Receiver<Result<Arc<shapes::Message>, Failure>>,
) -> Result<Arc<shapes::Message>, Failure> {
    outcome.await.unwrap_or(Err(Failure::Unavailable))
}

/// Asks an actor: the message is in its mailbox when this returns, the answer comes with the future. A failed actor or a late
/// answer is [`Failure::Unavailable`].
pub fn ask<A, M>(actor: &Addr<A>, message: M) -> impl Future<Output = Result<M::Result, Failure>> + use<A, M>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    // A fresh clone has a place of its own in the mailbox, so nothing waits to be queued.
    let asked = actor.clone().send(message).timeout(PATIENCE);
    async move { asked.await.map_err(|_| Failure::Unavailable) }
}
