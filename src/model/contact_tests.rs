//! The rules of contacts line by line, and random histories against a reference that tells the story differently.

use super::*;
use proptest::prelude::*;

use Action::{Accept, Block, Decline, Invite, Remove, Unblock};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Ann,
    Ben,
}

/// Two people and what has happened between them.
#[derive(Debug, Default)]
struct Two {
    ann: Side,
    ben: Side,
}

impl Two {
    fn after(history: &[(Who, Action)]) -> Self {
        let mut two = Self::default();
        for (who, action) in history {
            two.act(*who, *action).unwrap();
        }
        two
    }

    fn pair(&self, who: Who) -> Pair {
        match who {
            Who::Ann => Pair { mine: self.ann, theirs: self.ben },
            Who::Ben => Pair { mine: self.ben, theirs: self.ann },
        }
    }

    fn act(&mut self, who: Who, action: Action) -> Result<Effect, Failure> {
        let effect = apply(self.pair(who), action)?;
        (self.ann, self.ben) = match who {
            Who::Ann => (effect.pair.mine, effect.pair.theirs),
            Who::Ben => (effect.pair.theirs, effect.pair.mine),
        };
        Ok(effect)
    }

    fn views(&self) -> (View, View) {
        (self.ann.view(), self.ben.view())
    }
}

use Who::{Ann, Ben};

const FRIENDS: [(Who, Action); 2] = [(Ann, Invite), (Ben, Accept)];

#[test]
fn an_invitation_is_told_and_asking_again_is_not() {
    let mut two = Two::default();
    let first = two.act(Ann, Invite).unwrap();
    assert_eq!(two.views(), (View::Invited, View::Pending));
    assert!(first.tell_other && first.changed && !first.befriended);
    let again = two.act(Ann, Invite).unwrap();
    assert!(!again.tell_other && !again.changed);
}

#[test]
fn accepting_makes_contacts_once() {
    let mut two = Two::after(&[(Ann, Invite)]);
    assert!(!may_write(&two.pair(Ann)));
    let effect = two.act(Ben, Accept).unwrap();
    assert!(effect.befriended && effect.tell_other);
    assert_eq!(two.views(), (View::Accepted, View::Accepted));
    assert!(may_write(&two.pair(Ann)));
    for action in [Accept, Invite] {
        for who in [Ann, Ben] {
            let again = two.act(who, action).unwrap();
            assert!(!again.changed && !again.befriended && !again.tell_other);
        }
    }
}

#[test]
fn two_invitations_resolve() {
    let mut two = Two::after(&[(Ann, Invite)]);
    let effect = two.act(Ben, Invite).unwrap();
    assert!(effect.befriended && effect.tell_other);
    assert_eq!(two.views(), (View::Accepted, View::Accepted));
}

#[test]
fn both_get_removed_by_declining_removing_or_withdrawing() {
    let cases: [(&[(Who, Action)], Who, Action); 5] = [
        (&[(Ann, Invite)], Ben, Decline),
        (&[(Ann, Invite)], Ben, Remove),
        (&[(Ann, Invite)], Ann, Remove),
        (&FRIENDS, Ann, Remove),
        (&FRIENDS, Ben, Remove),
    ];
    for (history, who, action) in cases {
        let mut two = Two::after(history);
        let effect = two.act(who, action).unwrap();
        assert!(effect.tell_other && effect.changed);
        assert_eq!(two.views(), (View::Removed, View::Removed));
        assert!(!may_write(&two.pair(who)));
        let again = two.act(who, action).unwrap();
        assert!(!again.changed && !again.tell_other);
    }
}

#[test]
fn what_is_not_there_can_be_neither_answered_nor_removed() {
    let cases: [(&[(Who, Action)], Who, Action); 7] = [
        (&[], Ann, Accept),
        (&[], Ann, Decline),
        (&[], Ann, Remove),
        (&[(Ann, Invite)], Ann, Accept),
        (&[(Ann, Invite)], Ann, Decline),
        (&FRIENDS, Ann, Decline),
        (&[(Ann, Invite), (Ann, Remove)], Ben, Accept),
    ];
    for (history, who, action) in cases {
        let failure = Two::after(history).act(who, action).unwrap_err();
        assert!(matches!(failure, Failure::Conflict(_)), "{history:?} {who:?} {action:?}");
    }
}

#[test]
fn former_contacts_become_contacts_again() {
    let mut two = Two::after(&[(Ann, Invite), (Ben, Accept), (Ben, Remove), (Ben, Invite)]);
    assert_eq!(two.views(), (View::Pending, View::Invited));
    assert!(two.act(Ann, Accept).unwrap().befriended);
    assert!(may_write(&two.pair(Ann)));
}

#[test]
fn a_block_is_not_told_and_unblocking_restores() {
    let mut two = Two::after(&FRIENDS);
    for repeated in [false, true] {
        let effect = two.act(Ann, Block).unwrap();
        assert_eq!((effect.tell_other, effect.changed), (false, !repeated));
        assert_eq!(two.views(), (View::Blocked, View::Accepted));
        assert!(!may_write(&two.pair(Ann)) && !may_write(&two.pair(Ben)));
    }
    for repeated in [false, true] {
        let effect = two.act(Ann, Unblock).unwrap();
        assert_eq!((effect.tell_other, effect.changed, effect.befriended), (false, !repeated, false));
        assert_eq!(two.views(), (View::Accepted, View::Accepted));
        assert!(may_write(&two.pair(Ann)) && may_write(&two.pair(Ben)));
    }
}

#[test]
fn anyone_may_be_blocked() {
    let mut two = Two::default();
    two.act(Ann, Block).unwrap();
    assert_eq!(two.views(), (View::Blocked, View::Removed));
    two.act(Ann, Unblock).unwrap();
    assert_eq!((two.ann, two.ben), (Side::default(), Side::default()));
}

#[test]
fn writing_waits_for_both_to_unblock() {
    let mut two = Two::after(&[(Ann, Invite), (Ben, Accept), (Ann, Block), (Ben, Block)]);
    two.act(Ann, Unblock).unwrap();
    assert!(!may_write(&two.pair(Ann)));
    two.act(Ben, Unblock).unwrap();
    assert!(may_write(&two.pair(Ann)));
}

#[test]
fn the_invitation_of_one_who_is_blocked_seems_to_be_made_and_is_not_heard() {
    let mut two = Two::after(&[(Ben, Block)]);
    let effect = two.act(Ann, Invite).unwrap();
    assert!(effect.changed && !effect.tell_other && !effect.befriended);
    assert_eq!(two.views(), (View::Invited, View::Blocked));
    two.act(Ben, Unblock).unwrap();
    assert_eq!(two.views(), (View::Invited, View::Removed));
    assert!(two.act(Ann, Invite).unwrap().tell_other, "asking again delivers it");
    assert_eq!(two.views(), (View::Invited, View::Pending));
}

#[test]
fn an_invitation_that_was_not_heard_is_withdrawn_unheard() {
    let mut two = Two::after(&[(Ben, Block), (Ann, Invite), (Ben, Unblock)]);
    let effect = two.act(Ann, Remove).unwrap();
    assert!(effect.changed && !effect.tell_other);
    assert_eq!(two.views(), (View::Removed, View::Removed));
}

#[test]
fn an_invitation_that_was_not_heard_meets_one_in_return() {
    let mut two = Two::after(&[(Ben, Block), (Ann, Invite), (Ben, Unblock)]);
    let effect = two.act(Ben, Invite).unwrap();
    assert!(effect.befriended && effect.tell_other);
}

#[test]
fn the_blocked_one_answers_as_if_nothing_were_and_is_not_heard() {
    for action in [Accept, Invite, Decline, Remove] {
        let mut plain = Two::after(&[(Ben, Invite)]);
        let mut blocked = Two::after(&[(Ben, Invite), (Ben, Block)]);
        plain.act(Ann, action).unwrap();
        assert!(!blocked.act(Ann, action).unwrap().tell_other);
        assert_eq!(plain.ann, blocked.ann);
        assert_eq!(blocked.views().1, View::Blocked);
        assert!(!may_write(&blocked.pair(Ann)));
        blocked.act(Ben, Unblock).unwrap();
        assert_eq!(blocked.views(), plain.views());
    }
}

#[test]
fn whom_one_blocks_one_neither_invites_nor_accepts_but_may_remove() {
    let mut two = Two::after(&[(Ben, Invite), (Ann, Block)]);
    for action in [Invite, Accept] {
        assert!(matches!(two.act(Ann, action), Err(Failure::Conflict(_))));
    }
    assert!(two.act(Ann, Remove).unwrap().tell_other);
    assert_eq!(two.views(), (View::Blocked, View::Removed));
    two.act(Ann, Unblock).unwrap();
    assert_eq!(two.views(), (View::Removed, View::Removed));
}

/// The same rules told as a story: each person keeps a card about the other, and letters go between them.
#[derive(Debug, Default)]
struct Story {
    cards: [Card; 2],
}

#[derive(Debug, Default, Clone, Copy)]
struct Card {
    word: Option<View>,
    blocks: bool,
}

impl Story {
    /// Whether the action went through, and whether the other heard.
    fn act(&mut self, who: usize, action: Action) -> Option<bool> {
        let (mine, theirs) = (self.cards[who], self.cards[1 - who]);
        let is = |card: Card, view: View| card.word == Some(view);
        match action {
            Block | Unblock => {
                self.cards[who].blocks = action == Block;
                Some(false)
            }
            Invite | Accept if mine.blocks => None,
            Invite | Accept if is(mine, View::Accepted) => Some(false),
            Decline | Remove if is(mine, View::Removed) => Some(false),
            Invite if is(mine, View::Pending) => Some(self.both(who, View::Accepted)),
            Invite if theirs.blocks => {
                self.cards[who].word = Some(View::Invited);
                Some(false)
            }
            Invite if is(theirs, View::Invited) => Some(self.both(who, View::Accepted)),
            Invite => {
                self.cards[who].word = Some(View::Invited);
                self.cards[1 - who].word = Some(View::Pending);
                Some(!is(theirs, View::Pending))
            }
            Accept => is(mine, View::Pending).then(|| self.both(who, View::Accepted)),
            Decline => is(mine, View::Pending).then(|| self.both(who, View::Removed)),
            Remove => mine.word.map(|_| self.both(who, View::Removed)),
        }
    }

    fn both(&mut self, who: usize, word: View) -> bool {
        self.cards[who].word = Some(word);
        let other = &mut self.cards[1 - who];
        if other.word.is_none() || other.word == Some(word) {
            return false;
        }
        other.word = Some(word);
        !other.blocks
    }

    fn view(&self, who: usize) -> View {
        let card = self.cards[who];
        if card.blocks { View::Blocked } else { card.word.unwrap_or(View::Removed) }
    }

    fn may_write(&self) -> bool {
        [0, 1].map(|who| self.view(who)) == [View::Accepted; 2]
    }
}

fn histories() -> impl Strategy<Value = Vec<(Who, Action)>> {
    let who = prop_oneof![Just(Ann), Just(Ben)];
    let action = prop_oneof![Just(Invite), Just(Accept), Just(Decline), Just(Remove), Just(Block), Just(Unblock)];
    proptest::collection::vec((who, action), 0..40)
}

proptest! {
    #[test]
    fn any_history_goes_as_the_story_tells_it(history in histories()) {
        let (mut two, mut story) = (Two::default(), Story::default());
        for (who, action) in history {
            let before = two.pair(who);
            let result = two.act(who, action);
            let told = story.act(if who == Ann { 0 } else { 1 }, action);
            prop_assert_eq!(result.as_ref().ok().map(|effect| effect.tell_other), told);
            prop_assert_eq!(two.views(), (story.view(0), story.view(1)));
            prop_assert_eq!(may_write(&two.pair(Ann)), story.may_write());
            prop_assert_eq!(may_write(&two.pair(Ann)), may_write(&two.pair(Ben)));
            let accepted = [two.ann, two.ben].map(|side| side.relation == Relation::Accepted);
            prop_assert_eq!(accepted[0], accepted[1], "nobody is a contact alone");
            if let Ok(effect) = result {
                prop_assert_eq!(effect.changed, effect.pair != before);
                prop_assert_eq!(effect.pair.theirs.blocked, before.theirs.blocked, "nobody sets another's block");
                prop_assert!(!(effect.tell_other && before.theirs.blocked), "who blocks hears nothing");
                if effect.tell_other {
                    prop_assert_ne!(effect.pair.theirs.view(), before.theirs.view(), "nobody is told nothing new");
                }
                if effect.pair.theirs.view() != before.theirs.view() {
                    prop_assert!(effect.tell_other, "what one sees doesn't change unheard");
                }
                let again = two.act(who, action).unwrap();
                prop_assert!(!again.changed && !again.tell_other && !again.befriended, "asking again confirms");
            }
        }
    }

    /// Whatever Ann does between, whether Ben blocks her shows in none of her answers, until she could have heard of it
    /// anyway. `Invite` differs in one case that tells her nothing: when Ben's own invitation had never reached her.
    #[test]
    fn the_blocked_one_can_not_tell(
        before in histories(),
        during in proptest::collection::vec(prop_oneof![Just(Invite), Just(Accept), Just(Decline), Just(Remove)], 0..10),
    ) {
        let mut plain = Two::default();
        for (who, action) in before {
            let _ = plain.act(who, action);
        }
        plain.ann.blocked = false;
        plain.ben.blocked = false;
        prop_assume!(plain.ben.relation != Relation::Invited || plain.ann.relation == Relation::Pending);
        let mut blocked = Two { ann: plain.ann, ben: plain.ben };
        blocked.act(Ben, Block).unwrap();
        for action in during {
            let (seen, hidden) = (plain.act(Ann, action), blocked.act(Ann, action));
            prop_assert_eq!(seen.as_ref().map(|effect| effect.pair.mine), hidden.as_ref().map(|effect| effect.pair.mine));
            prop_assert_eq!(seen.is_ok_and(|effect| effect.befriended), hidden.is_ok_and(|effect| effect.befriended));
        }
    }

    #[test]
    fn a_block_and_its_end_leave_no_trace(history in histories()) {
        let mut two = Two::default();
        for (who, action) in history {
            let _ = two.act(who, action);
        }
        two.act(Ann, Unblock).unwrap();
        let (ann, ben) = (two.ann, two.ben);
        two.act(Ann, Block).unwrap();
        prop_assert_eq!(two.ann.view(), View::Blocked);
        prop_assert_eq!(two.ben.view(), ben.view());
        two.act(Ann, Unblock).unwrap();
        prop_assert_eq!((two.ann, two.ben), (ann, ben));
    }
}
