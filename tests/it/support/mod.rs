//! What tests have in common.

pub mod client;
pub mod crypto;
pub mod db;
pub mod event;
pub mod frame;
pub mod game_app;
pub mod http;
pub mod issuer;
pub mod project;
pub mod protocol;
pub mod provider;
pub mod s3;
pub mod schema;
pub mod server;
pub mod stomp;
pub mod upgrade;
pub mod wait;
