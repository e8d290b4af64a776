//! What the server must withstand: being killed, a database that goes away, actors that fail, clients that mean harm.

mod actors;
mod crash;
mod framing;
mod hostile;
mod link;
mod program;
mod raw;
mod talk;
