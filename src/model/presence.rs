//! How the sessions of a user and the user's own choice add up to one presence.

use serde::{Deserialize, Serialize};

/// A presence as the wire shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Online,
    Away,
    Busy,
    Invisible,
    Offline,
}
