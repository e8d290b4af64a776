//! What was aimed at, and how far it was reached.

use crate::text::{number, table};

/// A figure and its bound.
pub struct Target {
    what: String,
    measured: f64,
    bound: f64,
    /// Whether more is better.
    at_least: bool,
}

impl Target {
    pub fn at_least(what: String, measured: f64, bound: f64) -> Self {
        Self { what, measured, bound, at_least: true }
    }

    pub fn at_most(what: String, measured: f64, bound: f64) -> Self {
        Self { what, measured, bound, at_least: false }
    }

    fn is_met(&self) -> bool {
        if self.at_least { self.measured >= self.bound } else { self.measured <= self.bound }
    }
}

/// The section with all of them.
pub fn section(all: &[Target]) -> String {
    let mut text = String::from("\n## Targets\n");
    if all.is_empty() {
        text.push_str("\nNothing was run that has a target.\n");
        return text;
    }
    let row = |it: &Target| {
        let sign = if it.at_least { "≥" } else { "≤" };
        let verdict = if it.is_met() { "met" } else { "**missed**" };
        vec![it.what.clone(), number(it.measured), format!("{sign} {}", number(it.bound)), verdict.to_owned()]
    };
    text.push_str(&table(&["", "measured", "target", ""], &all.iter().map(row).collect::<Vec<_>>()));
    text
}
