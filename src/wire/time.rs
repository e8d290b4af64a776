//! Times on the wire: RFC 3339, UTC, milliseconds, such as `2026-11-20T18:00:00.000Z`.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::RangeInclusive;
use utoipa::ToSchema;

/// The years that RFC 3339 can write. Others would be read where a sign stands before the year, and some of them are beyond what
/// the database can keep.
const YEARS: RangeInclusive<i32> = 1..=9999;

/// A moment, written with milliseconds and `Z`, and read in any form of RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-20T18:00:00.000Z")]
pub struct Timestamp(pub DateTime<Utc>);

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let time = DateTime::<Utc>::deserialize(deserializer)?;
        if YEARS.contains(&time.year()) {
            Ok(Self(time))
        } else {
            Err(D::Error::custom("must be in the years 1 to 9999"))
        }
    }
}

/// A calendar day in UTC, such as `2026-11-20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = Date, example = "2026-11-20")]
pub struct Date(pub NaiveDate);

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.format("%Y-%m-%d"))
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Ten characters: a year of four digits without a sign.
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
        let day = day.filter(|day| YEARS.contains(&day.year()));
        day.map(Self).ok_or_else(|| D::Error::custom("must be a day such as 2026-11-20"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Date, Timestamp};

    #[test]
    fn days_are_of_four_two_and_two_digits() {
        let read = |text: &str| serde_json::from_value::<Date>(text.into());
        assert_eq!(serde_json::to_value(read("2026-02-28").unwrap()).unwrap(), "2026-02-28");
        for bad in ["", "2026-02-29", "2026-2-28", "+2026-02-28", "-026-02-28", "0000-01-01", "2026-02-28T00:00:00Z"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn years_that_cannot_be_written_are_refused() {
        let read = |text: &str| serde_json::from_value::<Timestamp>(text.into());
        for good in ["0001-01-01T00:00:00Z", "2026-11-20T19:00:00.5+01:00", "9999-12-31T23:59:59.999Z"] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in
            ["0000-12-31T23:59:59Z", "+10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
