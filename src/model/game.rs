//! Game invitations: seats, answers and their end.

use serde::{Deserialize, Serialize};

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Offered,
    Accepted,
    Declined,
    Withdrawn,
    Expired,
    Full,
}
