//! What tests have in common.

pub mod db;
pub mod http;
pub mod wait;
