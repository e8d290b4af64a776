//! Plain data and rules: who may write, what a block does, how sessions add up to presence.
//!
//! Nothing here does I/O, draws a random number, or reads a clock but [`Clock::system`], so every rule can be tested by calling it.

pub mod account;
pub mod address;
pub mod callback;
mod clock;
pub mod contact;
pub mod duration;
pub mod failure;
pub mod file_name;
pub mod file_type;
pub mod game;
pub mod ids;
pub mod limits;
pub mod password;
pub mod permission;
pub mod picture;
pub mod presence;
pub mod profile;
pub mod quota;
mod secret;
pub mod support;
pub mod text;
pub mod tokens;
pub mod words;

pub use clock::Clock;
pub use failure::Failure;
pub use ids::{
    ChatbotId, ConversationId, MediaId, MessageId, OrganizationId, ProjectId, RequestId, SessionId, SupportSessionId,
    UserId,
};
pub use secret::Secret;
pub use tokens::Usage;
