//! Errors of the API under `/api`: problem details, as RFC 9457 has them.

use crate::model::Failure;
use crate::wire::error::ErrorData;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// The body of an error. `code` is the one of the event protocol's list, where it has one.
#[derive(Debug, Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<crate::wire::error::ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

/// The answer to a request that failed.
pub fn failure(failure: &Failure) -> HttpResponse {
    let data = ErrorData::from(failure);
    let status = StatusCode::from_u16(data.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(millis) = data.retry_after_ms {
        response.insert_header((header::RETRY_AFTER, millis.div_ceil(1000).to_string()));
    }
    answer(&mut response, status, Some(&data))
}

/// The answer where a status says it all.
pub fn status(status: StatusCode) -> HttpResponse {
    answer(&mut HttpResponse::build(status), status, None)
}

/// The answer to a method that the resource does not have.
pub fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    answer(HttpResponse::build(status).insert_header((header::ALLOW, allowed)), status, None)
}

fn answer(response: &mut HttpResponseBuilder, status: StatusCode, data: Option<&ErrorData>) -> HttpResponse {
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        code: data.map(|data| data.code),
        detail: data.map(|data| data.message.as_str()),
        field: data.and_then(|data| data.field.as_deref()),
    };
    // `json` leaves a content type that is there alone.
    response.content_type("application/problem+json").json(problem)
}
