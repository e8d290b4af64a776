//! One user's relation to another, and what each action does to both sides.

use serde::{Deserialize, Serialize};

/// A relation as the wire shows it to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    Invited,
    Pending,
    Accepted,
    Blocked,
    Removed,
}
