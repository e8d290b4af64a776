//! Horizontal bar charts in SVG, on a white card so that they can be read on light and dark pages alike.

use crate::text::number;
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 20.0;
/// Where bars begin, and how long the longest is; what is left is for its value.
const LABELS: f64 = 260.0;
const LONGEST: f64 = 370.0;
const ROW: f64 = 24.0;
const BAR: f64 = 15.0;
const TITLE: f64 = 44.0;
const HEADING: f64 = 26.0;
/// Above the row's end: where letters stand so that they are in the middle of the bar.
const BASELINE: f64 = 12.0;

/// One bar.
pub struct Bar {
    pub label: String,
    pub value: f64,
    /// Whether it is palabre's, which has a colour.
    pub ours: bool,
}

/// Bars in groups; a group with an empty heading has none.
pub struct Chart {
    pub title: String,
    pub unit: &'static str,
    pub groups: Vec<(String, Vec<Bar>)>,
}

impl Chart {
    /// As a file.
    pub fn svg(&self) -> String {
        let bars = || self.groups.iter().flat_map(|(_, bars)| bars);
        let most = bars().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
        let (mut body, mut y) = (String::new(), TITLE);
        for (heading, bars) in &self.groups {
            if !heading.is_empty() {
                y += HEADING;
                let _ = writeln!(body, r#"<text class="h" x="{MARGIN}" y="{:.1}">{}</text>"#, y - 8.0, escape(heading));
            }
            for bar in bars {
                row(&mut body, bar, y, (bar.value / most).clamp(0.0, 1.0) * LONGEST);
                y += ROW;
            }
        }
        let height = y + MARGIN / 2.0;
        let title = escape(&format!("{}, {}", self.title, self.unit));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}">
<title>{title}</title>
<style>text{{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2937}}.t{{font-size:15px;font-weight:600}}.h{{font-weight:600;fill:#4b5563}}.v{{fill:#4b5563}}</style>
<rect x="0.5" y="0.5" width="{:.0}" height="{:.0}" rx="8" fill="#ffffff" stroke="#d1d5db"/>
<text class="t" x="{MARGIN}" y="28">{title}</text>
{body}</svg>
"##,
            WIDTH - 1.0,
            height.round() - 1.0,
        )
    }
}

fn row(body: &mut String, bar: &Bar, y: f64, length: f64) {
    let (text_y, colour) = (y + BASELINE, if bar.ours { "#2563eb" } else { "#9ca3af" });
    let length = length.max(1.0);
    let label = escape(&bar.label);
    let _ = writeln!(
        body,
        r#"<text x="{:.0}" y="{text_y:.1}" text-anchor="end">{label}</text><rect x="{LABELS:.0}" y="{y:.1}" width="{length:.1}" height="{BAR}" rx="2" fill="{colour}"/><text class="v" x="{:.1}" y="{text_y:.1}">{}</text>"#,
        LABELS - 8.0,
        LABELS + length + 6.0,
        number(bar.value),
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
