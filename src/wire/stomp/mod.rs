//! STOMP 1.0, 1.1 and 1.2: the frames of clients read, however the bytes are cut, and those of the server written.
//!
//! A frame is a command, headers and a body, ended by NUL. What differs between the versions is small: how headers are escaped, whether
//! lines may end with CR LF, and which headers name a delivery.

mod decoder;
mod header;
mod write;

pub use decoder::{Decoder, HEADER_BYTES, HEADERS};
pub use write::{Destination, EOL, Head, connected, error, message, receipt};

use bytes::Bytes;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    V10,
    V11,
    V12,
}

impl Version {
    /// All of them, the newest first.
    pub const ALL: [Self; 3] = [Self::V12, Self::V11, Self::V10];

    /// As `accept-version` and `version` have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V10 => "1.0",
            Self::V11 => "1.1",
            Self::V12 => "1.2",
        }
    }

    /// The newest of those that a client accepts; without the header that is 1.0. `None`: there is none in common.
    #[must_use]
    pub fn negotiate(accepted: Option<&str>) -> Option<Self> {
        let Some(accepted) = accepted else { return Some(Self::V10) };
        Self::ALL.into_iter().find(|version| accepted.split(',').any(|offered| offered.trim() == version.as_str()))
    }
}

/// What a client may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// `CONNECT` or `STOMP`.
    Connect,
    Send,
    Subscribe,
    Unsubscribe,
    Ack,
    Nack,
    Begin,
    Commit,
    Abort,
    Disconnect,
}

impl Command {
    fn from_bytes(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"CONNECT" | b"STOMP" => Self::Connect,
            b"SEND" => Self::Send,
            b"SUBSCRIBE" => Self::Subscribe,
            b"UNSUBSCRIBE" => Self::Unsubscribe,
            b"ACK" => Self::Ack,
            b"NACK" => Self::Nack,
            b"BEGIN" => Self::Begin,
            b"COMMIT" => Self::Commit,
            b"ABORT" => Self::Abort,
            b"DISCONNECT" => Self::Disconnect,
            _ => return None,
        })
    }
}

/// How a subscription's messages are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AckMode {
    /// By delivery.
    Auto,
    /// Each `ACK` stands for all before it too.
    Client,
    /// Each `ACK` stands for one message.
    ClientIndividual,
}

impl AckMode {
    /// What a `SUBSCRIBE` asks for; `None` for what there is not. In 1.0 there is no `client-individual`, which does no harm there.
    #[must_use]
    pub fn read(header: Option<&str>) -> Option<Self> {
        Some(match header {
            None | Some("auto") => Self::Auto,
            Some("client") => Self::Client,
            Some("client-individual") => Self::ClientIndividual,
            Some(_) => return None,
        })
    }
}

/// A client's frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub command: Command,
    /// In their order, as they were meant: not escaped.
    pub headers: Vec<(String, String)>,
    /// Part of the message that it came in, where it came in one.
    pub body: Bytes,
}

impl Frame {
    /// A header; of one that is repeated the first counts.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let header = |(name, value): &(String, String)| size_of::<(String, String)>() + name.len() + value.len();
        self.body.len() + self.headers.iter().map(header).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
