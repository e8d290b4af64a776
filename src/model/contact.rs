//! One user's relation to another, and what each action does to both sides.
//!
//! A relation is kept twice, once as each of the two knows it. While nobody blocks, the two fit together; what happens
//! while one blocks the other must not show, so then one side may move alone and the other catches up, or never hears.
//!
//! Two things follow everywhere below: whether an action is refused depends on nothing but one's own side, and one
//! hears nothing of another's doing while one blocks them.

use super::Failure;
use super::words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A relation as the wire shows it to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ContactStatus)]
pub enum View {
    /// One's own invitation waits for an answer.
    Invited,
    /// The other's invitation waits for one's answer.
    Pending,
    /// Each is a contact of the other.
    Accepted,
    /// One blocks the other, whatever the relation beneath.
    Blocked,
    /// Nothing, or nothing any more.
    Removed,
}

/// A relation as the database keeps it for its owner, apart from a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Relation {
    /// There never was one.
    #[default]
    None,
    /// One's own invitation waits for an answer.
    Invited,
    /// The other's invitation waits for one's answer.
    Pending,
    /// Each is a contact of the other.
    Accepted,
    /// It was declined, withdrawn or ended.
    Removed,
}

words!(Relation {
    None => "none",
    Invited => "invited",
    Pending => "pending",
    Accepted => "accepted",
    Removed => "removed",
});

/// What a user may do about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ContactAction)]
pub enum Action {
    /// Ask to become contacts.
    Invite,
    /// Answer an invitation with yes.
    Accept,
    /// Answer an invitation with no.
    Decline,
    /// End the relation, withdraw an invitation or decline one.
    Remove,
    /// Hear and be seen no more; the relation beneath stays.
    Block,
    /// Take a block back.
    Unblock,
}

/// One side of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Side {
    /// The relation as this side knows it.
    pub relation: Relation,
    /// Whether this side blocks the other.
    pub blocked: bool,
}

impl Side {
    /// What the wire shows to the owner of this side.
    #[must_use]
    pub const fn view(self) -> View {
        match self.relation {
            _ if self.blocked => View::Blocked,
            Relation::None | Relation::Removed => View::Removed,
            Relation::Invited => View::Invited,
            Relation::Pending => View::Pending,
            Relation::Accepted => View::Accepted,
        }
    }
}

/// Both sides, seen by the one who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Pair {
    /// The side of the one who acts.
    pub mine: Side,
    /// The side of the other.
    pub theirs: Side,
}

/// What an action did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Both sides afterwards.
    pub pair: Pair,
    /// The other side is to get a `contact.update` with its view.
    pub tell_other: bool,
    /// The two became contacts just now: their private conversation is to be made or linked.
    pub befriended: bool,
    /// Something is to be stored; otherwise the action only confirmed what was.
    pub changed: bool,
}

/// Whether the two may write in their private conversation: each is the other's contact and nobody blocks.
#[must_use]
pub fn may_write(pair: &Pair) -> bool {
    let open = |side: Side| side.relation == Relation::Accepted && !side.blocked;
    open(pair.mine) && open(pair.theirs)
}

/// Does what one side asks for. Asking again for what already is confirms it.
///
/// # Errors
/// [`Failure::Conflict`] if one's own side doesn't allow it: there is no invitation to answer, no relation to end, or
/// one invites or accepts whom one blocks.
pub fn apply(pair: Pair, action: Action) -> Result<Effect, Failure> {
    let mut after = pair;
    match action {
        Action::Invite => invite(&mut after)?,
        Action::Accept => accept(&mut after)?,
        Action::Decline => decline(&mut after)?,
        Action::Remove => remove(&mut after)?,
        Action::Block => after.mine.blocked = true,
        Action::Unblock => after.mine.blocked = false,
    }
    Ok(Effect {
        pair: after,
        tell_other: after.theirs.relation != pair.theirs.relation && !after.theirs.blocked,
        befriended: are_contacts(&after) && !are_contacts(&pair),
        changed: after != pair,
    })
}

fn invite(pair: &mut Pair) -> Result<(), Failure> {
    refuse_if_i_block(pair)?;
    match (pair.mine.relation, pair.theirs.relation) {
        (Relation::Accepted, _) => {}
        // They had invited: that makes two of one mind.
        (Relation::Pending, _) => befriend(pair),
        // They block me: I see my invitation, they don't.
        _ if pair.theirs.blocked => pair.mine.relation = Relation::Invited,
        // They had invited too, but I blocked them and never heard of it.
        (_, Relation::Invited) => befriend(pair),
        // This also delivers an earlier invitation that a block of theirs had held back.
        _ => {
            pair.mine.relation = Relation::Invited;
            pair.theirs.relation = Relation::Pending;
        }
    }
    Ok(())
}

fn accept(pair: &mut Pair) -> Result<(), Failure> {
    refuse_if_i_block(pair)?;
    match pair.mine.relation {
        Relation::Accepted => Ok(()),
        Relation::Pending => {
            befriend(pair);
            Ok(())
        }
        Relation::None | Relation::Invited | Relation::Removed => Err(NOTHING_TO_ANSWER),
    }
}

fn decline(pair: &mut Pair) -> Result<(), Failure> {
    match pair.mine.relation {
        Relation::Removed => Ok(()),
        Relation::Pending => {
            part(pair);
            Ok(())
        }
        Relation::None | Relation::Invited | Relation::Accepted => Err(NOTHING_TO_ANSWER),
    }
}

fn remove(pair: &mut Pair) -> Result<(), Failure> {
    match pair.mine.relation {
        Relation::Removed => Ok(()),
        Relation::Invited | Relation::Pending | Relation::Accepted => {
            part(pair);
            Ok(())
        }
        Relation::None => Err(Failure::Conflict("there is nothing to remove")),
    }
}

const NOTHING_TO_ANSWER: Failure = Failure::Conflict("there is no invitation to answer");

fn refuse_if_i_block(pair: &Pair) -> Result<(), Failure> {
    if pair.mine.blocked { Err(Failure::Conflict("you block this user: unblock first")) } else { Ok(()) }
}

fn befriend(pair: &mut Pair) {
    pair.mine.relation = Relation::Accepted;
    pair.theirs.relation = Relation::Accepted;
}

fn part(pair: &mut Pair) {
    pair.mine.relation = Relation::Removed;
    // Who never heard of the invitation needn't hear of its end.
    if pair.theirs.relation != Relation::None {
        pair.theirs.relation = Relation::Removed;
    }
}

fn are_contacts(pair: &Pair) -> bool {
    pair.mine.relation == Relation::Accepted && pair.theirs.relation == Relation::Accepted
}

#[cfg(test)]
#[path = "contact_tests.rs"]
mod tests;
