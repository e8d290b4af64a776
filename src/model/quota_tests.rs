use super::*;
use proptest::prelude::*;

const FREE: Option<Price> = None;

fn user(limit: Option<u64>, used: u64, reserved: u64) -> Standing {
    let amount = |tokens| Amount { tokens, money: 0 };
    Standing {
        level: Level::User,
        limit: Limit { tokens: limit, money: None },
        used: amount(used),
        reserved: amount(reserved),
    }
}

fn wish(input: u64, output: u64) -> Wish {
    Wish { input, output, price: FREE }
}

fn goes(decision: Decision) -> Option<u64> {
    match decision {
        Decision::Go { output, .. } => Some(output),
        _ => None,
    }
}

#[test]
fn four_characters_are_a_token() {
    assert_eq!([0, 1, 4, 5, 8].map(estimate), [0, 1, 1, 2, 2]);
}

#[test]
fn the_output_is_lowered_to_what_is_left() {
    assert_eq!(goes(decide(wish(100, 500), &[user(Some(1_000), 0, 0)])), Some(500));
    assert_eq!(goes(decide(wish(100, 500), &[user(Some(1_000), 700, 0)])), Some(200));
    assert_eq!(goes(decide(wish(100, 500), &[user(Some(1_000), 700, 0), user(Some(2_000), 1_850, 0)])), Some(50));
    assert_eq!(goes(decide(wish(100, 500), &[user(None, 1_000_000, 1_000_000)])), Some(500));
}

#[test]
fn who_has_not_reached_the_quota_is_served_and_who_has_is_not() {
    assert_eq!(goes(decide(wish(100, 500), &[user(Some(1_000), 999, 0)])), Some(1));
    assert_eq!(decide(wish(100, 500), &[user(Some(1_000), 1_000, 0)]), Decision::Exceeded(Level::User));
    assert_eq!(decide(wish(0, 1), &[user(Some(0), 0, 0)]), Decision::Exceeded(Level::User));
}

#[test]
fn what_others_reserved_is_waited_for_and_never_refused() {
    let takes = Amount { tokens: 600, money: 0 };
    assert_eq!(decide(wish(100, 500), &[user(Some(1_000), 0, 500)]), Decision::Wait(takes));
    assert_eq!(goes(decide(wish(100, 500), &[user(Some(1_000), 0, 400)])), Some(500));
    // More than ever fits goes alone.
    assert_eq!(
        decide(wish(5_000, 500), &[user(Some(1_000), 0, 1)]),
        Decision::Wait(Amount { tokens: 5_001, money: 0 })
    );
    assert_eq!(goes(decide(wish(5_000, 500), &[user(Some(1_000), 0, 0)])), Some(1));
}

#[test]
fn money_counts_where_a_price_is_known() {
    let standing = Standing {
        level: Level::Project,
        limit: Limit { tokens: None, money: Some(1_000_000) },
        used: Amount { tokens: 0, money: 400_000 },
        reserved: Amount::default(),
    };
    // 0.2 for the input of 100 000, 0.4 left at 4 a million: 100 000.
    let priced = Wish { input: 100_000, output: 500_000, price: Some(Price { input: 2_000_000, output: 4_000_000 }) };
    let takes = Amount { tokens: 200_000, money: 600_000 };
    assert_eq!(decide(priced, &[standing]), Decision::Go { output: 100_000, takes });
    let spent = Standing { used: Amount { tokens: 0, money: 1_000_000 }, ..standing };
    assert_eq!(decide(priced, &[spent]), Decision::Exceeded(Level::Project));
    assert_eq!(goes(decide(Wish { price: None, ..priced }, &[spent])), Some(500_000));
    let gift = Price { input: 0, output: 0 };
    assert_eq!(goes(decide(Wish { price: Some(gift), ..priced }, &[standing])), Some(500_000));
}

#[test]
fn people_are_warned_from_four_fifths_on() {
    let limit = Limit { tokens: Some(1_000), money: Some(50) };
    let at = |tokens, money| alarm(limit, Amount { tokens, money });
    assert_eq!(at(799, 39), None);
    assert_eq!(at(800, 50), Some(Alarm { used: 800, quota: 1_000, is_money: false }));
    assert_eq!(at(799, 40), Some(Alarm { used: 40, quota: 50, is_money: true }));
    assert_eq!(alarm(Limit::default(), Amount { tokens: MOST, money: MOST }), None);
}

#[test]
fn months_begin_on_the_first() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let day = |year, month| NaiveDate::from_ymd_opt(year, month, 1).unwrap();
    assert_eq!(month_of(at("2026-12-31T23:59:59.999Z")), day(2026, 12));
    assert_eq!(month_of(at("2027-01-01T00:00:00Z")), day(2027, 1));
    assert_eq!(month_of(at("2027-01-01T00:30:00+01:00")), day(2026, 12));
    assert_eq!(next_month(day(2026, 12)), day(2027, 1));
}

#[test]
fn currencies_are_three_capital_letters() {
    assert_eq!("USD".parse::<Currency>().unwrap().as_str(), "USD");
    for bad in ["", "eur", "EURO", "E1R", "€"] {
        assert!(bad.parse::<Currency>().is_err(), "{bad}");
    }
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![0..100u64, 0..1_000_000u64, Just(MOST), Just(u64::MAX)]
}

fn standing() -> impl Strategy<Value = Standing> {
    let limit = (proptest::option::of(amount()), proptest::option::of(amount()));
    (limit, (amount(), amount()), (amount(), amount())).prop_map(|((tokens, money), used, reserved)| Standing {
        level: Level::Project,
        limit: Limit { tokens, money },
        used: Amount { tokens: used.0, money: used.1 },
        reserved: Amount { tokens: reserved.0, money: reserved.1 },
    })
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let price = proptest::option::of((amount(), amount()).prop_map(|(input, output)| Price { input, output }));
    (amount(), amount(), price).prop_map(|(input, output, price)| Wish { input, output, price })
}

proptest! {
    #[test]
    fn a_call_is_refused_only_where_a_quota_is_reached(wish in any_wish(), standings in proptest::collection::vec(standing(), 0..4)) {
        let reached = standings.iter().any(|it| {
            it.limit.tokens.is_some_and(|most| it.used.tokens >= most)
                || (wish.price.is_some() && it.limit.money.is_some_and(|most| it.used.money >= most))
        });
        let is_refused = matches!(decide(wish, &standings), Decision::Exceeded(_));
        prop_assert_eq!(is_refused, reached);
    }

    #[test]
    fn nobody_waits_for_nobody(wish in any_wish(), mut standings in proptest::collection::vec(standing(), 0..4)) {
        for standing in &mut standings {
            standing.reserved = Amount::default();
        }
        prop_assert!(!matches!(decide(wish, &standings), Decision::Wait(_)));
    }

    /// Beside others a call never takes more than is left; alone it goes over by no more than its input and one token.
    #[test]
    fn what_may_go_fits(wish in any_wish(), standings in proptest::collection::vec(standing(), 1..4)) {
        if let Decision::Go { output, takes } = decide(wish, &standings) {
            prop_assert!(output >= 1 && output <= wish.output.clamp(1, MOST));
            prop_assert_eq!(takes.tokens, wish.input.min(MOST) + output);
            for it in &standings {
                if let Some(most) = it.limit.tokens {
                    let left = most.saturating_sub(it.used.tokens).saturating_sub(it.reserved.tokens);
                    prop_assert!(takes.tokens <= left.max(wish.input.min(MOST) + 1));
                    prop_assert!(it.reserved.tokens == 0 || takes.tokens <= left);
                }
            }
        }
    }

    #[test]
    fn a_price_is_rounded_up_once(input in 0..10_000_000u64, output in 0..10_000_000u64, price in (0..100_000_000u64, 0..100_000_000u64)) {
        let price = Price { input: price.0, output: price.1 };
        let exact = u128::from(input) * u128::from(price.input) + u128::from(output) * u128::from(price.output);
        let cost = u128::from(price.cost(Used { input, output }));
        prop_assert!(cost * MILLION >= exact || cost == u128::from(MOST));
        prop_assert!(cost.saturating_sub(1) * MILLION <= exact);
    }

    #[test]
    fn what_is_booked_in_two_parts_is_booked_once(first in (amount(), amount()), whole in (amount(), amount())) {
        let first = Used { input: first.0, output: first.1 }.at_least(Used::default());
        let whole = Used { input: whole.0, output: whole.1 }.at_least(first);
        let rest = whole.beyond(first);
        prop_assert_eq!((first.input + rest.input, first.output + rest.output), (whole.input, whole.output));
    }
}
