//! Messages in the database: stored once and numbered without gaps whoever writes at the same time; pages, edits, reactions.

mod batch;
mod change;
mod games;
mod history;
mod races;
pub mod world;
