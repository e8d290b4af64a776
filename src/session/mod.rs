//! Connections: the listeners, the session actor, and what clients can ask for.
//!
//! - [`ws`] and [`tcp`] listen; from there both are the same thing: a [`reader`] in front of a [`actor::Session`], and a channel for
//!   what goes out.
//! - [`opening`] signs a connection in and tells it how things are.
//! - [`commands`] has one file an event: its data, its check, what it does.

pub mod actor;
pub mod commands;
pub mod description;
pub mod doors;
pub mod hashing;
pub mod identity;
pub mod opening;
pub mod pages;
mod rate;
mod reader;
pub mod sign_in;
mod stomp;
pub mod tcp;
pub mod throttle;
pub mod tls;
pub mod who;
pub mod ws;
