//! What the benchmarks share: a real PostgreSQL with people in it, and where figures go.

pub mod database;
pub mod results;
