//! The scenarios of the load generator: what each is, and which figure of it is shown first.

use crate::line::Line;

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
const P99: Figure = Figure { title: "Latency, 99 of 100", unit: "ms", of: |line| line.p99_ms };
const SECONDS: Figure = Figure { title: "Until all are there", unit: "seconds", of: |line| line.seconds };

/// All of them, in the order of the page.
pub const ALL: [Scenario; 12] = [
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
        name: "encodings",
        title: "Every way in",
        about: "The fan-out to 1,000 receivers once more, in each framing and encoding.",
        figure: CPU,
    },
    Scenario {
        name: "mixed",
        title: "An ordinary day",
        about: "Groups of 20, three for each person. All type, then say something, every other second, and mark as read what came, \
                twice a second. Deliveries are those of messages; typing and receipts are another five for each.",
        figure: CPU,
    },
    Scenario {
        name: "stomp",
        title: "Two by STOMP",
        about: "Two clients that speak STOMP answer each other, over and over, while all other sessions, in pairs and by JSON, say something \
                each second. Latencies are those of the two: from the `SEND` to the other's `MESSAGE`, stored in between.",
        figure: P99,
    },
    Scenario {
        name: "storm",
        title: "Everybody comes at once",
        about: "All sessions sign in together, 256 at a time, each with three conversations (of 2, 10 and 100 members), a contact, and \
                presence that is told to those who may see it. Three of the large groups have 100,000 messages.",
        figure: SECONDS,
    },
    Scenario {
        name: "restart",
        title: "After a restart",
        about: "The server stops and starts again, and all sessions come back.",
        figure: SECONDS,
    },
    Scenario {
        name: "idle",
        title: "Sessions that say nothing",
        about: "Resident memory that the server gained by these sessions, signed in and subscribed as above, once it had come to rest.",
        figure: Figure { title: "Memory of the server", unit: "KiB a session", of: |line| line.rss_per_session_kib },
    },
    Scenario {
        name: "scale members",
        title: "Ten times the members",
        about: "20,000 deliveries a second whatever the size of the room: 200 messages a second to 100 members, 2 to 10,000. Sockets \
                and caches have their share in it.",
        figure: CPU,
    },
    Scenario {
        name: "scale rooms",
        title: "Ten times the rooms",
        about: "Pairs, as above, but more or fewer of them.",
        figure: CPU,
    },
    Scenario {
        name: "scale sessions",
        title: "Ten times the sessions",
        about: "Pairs, as above, beside sessions that say nothing.",
        figure: CPU,
    },
];
