//! A user who acts over HTTP: their ways to the actors, as a session has them.

use super::caller::UserCaller;
use crate::chat::Chat;
use crate::chat::namespace::{Enter, NamespaceHandle};
use crate::chat::room::Room;
use crate::chat::room::say::{Draft, Say};
use crate::model::{ConversationId, Failure, ProjectId, UserId};
use crate::session::who::{ask, said, say};
use crate::store::{contacts, members, users};
use crate::wire::shapes;
use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use std::collections::HashSet;
use std::sync::Arc;

/// A user of a project, for the time of one request. No session of theirs has heard of what they do here.
pub struct Person<'a> {
    pub chat: &'a Chat,
    pub project: ProjectId,
    pub user: Arc<shapes::User>,
}

impl<'a> Person<'a> {
    /// The user who calls.
    #[must_use]
    pub fn new(chat: &'a Chat, caller: &UserCaller) -> Self {
        Self { chat, project: caller.user.project_id, user: Arc::new(users::shape(&caller.user)) }
    }

    /// The user's id.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// Says something in a conversation; the message as it was stored.
    ///
    /// # Errors
    /// The room's own, or [`Failure::Unavailable`] when it is overloaded or fails.
    pub async fn say(&self, conversation: ConversationId, draft: Draft) -> Result<Arc<shapes::Message>, Failure> {
        let room = self.room(conversation).await?;
        let author = Arc::clone(&self.user);
        self.copy(said(say(&room, |done| Say { reply: None, author, draft, done })).await?).await
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
        ask(&self.room(conversation).await?, message).await?
    }

    /// The namespace of the user's project.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the server stops.
    pub fn namespace(&self) -> Result<NamespaceHandle, Failure> {
        self.chat.namespace(self.project).ok_or(Failure::Unavailable)
    }

    /// Whom the user blocks; `None` for nobody.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the database is away.
    pub async fn blocked(&self) -> Result<Option<Arc<HashSet<UserId>>>, Failure> {
        let blocked = self.chat.run(async |conn| Ok(contacts::blocked_by(conn, self.id()).await?)).await?;
        Ok((!blocked.is_empty()).then(|| Arc::new(blocked.into_iter().collect())))
    }

    /// A message without what people did whom the user blocks.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the database is away.
    pub async fn copy(&self, message: Arc<shapes::Message>) -> Result<Arc<shapes::Message>, Failure> {
        if !message.names_others() {
            return Ok(message);
        }
        let cut = self.blocked().await?.and_then(|blocked| message.without(&blocked));
        Ok(cut.map_or(message, Arc::new))
    }

    /// Rooms are not started for who has no business there.
    async fn room(&self, conversation: ConversationId) -> Result<Addr<Room>, Failure> {
        let member =
            self.chat.run(async |conn| Ok(members::permission(conn, self.project, conversation, self.id()).await?));
        member.await?.ok_or(Failure::NotFound("conversation"))?;
        // A room that has to be started goes to any event loop, but always to the same.
        let hub = conversation.0.as_u128() % u128::try_from(self.chat.bus.loops().max(1)).unwrap_or(1);
        let enter = Enter { conversation, hub: usize::try_from(hub).unwrap_or(0) };
        ask(&self.namespace()?.namespace, enter).await?.ok_or(Failure::Unavailable)
    }
}
