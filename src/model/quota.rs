//! Quotas: what a call of a model costs, whether it may begin, and when people are warned.
//!
//! Quotas hold on four levels at once, in tokens and in money, for a calendar month. Before a call its estimate is reserved on each;
//! afterwards what it really used is booked. A call is refused only where what is *booked* has reached a quota. One that does
//! not fit beside what others have reserved waits: they may use less.

use super::words::words;
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};

/// Money is counted in millionths of the server's currency, and prices are for a million tokens: the same factor.
const MILLION: u128 = 1_000_000;
/// Characters that count as one token where nobody counted.
const CHARACTERS_PER_TOKEN: u64 = 4;
/// Of a hundred parts of a quota: from here on people are warned.
const WARN_AT: u128 = 80;
/// The most that any single amount counts as: thousands of such still fit the 64 bits of the database, and one the numbers of JSON.
pub const MOST: u64 = 1_000_000_000_000_000;

/// Where a quota holds. In the order in which their rows are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Organization,
    Project,
    Conversation,
    User,
}

words!(Level {
    Organization => "organization",
    Project => "project",
    Conversation => "conversation",
    User => "user",
});

/// Tokens that a model read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    pub input: u64,
    pub output: u64,
}

impl Used {
    /// Both together.
    #[must_use]
    pub const fn tokens(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// What comes on top of what was booked.
    #[must_use]
    pub const fn beyond(self, booked: Self) -> Self {
        Self { input: self.input.saturating_sub(booked.input), output: self.output.saturating_sub(booked.output) }
    }

    /// The larger of both counts, each cut at [`MOST`].
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self { input: self.input.max(other.input).min(MOST), output: self.output.max(other.output).min(MOST) }
    }
}

/// About how many tokens a text of so many characters is.
#[must_use]
pub const fn estimate(characters: u64) -> u64 {
    characters.div_ceil(CHARACTERS_PER_TOKEN)
}

/// What a model costs, in millionths of the currency for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub input: u64,
    pub output: u64,
}

impl Price {
    /// What so many tokens cost, in millionths, rounded up.
    #[must_use]
    pub fn cost(self, used: Used) -> u64 {
        clamp(self.exact(used).div_ceil(MILLION))
    }

    /// A million times what so many tokens cost. Neither factor is above 64 bits, so it fits.
    fn exact(self, used: Used) -> u128 {
        let product = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        product(used.input, self.input).saturating_add(product(used.output, self.output))
    }

    /// How many tokens a model may write for so much money, after it has read the input.
    fn output_for(self, money: u64, input: u64) -> u64 {
        let read = self.exact(Used { input, output: 0 });
        let left = (u128::from(money) * MILLION).saturating_sub(read);
        left.checked_div(u128::from(self.output)).map_or(u64::MAX, |output| u64::try_from(output).unwrap_or(u64::MAX))
    }
}

fn clamp(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX).min(MOST)
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    pub tokens: u64,
    /// In millionths of the currency.
    pub money: u64,
}

impl Amount {
    /// Both added.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), money: self.money.saturating_add(other.money) }
    }
}

/// What may be used in a month; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    pub tokens: Option<u64>,
    pub money: Option<u64>,
}

impl Limit {
    /// What holds where two limits are set: the lower one.
    #[must_use]
    pub fn lower(self, other: Self) -> Self {
        let lower = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        Self { tokens: lower(self.tokens, other.tokens), money: lower(self.money, other.money) }
    }
}

/// How one level stands in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub level: Level,
    pub limit: Limit,
    /// What is booked.
    pub used: Amount,
    /// What calls under way have reserved, and those who have waited longer.
    pub reserved: Amount,
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Tokens that the model is told, by estimate.
    pub input: u64,
    /// Tokens that it may write.
    pub output: u64,
    /// `None`: no price is known, so it counts in tokens only.
    pub price: Option<Price>,
}

/// Whether a call may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// What is booked has reached the quota of this level.
    Exceeded(Level),
    /// It does not fit beside what others have reserved. It would take so much.
    Wait(Amount),
    /// It may, and write so many tokens.
    Go { output: u64, takes: Amount },
}

/// Decides over a call from how all levels stand.
///
/// The output is lowered to what is left of the tightest quota, but to no less than one token: whose use has not reached the quota is
/// served. So the last call before the end goes over it by what its estimate missed, and no other does.
#[must_use]
pub fn decide(wish: Wish, standings: &[Standing]) -> Decision {
    for Standing { level, limit, used, .. } in standings {
        let money = limit.money.filter(|_| wish.price.is_some());
        if limit.tokens.is_some_and(|most| used.tokens >= most) || money.is_some_and(|most| used.money >= most) {
            return Decision::Exceeded(*level);
        }
    }
    let input = wish.input.min(MOST);
    let room = |standing: &Standing| {
        let tokens = standing.limit.tokens.map(|most| most.saturating_sub(standing.used.tokens).saturating_sub(input));
        let money = standing
            .limit
            .money
            .zip(wish.price)
            .map(|(most, price)| price.output_for(most.saturating_sub(standing.used.money), input));
        tokens.into_iter().chain(money).min()
    };
    let output =
        standings.iter().filter_map(room).min().map_or(wish.output, |room| wish.output.min(room)).clamp(1, MOST);
    let used = Used { input, output };
    let takes = Amount { tokens: used.tokens(), money: wish.price.map_or(0, |price| price.cost(used)) };
    let fits = |limit: Option<u64>, used: u64, reserved: u64, takes: u64| {
        let sum = used.checked_add(reserved).and_then(|sum| sum.checked_add(takes));
        reserved == 0 || takes == 0 || limit.is_none_or(|most| sum.is_some_and(|sum| sum <= most))
    };
    let fits = standings.iter().all(|Standing { limit, used, reserved, .. }| {
        fits(limit.tokens, used.tokens, reserved.tokens, takes.tokens)
            && fits(limit.money, used.money, reserved.money, takes.money)
    });
    if fits { Decision::Go { output, takes } } else { Decision::Wait(takes) }
}

/// What people are warned of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    pub used: u64,
    pub quota: u64,
    /// In millionths of the currency, else tokens.
    pub is_money: bool,
}

/// Whether so much of a quota is used up that people should know: tokens first.
#[must_use]
pub fn alarm(limit: Limit, used: Amount) -> Option<Alarm> {
    let near = |quota: Option<u64>, used: u64, is_money: bool| {
        let quota = quota.filter(|quota| u128::from(used) * 100 >= u128::from(*quota) * WARN_AT)?;
        Some(Alarm { used, quota, is_money })
    };
    near(limit.tokens, used.tokens, false).or_else(|| near(limit.money, used.money, true))
}

/// The first day of the calendar month, in UTC.
#[must_use]
pub fn month_of(now: DateTime<Utc>) -> NaiveDate {
    first_of(now.date_naive())
}

/// The first day of the month of a day.
#[must_use]
pub fn first_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// The first day of the month after.
#[must_use]
pub fn next_month(month: NaiveDate) -> NaiveDate {
    month.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX)
}

/// A currency, by the three letters of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency([u8; 3]);

impl Currency {
    /// What money is counted in where nothing is set.
    pub const DEFAULT: Self = Self(*b"EUR");

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("EUR")
    }
}

impl std::str::FromStr for Currency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters = <[u8; 3]>::try_from(text.as_bytes()).ok().filter(|it| it.iter().all(u8::is_ascii_uppercase));
        letters.map(Self).ok_or("must be the three capital letters of a currency, such as EUR")
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
