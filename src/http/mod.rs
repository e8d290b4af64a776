//! REST. [`router`] is the table of contents; one folder an API, one file a resource. Handlers are thin: read, check, call,
//! answer.
//!
//! A request of `/api/v1` passes [`entrance`] (its id), [`cors`] and [`idempotency`], and reaches a handler whose arguments say what
//! it needs: who calls ([`caller`]), a body, a path, a query ([`read`]). Whatever goes wrong becomes a [`problem`]. What the handlers
//! say of themselves becomes the [`document`].

pub mod admin;
mod behalf;
mod bots;
pub mod caller;
mod cors;
mod described;
mod docs;
pub mod document;
mod entrance;
mod feed;
pub mod idempotency;
pub mod media;
mod paging;
mod person;
mod problem;
mod rate;
mod read;
pub mod router;
mod sign_in;
mod state;
mod support;
mod v1;
mod web;
mod webhook;

pub use media::MediaSettings;
pub use state::{HttpSettings, HttpState};
