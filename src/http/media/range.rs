//! Parts of a file, as `Range` asks for them (RFC 9110, section 14).

use std::ops::Range;

/// What is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// All of it: nothing else was asked for, or nothing that is understood, or several parts.
    All,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing, for it has no such bytes.
    Nothing,
}

/// What a `Range` header asks for of so many bytes.
#[must_use]
pub fn asked(header: &str, size: u64) -> Asked {
    let Some((unit, range)) = header.split_once('=') else { return Asked::All };
    let Some((first, last)) = range.trim().split_once('-') else { return Asked::All };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::All;
    }
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More digits than a number has: beyond any file.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(length)) if first.is_empty() => size.saturating_sub(length)..size,
        _ => return Asked::All,
    };
    if range.is_empty() { Asked::Nothing } else { Asked::Part(range) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn single_ranges_are_understood() {
        for (header, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-9", 0..10),
            ("bytes=3-", 3..10),
            ("bytes=3-99", 3..10),
            ("bytes=-4", 6..10),
            ("bytes=-99", 0..10),
            ("Bytes= 1-2", 1..3),
            ("bytes=0-99999999999999999999999", 0..10),
        ] {
            assert_eq!(asked(header, 10), Asked::Part(range), "{header}");
        }
        for header in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(asked(header, 10), Asked::Nothing, "{header}");
        }
        for header in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,3-4", "items=0-1", "bytes=+1-2"]
        {
            assert_eq!(asked(header, 10), Asked::All, "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_always_inside(first in any::<u64>(), last in any::<u64>(), size in any::<u64>(), noise in ".{0,20}") {
            for header in [format!("bytes={first}-{last}"), format!("bytes={first}-"), format!("bytes=-{last}"), noise] {
                if let Asked::Part(range) = asked(&header, size) {
                    prop_assert!(range.start < range.end && range.end <= size);
                }
            }
        }
    }
}
