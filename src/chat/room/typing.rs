//! Who is typing: told, never stored, and ended by itself.

use super::Room;
use crate::cluster::Publication;
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, SessionId, UserId};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::User;
use actix::prelude::*;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use utoipa::ToSchema;

/// A user starts or stops typing.
#[derive(actix::Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct Type {
    pub session: SessionId,
    pub user: Arc<User>,
    pub typing: bool,
    /// The user looks offline: nobody is told that they type.
    pub invisible: bool,
}

/// What the other members are told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Typing)]
pub struct TypingPush {
    conversation: ConversationId,
    user: Arc<User>,
    typing: bool,
}

/// Who is typing, and until when if nothing more is heard.
#[derive(Default)]
pub struct Typers {
    typing: HashMap<UserId, (Arc<User>, Instant)>,
    sweep_is_due: bool,
}

impl Typers {
    /// Nobody is.
    pub fn is_empty(&self) -> bool {
        self.typing.is_empty()
    }
}

impl Handler<Type> for Room {
    type Result = Result<(), Failure>;

    fn handle(&mut self, Type { session, user, typing, invisible }: Type, ctx: &mut Self::Context) -> Self::Result {
        self.touch();
        self.admit(user.id, Permission::Write)?;
        let was_typing = self.typers.typing.remove(&user.id).is_some();
        // Who goes invisible while typing seems to stop, as everyone does who goes.
        let typing = typing && !invisible;
        if typing {
            let until = Instant::now() + self.chat.limits.typing_time;
            self.typers.typing.insert(user.id, (Arc::clone(&user), until));
            self.sweep_later(ctx);
        }
        if typing || was_typing {
            self.tell_typing(user, typing, Some(session), ctx);
        }
        Ok(())
    }
}

impl Room {
    /// Sees that a sweep comes when the first of the typers is overdue: one timer for all of them.
    fn sweep_later(&mut self, ctx: &mut Context<Self>) {
        if self.typers.sweep_is_due {
            return;
        }
        if let Some(first) = self.typers.typing.values().map(|(_, until)| *until).min() {
            self.typers.sweep_is_due = true;
            ctx.run_later(first.saturating_duration_since(Instant::now()), Self::sweep);
        }
    }

    /// Ends the typing of those of whom nothing more was heard.
    fn sweep(&mut self, ctx: &mut Context<Self>) {
        self.typers.sweep_is_due = false;
        let now = Instant::now();
        for (_, (user, _)) in self.typers.typing.extract_if(|_, (_, until)| *until <= now).collect::<Vec<_>>() {
            self.tell_typing(user, false, None, ctx);
        }
        self.sweep_later(ctx);
    }

    fn tell_typing(&self, user: Arc<User>, typing: bool, skip: Option<SessionId>, ctx: &mut Context<Self>) {
        let author = user.id;
        let event = Outgoing::new("typing.update", TypingPush { conversation: self.id, user, typing });
        let mut publication = Publication::to_conversation(self.id, event).by(author).transient();
        publication.skip = skip;
        self.publish(publication, ctx);
    }
}
