//! What STOMP frames mean: destinations, texts, subscriptions, acknowledgements, transactions. The session carries them out one after
//! the other, as it does with requests (`actor/stomp.rs`).

pub mod acknowledge;
pub mod connect;
pub mod destination;
pub mod send;
pub mod subscribe;
pub mod transactions;

use crate::model::Failure;
use crate::wire::stomp::Frame;

/// A header that must be there.
///
/// # Errors
/// [`Failure::Invalid`] that names it.
pub fn required<'a>(frame: &'a Frame, name: &str) -> Result<&'a str, Failure> {
    frame.header(name).ok_or_else(|| Failure::invalid(name, "is required"))
}
