//! A user who acts over HTTP: their ways to the actors, as a session has them.

use super::caller::UserCaller;
use crate::chat::Chat;
use crate::chat::namespace::{Enter, NamespaceHandle};
use crate::chat::room::Room;
use crate::chat::room::say::{Draft, Say};
use crate::model::{ConversationId, Failure, ProjectId, UserId};
use crate::session::who::{ask, said, say};
use crate::store::users::UserRow;
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
    /// A user.
    #[must_use]
    pub fn of(chat: &'a Chat, user: &UserRow) -> Self {
        Self { chat, project: user.project_id, user: Arc::new(users::shape(user)) }
    }

    /// The user who calls.
    #[must_use]
    pub fn new(chat: &'a Chat, caller: &UserCaller) -> Self {
        Self::of(chat, &caller.user)
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

    /// The conversation that a message is for: the one named, or the private one with an accepted contact.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for a user there is not, [`Failure::Forbidden`] for one who is no accepted contact,
    /// [`Failure::Invalid`] for none or both.
    pub async fn address(
        &self,
        conversation: Option<ConversationId>,
        to: Option<&str>,
    ) -> Result<ConversationId, Failure> {
        match (conversation, to) {
            (Some(conversation), None) => Ok(conversation),
            (None, Some(to)) => {
                let private = self.chat.run(async |conn| {
                    let peer = users::resolve(conn, self.project, &[to]).await?.into_iter().next().flatten();
                    let peer = peer.ok_or(Failure::NotFound("user"))?;
                    Ok(contacts::accepted_conversation(conn, self.id(), peer.id).await?)
                });
                private.await?.ok_or(Failure::Forbidden("this user is no accepted contact"))
            }
            (Some(_), Some(_)) => Err(Failure::invalid("to", "goes without conversation")),
            (None, None) => Err(Failure::invalid("conversation", "is required, or to")),
        }
    }

    /// The room of a conversation. Rooms are not started for who has no business there.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for who is no member, [`Failure::Unavailable`] when the server stops or is overloaded.
    pub async fn room(&self, conversation: ConversationId) -> Result<Addr<Room>, Failure> {
        let member =
            self.chat.run(async |conn| Ok(members::permission(conn, self.project, conversation, self.id()).await?));
        member.await?.ok_or(Failure::NotFound("conversation"))?;
        enter(self.chat, self.project, conversation).await
    }
}

/// The room of a conversation in which the caller was found to have something to do.
///
/// # Errors
/// [`Failure::Unavailable`] when the server stops or is overloaded.
pub async fn enter(chat: &Chat, project: ProjectId, conversation: ConversationId) -> Result<Addr<Room>, Failure> {
    let namespace = chat.namespace(project).ok_or(Failure::Unavailable)?.namespace;
    // A room that has to be started goes to any event loop, but always to the same.
    let hub = conversation.0.as_u128() % u128::try_from(chat.bus.loops().max(1)).unwrap_or(1);
    let enter = Enter { conversation, hub: usize::try_from(hub).unwrap_or(0) };
    ask(&namespace, enter).await?.ok_or(Failure::Unavailable)
}
