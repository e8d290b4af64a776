//! The scenarios of the load generator: what each is, and which figure of it is shown first.

use crate::load::Line;

/// One scenario.
pub struct Scenario {
    /// As lines name it.
    pub name: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    pub figure: Figure,
}

/// What the chart of a scenario shows, and what is compared with the raw limit.
#[derive(Clone, Copy)]
pub struct Figure {
    pub title: &'static str,
    pub unit: &'static str,
    pub of: fn(&Line) -> Option<f64>,
}

const DELIVERIES: Figure = Figure { title: "Deliveries", unit: "a second", of: |line| line.deliveries_per_second };
const CPU: Figure =
    Figure { title: "CPU of the server", unit: "seconds per million deliveries", of: |line| line.cpu_per_million };
const SECONDS: Figure = Figure { title: "Until all are there", unit: "seconds", of: |line| line.seconds };

/// All of them, in the order of the page.
pub const ALL: [Scenario; 8] = [
    Scenario {
        name: "fan-out",
        title: "One room, many who hear it",
        about: "A few write as fast as they are answered; everybody in the room gets every message.",
        figure: DELIVERIES,
    },
    Scenario {
        name: "paced",
        title: "At a steady pace",
        about: "Messages come at a fixed rate, so that what counts is how long they take and what they cost.",
        figure: CPU,
    },
    Scenario {
        name: "pairs",
        title: "Pairs",
        about: "Many private conversations; each side answers what the other wrote.",
        figure: Figure { title: "Round trips", unit: "a second", of: |line| line.round_trips_per_second },
    },
    Scenario {
        name: "mixed",
        title: "A mixed crowd",
        about: "Large and small rooms and pairs at once.",
        figure: DELIVERIES,
    },
    Scenario {
        name: "storm",
        title: "Everybody comes at once",
        about: "All sessions sign in together.",
        figure: SECONDS,
    },
    Scenario {
        name: "restart",
        title: "After a restart",
        about: "The server goes and comes back, and all sessions with it.",
        figure: SECONDS,
    },
    Scenario {
        name: "idle",
        title: "Sessions that say nothing",
        about: "What a connection takes that only is there.",
        figure: Figure { title: "Memory of the server", unit: "KiB a session", of: |line| line.rss_per_session_kib },
    },
    Scenario {
        name: "scale",
        title: "More of everything",
        about: "Whether a delivery costs more where more hear it, or where there are more rooms.",
        figure: CPU,
    },
];
