//! Errors of the API under `/api`: problem details, as RFC 9457 has them, with the closed list of codes that events have.
//!
//! Whatever goes wrong becomes a [`Failure`] or is one of the few things that only HTTP knows; here it becomes an answer, once.

use crate::model::Failure;
use crate::wire::error::{ErrorCode, ErrorData};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use utoipa::ToSchema;

/// How long a client waits before it asks a server again that lacks its database: long enough for a restart of PostgreSQL.
const OUTAGE: Duration = Duration::from_secs(2);

/// What went wrong, as an answer. Small, so that results can hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<Details>);

/// What an answer says that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "code": "invalid",
    "detail": "a field holds what it must not",
    "errors": [{"field": "name", "message": "must have 1 to 100 characters"}],
}))]
pub struct Details {
    /// Always `about:blank`: `code` says which problem it is.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The status in words.
    #[schema(example = "Bad Request")]
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What went wrong, for programs.
    code: ErrorCode,
    /// What went wrong, for people.
    detail: String,
    /// The fields at fault, with `invalid`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    allow: Option<String>,
}

/// A field that holds what it must not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its path in the body, such as `origins[1]`, or the name of a parameter or header.
    #[schema(example = "name")]
    pub field: String,
    /// What is wrong with it, for people.
    #[schema(example = "must have 1 to 100 characters")]
    pub message: String,
}

impl Problem {
    /// A problem of this code with a text for people.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::with_status(status, code, detail)
    }

    /// Where HTTP has a status of its own for what is one code among events.
    pub fn with_status(status: StatusCode, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            allow: None,
        }))
    }

    /// Fields that hold what they must not.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let detail = format!("not valid: {}", fields.join(", "));
        let mut problem = Self::new(ErrorCode::Invalid, detail);
        problem.0.errors = errors;
        problem
    }

    /// Nothing is at this path.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(ErrorCode::NotFound, "nothing is at this path")
    }

    /// The path is right and the method is not; `allowed` lists those that are.
    pub fn method_not_allowed(allowed: impl Into<String>) -> Self {
        let detail = "this path does not have this method";
        let mut problem = Self::with_status(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::UnknownType, detail);
        problem.0.allow = Some(allowed.into());
        problem
    }

    /// Another try makes sense after this time.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.0.retry_after = Some(pause);
        self
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid { field, message } => Self::fields(vec![FieldError { field, message }]),
            Failure::RateLimited { retry_after } => {
                Self::new(ErrorCode::RateLimited, Failure::RateLimited { retry_after }.to_string())
                    .retry_after(retry_after)
            }
            Failure::Unavailable => {
                Self::new(ErrorCode::Unavailable, Failure::Unavailable.to_string()).retry_after(OUTAGE)
            }
            other => {
                let ErrorData { code, message, .. } = (&other).into();
                Self::new(code, message)
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status, self.0.title, self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if self.0.status == StatusCode::UNAUTHORIZED.as_u16() {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(pause) = self.0.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds_up(pause).to_string()));
        }
        if let Some(allowed) = &self.0.allow {
            response.insert_header((header::ALLOW, allowed.as_str()));
        }
        // `json` leaves a content type that is there alone.
        response.content_type("application/problem+json").json(&self.0)
    }
}

/// The answer where a status says it all, on listeners that have no API.
pub fn status(status: StatusCode) -> HttpResponse {
    let code = match status {
        StatusCode::UNAUTHORIZED => ErrorCode::Unauthorized,
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Unavailable,
        status if status.is_server_error() => ErrorCode::Internal,
        _ => ErrorCode::Forbidden,
    };
    Problem::with_status(status, code, status.canonical_reason().unwrap_or("Error")).error_response()
}

/// The answer to a method that the resource does not have.
pub fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    Problem::method_not_allowed(allowed).error_response()
}

/// Whole seconds, rounded up and at least one, so that who waits them is not too early.
pub fn seconds_up(pause: Duration) -> u64 {
    (pause.as_secs() + u64::from(pause.subsec_nanos() > 0)).max(1)
}

/// Looks at all fields before it says what is wrong, so that one answer names each.
#[derive(Debug, Default)]
pub struct Checks {
    errors: Vec<FieldError>,
    other: Option<Failure>,
}

impl Checks {
    /// Notes what a check said.
    pub fn note(&mut self, result: Result<(), Failure>) -> &mut Self {
        match result {
            Ok(()) => {}
            Err(Failure::Invalid { field, message }) => self.errors.push(FieldError { field, message }),
            Err(other) => self.other = Some(other),
        }
        self
    }

    /// Checks a field that may be left out.
    pub fn optional<T: ?Sized>(
        &mut self,
        value: Option<&T>,
        check: impl FnOnce(&T) -> Result<(), Failure>,
    ) -> &mut Self {
        self.note(value.map_or(Ok(()), check))
    }

    /// What all the checks said.
    ///
    /// # Errors
    /// A problem that names every field at fault.
    pub fn done(&mut self) -> Result<(), Problem> {
        if let Some(other) = self.other.take() {
            return Err(other.into());
        }
        let errors = std::mem::take(&mut self.errors);
        if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text;

    #[test]
    fn a_failure_says_nothing_of_what_is_inside() {
        let problem = Problem::from(Failure::Internal);
        assert_eq!((problem.0.status, problem.0.detail.as_str()), (500, "internal error"));
    }

    #[test]
    fn what_passes_says_when_to_come_back() {
        for (failure, seconds) in [
            (Failure::Unavailable, "2"),
            (Failure::RateLimited { retry_after: Duration::from_millis(1) }, "1"),
            (Failure::RateLimited { retry_after: Duration::from_millis(1001) }, "2"),
        ] {
            let response = Problem::from(failure).error_response();
            assert_eq!(response.headers().get("retry-after").unwrap(), seconds);
        }
    }

    #[test]
    fn one_answer_names_every_field() {
        let mut checks = Checks::default();
        let result =
            checks.note(text::username("username", "")).optional(Some("x"), |name| text::display_name("name", name));
        let problem = result.note(text::password("password", "short")).done().unwrap_err();
        let fields: Vec<_> = problem.0.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["username", "password"]);
        assert_eq!(checks.done(), Ok(()));
    }
}
