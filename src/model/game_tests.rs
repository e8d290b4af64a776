//! The rules of game invitations line by line, and random answers to invitations of any size.

use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use Answer::{Accept, Decline, Withdraw};

const AUTHOR: u8 = 0;

fn user(number: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(number)))
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn offer(capacity: usize, private: bool) -> Invitation {
    Invitation {
        state: State::Offered,
        capacity,
        author: user(AUTHOR),
        seats: Vec::new(),
        declined: Vec::new(),
        expires_at: Some(at(100)),
        private,
    }
}

fn answered(capacity: usize, answers: &[(u8, Answer)]) -> Invitation {
    let mut game = offer(capacity, false);
    for (number, answer) in answers {
        assert_eq!(say(&mut game, *number, *answer), Ok(CHANGED));
    }
    game
}

/// An answer in time, in a conversation of an author and three others.
fn say(game: &mut Invitation, number: u8, answer: Answer) -> Result<Change, Failure> {
    game.answer(user(number), answer, at(1), 3)
}

#[test]
fn in_private_it_is_accepted_when_taken() {
    for capacity in [1, 4] {
        let mut game = offer(capacity, true);
        assert_eq!(game.answer(user(1), Accept, at(1), 1), Ok(CHANGED));
        assert_eq!((game.state, game.seats.as_slice()), (State::Accepted, [user(1)].as_slice()));
        assert_eq!(game.answer(user(1), Accept, at(1), 1), Ok(UNCHANGED));
        assert!(matches!(game.answer(user(1), Decline, at(1), 1), Err(Failure::Conflict(_))));
        assert!(matches!(game.answer(user(0), Withdraw, at(1), 1), Err(Failure::Conflict(_))));
    }
}

#[test]
fn in_private_one_decline_ends_it() {
    let mut game = offer(1, true);
    assert_eq!(game.answer(user(1), Decline, at(1), 1), Ok(CHANGED));
    assert_eq!(game.state, State::Declined);
    assert_eq!(game.answer(user(1), Decline, at(1), 1), Ok(UNCHANGED));
    assert!(matches!(game.answer(user(1), Accept, at(1), 1), Err(Failure::Conflict(_))));
}

#[test]
fn it_is_full_when_all_seats_are_taken() {
    let mut game = answered(2, &[(1, Accept)]);
    assert_eq!(game.state, State::Offered);
    assert_eq!(say(&mut game, 2, Accept), Ok(CHANGED));
    assert_eq!(game.state, State::Full);
    assert_eq!(say(&mut game, 3, Accept), Err(Failure::Full));
    assert!(matches!(say(&mut game, 3, Decline), Err(Failure::Conflict(_))));
    assert!(matches!(say(&mut game, 1, Decline), Err(Failure::Conflict(_))), "a seat is not given up after the end");
    assert_eq!(game.seats, [user(1), user(2)]);
}

#[test]
fn accepting_twice_confirms_also_after_the_end() {
    let mut game = answered(1, &[(1, Accept)]);
    assert_eq!(game.answer(user(1), Accept, at(500), 3), Ok(UNCHANGED));
    assert_eq!(game.state, State::Full);
}

#[test]
fn it_is_declined_only_when_every_other_member_declined() {
    let mut game = answered(2, &[(1, Decline), (2, Decline)]);
    assert_eq!(game.state, State::Offered);
    assert_eq!(say(&mut game, 2, Decline), Ok(UNCHANGED), "declining twice doesn't count twice");
    assert_eq!(game.state, State::Offered);
    assert_eq!(say(&mut game, 3, Decline), Ok(CHANGED));
    assert_eq!(game.state, State::Declined);
    assert!(matches!(say(&mut game, 1, Accept), Err(Failure::Conflict(_))));
}

#[test]
fn who_declined_may_still_accept() {
    let mut game = answered(2, &[(1, Decline), (1, Accept)]);
    assert_eq!((game.seats.as_slice(), game.declined.as_slice()), ([user(1)].as_slice(), [].as_slice()));
    assert_eq!(say(&mut game, 1, Accept), Ok(UNCHANGED));
}

#[test]
fn who_sits_may_decline_and_frees_the_seat() {
    let game = answered(2, &[(1, Accept), (1, Decline), (2, Accept), (3, Accept)]);
    assert_eq!((game.state, game.seats.as_slice()), (State::Full, [user(2), user(3)].as_slice()));
    assert_eq!(game.declined, [user(1)]);
}

#[test]
fn only_its_author_withdraws() {
    let mut game = answered(2, &[(1, Accept)]);
    assert!(matches!(say(&mut game, 1, Withdraw), Err(Failure::Forbidden(_))));
    assert_eq!(say(&mut game, AUTHOR, Withdraw), Ok(CHANGED));
    assert_eq!(say(&mut game, AUTHOR, Withdraw), Ok(UNCHANGED));
    assert_eq!(game.state, State::Withdrawn);
    assert!(matches!(say(&mut game, 2, Accept), Err(Failure::Conflict(_))));
}

#[test]
fn its_author_takes_no_seat_and_declines_nothing() {
    let mut game = offer(2, false);
    for answer in [Accept, Decline] {
        assert!(matches!(say(&mut game, AUTHOR, answer), Err(Failure::Conflict(_))));
    }
    assert_eq!(game, offer(2, false));
}

#[test]
fn time_ends_it_and_the_answer_that_finds_out_says_so() {
    assert_eq!(offer(1, false).state_at(at(99)), State::Offered);
    assert_eq!(offer(1, false).state_at(at(100)), State::Expired);
    for (number, answer) in [(1, Accept), (1, Decline), (AUTHOR, Withdraw)] {
        let mut game = offer(1, false);
        assert!(matches!(game.answer(user(number), answer, at(100), 3), Err(Failure::Conflict(_))));
        assert_eq!(game.state, State::Expired);
    }
    let endless = Invitation { expires_at: None, ..offer(1, false) };
    assert_eq!(endless.state_at(at(1_000_000_000)), State::Offered);
}

#[test]
fn what_has_ended_does_not_expire() {
    let game = answered(1, &[(1, Accept)]);
    assert_eq!(game.state_at(at(1_000)), State::Full);
}

#[test]
fn the_word_in_the_database_is_the_one_on_the_wire() {
    for state in [State::Offered, State::Accepted, State::Declined, State::Withdrawn, State::Expired, State::Full] {
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
}

/// Who answers what, and how many seconds after the answer before.
fn histories() -> impl Strategy<Value = Vec<(u8, Answer, i64)>> {
    let answer = prop_oneof![6 => Just(Accept), 4 => Just(Decline), 1 => Just(Withdraw)];
    proptest::collection::vec((0..8_u8, answer, 0..8_i64), 1..60)
}

proptest! {
    #[test]
    fn seats_have_one_winner_each_and_an_end_is_final(
        private in any::<bool>(),
        capacity in 1..6_usize,
        others in 1..8_u8,
        answers in histories(),
    ) {
        let others = if private { 1 } else { others };
        let mut game = offer(capacity, private);
        let mut now = 0;
        for (number, answer, step) in answers {
            now += step;
            let number = number % (others + 1);
            let before = game.clone();
            let result = game.answer(user(number), answer, at(now), usize::from(others));
            prop_assert!(game.seats.len() <= capacity);
            let mut seated = game.seats.clone();
            seated.sort();
            seated.dedup();
            prop_assert_eq!(seated.len(), game.seats.len(), "nobody sits twice");
            prop_assert!(!game.seats.iter().any(|user| game.declined.contains(user)), "nobody says yes and no");
            prop_assert!(!game.seats.contains(&user(AUTHOR)) && !game.declined.contains(&user(AUTHOR)));
            if before.state != State::Offered {
                prop_assert_eq!(&game, &before, "an end is final");
            }
            if !matches!(result, Ok(CHANGED)) {
                let expired = Invitation { state: before.state_at(at(now)), ..before.clone() };
                prop_assert!(game == before || game == expired, "what fails or confirms changes nothing else");
            }
            match game.state {
                State::Offered => prop_assert!(game.seats.len() < capacity && game.declined.len() < usize::from(others)),
                State::Accepted => prop_assert!(private && game.seats.len() == 1),
                State::Full => prop_assert!(!private && game.seats.len() == capacity),
                State::Declined => prop_assert_eq!(game.declined.len(), usize::from(others)),
                State::Expired => prop_assert!(now >= 100),
                State::Withdrawn => {}
            }
            if result.is_ok() {
                let again = game.answer(user(number), answer, at(now), usize::from(others));
                prop_assert_eq!(again, Ok(UNCHANGED), "the same answer confirms");
            }
        }
    }
}
