//! What no setting can say of itself alone.

use super::{ConfigError, Limits, Listen, Settings};
use crate::wire::token::SECRET_BYTES;
use std::net::SocketAddr;

/// Bytes of the shortest admin token: 128 bits, if somebody made it well.
const ADMIN_TOKEN_BYTES: usize = 16;
/// The least that a frame from a client may be limited to: signing in must fit.
const LEAST_FRAME_BYTES: usize = 4096;

impl Settings {
    /// Checks what no setting can say of itself alone. Opens nothing.
    ///
    /// # Errors
    /// The first problem found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.database.validate()?;
        self.auth.validate()?;
        self.auth.allowed_issuers()?;
        self.rest.validate()?;
        self.media.validate()?;
        self.callbacks.allowed()?;
        self.validate_secret()?;
        self.validate_listeners()?;
        self.validate_limits()
    }

    pub(super) fn validate_secret(&self) -> Result<(), ConfigError> {
        if self.auth.jwt_secret.is_none() && !self.demo {
            let problem = format!("is needed: a secret of at least {SECRET_BYTES} bytes (only --demo makes one up)");
            return Err(ConfigError::new("--jwt-secret", "PALABRE_JWT_SECRET", problem));
        }
        Ok(())
    }

    fn validate_listeners(&self) -> Result<(), ConfigError> {
        let Listen { http, tcp, admin, admin_token, tls_cert, tls_key } = &self.listen;
        let clash =
            |one: Option<SocketAddr>, other: Option<SocketAddr>| one.is_some_and(|at| at.port() != 0) && one == other;
        if clash(tcp.address(), Some(*http)) {
            return Err(ConfigError::new("--tcp", "PALABRE_TCP", "is the same address as --listen"));
        }
        if clash(admin.address(), Some(*http)) || clash(admin.address(), tcp.address()) {
            return Err(ConfigError::new("--admin", "PALABRE_ADMIN", "is the address of another listener"));
        }
        match admin_token {
            None if admin.address().is_some_and(|at| !at.ip().is_loopback()) => {
                let problem = "is needed for an --admin address that others can reach";
                return Err(ConfigError::new("--admin-token", "PALABRE_ADMIN_TOKEN", problem));
            }
            Some(token) if token.expose().len() < ADMIN_TOKEN_BYTES => {
                let problem = format!("needs at least {ADMIN_TOKEN_BYTES} bytes");
                return Err(ConfigError::new("--admin-token", "PALABRE_ADMIN_TOKEN", problem));
            }
            _ => {}
        }
        match (tls_cert, tls_key) {
            (Some(_), None) => Err(ConfigError::new("--tls-key", "PALABRE_TLS_KEY", "is needed with --tls-cert")),
            (None, Some(_)) => Err(ConfigError::new("--tls-cert", "PALABRE_TLS_CERT", "is needed with --tls-key")),
            _ => Ok(()),
        }
    }

    fn validate_limits(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let at_least = |value: usize, least: usize, flag, variable| {
            if value >= least {
                Ok(())
            } else {
                Err(ConfigError::new(flag, variable, format!("must be at least {least}")))
            }
        };
        at_least(limits.frame_bytes, LEAST_FRAME_BYTES, "--frame-bytes", "PALABRE_FRAME_BYTES")?;
        // Frames declare their length in 32 bits.
        if u32::try_from(limits.frame_bytes).is_err() {
            return Err(ConfigError::new("--frame-bytes", "PALABRE_FRAME_BYTES", "must be below 4 GiB"));
        }
        at_least(
            limits.server_frame_bytes,
            Limits::DEFAULT.frame_bytes,
            "--server-frame-bytes",
            "PALABRE_SERVER_FRAME_BYTES",
        )?;
        if limits.outstanding_bytes < 2 * limits.server_frame_bytes {
            let problem =
                "must be at least twice --server-frame-bytes: one frame may not fill the half at which reading stops";
            return Err(ConfigError::new("--outstanding-bytes", "PALABRE_OUTSTANDING_BYTES", problem));
        }
        at_least(limits.outstanding_frames, 2, "--outstanding-frames", "PALABRE_OUTSTANDING_FRAMES")?;
        at_least(limits.sessions_per_user, 1, "--sessions-per-user", "PALABRE_SESSIONS_PER_USER")?;
        at_least(limits.members_per_request, 1, "--members-per-request", "PALABRE_MEMBERS_PER_REQUEST")?;
        at_least(limits.connections, 1, "--connections", "PALABRE_CONNECTIONS")?;
        if !(1..=limits.connections).contains(&limits.unauthenticated_connections) {
            let problem = "must be from 1 to --connections";
            return Err(ConfigError::new(
                "--unauthenticated-connections",
                "PALABRE_UNAUTHENTICATED_CONNECTIONS",
                problem,
            ));
        }
        for (count, flag, variable) in [
            (limits.events_per_second, "--events-per-second", "PALABRE_EVENTS_PER_SECOND"),
            (limits.events_burst, "--events-burst", "PALABRE_EVENTS_BURST"),
            (limits.calls_per_second, "--calls-per-second", "PALABRE_CALLS_PER_SECOND"),
            (limits.calls_burst, "--calls-burst", "PALABRE_CALLS_BURST"),
            (limits.app_calls_per_second, "--app-calls-per-second", "PALABRE_APP_CALLS_PER_SECOND"),
            (limits.app_calls_burst, "--app-calls-burst", "PALABRE_APP_CALLS_BURST"),
        ] {
            if count == 0 {
                return Err(ConfigError::new(flag, variable, "must be at least 1"));
            }
        }
        for (time, flag, variable) in [
            (limits.auth_timeout, "--auth-timeout", "PALABRE_AUTH_TIMEOUT"),
            (limits.ping_after, "--ping-after", "PALABRE_PING_AFTER"),
            (limits.ping_patience, "--ping-patience", "PALABRE_PING_PATIENCE"),
            (limits.typing_time, "--typing-time", "PALABRE_TYPING_TIME"),
            (limits.room_idle, "--room-idle", "PALABRE_ROOM_IDLE"),
            (self.callbacks.expiry, "--callback-expiry", "PALABRE_CALLBACK_EXPIRY"),
            (self.engine.shutdown_grace, "--shutdown-grace", "PALABRE_SHUTDOWN_GRACE"),
        ] {
            if time.is_zero() {
                return Err(ConfigError::new(flag, variable, "must be more than nothing"));
            }
        }
        Ok(())
    }
}
