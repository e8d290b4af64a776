//! Access tokens: JWT, HS256 and nothing else.
//!
//! A token names the moment at which its owner's credentials were last changed. It is good only while that is still what the
//! database says, so a change of password ends all tokens before it, whatever the clocks of the machines say.

use crate::model::account::UserRole;
use crate::model::{OrganizationId, ProjectId, UserId};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// Bytes of the shortest signing secret: as many as HMAC-SHA-256 gives back.
pub const SECRET_BYTES: usize = 32;
/// Bytes of the longest token that is looked at; ours have some 500.
const TOKEN_BYTES: usize = 4096;
/// Seconds by which the clock of another node may be ahead of ours.
const CLOCK_SKEW: i64 = 60;

/// A user, as a token names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserToken {
    pub user: UserId,
    /// The number by which the assistant webhook's clients know the user.
    pub number: i64,
    pub username: String,
    pub role: UserRole,
    pub project: ProjectId,
    /// When the credentials were last changed as the token was issued.
    pub credentials_changed_at: DateTime<Utc>,
}

/// An organization, as a token names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationToken {
    pub organization: OrganizationId,
    pub name: String,
    /// When the credentials were last changed as the token was issued.
    pub credentials_changed_at: DateTime<Utc>,
}

/// Whom a token that checks out names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bearer {
    User(UserToken),
    Organization(OrganizationToken),
}

/// A token that checks out. Whether its bearer still is who it says, only the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<B> {
    pub bearer: B,
    /// The end of the token's time, in whole seconds.
    pub expires_at: DateTime<Utc>,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good, but its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is none of ours, damaged, or of the wrong kind.
    #[error("the token is not valid")]
    Invalid,
}

/// Signs tokens and checks them.
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    rules: Validation,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

impl Tokens {
    /// Signs and checks with this secret, of at least [`SECRET_BYTES`]: whoever makes it up checks that.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_required_spec_claims(&["exp", "sub"]);
        // Checked by `verify`, against the time that it is given.
        rules.validate_exp = false;
        Self { signing: EncodingKey::from_secret(secret), checking: DecodingKey::from_secret(secret), rules }
    }

    /// A token for a user, good from `now` for `lifetime` (in whole seconds).
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if the times can't be told in a token.
    pub fn issue_user(&self, user: &UserToken, now: DateTime<Utc>, lifetime: Duration) -> Result<String, TokenError> {
        self.sign(&Claims {
            sub: user.user.0,
            kind: Kind::User,
            project: Some(user.project),
            user_id: Some(user.number),
            username: user.username.clone(),
            role: user.role.as_str().to_owned(),
            iat: now.timestamp(),
            exp: end(now, lifetime)?,
            credentials: user.credentials_changed_at.timestamp_micros(),
        })
    }

    /// A token for an organization, good from `now` for `lifetime` (in whole seconds).
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if the times can't be told in a token.
    pub fn issue_organization(
        &self,
        organization: &OrganizationToken,
        now: DateTime<Utc>,
        lifetime: Duration,
    ) -> Result<String, TokenError> {
        self.sign(&Claims {
            sub: organization.organization.0,
            kind: Kind::Organization,
            project: None,
            user_id: None,
            username: organization.name.clone(),
            role: "organization".to_owned(),
            iat: now.timestamp(),
            exp: end(now, lifetime)?,
            credentials: organization.credentials_changed_at.timestamp_micros(),
        })
    }

    /// Checks a token's signature, form and times. A token ends with the second that `exp` names.
    ///
    /// # Errors
    /// [`TokenError::Expired`] when nothing but its time is wrong, else [`TokenError::Invalid`].
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified<Bearer>, TokenError> {
        if token.len() > TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.checking, &self.rules).map_err(|_| TokenError::Invalid)?.claims;
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(TokenError::Invalid)?;
        if claims.iat > now.timestamp().saturating_add(CLOCK_SKEW) {
            return Err(TokenError::Invalid);
        }
        let bearer = claims.bearer()?;
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        Ok(Verified { bearer, expires_at })
    }

    /// As [`Self::verify`], for the doors where only users come in.
    ///
    /// # Errors
    /// As [`Self::verify`]; an organization's token is [`TokenError::Invalid`].
    pub fn verify_user(&self, token: &str, now: DateTime<Utc>) -> Result<Verified<UserToken>, TokenError> {
        let Verified { bearer, expires_at } = self.verify(token, now)?;
        match bearer {
            Bearer::User(bearer) => Ok(Verified { bearer, expires_at }),
            Bearer::Organization(_) => Err(TokenError::Invalid),
        }
    }

    fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing).map_err(|_| TokenError::Invalid)
    }
}

/// What stands in a token. `user_id`, `username`, `role`, `iat` and `exp` are what the assistant webhook's clients read.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<ProjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    username: String,
    role: String,
    iat: i64,
    exp: i64,
    /// When the credentials were last changed, in microseconds: the database's own precision.
    credentials: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    User,
    Organization,
}

impl Claims {
    fn bearer(self) -> Result<Bearer, TokenError> {
        let credentials_changed_at = DateTime::from_timestamp_micros(self.credentials).ok_or(TokenError::Invalid)?;
        match (self.kind, self.project, self.user_id) {
            (Kind::User, Some(project), Some(number)) => Ok(Bearer::User(UserToken {
                user: UserId(self.sub),
                number,
                username: self.username,
                role: self.role.parse().map_err(|_| TokenError::Invalid)?,
                project,
                credentials_changed_at,
            })),
            (Kind::Organization, None, None) => Ok(Bearer::Organization(OrganizationToken {
                organization: OrganizationId(self.sub),
                name: self.username,
                credentials_changed_at,
            })),
            _ => Err(TokenError::Invalid),
        }
    }
}

/// The second at which a token of this lifetime ends.
fn end(now: DateTime<Utc>, lifetime: Duration) -> Result<i64, TokenError> {
    i64::try_from(lifetime.as_secs())
        .ok()
        .and_then(|seconds| now.timestamp().checked_add(seconds))
        .ok_or(TokenError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    const HOURS_8: Duration = Duration::from_secs(8 * 3600);

    fn tokens() -> Tokens {
        Tokens::new(b"a secret of thirty-two bytes ....")
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 123_456_000).unwrap()
    }

    fn alice() -> UserToken {
        UserToken {
            user: UserId(Uuid::from_u128(1)),
            number: 2,
            username: "alice".to_owned(),
            role: UserRole::User,
            project: ProjectId(Uuid::from_u128(3)),
            credentials_changed_at: at(-5),
        }
    }

    fn sign(header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &tokens().signing).unwrap()
    }

    fn claims_of(token: &str) -> Value {
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }

    #[test]
    fn what_is_issued_checks_out_until_its_second() {
        let token = tokens().issue_user(&alice(), at(0), HOURS_8).unwrap();
        let verified = tokens().verify_user(&token, at(0)).unwrap();
        assert_eq!(verified.bearer, alice());
        assert_eq!(verified.expires_at.timestamp(), at(8 * 3600).timestamp());
        assert!(tokens().verify_user(&token, at(8 * 3600 - 1)).is_ok());
        assert_eq!(tokens().verify_user(&token, at(8 * 3600)), Err(TokenError::Expired));
    }

    #[test]
    fn the_claims_are_those_that_clients_read() {
        let claims = claims_of(&tokens().issue_user(&alice(), at(0), HOURS_8).unwrap());
        assert_eq!(claims["user_id"], 2);
        assert_eq!(claims["username"], "alice");
        assert_eq!(claims["role"], "user");
        assert_eq!(claims["kind"], "user");
        assert_eq!(claims["sub"], "00000000-0000-0000-0000-000000000001");
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 8 * 3600);
    }

    #[test]
    fn an_organization_is_no_user() {
        let organization = OrganizationToken {
            organization: OrganizationId(Uuid::from_u128(9)),
            name: "demo".to_owned(),
            credentials_changed_at: at(-5),
        };
        let token = tokens().issue_organization(&organization, at(0), HOURS_8).unwrap();
        assert_eq!(tokens().verify(&token, at(0)).unwrap().bearer, Bearer::Organization(organization));
        assert_eq!(tokens().verify_user(&token, at(0)), Err(TokenError::Invalid));
    }

    #[test]
    fn only_our_signature_and_algorithm_count() {
        let good = tokens().issue_user(&alice(), at(0), HOURS_8).unwrap();
        let claims = claims_of(&good);
        let (_, rest) = good.split_once('.').unwrap();
        let (payload, _) = rest.split_once('.').unwrap();
        let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        for (what, token) in [
            ("another algorithm", sign(&Header::new(Algorithm::HS512), &claims)),
            ("no algorithm", format!("{none}.{payload}.")),
            ("no signature", good.rsplit_once('.').unwrap().0.to_owned() + "."),
            ("nothing", String::new()),
            ("too long", format!("{good}{}", "x".repeat(TOKEN_BYTES))),
        ] {
            assert_eq!(tokens().verify(&token, at(0)), Err(TokenError::Invalid), "{what}");
        }
        let other = Tokens::new(b"another secret of thirty-two bytes");
        assert_eq!(other.verify(&good, at(0)), Err(TokenError::Invalid));
    }

    #[test]
    fn claims_that_do_not_belong_together_are_refused() {
        let good = claims_of(&tokens().issue_user(&alice(), at(0), HOURS_8).unwrap());
        let header = Header::new(Algorithm::HS256);
        assert!(tokens().verify(&sign(&header, &good), at(0)).is_ok());
        for (claim, value) in [
            ("project", Value::Null),
            ("user_id", json!("2")),
            ("kind", json!("organization")),
            ("kind", json!("root")),
            ("sub", json!("alice")),
            ("exp", Value::Null),
            ("iat", json!(at(61).timestamp())),
            ("credentials", Value::Null),
            ("aud", json!("elsewhere")),
        ] {
            let mut claims = good.clone();
            claims[claim] = value.clone();
            assert_eq!(tokens().verify(&sign(&header, &claims), at(0)), Err(TokenError::Invalid), "{claim}: {value}");
        }
    }

    #[test]
    fn debug_output_shows_no_secret() {
        assert_eq!(format!("{:?}", tokens()), "Tokens(..)");
    }
}
