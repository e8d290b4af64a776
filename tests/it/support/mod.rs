//! What tests have in common.

pub mod client;
pub mod crypto;
pub mod db;
pub mod event;
pub mod frame;
pub mod http;
pub mod project;
pub mod provider;
pub mod server;
pub mod upgrade;
pub mod wait;
