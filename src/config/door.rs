//! A listener that may be switched off.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// Where a listener is, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    At(SocketAddr),
    Closed,
}

impl Door {
    /// The address, if the listener is on.
    #[must_use]
    pub const fn address(self) -> Option<SocketAddr> {
        match self {
            Self::At(address) => Some(address),
            Self::Closed => None,
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(address) => address.fmt(f),
            Self::Closed => f.write_str("none"),
        }
    }
}

impl FromStr for Door {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::Closed);
        }
        text.parse().map(Self::At).map_err(|_| "give an IP address and a port, such as 127.0.0.1:7070, or none")
    }
}
