//! Apps that act for a user: the header that names whom, and what becomes of the request then.
//!
//! With it a request is that user's in all that concerns rights: what they may not do, the app may not do for them. It still
//! counts against the app's limit.

use super::HttpState;
use super::problem::Problem;
use crate::model::Failure;
use crate::store::accounts::AppRow;
use crate::store::users::{self, UserRow};
use actix_web::HttpRequest;

/// The header in which an app names the user it acts for.
pub const ON_BEHALF: &str = "X-Palabre-User";
/// Bytes of the longest that is looked at: 100 characters of four bytes, each byte escaped.
const NAME_BYTES: usize = 1_200;

/// The user that a request of this app names, if it names one.
///
/// # Errors
/// 400 for one who is not of the app's project or whose account is closed, 503 when the database is away.
pub async fn user(request: &HttpRequest, app: &AppRow) -> Result<Option<UserRow>, Problem> {
    let mut given = request.headers().get_all(ON_BEHALF);
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(Failure::invalid(ON_BEHALF, "is there twice").into());
    }
    let name = value.to_str().ok().and_then(decode).ok_or_else(|| {
        Failure::invalid(
            ON_BEHALF,
            "must be a user's id, or their username with all but ASCII percent-encoded as UTF-8",
        )
    })?;
    let chat = &HttpState::of(request)?.chat;
    let found = chat.run(async |conn| Ok(users::resolve(conn, app.project_id, &[&name]).await?)).await?;
    let nobody = || Failure::invalid(ON_BEHALF, "names no user of the project whose account is open");
    Ok(Some(found.into_iter().next().flatten().ok_or_else(nobody)?))
}

/// Undoes percent-encoding; `None` where that is broken, or what comes of it is no text that a name can have.
fn decode(text: &str) -> Option<String> {
    if text.len() > NAME_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push((high << 4) | low);
    }
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty() && !name.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_decoded() {
        assert_eq!(decode("alice").as_deref(), Some("alice"));
        assert_eq!(decode("d%C3%B6rte%20m%25").as_deref(), Some("dörte m%"));
        for bad in ["", "%", "%4", "%zz", "%C3", "%00", "a%+1"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_comes_back(name in "[^\0]{1,100}") {
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(&encoded), Some(name));
        }

        #[test]
        fn nothing_is_too_strange(text: String) {
            let _ = decode(&text);
        }
    }
}
