//! Signing a connection in: from a token to a session that has been told how things are.
//!
//! What is published while this goes on must not be missed, nor told too early. So the session's user is made known to the event
//! loop first; then its conversations and blocks are read and subscribed to, with what changed meanwhile applied on top; only
//! then is the summary read. Pushes are held back until the opening is written.
//!
//! Database statements a session: see [`Opening::open`].

use super::doors::Doors;
use super::identity::Known;
use super::pages;
use super::who::Who;
use crate::chat::channel::Channel;
use crate::chat::event_loop::EventLoop;
use crate::chat::registry::Connect;
use crate::chat::registry::presence::Look;
use crate::model::account::UserRole;
use crate::model::presence::Presence;
use crate::model::{Failure, SessionId};
use crate::store::{contacts, conversations, presence};
use crate::wire::close::CloseCode;
use crate::wire::limits::{PAGE_CONTACTS, SUMMARY_CONVERSATIONS};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::User;
use crate::wire::time::Timestamp;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::rc::Rc;
use std::sync::Arc;
use utoipa::ToSchema;

/// What an opening needs.
pub struct Opening {
    pub doors: Arc<Doors>,
    pub event_loop: Rc<EventLoop>,
    pub channel: Rc<Channel>,
}

/// A session that is signed in, and what it is to be told first.
pub struct Opened {
    pub who: Rc<Who>,
    pub ready: Ready,
    pub events: Vec<Outgoing>,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The client may try again on this connection.
    Failure(Failure),
    /// The connection must end.
    Close(CloseCode),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The data of `session.ready`, and of the reply to `session.auth`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SessionReady)]
pub struct Ready {
    session: SessionId,
    user: User,
    #[schema(value_type = UserRole)]
    role: &'static str,
    project: crate::model::ProjectId,
    server_time: Timestamp,
    expires_at: Timestamp,
    limits: ReadyLimits,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = SessionLimits)]
struct ReadyLimits {
    frame_bytes: usize,
    outstanding_bytes: usize,
    outstanding_frames: usize,
    events_per_second: u32,
}

impl Opening {
    /// Signs in with a token for a project, given by name or id. Takes 2 statements to know the user, 3 to know what to
    /// subscribe to, and a bounded number for the summaries; none of them grows with the number of conversations.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`] for a bad or foreign token and an unknown project alike, [`Failure::TokenExpired`], and
    /// [`Failure::Unavailable`] when the database is away; or the code with which to close.
    pub async fn open(&self, project: &str, token: &str) -> Result<Opened, Refused> {
        let chat = &self.doors.chat;
        let Known { user, expires_at } = self.doors.identities.in_project(project, token).await?;
        let namespace = chat.namespace(user.project_id).ok_or(Refused::Close(CloseCode::Shutdown))?;
        let id = user.id;
        let _ = self.channel.project.set(user.project_id);
        let _ = self.channel.figures.set(Arc::clone(&namespace.figures));
        self.channel.credentials.set(user.credentials_changed_at);
        self.event_loop.begin_opening(&self.channel, id);
        // From here on the session is known to others: a failure ends the connection, so that nothing stays half-way.
        let ended = |_: Failure| Refused::Close(CloseCode::Overloaded);
        let (conversations, blocked, kept) = chat
            .run(async |connection| {
                let conversations = conversations::ids_of(connection, id).await?;
                let blocked = contacts::blocked_by(connection, id).await?;
                Ok((conversations, blocked, presence::load(connection, id).await?))
            })
            .await
            .map_err(ended)?;
        self.event_loop.subscribe(&self.channel, conversations, blocked.into_iter().collect());
        self.channel.invisible.set(kept.choice == crate::model::presence::Choice::Invisible);
        let session = self.channel.session;
        let place = (session, self.event_loop.index(), Rc::clone(&self.channel));
        let who = Rc::new(Who::new(chat.clone(), place, &user, namespace));
        let connect =
            Connect { session, user: who.user(), choice: kept.choice, text: kept.text, last_seen: kept.last_seen };
        let own = who.ask_registry(connect).await.map_err(ended)?.map_err(Refused::Close)?;
        let events = match self.channel.stomp.get() {
            // Without a subscription there is nobody to be told.
            Some(_) => Vec::new(),
            None => {
                let mut events = self.summaries(&who).await.map_err(ended)?;
                events.insert(2, Outgoing::new("status.update", own));
                events
            }
        };
        self.channel.vigil.signed_in(expires_at);
        Ok(Opened { ready: self.ready(&who, expires_at), who, events })
    }

    /// Signs in again: the same user, a fresh token.
    ///
    /// # Errors
    /// As [`Opening::open`], and [`Failure::Forbidden`] for another user or project.
    pub async fn renew(&self, who: &Who, project: Option<&str>, token: &str) -> Result<Ready, Failure> {
        let project = project.map_or_else(|| who.project.to_string(), str::to_owned);
        let Known { user, expires_at } = self.doors.identities.in_project(&project, token).await?;
        if user.id != who.id() {
            return Err(Failure::Forbidden("this session belongs to another user"));
        }
        self.channel.credentials.set(user.credentials_changed_at);
        self.channel.vigil.signed_in(expires_at);
        Ok(self.ready(who, expires_at))
    }

    /// The summaries in their order, without one's own status.
    async fn summaries(&self, who: &Who) -> Result<Vec<Outgoing>, Failure> {
        let chat = &self.doors.chat;
        let (groups, contacts, seen) = chat
            .run(async |connection| {
                let now = chat.now();
                let groups =
                    conversations::summary(connection, who.project, who.id(), None, SUMMARY_CONVERSATIONS, now).await?;
                let contacts = contacts::page(connection, who.id(), None, PAGE_CONTACTS).await?;
                Ok((groups, contacts, presence::visible(connection, who.project, who.id(), None).await?))
            })
            .await?;
        let statuses = who.ask_registry(Look(seen)).await?;
        let mut events = vec![
            Outgoing::new("group.summary", pages::Summary::new(groups, who)),
            Outgoing::new("contact.summary", pages::Contacts::new(contacts, who)),
        ];
        let online = statuses.into_iter().filter(|status| status.status != Presence::Offline);
        events.extend(online.map(|status| Outgoing::new("status.update", status)));
        Ok(events)
    }

    fn ready(&self, who: &Who, expires_at: DateTime<Utc>) -> Ready {
        let limits = &self.doors.chat.limits;
        Ready {
            session: who.session,
            user: (*who.user()).clone(),
            role: who.role.as_str(),
            project: who.project,
            server_time: self.doors.chat.now().into(),
            expires_at: expires_at.into(),
            limits: ReadyLimits {
                frame_bytes: limits.frame_bytes,
                outstanding_bytes: limits.outstanding_bytes,
                outstanding_frames: limits.outstanding_frames,
                events_per_second: limits.events_per_second,
            },
        }
    }
}
