//! Lengths of time as people write them in settings: `500ms`, `30s`, `2m`, `8h`.

use std::time::Duration;

/// Reads a length of time: a whole number and its unit, one of `ms`, `s`, `m`, `h`.
///
/// The unit is asked for, so that nobody has to guess whether `10` means seconds.
///
/// # Errors
/// A text for people when there is no number, no known unit, or more than a [`Duration`] holds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("give a whole number and a unit, such as 500ms, 30s, 2m or 8h".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "give a whole number before the unit, such as 30s".to_owned())?;
    number.checked_mul(millis_per_unit).map(Duration::from_millis).ok_or_else(|| "this is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse("8h"), Ok(Duration::from_secs(8 * 3600)));
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in ["", "10", "s", "-1s", "1.5s", "10 s", "10d", "18446744073709551615h", "99999999999999999999s"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
