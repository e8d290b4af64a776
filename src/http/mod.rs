//! REST. [`router`] is the table of contents; one folder an API, one file a resource. Handlers are thin: read, check, call,
//! answer.

pub mod admin;
mod hashing;
mod problem;
pub mod router;
mod state;
mod throttle;
mod v1;
mod webhook;

pub use state::HttpState;
