//! Tokens that others signed: their keys (JWKS), what a token claims, and whether it is good.
//!
//! Each key has one algorithm, which its kind decides: a token can't choose another. Secrets among the keys count for nothing.

use super::token::TokenError;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Bytes of the longest token that is looked at: what a header of HTTP or STOMP holds.
const TOKEN_BYTES: usize = 8 * 1024;
/// Keys of an issuer that are looked at; two or three are in use at a time.
const KEYS: usize = 64;
/// Bits of the shortest RSA modulus (RFC 7518, section 3.3).
const RSA_BITS: usize = 2048;
/// By how much the clocks of the issuer and this server may differ.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// Characters of a subject, as OpenID Connect has it.
const SUBJECT_CHARS: usize = 255;
/// Characters of a text in a profile that are kept.
const PROFILE_CHARS: usize = 100;

/// An issuer's keys.
#[derive(Default)]
pub struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// What must be known of a token before it can be checked. Anybody can have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub issuer: String,
    pub audiences: Vec<String>,
    pub key: Option<String>,
    algorithm: Algorithm,
}

/// Whom a good token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub subject: String,
    pub profile: Profile,
    /// When the session ends that it opens.
    pub expires_at: DateTime<Utc>,
}

/// What a token tells of its subject, as far as it is well-formed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub preferred_username: Option<String>,
    pub name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub email: Option<String>,
    pub locale: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    #[serde(default)]
    preferred_username: Value,
    #[serde(default)]
    name: Value,
    #[serde(default)]
    given_name: Value,
    #[serde(default)]
    family_name: Value,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    locale: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl Keys {
    /// The keys in a JWKS that can check a signature; others are left out.
    ///
    /// # Errors
    /// What is no JWKS.
    pub fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(document)?;
        let keys = set.keys.into_iter().take(KEYS).filter_map(|key| Key::read(&serde_json::from_value(key).ok()?));
        Ok(Self(keys.collect()))
    }

    /// Whether one of them is the one that a token claims.
    #[must_use]
    pub fn has(&self, claimed: &Claimed) -> bool {
        self.find(claimed).is_some()
    }

    /// By its name; a token that names none is good for the only key there is.
    fn find(&self, claimed: &Claimed) -> Option<&Key> {
        let found = match (&claimed.key, self.0.as_slice()) {
            (Some(id), keys) => keys.iter().find(|key| key.id.as_ref() == Some(id)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        found.filter(|key| key.algorithm == claimed.algorithm)
    }

    /// Checks a token of this issuer for this audience.
    ///
    /// # Errors
    /// [`TokenError::Expired`] when nothing but its time is wrong, else [`TokenError::Invalid`].
    pub fn verify(
        &self,
        token: &str,
        claimed: &Claimed,
        (issuer, audience): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<Subject, TokenError> {
        let key = self.find(claimed).ok_or(TokenError::Invalid)?;
        let mut rules = Validation::new(key.algorithm);
        // All claims are checked below, the times against the time that is given.
        rules.required_spec_claims.clear();
        (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.key, &rules).map_err(|_| TokenError::Invalid)?.claims;
        claims.check(issuer, audience, now)
    }
}

impl Key {
    fn read(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let for_signatures = common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(key) => {
                let modulus = BASE64_URL_SAFE_NO_PAD.decode(&key.n).ok()?;
                let long = modulus.iter().skip_while(|byte| **byte == 0).count() * 8 >= RSA_BITS;
                long.then_some(Algorithm::RS256)
            }
            AlgorithmParameters::EllipticCurve(key) => (key.curve == EllipticCurve::P256).then_some(Algorithm::ES256),
            AlgorithmParameters::OctetKeyPair(key) => (key.curve == EllipticCurve::Ed25519).then_some(Algorithm::EdDSA),
            _ => None,
        }?;
        let own_name = match algorithm {
            Algorithm::RS256 => KeyAlgorithm::RS256,
            Algorithm::ES256 => KeyAlgorithm::ES256,
            _ => KeyAlgorithm::EdDSA,
        };
        if !for_signatures || common.key_algorithm.is_some_and(|named| named != own_name) {
            return None;
        }
        Some(Self { id: common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
    }
}

impl Claimed {
    /// What a token says of itself, if it is one that others may have signed. `None` for those of this server, and for what is none.
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        if token.len() > TOKEN_BYTES {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return None;
        }
        let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        Some(Self { issuer: claims.iss, audiences: claims.aud.into_vec(), key: header.kid, algorithm: header.alg })
    }
}

impl Claims {
    fn check(self, issuer: &str, audience: &str, now: DateTime<Utc>) -> Result<Subject, TokenError> {
        let subject_fits = !self.sub.is_empty() && self.sub.chars().take(SUBJECT_CHARS + 1).count() <= SUBJECT_CHARS;
        if self.iss != issuer || !subject_fits || !self.aud.into_vec().iter().any(|one| one == audience) {
            return Err(TokenError::Invalid);
        }
        let begins = [self.nbf, self.iat].into_iter().flatten().map(moment);
        for begin in begins {
            if begin.ok_or(TokenError::Invalid)? > now + LEEWAY {
                return Err(TokenError::Invalid);
            }
        }
        let end = moment(self.exp).ok_or(TokenError::Invalid)?;
        let late = end.checked_add_signed(LEEWAY).ok_or(TokenError::Invalid)?;
        if now >= late {
            return Err(TokenError::Expired);
        }
        let profile = Profile {
            preferred_username: text(self.preferred_username),
            name: text(self.name),
            given_name: text(self.given_name),
            family_name: text(self.family_name),
            email: text(self.email),
            locale: text(self.locale),
        };
        // A clock that is behind ours has given it the leeway.
        let expires_at = if now < end { end } else { late };
        Ok(Subject { subject: self.sub, profile, expires_at })
    }
}

/// The moment of a NumericDate, which may have a fraction; `None` beyond the years that can be told.
fn moment(seconds: f64) -> Option<DateTime<Utc>> {
    const LATEST: f64 = 253_402_300_799.0;
    if !(0.0..=LATEST).contains(&seconds) {
        return None;
    }
    let whole = Duration::try_from_secs_f64(seconds).ok()?;
    DateTime::from_timestamp(i64::try_from(whole.as_secs()).ok()?, 0)
}

/// A text as it can be shown; else none.
fn text(value: Value) -> Option<String> {
    let Value::String(text) = value else { return None };
    let fits = text.chars().take(PROFILE_CHARS + 1).count() <= PROFILE_CHARS;
    (fits && !text.trim().is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_keys_that_check_signatures_count() {
        let ed =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a" });
        let with = |field: &str, value: Value| {
            let mut key = ed.clone();
            key[field] = value;
            key
        };
        let count =
            |keys: Vec<Value>| Keys::parse(&serde_json::to_vec(&json!({ "keys": keys })).unwrap()).unwrap().0.len();
        assert_eq!(count(vec![ed.clone()]), 1);
        assert_eq!(count(vec![with("use", json!("sig")), with("alg", json!("EdDSA"))]), 2);
        for bad in [
            with("use", json!("enc")),
            with("alg", json!("RS256")),
            with("alg", json!("HS256")),
            with("key_ops", json!(["encrypt"])),
            with("crv", json!("X25519")),
            json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "a" }),
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
            json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }),
            json!({ "kty": "new" }),
            json!("x"),
        ] {
            assert_eq!(count(vec![bad.clone()]), 0, "{bad}");
        }
        assert_eq!(count(vec![ed; 100]), KEYS);
        assert!(Keys::parse(b"{}").is_err());
    }

    #[test]
    fn times_are_checked_with_their_leeway() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let check = |exp: i64, nbf: i64| {
            let claims = json!({ "iss": "i", "sub": "s", "aud": ["b", "a"], "exp": 1_800_000_000 + exp, "nbf": 1_800_000_000 + nbf });
            serde_json::from_value::<Claims>(claims).unwrap().check("i", "a", now).map(|subject| subject.expires_at)
        };
        assert_eq!(check(100, 0), Ok(now + TimeDelta::seconds(100)));
        assert_eq!(check(-59, 60), Ok(now + TimeDelta::seconds(1)));
        assert_eq!(check(-60, 0), Err(TokenError::Expired));
        assert_eq!(check(100, 61), Err(TokenError::Invalid));
        assert_eq!(moment(-1.0), None);
        assert_eq!(moment(f64::NAN), None);
        assert_eq!(moment(1e300), None);
        assert_eq!(moment(1.9), DateTime::from_timestamp(1, 0));
    }

    #[test]
    fn tokens_of_our_own_kind_are_none_of_theirs() {
        for token in ["", "a.b.c", "eyJhbGciOiJIUzI1NiJ9.e30.AA", "eyJhbGciOiJub25lIn0.e30."] {
            assert_eq!(Claimed::read(token), None, "{token}");
        }
    }
}
