//! PostgreSQL through Diesel, one file an aggregate.

pub mod schema;
pub mod types;
