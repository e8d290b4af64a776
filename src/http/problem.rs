//! Errors of the API under `/api`: problem details, as RFC 9457 has them.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// The body of an error.
#[derive(Debug, Serialize)]
struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
}

/// The answer where a status says it all.
pub fn status(status: StatusCode) -> HttpResponse {
    answer(&mut HttpResponse::build(status), status)
}

/// The answer to a method that the resource does not have.
pub fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    answer(HttpResponse::build(status).insert_header((header::ALLOW, allowed)), status)
}

fn answer(response: &mut HttpResponseBuilder, status: StatusCode) -> HttpResponse {
    let title = status.canonical_reason().unwrap_or("Error");
    // `json` leaves a content type that is there alone.
    response.content_type("application/problem+json").json(Problem {
        r#type: "about:blank",
        title,
        status: status.as_u16(),
    })
}
