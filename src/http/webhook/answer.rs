//! Answers to what failed: `{success: false, error}`, with a `code` where there is one.

use crate::http::problem::seconds_up;
use crate::model::Failure;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
struct Refusal<'a> {
    success: bool,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// 400 with a text that says what is wrong.
pub fn bad_request(error: &str) -> HttpResponse {
    refuse(StatusCode::BAD_REQUEST, error)
}

/// 401 for a wrong password, an unknown name and a deactivated user alike.
pub fn wrong_credentials() -> HttpResponse {
    refuse(StatusCode::UNAUTHORIZED, "Identifiants invalides")
}

/// 401 for no token, and for one that is not good here.
pub fn invalid_token() -> HttpResponse {
    HttpResponse::Unauthorized().json(Refusal {
        success: false,
        error: "Token invalide ou expiré",
        code: Some("INVALID_TOKEN"),
    })
}

/// 403.
pub fn foreign_conversation() -> HttpResponse {
    refuse(StatusCode::FORBIDDEN, "Vous n'avez pas accès à cette conversation")
}

/// 404 for a conversation that is none.
pub fn unknown_conversation() -> HttpResponse {
    refuse(StatusCode::NOT_FOUND, "Conversation introuvable")
}

/// 413.
pub fn too_large() -> HttpResponse {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, "Requête trop volumineuse")
}

/// 429 with the time after which a next try makes sense.
pub fn too_many_attempts(pause: Duration) -> HttpResponse {
    let seconds = seconds_up(pause).to_string();
    HttpResponse::TooManyRequests().insert_header((header::RETRY_AFTER, seconds)).json(Refusal {
        success: false,
        error: "Trop de tentatives",
        code: Some("RATE_LIMITED"),
    })
}

/// 429 for a user whose tokens of the month are used up; `quota` is what they may.
pub fn quota_exceeded(quota: u64) -> HttpResponse {
    let error = format!("Quota tokens mensuel dépassé. Limite : {} tokens/mois.", in_thousands(quota));
    HttpResponse::TooManyRequests().json(Refusal { success: false, error: &error, code: Some("QUOTA_EXCEEDED") })
}

/// A number as the front end shows it: `50,000`.
fn in_thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// 500 for a message that was not answered, whatever the reason: the front end knows no other status. Nothing of the cause is told.
pub fn failed() -> HttpResponse {
    server_error(&Failure::Internal)
}

/// What is not the client's fault: 503 when it passes by itself, else 500. Nothing of the cause is told.
pub fn server_error(failure: &Failure) -> HttpResponse {
    let status = match failure {
        Failure::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refuse(status, "Erreur serveur. Réessayez dans quelques instants.")
}

/// 404 for a path that is none.
pub fn not_found() -> HttpResponse {
    refuse(StatusCode::NOT_FOUND, "Ressource introuvable")
}

/// 405.
pub fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let refusal = Refusal { success: false, error: "Méthode non autorisée", code: None };
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allowed)).json(refusal)
}

fn refuse(status: StatusCode, error: &str) -> HttpResponse {
    HttpResponse::build(status).json(Refusal { success: false, error, code: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (50_000, "50,000"), (1_234_567, "1,234,567")] {
            assert_eq!(in_thousands(number), text);
        }
    }
}
