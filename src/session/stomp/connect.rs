//! `CONNECT`: who it is, in which version, and how often both sides say that they are there.

use crate::model::Failure;
use crate::session::doors::Doors;
use crate::store::accounts;
use crate::wire::bounds::Limits;
use crate::wire::stomp::Frame;
use std::net::IpAddr;
use std::time::Duration;

/// The shortest time between two heart-beats of the server; its clock ticks five times a second.
const SHORTEST: Duration = Duration::from_secs(1);
/// A client that promises a heart-beat less often than that promises nothing.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How a client says who it is.
pub enum Credentials {
    Token(String),
    Password { name: String, password: String },
}

impl Credentials {
    /// Those of a `CONNECT`; else the token that came with the WebSocket.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`] if there is nothing of the kind.
    pub fn of(frame: &Frame, early: Option<String>) -> Result<Self, Failure> {
        if let Some(token) = bearer(frame) {
            return Ok(Self::Token(token.to_owned()));
        }
        match (frame.header("login"), frame.header("passcode")) {
            (Some(name), Some(password)) => Ok(Self::Password { name: name.to_owned(), password: password.to_owned() }),
            _ => early.map(Self::Token).ok_or(Failure::Unauthorized),
        }
    }

    /// The token to sign in with: the one that there is, or a fresh one for a right password.
    ///
    /// # Errors
    /// As for a sign-in over REST.
    pub async fn token(self, doors: &Doors, project: &str, address: Option<IpAddr>) -> Result<String, Failure> {
        let (name, password) = match self {
            Self::Token(token) => return Ok(token),
            Self::Password { name, password } => (name, password),
        };
        let user = doors.sign_in.user(project, &name, password, address).await?;
        let token = doors.tokens.issue_user(&accounts::token_of(&user), doors.chat.now(), doors.token_lifetime);
        token.map_err(|_| Failure::Internal)
    }
}

/// The token of an `Authorization: Bearer` header.
#[must_use]
pub fn bearer(frame: &Frame) -> Option<&str> {
    let value = frame.header("Authorization").or_else(|| frame.header("authorization"))?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// How often a side sends something at least, and wants the other to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartBeat {
    /// What the server sends, and what it wants, in milliseconds: for its `CONNECTED`.
    pub offered: (u128, u128),
    /// How often the server sends something.
    pub send: Option<Duration>,
    /// How often the client does.
    pub expect: Option<Duration>,
}

/// Agrees with the client's `heart-beat` header, as the specification has it: what both can do, not more often than both want.
///
/// # Errors
/// [`Failure::Invalid`] for a header that is none.
pub fn heart_beat(header: Option<&str>, limits: &Limits) -> Result<HeartBeat, Failure> {
    let wanted = limits.ping_after;
    let (sends, wants) = match header {
        None => (Duration::ZERO, Duration::ZERO),
        Some(header) => {
            read_beats(header).ok_or_else(|| Failure::invalid("heart-beat", "must be two numbers of milliseconds"))?
        }
    };
    let agree = |theirs: Duration, ours: Duration| {
        (!theirs.is_zero() && !ours.is_zero() && theirs <= LONGEST).then(|| theirs.max(ours))
    };
    Ok(HeartBeat {
        offered: (SHORTEST.as_millis(), wanted.as_millis()),
        send: agree(wants, SHORTEST),
        expect: agree(sends, wanted),
    })
}

fn read_beats(header: &str) -> Option<(Duration, Duration)> {
    let (sends, wants) = header.split_once(',')?;
    let read = |text: &str| {
        let text = text.trim();
        let digits = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().map(Duration::from_millis).ok()).flatten()
    };
    Some((read(sends)?, read(wants)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heart_beats_are_what_both_can_do() {
        let limits = Limits::DEFAULT;
        let beat = |header| heart_beat(header, &limits).map(|beat| (beat.send, beat.expect));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(beat(None), Ok((None, None)));
        assert_eq!(beat(Some("0,0")), Ok((None, None)));
        assert_eq!(beat(Some("10000,10000")), Ok((seconds(10), seconds(30))));
        assert_eq!(beat(Some("60000, 5")), Ok((seconds(1), seconds(60))));
        assert_eq!(beat(Some("0,20000")), Ok((seconds(20), None)));
        assert_eq!(heart_beat(None, &limits).unwrap().offered, (1000, 30_000));
        for bad in ["", "1", "a,b", "1,", "-1,1", "1,2,3", "1,99999999999999999999"] {
            assert!(beat(Some(bad)).is_err(), "{bad}");
        }
    }
}
