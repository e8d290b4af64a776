//! The limits that an operator may set. Those that are the protocol's own are constants in [`super::limits`].

use crate::model::duration;
use crate::model::quota::{Currency, MOST};
use std::time::Duration;

/// What clients may do, and how much of it the server holds.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Bytes of a frame from a client, on every transport, and of a JSON body; the longest message with its attachments must fit
    #[arg(long, env = "PALABRE_FRAME_BYTES", value_name = "BYTES", default_value_t = Limits::DEFAULT.frame_bytes)]
    pub frame_bytes: usize,
    /// Bytes of a frame from the server; lists end before that and say that there is more
    #[arg(long, env = "PALABRE_SERVER_FRAME_BYTES", value_name = "BYTES", default_value_t = Limits::DEFAULT.server_frame_bytes)]
    pub server_frame_bytes: usize,
    /// Requests a second of one session; beyond that it is told to wait, so that one client can't take a core
    #[arg(long, env = "PALABRE_EVENTS_PER_SECOND", value_name = "COUNT", default_value_t = Limits::DEFAULT.events_per_second)]
    pub events_per_second: u32,
    /// Requests that a session may send at once after a silence, such as those of a client that comes back
    #[arg(long, env = "PALABRE_EVENTS_BURST", value_name = "COUNT", default_value_t = Limits::DEFAULT.events_burst)]
    pub events_burst: u32,
    /// REST requests a second of one user, organization, or address of which nothing more is known
    #[arg(long, env = "PALABRE_CALLS_PER_SECOND", value_name = "COUNT", default_value_t = Limits::DEFAULT.calls_per_second)]
    pub calls_per_second: u32,
    /// REST requests that one of them may send at once after a silence, such as a page that loads
    #[arg(long, env = "PALABRE_CALLS_BURST", value_name = "COUNT", default_value_t = Limits::DEFAULT.calls_burst)]
    pub calls_burst: u32,
    /// REST requests a second of one app, which calls on behalf of many users
    #[arg(long, env = "PALABRE_APP_CALLS_PER_SECOND", value_name = "COUNT", default_value_t = Limits::DEFAULT.app_calls_per_second)]
    pub app_calls_per_second: u32,
    /// REST requests that one app may send at once after a silence
    #[arg(long, env = "PALABRE_APP_CALLS_BURST", value_name = "COUNT", default_value_t = Limits::DEFAULT.app_calls_burst)]
    pub app_calls_burst: u32,
    /// Live sessions of one user: a few devices, with room for those whose end has not been noticed yet
    #[arg(long, env = "PALABRE_SESSIONS_PER_USER", value_name = "COUNT", default_value_t = Limits::DEFAULT.sessions_per_user)]
    pub sessions_per_user: usize,
    /// Time that a connection has to say who it is; nobody may hold one without
    #[arg(long, env = "PALABRE_AUTH_TIMEOUT", value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    pub auth_timeout: Duration,
    /// Connections that have not said who they are yet; at some kilobytes each they stay below 50 MiB together
    #[arg(long, env = "PALABRE_UNAUTHENTICATED_CONNECTIONS", value_name = "COUNT", default_value_t = Limits::DEFAULT.unauthenticated_connections)]
    pub unauthenticated_connections: usize,
    /// Connections of clients in all; beyond that new ones are told to come back later
    #[arg(long, env = "PALABRE_CONNECTIONS", value_name = "COUNT", default_value_t = Limits::DEFAULT.connections)]
    pub connections: usize,
    /// Bytes that may wait for one client that reads slowly, before it is closed and has to resume
    #[arg(long, env = "PALABRE_OUTSTANDING_BYTES", value_name = "BYTES", default_value_t = Limits::DEFAULT.outstanding_bytes)]
    pub outstanding_bytes: usize,
    /// Frames that may wait for one client that reads slowly; small frames cost more than their bytes
    #[arg(long, env = "PALABRE_OUTSTANDING_FRAMES", value_name = "COUNT", default_value_t = Limits::DEFAULT.outstanding_frames)]
    pub outstanding_frames: usize,
    /// Silence of a client after which the server pings it; shorter than the idle time-outs of common proxies
    #[arg(long, env = "PALABRE_PING_AFTER", value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    pub ping_after: Duration,
    /// Further silence after a ping that ends the connection; long enough for a phone that changes its network
    #[arg(long, env = "PALABRE_PING_PATIENCE", value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    pub ping_patience: Duration,
    /// Users added, removed or given a permission in one request: all of them are one transaction
    #[arg(long, env = "PALABRE_MEMBERS_PER_REQUEST", value_name = "COUNT", default_value_t = Limits::DEFAULT.members_per_request)]
    pub members_per_request: usize,
    /// Time after which "is typing" ends by itself, for clients that vanish in the middle of a word
    #[arg(long, env = "PALABRE_TYPING_TIME", value_name = "TIME", default_value = "6s", value_parser = duration::parse)]
    pub typing_time: Duration,
    /// Silence after which a conversation's actor is put to sleep; the next message wakes it, which costs one query
    #[arg(long, env = "PALABRE_ROOM_IDLE", value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    pub room_idle: Duration,
    /// Tokens of language models that a user may use up in a calendar month, where no other quota is set for the user
    #[arg(long, env = "PALABRE_USER_TOKENS", value_name = "COUNT", default_value_t = Limits::DEFAULT.user_tokens, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub user_tokens: u64,
    /// Currency of quotas in money and of the prices of models, by its three letters
    #[arg(long, env = "PALABRE_CURRENCY", value_name = "CODE", default_value_t = Limits::DEFAULT.currency)]
    pub currency: Currency,
}

impl Limits {
    /// The defaults. Those that clients rely on are stated in `docs/protocol.md`.
    pub const DEFAULT: Self = Self {
        frame_bytes: 65_536,
        server_frame_bytes: 262_144,
        events_per_second: 200,
        events_burst: 400,
        calls_per_second: 50,
        calls_burst: 100,
        app_calls_per_second: 500,
        app_calls_burst: 1_000,
        sessions_per_user: 20,
        auth_timeout: Duration::from_secs(10),
        unauthenticated_connections: 10_000,
        connections: 50_000,
        outstanding_bytes: 1024 * 1024,
        outstanding_frames: 4096,
        ping_after: Duration::from_secs(30),
        ping_patience: Duration::from_secs(60),
        members_per_request: 500,
        typing_time: Duration::from_secs(6),
        room_idle: Duration::from_secs(60),
        user_tokens: 50_000,
        currency: Currency::DEFAULT,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
