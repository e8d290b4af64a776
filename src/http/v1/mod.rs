//! `/api/v1`: the server's own API.

pub mod health;
