//! Events and their encodings: bytes in, typed events out, and back. No actor, no database.

pub mod close;
pub mod error;
pub mod limits;
pub mod shapes;
pub mod time;
pub mod ws;
