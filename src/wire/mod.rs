//! Events and their encodings: bytes in, typed events out, and back. No actor, no database.

pub mod bounds;
pub mod close;
pub mod document;
pub mod envelope;
pub mod error;
pub mod field;
pub mod foreign;
pub mod frame;
pub mod invitation;
pub mod json;
pub mod limits;
pub mod msgpack;
pub mod outgoing;
pub mod path;
pub mod schema;
pub mod shapes;
pub mod stomp;
pub mod support;
pub mod time;
pub mod token;
pub mod ws;
