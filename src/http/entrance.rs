//! What happens to every request of the API before and after its handler: it gets an id, `HEAD` is answered as `GET` is, and what
//! became of it is logged.

use super::HttpState;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use std::time::Instant;
use uuid::Uuid;

/// The header by which a request is found again in the logs.
pub const REQUEST_ID: &str = "X-Request-Id";
/// Characters of an id that a client or a proxy chose: UUIDs and trace ids have at most 55.
const ID_CHARS: usize = 64;

/// The mark of a request that came as `HEAD`.
struct Head;

/// Whether no body is wanted: what would be an endless one must not even begin.
#[must_use]
pub fn is_head(request: &HttpRequest) -> bool {
    request.extensions().get::<Head>().is_some()
}

/// Answers with the request's id, and logs.
pub async fn pass(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = id_of(request.headers());
    let state = request.app_data::<web::Data<HttpState>>().cloned();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    if method == Method::HEAD {
        // The connection remembers that no body is to follow.
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(Head);
    }
    let mut response = next.call(request).await?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    let (status, took) = (response.status(), started.elapsed());
    if let Some(state) = state {
        state.chat.metrics.rest.count(status.as_u16());
    }
    // Neither the query nor a header: they may hold what is nobody's business.
    if status.is_server_error() {
        log::warn!(target: "palabre::http", "{method} {path} {} in {took:.1?}, request {id}", status.as_u16());
    } else {
        log::debug!(target: "palabre::http", "{method} {path} {} in {took:.1?}, request {id}", status.as_u16());
    }
    Ok(response)
}

/// The id that came along, if it is short and plain; else a new one.
fn id_of(headers: &HeaderMap) -> String {
    let plain = |id: &&str| {
        (1..=ID_CHARS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(plain);
    given.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(id: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-request-id"), HeaderValue::from_str(id).unwrap());
        id_of(&headers) == id
    }

    #[test]
    fn only_plain_ids_are_taken() {
        for id in ["1", "550e8400-e29b-41d4-a716-446655440000", "a_b.c", &"x".repeat(64)] {
            assert!(taken(id), "{id}");
        }
        for id in ["", "a b", "a;b", "\"", &"x".repeat(65)] {
            assert!(!taken(id), "{id}");
        }
    }
}
