//! The rules of presence line by line, and random sequences against a reference that forgets nothing and adds up anew.

use super::*;
use proptest::prelude::*;
use uuid::Uuid;

fn session(number: u8) -> SessionId {
    SessionId(Uuid::from_u128(u128::from(number)))
}

fn with_sessions(count: u8) -> UserPresence {
    let mut user = UserPresence::default();
    (0..count).for_each(|number| user.connect(session(number)));
    user
}

#[test]
fn online_with_the_first_session_and_offline_with_the_last() {
    let mut user = UserPresence::default();
    assert_eq!(user.own(), Presence::Offline);
    for number in [0, 1] {
        user.connect(session(number));
        assert_eq!((user.own(), user.shown()), (Presence::Online, Presence::Online));
    }
    user.disconnect(session(0));
    assert_eq!(user.shown(), Presence::Online);
    user.disconnect(session(1));
    assert_eq!((user.own(), user.shown()), (Presence::Offline, Presence::Offline));
}

#[test]
fn connecting_or_disconnecting_twice_changes_nothing() {
    let mut user = with_sessions(1);
    user.set(session(0), Presence::Away, None).unwrap();
    user.connect(session(0));
    assert_eq!(user.own(), Presence::Away);
    user.disconnect(session(7));
    assert!(user.is_live());
}

#[test]
fn away_only_when_every_session_is() {
    let mut user = with_sessions(2);
    user.set(session(0), Presence::Away, None).unwrap();
    assert_eq!(user.shown(), Presence::Online);
    user.set(session(1), Presence::Away, None).unwrap();
    assert_eq!(user.shown(), Presence::Away);
    user.connect(session(2));
    assert_eq!(user.shown(), Presence::Online);
    user.disconnect(session(2));
    assert_eq!(user.shown(), Presence::Away);
}

#[test]
fn busy_and_invisible_are_of_the_user_and_stay_over_reconnects() {
    for (requested, choice, shown) in
        [(Presence::Busy, Choice::Busy, Presence::Busy), (Presence::Invisible, Choice::Invisible, Presence::Offline)]
    {
        let mut user = with_sessions(2);
        user.set(session(0), requested, None).unwrap();
        user.disconnect(session(0));
        assert_eq!((user.own(), user.shown(), user.choice()), (requested, shown, choice));
        user.set(session(1), Presence::Away, None).unwrap();
        assert_eq!(user.own(), requested, "away is the session's matter");
        user.disconnect(session(1));
        assert_eq!((user.own(), user.choice()), (Presence::Offline, choice));
        user.connect(session(5));
        assert_eq!((user.own(), user.shown()), (requested, shown));
        user.set(session(5), Presence::Online, None).unwrap();
        assert_eq!((user.own(), user.shown(), user.choice()), (Presence::Online, Presence::Online, Choice::Online));
    }
}

#[test]
fn offline_can_not_be_asked_for() {
    let mut user = with_sessions(1);
    let before = user.clone();
    let failure = user.set(session(0), Presence::Offline, Some("gone")).unwrap_err();
    assert!(matches!(failure, Failure::Invalid { field, .. } if field == "status"));
    assert_eq!(user, before);
}

#[test]
fn a_text_stays_until_another_or_an_empty_one_comes() {
    let mut user = with_sessions(1);
    user.set(session(0), Presence::Busy, Some("in a meeting")).unwrap();
    user.set(session(0), Presence::Away, None).unwrap();
    assert_eq!((user.text(), user.shown_text()), (Some("in a meeting"), Some("in a meeting")));
    user.set(session(0), Presence::Online, Some("")).unwrap();
    assert_eq!(user.text(), None);
}

#[test]
fn a_refused_text_changes_nothing() {
    let mut user = with_sessions(1);
    let before = user.clone();
    let failure = user.set(session(0), Presence::Busy, Some("a\nb")).unwrap_err();
    assert!(matches!(failure, Failure::Invalid { field, .. } if field == "text"));
    assert_eq!(user, before);
}

#[test]
fn the_invisible_and_the_offline_look_the_same() {
    let mut invisible = with_sessions(1);
    invisible.set(session(0), Presence::Invisible, Some("here")).unwrap();
    let offline = UserPresence::new(Choice::Online, Some("here".to_owned()));
    assert_eq!((invisible.shown(), invisible.shown_text()), (offline.shown(), offline.shown_text()));
    assert_eq!(invisible.text(), Some("here"));
}

#[derive(Debug, Clone)]
enum Step {
    Connect(u8),
    Disconnect(u8),
    Set(u8, Presence, Option<&'static str>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let presence = proptest::sample::select(vec![
        Presence::Online,
        Presence::Away,
        Presence::Busy,
        Presence::Invisible,
        Presence::Offline,
    ]);
    let text = proptest::sample::select(vec![None, Some(""), Some("one"), Some("two"), Some("\u{7}")]);
    let step = prop_oneof![
        2 => (0..4_u8).prop_map(Step::Connect),
        2 => (0..4_u8).prop_map(Step::Disconnect),
        3 => (0..4_u8, presence, text).prop_map(|(session, presence, text)| Step::Set(session, presence, text)),
    ];
    proptest::collection::vec(step, 0..40)
}

/// What the user themselves sees, found by reading the whole history each time.
fn recomputed(history: &[Step]) -> (Presence, Option<&'static str>) {
    let valid = |step: &&Step| !matches!(step, Step::Set(_, Presence::Offline, _) | Step::Set(_, _, Some("\u{7}")));
    let history: Vec<&Step> = history.iter().filter(valid).collect();
    let mut away = Vec::new();
    for number in 0..4 {
        let ends = |step: &&Step| matches!(step, Step::Disconnect(n) if *n == number);
        let since = history.iter().rposition(ends).map_or(0, |end| end + 1);
        let Some(start) = history[since..].iter().position(|step| matches!(step, Step::Connect(n) if *n == number))
        else {
            continue;
        };
        let last = history[since + start..].iter().rev().find_map(|step| match step {
            Step::Set(n, presence @ (Presence::Online | Presence::Away), _) if *n == number => Some(*presence),
            _ => None,
        });
        away.push(last == Some(Presence::Away));
    }
    let choice = history.iter().rev().find_map(|step| match step {
        Step::Set(_, presence @ (Presence::Online | Presence::Busy | Presence::Invisible), _) => Some(*presence),
        _ => None,
    });
    let text = history.iter().rev().find_map(|step| match step {
        Step::Set(_, _, Some(text)) => Some(*text),
        _ => None,
    });
    let presence = match choice {
        _ if away.is_empty() => Presence::Offline,
        Some(chosen @ (Presence::Busy | Presence::Invisible)) => chosen,
        _ if away.iter().all(|away| *away) => Presence::Away,
        _ => Presence::Online,
    };
    (presence, text.filter(|text| !text.is_empty()))
}

proptest! {
    #[test]
    fn any_history_adds_up_to_what_is_recomputed(history in steps()) {
        let mut user = UserPresence::default();
        for (index, step) in history.iter().enumerate() {
            let before = user.clone();
            match step {
                Step::Connect(number) => user.connect(session(*number)),
                Step::Disconnect(number) => user.disconnect(session(*number)),
                Step::Set(number, presence, text) => {
                    let valid = *presence != Presence::Offline && *text != Some("\u{7}");
                    prop_assert_eq!(user.set(session(*number), *presence, *text).is_ok(), valid);
                }
            }
            let (own, text) = recomputed(&history[..=index]);
            prop_assert_eq!((user.own(), user.text()), (own, text));
            prop_assert_eq!(user.is_live(), own != Presence::Offline);
            prop_assert_eq!(user.shown(), if own == Presence::Invisible { Presence::Offline } else { own });
            prop_assert_eq!(user.shown_text(), text.filter(|_| user.shown() != Presence::Offline));
            let visible = |user: &UserPresence| user.is_live() && user.choice() != Choice::Invisible;
            if visible(&before) && visible(&user) {
                prop_assert_ne!(user.shown(), Presence::Offline, "no flicker while a session is left");
            }
        }
    }

    /// However sessions come and go, with one that stays, the user never looks offline in between.
    #[test]
    fn one_session_that_stays_keeps_its_user_online(history in steps()) {
        let stays = session(99);
        let mut user = UserPresence::default();
        user.connect(stays);
        for step in history {
            match step {
                Step::Connect(number) => user.connect(session(number)),
                Step::Disconnect(number) => user.disconnect(session(number)),
                Step::Set(..) => {}
            }
            prop_assert_eq!(user.shown(), Presence::Online);
        }
    }
}
