//! What the server must withstand: being killed, a database that goes away, actors that fail, clients that mean harm.

mod accounts;
mod actors;
mod callbacks;
mod crash;
mod database;
mod framing;
mod hostile;
pub mod link;
mod memory;
pub mod program;
pub mod proxy;
mod raw;
mod shutdown;
mod stage;
mod talk;
mod two_nodes;
