//! Who is typing: told, never stored, and ended by itself.

use super::Room;
use crate::cluster::Publication;
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, SessionId};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::User;
use actix::prelude::*;
use serde::Serialize;
use std::sync::Arc;

/// A user starts or stops typing.
#[derive(actix::Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct Type {
    pub session: SessionId,
    pub user: Arc<User>,
    pub typing: bool,
    /// The user looks offline: nobody is told.
    pub invisible: bool,
}

#[derive(Debug, Serialize)]
struct TypingPush {
    conversation: ConversationId,
    user: Arc<User>,
    typing: bool,
}

impl Handler<Type> for Room {
    type Result = Result<(), Failure>;

    fn handle(&mut self, Type { session, user, typing, invisible }: Type, ctx: &mut Self::Context) -> Self::Result {
        self.touch();
        self.admit(user.id, Permission::Write)?;
        let was_typing = match self.typers.remove(&user.id) {
            Some(end) => ctx.cancel_future(end),
            None => false,
        };
        if invisible {
            return Ok(());
        }
        if typing {
            let typist = Arc::clone(&user);
            let end = ctx.run_later(self.chat.limits.typing_time, move |room, ctx| {
                room.typers.remove(&typist.id);
                room.tell_typing(typist, false, None, ctx);
            });
            self.typers.insert(user.id, end);
        }
        if typing || was_typing {
            self.tell_typing(user, typing, Some(session), ctx);
        }
        Ok(())
    }
}

impl Room {
    fn tell_typing(&self, user: Arc<User>, typing: bool, skip: Option<SessionId>, ctx: &mut Context<Self>) {
        let author = user.id;
        let event = Outgoing::new("typing.update", TypingPush { conversation: self.id, user, typing });
        let mut publication = Publication::to_conversation(self.id, event).by(author).transient();
        publication.skip = skip;
        self.publish(publication, ctx);
    }
}
