//! `POST /webhook/auth/login`: a name and a password for a token.

use super::answer;
use crate::http::HttpState;
use crate::model::Failure;
use crate::model::limits::PASSWORD_BYTES;
use crate::store::users::{Credentials, UserRow};
use crate::store::{accounts, users};
use actix_web::error::PayloadError;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use std::net::IpAddr;
use std::time::{Duration, Instant};

#[derive(Debug, Serialize)]
struct SignedIn<'a> {
    success: bool,
    token: String,
    user: SignedInUser<'a>,
}

#[derive(Debug, Serialize)]
struct SignedInUser<'a> {
    id: i64,
    username: &'a str,
    role: &'static str,
}

/// Why nobody was signed in.
enum Refusal {
    WrongCredentials,
    TooManyAttempts(Duration),
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Answers a sign-in.
pub async fn create(
    request: HttpRequest,
    state: web::Data<HttpState>,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    let body = match body {
        Ok(body) => body,
        Err(error) if is_too_large(&error) => return answer::too_large(),
        Err(_) => return answer::bad_request("Requête incomplète"),
    };
    if request.content_type() != "application/json" {
        return answer::bad_request("Content-Type attendu : application/json");
    }
    let (username, password) = match parse(&body) {
        Ok(names) => names,
        Err(problem) => return answer::bad_request(problem),
    };
    let address = request.peer_addr().map(|peer| peer.ip());
    let signed_in = sign_in(&state, &username, password, address).await.and_then(|user| {
        let token = state.tokens.issue_user(&accounts::token_of(&user), state.clock.now(), state.token_lifetime);
        Ok((token.map_err(|_| Failure::Internal)?, user))
    });
    match signed_in {
        Ok((token, user)) => HttpResponse::Ok().json(SignedIn {
            success: true,
            token,
            user: SignedInUser { id: user.number, username: &user.username, role: user.role.as_str() },
        }),
        Err(Refusal::WrongCredentials) => answer::wrong_credentials(),
        Err(Refusal::TooManyAttempts(pause)) => answer::too_many_attempts(pause),
        Err(Refusal::Failed(failure)) => answer::server_error(&failure),
    }
}

/// The user of this name, if the password is theirs. An unknown name takes as long as a wrong password.
async fn sign_in(
    state: &HttpState,
    username: &str,
    password: String,
    address: Option<IpAddr>,
) -> Result<UserRow, Refusal> {
    // Before the database is asked and the queue is joined, so that a flood of tries costs next to nothing.
    state.throttle.check(username, address, Instant::now()).map_err(Refusal::TooManyAttempts)?;
    let (user, hash) = match find(state, username).await? {
        Some(Credentials { user, password_hash }) => (Some(user), password_hash),
        None => (None, None),
    };
    let turn = state.hashing.turn().await?;
    // Again, now with the turn: of many tries at once only as many are under way as there are cores.
    let attempt = state.throttle.begin(username, address, Instant::now()).map_err(Refusal::TooManyAttempts)?;
    let matches = turn.verify(password, hash).await?;
    match user {
        Some(user) if matches && user.deactivated_at.is_none() => {
            attempt.succeed();
            Ok(user)
        }
        _ => Err(Refusal::WrongCredentials),
    }
}

/// What the sign-in is checked against. The connection goes back to the pool before the slow part begins.
async fn find(state: &HttpState, username: &str) -> Result<Option<Credentials>, Failure> {
    let mut conn = state.database.get().await?;
    let Some(project) = accounts::project_by(&mut conn, &state.webhook_project).await? else {
        log::warn!(target: "palabre::http", "the webhook project {} does not exist", state.webhook_project);
        return Ok(None);
    };
    Ok(users::credentials(&mut conn, project.id, username).await?)
}

/// Name and password, or what is wrong with the body.
fn parse(body: &[u8]) -> Result<(String, String), &'static str> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else {
        return Err("Requête invalide : objet JSON attendu");
    };
    let mut text = |field| match fields.remove(field) {
        None | Some(Value::Null) => Err("Nom d'utilisateur et mot de passe requis"),
        Some(Value::String(text)) if text.is_empty() => Err("Nom d'utilisateur et mot de passe requis"),
        Some(Value::String(text)) if text.contains('\0') => Err("Caractère U+0000 interdit"),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err("Nom d'utilisateur et mot de passe doivent être des chaînes"),
    };
    let (username, password) = (text("username")?, text("password")?);
    // bcrypt would compare the first 72 bytes only.
    if password.len() > *PASSWORD_BYTES.end() {
        return Err("Mot de passe trop long : 72 octets au plus");
    }
    Ok((username, password))
}

fn is_too_large(error: &actix_web::Error) -> bool {
    matches!(error.as_error::<PayloadError>(), Some(PayloadError::Overflow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_texts_are_asked_for() {
        let good = parse(br#"{"username": "khora", "password": "test123", "more": [1]}"#);
        assert_eq!(good, Ok(("khora".to_owned(), "test123".to_owned())));
        for body in [
            "",
            "khora",
            "[]",
            "null",
            "{}",
            r#"{"username": "khora"}"#,
            r#"{"password": "test123"}"#,
            r#"{"username": "", "password": "test123"}"#,
            r#"{"username": null, "password": "test123"}"#,
            r#"{"username": 1, "password": "test123"}"#,
            r#"{"username": "khora", "password": ["test123"]}"#,
            r#"{"username": "kh\u0000ora", "password": "test123"}"#,
            r#"{"username": "khora", "password": "test\u0000123"}"#,
            r#"{"username": "kh\ud800", "password": "test123"}"#,
        ] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(parse(b"{\"username\": \"\xff\", \"password\": \"test123\"}").is_err());
    }

    #[test]
    fn a_password_that_bcrypt_would_cut_is_refused() {
        let body = |bytes| format!(r#"{{"username": "khora", "password": "{}"}}"#, "x".repeat(bytes));
        assert!(parse(body(72).as_bytes()).is_ok());
        assert!(parse(body(73).as_bytes()).is_err());
    }
}
