//! Palabre from outside: one program, so that it links once and its tests share one PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, helpers included, and looks at the machine's clock where nothing depends on it"
)]

mod admin;
mod asyncapi;
mod bots;
mod command_line;
mod demo;
mod embedded;
mod events;
mod faults;
mod issuers;
mod login;
mod metrics;
mod pool;
mod protocol_docs;
mod quotas;
mod readme;
mod rest;
mod schema;
mod stomp;
mod store_bounds;
mod store_contacts;
mod store_conversations;
mod store_groups;
mod store_members;
mod store_messages;
mod store_presence;
mod store_users;
mod support;
mod support_desk;
mod tls;
mod web_app;
