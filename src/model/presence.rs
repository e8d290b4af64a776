//! How the sessions of a user and the user's own choice add up to one presence.

use super::words::words;
use super::{Failure, SessionId, text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A presence as the wire shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// There, in one session at least.
    Online,
    /// Connected, but away from every session.
    Away,
    /// There and not to be disturbed.
    Busy,
    /// There, and to others offline. Only the user themselves ever sees this word.
    Invisible,
    /// Without a session.
    Offline,
}

/// What a user chose, kept over reconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Choice {
    /// To be seen as the sessions are.
    #[default]
    Online,
    /// To be seen as busy.
    Busy,
    /// Not to be seen.
    Invisible,
}

words!(Choice { Online => "online", Busy => "busy", Invisible => "invisible" });

/// What one session says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SessionState {
    /// Its user is at it.
    #[default]
    Online,
    /// Its user left it open.
    Away,
}

/// A user's presence over all their sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserPresence {
    sessions: BTreeMap<SessionId, SessionState>,
    choice: Choice,
    text: Option<String>,
}

impl UserPresence {
    /// A user without a session yet, with what they chose earlier.
    #[must_use]
    pub const fn new(choice: Choice, text: Option<String>) -> Self {
        Self { sessions: BTreeMap::new(), choice, text }
    }

    /// A session begins, online. For one that is known already nothing changes.
    pub fn connect(&mut self, session: SessionId) {
        self.sessions.entry(session).or_default();
    }

    /// A session ends. For one that is unknown nothing changes.
    pub fn disconnect(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// A session asks for a presence: `online` and `away` are its own, `busy` and `invisible` the user's. Asking for
    /// `online` also ends `busy` and `invisible`, for it is the only way back; `away` leaves them. A session that has
    /// ended meanwhile changes what is the user's only.
    ///
    /// Without a `text` the one of before stays; an empty one takes it away.
    ///
    /// # Errors
    /// [`Failure::Invalid`], with nothing changed, if `offline` is asked for or the text isn't allowed.
    pub fn set(&mut self, session: SessionId, requested: Presence, text: Option<&str>) -> Result<(), Failure> {
        let (state, choice) = match requested {
            Presence::Online => (Some(SessionState::Online), Some(Choice::Online)),
            Presence::Away => (Some(SessionState::Away), None),
            Presence::Busy => (None, Some(Choice::Busy)),
            Presence::Invisible => (None, Some(Choice::Invisible)),
            Presence::Offline => {
                return Err(Failure::invalid("status", "can't be asked for: disconnect, or be invisible"));
            }
        };
        match text {
            None => {}
            Some("") => self.text = None,
            Some(text) => {
                text::status_text("text", text)?;
                self.text = Some(text.to_owned());
            }
        }
        if let (Some(state), Some(kept)) = (state, self.sessions.get_mut(&session)) {
            *kept = state;
        }
        self.choice = choice.unwrap_or(self.choice);
        Ok(())
    }

    /// Whether there is a session.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// What is to be kept over reconnects.
    #[must_use]
    pub const fn choice(&self) -> Choice {
        self.choice
    }

    /// The text beside the presence, as the user themselves sees it.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The presence as the user themselves sees it.
    #[must_use]
    pub fn own(&self) -> Presence {
        if !self.is_live() {
            return Presence::Offline;
        }
        match self.choice {
            Choice::Busy => Presence::Busy,
            Choice::Invisible => Presence::Invisible,
            Choice::Online if self.sessions.values().all(|state| *state == SessionState::Away) => Presence::Away,
            Choice::Online => Presence::Online,
        }
    }

    /// The presence as others see it: the invisible look offline.
    #[must_use]
    pub fn shown(&self) -> Presence {
        match self.own() {
            Presence::Invisible => Presence::Offline,
            other => other,
        }
    }

    /// The text as others see it: nobody's who looks offline. If the text of those who really are offline were shown,
    /// its absence would give the invisible away.
    #[must_use]
    pub fn shown_text(&self) -> Option<&str> {
        if self.shown() == Presence::Offline { None } else { self.text() }
    }
}

#[cfg(test)]
#[path = "presence_tests.rs"]
mod tests;
