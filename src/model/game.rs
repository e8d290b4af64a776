//! Game invitations: seats, answers and their end.

use super::words::words;
use super::{Failure, UserId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an invitation stands. Every state but the first is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GameState)]
pub enum State {
    /// It may be answered.
    Offered,
    /// Taken, in a private conversation.
    Accepted,
    /// Every member but the author declined.
    Declined,
    /// Its author took it back.
    Withdrawn,
    /// Its time is over.
    Expired,
    /// All its seats are taken, in a conversation of many.
    Full,
}

words!(State {
    Offered => "offered",
    Accepted => "accepted",
    Declined => "declined",
    Withdrawn => "withdrawn",
    Expired => "expired",
    Full => "full",
});

impl State {
    /// Where an invitation in this state stands at that moment: time ends it without anybody's doing.
    #[must_use]
    pub fn at(self, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        match (self, expires_at) {
            (Self::Offered, Some(end)) if end <= now => Self::Expired,
            (state, _) => state,
        }
    }
}

/// An answer to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GameAnswer)]
pub enum Answer {
    /// Take a seat.
    Accept,
    /// Take none, or give up the one taken.
    Decline,
    /// Its author takes the invitation back.
    Withdraw,
}

/// An invitation and the answers to it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Where it stands, as far as somebody has looked: see [`Invitation::state_at`].
    pub state: State,
    /// How many seats it has, its author's not counted.
    pub capacity: usize,
    /// Who invites.
    pub author: UserId,
    /// Who took a seat, first come first.
    pub seats: Vec<UserId>,
    /// Who declined and is still a member: those who left don't count toward everybody.
    pub declined: Vec<UserId>,
    /// The first moment at which it no longer stands.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was made in a private conversation.
    pub private: bool,
}

/// What an answer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Something is to be stored and told; otherwise the answer only confirmed what was.
    pub changed: bool,
}

const UNCHANGED: Change = Change { changed: false };
const CHANGED: Change = Change { changed: true };

impl Invitation {
    /// Where it stands at that moment; see [`State::at`].
    #[must_use]
    pub fn state_at(&self, now: DateTime<Utc>) -> State {
        self.state.at(self.expires_at, now)
    }

    /// Answers the invitation. The same answer given again confirms the first, also after the end. While it stands, who
    /// declined may still accept, and who sits may decline and frees the seat.
    ///
    /// `other_members` is how many members the conversation has besides the author.
    ///
    /// # Errors
    /// - [`Failure::Forbidden`] if not the author withdraws.
    /// - [`Failure::Conflict`] if the author accepts or declines, or it has ended. If time has ended it just now,
    ///   `state` has become [`State::Expired`], which is to be stored although the answer failed.
    /// - [`Failure::Full`] if one accepts and all seats are taken.
    pub fn answer(
        &mut self,
        user: UserId,
        answer: Answer,
        now: DateTime<Utc>,
        other_members: usize,
    ) -> Result<Change, Failure> {
        match answer {
            Answer::Accept => self.accept(user, now),
            Answer::Decline => self.decline(user, now, other_members),
            Answer::Withdraw => self.withdraw(user, now),
        }
    }

    fn accept(&mut self, user: UserId, now: DateTime<Utc>) -> Result<Change, Failure> {
        self.refuse_author(user)?;
        if self.seats.contains(&user) {
            return Ok(UNCHANGED);
        }
        self.check_stands(now).map_err(|failure| if self.state == State::Full { Failure::Full } else { failure })?;
        self.declined.retain(|other| *other != user);
        self.seats.push(user);
        if self.private {
            // The one who took it is the only one who could, however many seats there are.
            self.state = State::Accepted;
        } else if self.seats.len() >= self.capacity {
            self.state = State::Full;
        }
        Ok(CHANGED)
    }

    fn decline(&mut self, user: UserId, now: DateTime<Utc>, other_members: usize) -> Result<Change, Failure> {
        self.refuse_author(user)?;
        if self.declined.contains(&user) {
            return Ok(UNCHANGED);
        }
        self.check_stands(now)?;
        self.seats.retain(|other| *other != user);
        self.declined.push(user);
        // Somebody who sits may have left the conversation, and then isn't among the other members.
        if self.seats.is_empty() && self.declined.len() >= other_members {
            self.state = State::Declined;
        }
        Ok(CHANGED)
    }

    fn withdraw(&mut self, user: UserId, now: DateTime<Utc>) -> Result<Change, Failure> {
        if user != self.author {
            return Err(Failure::Forbidden("only its author may withdraw an invitation"));
        }
        if self.state == State::Withdrawn {
            return Ok(UNCHANGED);
        }
        self.check_stands(now)?;
        self.state = State::Withdrawn;
        Ok(CHANGED)
    }

    fn refuse_author(&self, user: UserId) -> Result<(), Failure> {
        if user == self.author { Err(Failure::Conflict("this invitation is your own")) } else { Ok(()) }
    }

    fn check_stands(&mut self, now: DateTime<Utc>) -> Result<(), Failure> {
        self.state = self.state_at(now);
        if self.state == State::Offered { Ok(()) } else { Err(Failure::Conflict("this invitation has ended")) }
    }
}

#[cfg(test)]
#[path = "game_tests.rs"]
mod tests;
