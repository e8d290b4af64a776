//! Language models: who offers them, how they are asked, what they are told, and what they may use up.
//!
//! - [`provider`]: what every provider looks like from here, and what can go wrong with one.
//! - [`formats`]: the formats that they speak, each a file: bytes of a stream in, deltas out.
//! - [`offline`]: the provider that needs neither key nor network.
//! - [`models`]: which models there are, and the way to ask one: [`call`] with its time limits and tries, after a [`queue`] that is
//!   fair between projects.
//! - [`quota`]: reserves before a call, books afterwards.
//! - [`context`]: what a model is told: its instructions, what was said, what was found.
//!
//! Nothing here knows of actors or conversations on the wire; `chat/llm/` lets bots speak.

pub mod call;
pub mod context;
pub mod formats;
pub mod models;
pub mod offline;
pub mod passages;
pub mod provider;
pub mod queue;
pub mod quota;
pub mod settings;

pub use models::Models;
pub use provider::{Delta, ModelError, Prompt, Turn, Usage};
pub use settings::ModelSettings;
