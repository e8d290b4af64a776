//! Language models and what they use up.
//!
//! - [`quota`]: reserves before a call, books afterwards.

pub mod quota;
