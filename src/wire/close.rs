//! The close codes, a closed list. The range tells a client what to do: 4000 to 4099 reconnect at once, 4100 to 4199 later
//! with back-off, 4200 to 4299 not without a change.

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The client closed; its close is answered.
    Normal = 1000,
    /// A frame breaks RFC 6455.
    ProtocolError = 1002,
    /// A frame of a kind that the chosen encoding has no use for.
    Unsupported = 1003,
    /// Text that is not UTF-8.
    InvalidData = 1007,
    /// A frame or message over the limit.
    TooBig = 1009,
    /// The server stops; another will take the connection.
    Shutdown = 4000,
    /// The client reads too slowly; `message.fetch` with `after_seq` brings what it missed.
    Slow = 4001,
    /// The server has more connections than it can serve.
    Overloaded = 4100,
    /// Nothing was heard from the client for too long.
    HeartBeat = 4101,
    /// A missing, bad or foreign token, or an unknown project.
    Unauthorized = 4200,
    /// The token's time is over.
    TokenExpired = 4201,
    /// The client does not speak the event protocol.
    Protocol = 4202,
    /// The user was deactivated or deleted, or changed the password.
    AccountGone = 4203,
    /// The user has too many sessions.
    TooManySessions = 4204,
}

impl CloseCode {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Normal,
        Self::ProtocolError,
        Self::Unsupported,
        Self::InvalidData,
        Self::TooBig,
        Self::Shutdown,
        Self::Slow,
        Self::Overloaded,
        Self::HeartBeat,
        Self::Unauthorized,
        Self::TokenExpired,
        Self::Protocol,
        Self::AccountGone,
        Self::TooManySessions,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// A short reason for people, sent with the code.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "bye",
            Self::ProtocolError => "the framing is broken",
            Self::Unsupported => "this kind of frame has no use here",
            Self::InvalidData => "text must be UTF-8",
            Self::TooBig => "over the size limit",
            Self::Shutdown => "the server stops, reconnect",
            Self::Slow => "reading too slowly, reconnect and resume",
            Self::Overloaded => "overloaded, come back later",
            Self::HeartBeat => "nothing heard for too long",
            Self::Unauthorized => "sign in again",
            Self::TokenExpired => "the token has expired",
            Self::Protocol => "this is not the event protocol",
            Self::AccountGone => "the account or its credentials changed",
            Self::TooManySessions => "too many sessions",
        }
    }
}

/// What a client did that ends its connection: the framing can't be trusted any more, so nothing after it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// The code to close with.
    pub code: CloseCode,
    /// What exactly was wrong, for the client's developer.
    pub reason: &'static str,
}
