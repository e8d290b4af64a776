//! WebSocket: RFC 6455 with permessage-deflate (RFC 7692), the server's side. Bytes in, typed events out; no socket.
//!
//! | file | what |
//! | --- | --- |
//! | [`handshake`] | checks the upgrade request, writes the `101` |
//! | [`decoder`] | bytes of a client to messages and control frames |
//! | [`mod@frame`] | the layout of a frame: headers read and written, whole frames for the server to send |
//! | `header` | lists and tokens in headers |
//! | [`deflate`] | the compression extension: negotiation, compressing, inflating |

pub mod decoder;
pub mod deflate;
pub mod frame;
pub mod handshake;
mod header;
mod mask;

#[cfg(test)]
mod client;

pub use decoder::{Decoder, Incoming, Limits};
pub use deflate::{Agreement, compress};
pub use frame::{Opcode, close_frame, compressed_frame, frame};
pub use handshake::{Offer, Refusal};
