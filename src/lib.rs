//! Palabre: one self-hosted server for all the talk in other people's products.
//!
//! The modules are floors of one house; a file imports only from floors below its own:
//!
//! | floor | what lives there |
//! | --- | --- |
//! | [`server`], [`cli`], [`config`] | start and stop of everything, in order; the other commands; settings |
//! | [`http`] | REST: health, sign-in, the operators' listener |
//! | [`session`] | connections: listeners, the session actor, one file a command |
//! | [`chat`] | the actors: hubs, rooms, namespaces, registries, scribes |
//! | [`assistant`] | language models: providers, limits and quotas, what they are told |
//! | [`cluster`] | the bus that carries publications to the hubs |
//! | [`store`] | PostgreSQL through Diesel, and the server's own PostgreSQL |
//! | [`wire`] | events and their encodings: bytes in, typed events out, and back |
//! | [`model`] | plain data and rules: no I/O |

pub mod assistant;
pub mod chat;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod http;
pub mod model;
pub mod server;
pub mod session;
pub mod store;
pub mod wire;
