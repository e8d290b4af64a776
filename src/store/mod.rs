//! PostgreSQL through Diesel: the pool, the migrations, the server's own PostgreSQL, and the queries, one file an aggregate. Beside
//! it [`objects`]: the contents of files, on disk or in an S3-compatible store.
//!
//! **Errors.** A plain query returns [`diesel::QueryResult`]; a transaction that enforces a rule returns `Result<_, Failure>`.
//! `?` turns the first into the second here, once: the database being away, or having ended a transaction that may be tried
//! again, is [`Failure::Unavailable`]; all else nobody foresaw, so it is logged with its cause and becomes
//! [`Failure::Internal`]. What a query's caller expects (no such row, a name in use) it looks at before it uses `?`.

pub mod accounts;
pub mod answers;
pub mod callbacks;
pub mod chatbots;
pub mod contacts;
pub mod conversations;
pub mod demo;
pub mod departure;
pub mod embedded;
pub mod exchanges;
pub mod games;
pub mod groups;
pub mod idempotency;
pub mod identity;
pub mod import;
pub mod invitations;
pub mod media;
pub mod members;
pub mod messages;
pub mod migrate;
pub mod modes;
pub mod objects;
pub mod opening;
pub mod outage;
mod paging;
pub mod people;
pub mod pool;
pub mod presence;
pub mod projects;
pub mod quotas;
pub mod schema;
mod statement;
pub mod support;
pub mod types;
pub mod usage;
pub mod users;

pub use pool::{Connection, Database};
