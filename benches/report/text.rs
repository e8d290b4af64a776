//! Figures and tables as text.

use std::fmt::Write;

/// A number to three digits that count, with commas between thousands.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not measured".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let mut unit = 1.0;
    while value.abs() / unit >= 999.5 {
        unit *= 10.0;
    }
    let rounded = (value / unit).round() * unit;
    match value.abs() {
        size if size >= 99.95 => with_commas(&format!("{rounded:.0}")),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn with_commas(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A whole number as it is, with commas between thousands.
pub fn count(value: f64) -> String {
    with_commas(&format!("{value:.0}"))
}

/// A whole number that may not be there.
pub fn maybe_count(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), count)
}

/// A number that may not be there.
pub fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// How many times another.
pub fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

/// Nanoseconds in the unit that fits.
pub fn duration(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        it if it < 1e3 => (it, "ns"),
        it if it < 1e6 => (it / 1e3, "µs"),
        it if it < 1e9 => (it / 1e6, "ms"),
        it => (it / 1e9, "s"),
    };
    format!("{} {unit}", number(value))
}

/// A table in Markdown; the first column stands left, the others right. Columns in which nothing stands are left out.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let is_said = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(|it| !matches!(&**it, "" | "–")));
    let columns: Vec<usize> = (0..head.len()).filter(|column| is_said(*column)).collect();
    let mut text = String::from("\n");
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<&str> = cells.collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(&mut columns.iter().filter_map(|column| head.get(*column).copied()));
    line(&mut columns.iter().map(|column| if *column == 0 { "---" } else { "---:" }));
    for row in rows {
        line(&mut columns.iter().map(|column| row.get(*column).map_or("", String::as_str)));
    }
    text
}

/// A picture in Markdown.
pub fn picture(name: &str, title: &str) -> String {
    format!("\n![{title}](benchmarks/{name}.svg)\n")
}
