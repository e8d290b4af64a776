//! The bus between those who have something to tell and the hubs that tell it, on this node.

mod answers;
mod bus;
mod interest;

pub use answers::{Answers, Chunk, ChunkPlace};
pub use bus::{Audience, Backlog, Bus, Deliver, Delivery, Here, Present, Publication, ReplyTo, Tailor};
pub use interest::{Interest, MAX_LOOPS};
