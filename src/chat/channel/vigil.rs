//! What ends a connection by the clock: silence, a sign-in that never comes, a token whose time is over, a slow farewell.

use super::{Channel, Life};
use crate::wire::bounds::Limits;
use crate::wire::close::CloseCode;
use crate::wire::outgoing::{self, Outgoing};
use crate::wire::time::Timestamp;
use crate::wire::ws;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// How long before its token's end a session is told.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::minutes(1);

/// The deadlines of one connection.
pub struct Vigil {
    /// Until then the client must have said who it is; `None` once it has.
    pub sign_in_by: Cell<Option<Instant>>,
    /// When the token's time is over.
    pub expires_at: Cell<Option<DateTime<Utc>>>,
    notified: Cell<bool>,
    /// When the server pinged, if nothing was heard since.
    pinged_at: Cell<Option<Instant>>,
}

/// The data of `session.expiring`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionExpiring)]
pub struct Expiring {
    expires_at: Timestamp,
}

impl Vigil {
    /// Of a connection that must sign in by then.
    pub fn new(sign_in_by: Instant) -> Self {
        Self {
            sign_in_by: Cell::new(Some(sign_in_by)),
            expires_at: Cell::new(None),
            notified: Cell::new(false),
            pinged_at: Cell::new(None),
        }
    }

    /// A sign-in is under way: its time is not the client's. Returns the deadline, for when it comes to nothing.
    pub fn pause_sign_in(&self) -> Option<Instant> {
        self.sign_in_by.take()
    }

    /// The session signed in, or did so again, with a token that is good until then.
    pub fn signed_in(&self, expires_at: DateTime<Utc>) {
        self.sign_in_by.set(None);
        self.expires_at.set(Some(expires_at));
        self.notified.set(false);
    }
}

impl Channel {
    /// The event loop's clock ticked.
    pub fn tick(&self, now: Instant, time: DateTime<Utc>, limits: &Limits) {
        match self.life.get() {
            Life::Open => {
                self.watch_sign_in(now);
                self.watch_token(time);
                self.watch_silence(now, limits);
                if let Some(stomp) = self.stomp.get() {
                    stomp.tick(self, now, time);
                }
            }
            Life::Closing { cut_at } if now >= cut_at => self.cut(),
            Life::Closing { .. } | Life::Cut => {}
        }
    }

    fn watch_sign_in(&self, now: Instant) {
        if self.vigil.sign_in_by.get().is_some_and(|by| now >= by) {
            self.close_with(CloseCode::Unauthorized, "nobody signed in in time");
        }
    }

    fn watch_token(&self, time: DateTime<Utc>) {
        let Some(expires_at) = self.vigil.expires_at.get() else { return };
        if time >= expires_at {
            self.close(CloseCode::TokenExpired);
        } else if time >= expires_at - EXPIRY_NOTICE && !self.vigil.notified.replace(true) {
            let event = Outgoing::new("session.expiring", Expiring { expires_at: expires_at.into() });
            self.tell(&Arc::new(event), false);
            self.flush();
        }
    }

    fn watch_silence(&self, now: Instant, limits: &Limits) {
        let silence = self.silence(now);
        if silence < limits.ping_after {
            self.vigil.pinged_at.set(None);
            return;
        }
        match self.vigil.pinged_at.get() {
            None => {
                self.vigil.pinged_at.set(Some(now));
                self.ping();
            }
            Some(at) if now.saturating_duration_since(at) >= limits.ping_patience => {
                self.close(CloseCode::HeartBeat);
            }
            Some(_) => {}
        }
    }

    /// Asks whether the client is there: by the WebSocket's ping, and by a ping frame where frames are binary.
    fn ping(&self) {
        let encoding = self.encoding();
        if encoding.framing != outgoing::Framing::Bare {
            self.send(ws::frame(ws::Opcode::Ping, &[]));
        }
        if let Some(frame) = outgoing::ping_frame(encoding) {
            self.send(frame);
        }
    }

    /// How long nothing was heard from the client. A client that the server doesn't read (because it doesn't read either) is
    /// heard by what it takes.
    fn silence(&self, now: Instant) -> Duration {
        let heard =
            if self.is_half_full() { self.heard_at.get().max(self.wrote_at.get()) } else { self.heard_at.get() };
        now.saturating_duration_since(heard)
    }
}
