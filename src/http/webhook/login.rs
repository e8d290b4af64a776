//! `POST /webhook/auth/login`: a name and a password for a token.

use super::{REQUEST_BYTES, answer, body};
use crate::http::HttpState;
use crate::http::sign_in::{self, Refusal};
use crate::model::limits::PASSWORD_BYTES;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;

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

/// Answers a sign-in.
pub async fn create(request: HttpRequest, state: web::Data<HttpState>, body: web::Payload) -> HttpResponse {
    let body = match body::read(body, REQUEST_BYTES).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    if request.content_type() != "application/json" {
        return answer::bad_request("Content-Type attendu : application/json");
    }
    let (username, password) = match parse(&body) {
        Ok(names) => names,
        Err(problem) => return answer::bad_request(problem),
    };
    let address = request.peer_addr().map(|peer| peer.ip());
    let signed_in = sign_in::user(&state, &state.webhook_project, &username, password, address).await;
    let signed_in = signed_in.and_then(|user| {
        let (token, _) = state.token_for(&user)?;
        Ok((token, user))
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
