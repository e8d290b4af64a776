//! What a member may do in a conversation.

use serde::{Deserialize, Serialize};

/// A member's permission; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// Read, and move one's own watermarks.
    #[serde(rename = "r")]
    Read,
    /// Write, react, type.
    #[serde(rename = "w")]
    Write,
    /// Add, remove, name, delete any message, set `r` `w` `a` for anyone but owners.
    #[serde(rename = "a")]
    Administer,
    /// Give and take ownership, delete the conversation.
    #[serde(rename = "o")]
    Own,
}
