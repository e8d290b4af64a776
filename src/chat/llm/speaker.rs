//! The way to a conversation's room.

use crate::chat::Chat;
use crate::chat::namespace::Enter;
use crate::chat::room::Room;
use crate::model::{ConversationId, Failure, ProjectId};
use actix::dev::ToEnvelope;
use actix::prelude::*;
use std::time::{Duration, Instant};

/// How long a request to an actor may take: longer than the database's patience, so that its answer comes first.
const PATIENCE: Duration = Duration::from_secs(20);

/// Speaks in one conversation, for as long as an answer takes.
pub struct Speaker<'a> {
    chat: &'a Chat,
    project: ProjectId,
    conversation: ConversationId,
    room: Option<(Addr<Room>, Instant)>,
}

impl<'a> Speaker<'a> {
    /// Nothing is started before it is needed.
    #[must_use]
    pub fn new(chat: &'a Chat, project: ProjectId, conversation: ConversationId) -> Self {
        Self { chat, project, conversation, room: None }
    }

    /// Asks the room.
    ///
    /// # Errors
    /// The room's own, or [`Failure::Unavailable`] when it is overloaded, fails or takes too long.
    pub async fn ask<M>(&mut self, message: M) -> Result<(), Failure>
    where
        M: Message<Result = Result<(), Failure>> + Send + 'static,
        Room: Handler<M>,
        <Room as Actor>::Context: ToEnvelope<Room, M>,
    {
        let room = self.room().await?;
        let asked = room.send(message).timeout(PATIENCE).await;
        asked.unwrap_or_else(|_| {
            self.room = None;
            Err(Failure::Unavailable)
        })
    }

    async fn room(&mut self) -> Result<Addr<Room>, Failure> {
        // A room sleeps when nobody entered it for its whole idle time, so half of that is safe to keep.
        let keep = self.chat.limits.room_idle / 2;
        if let Some((room, entered_at)) = &self.room
            && entered_at.elapsed() < keep
            && room.connected()
        {
            return Ok(room.clone());
        }
        let entered_at = Instant::now();
        let namespace = self.chat.namespace(self.project).ok_or(Failure::Unavailable)?.namespace;
        // A room that has to be started goes to any event loop, but always to the same.
        let hub = self.conversation.0.as_u128() % u128::try_from(self.chat.bus.loops().max(1)).unwrap_or(1);
        let enter = Enter { conversation: self.conversation, hub: usize::try_from(hub).unwrap_or(0) };
        let room = namespace.send(enter).timeout(PATIENCE).await.ok().flatten().ok_or(Failure::Unavailable)?;
        self.room = Some((room.clone(), entered_at));
        Ok(room)
    }
}
