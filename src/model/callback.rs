//! Callbacks to apps: how they are signed, and when to try again.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;
use std::time::Duration;

/// The wait after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait: an app that is back hears of everything within the hour.
const LONGEST: Duration = Duration::from_secs(3600);

/// The value of the signature's header: `t=<seconds>,v1=<hex>`, where the latter is the HMAC-SHA256 under `secret` of the time, a
/// point and the body. With the time in it, nobody can send an old callback again as a new one.
#[must_use]
pub fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mut header = format!("t={seconds},v1=");
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return header };
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body.as_bytes());
    for byte in mac.finalize().into_bytes() {
        // Writing to a string can't fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}

/// How long to wait after so many tries that failed: doubling, up to an hour, and of that a part between a half and all of it
/// as `chance` (any number) has it, so that what failed together is not tried again together.
#[must_use]
pub fn back_off(attempts: i32, chance: u32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(31);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let half = whole / 2;
    half.saturating_add(half.mul_f64(f64::from(chance) / f64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_signature_is_what_others_compute() {
        // printf '1795255200.{"hello":"world"}' | openssl dgst -sha256 -hmac secret
        let expected = "t=1795255200,v1=9852a3f69f8b6fa70288e7723bf6b495a395f2129e367f7c54dc0c068dc520f2";
        assert_eq!(signature("secret", 1_795_255_200, r#"{"hello":"world"}"#), expected);
    }

    proptest! {
        #[test]
        fn everything_signed_counts(secret: String, t in 0i64..4_000_000_000, body: String, more in ".+") {
            let signed = signature(&secret, t, &body);
            prop_assert_eq!(signed.len(), format!("t={t},v1=").len() + 64);
            prop_assert_ne!(&signed, &signature(&secret, t + 1, &body));
            prop_assert_ne!(&signed, &signature(&secret, t, &format!("{body}{more}")));
        }

        #[test]
        fn waits_grow_to_an_hour_and_never_beyond(attempts: i32, chance: u32) {
            let wait = back_off(attempts, chance);
            prop_assert!(wait >= FIRST / 2 && wait <= LONGEST);
            prop_assert!(back_off(attempts.saturating_add(1), chance) >= wait);
            prop_assert!(attempts < 13 || wait >= LONGEST / 2);
        }
    }
}
