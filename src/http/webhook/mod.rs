//! `/webhook`: the API of the assistant's front end. Its paths, field names and French texts are older than this server, and
//! exact.

pub mod answer;
mod body;
mod caller;
pub mod chat;
pub mod conversations;
pub mod login;

/// Bytes of a request's body where nothing else is said: a name and a password need a few hundred.
pub const REQUEST_BYTES: usize = 16 * 1024;
