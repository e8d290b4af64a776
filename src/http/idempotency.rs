//! `Idempotency-Key`: a POST that names itself is done once, however often it is sent, and answered the same each time.
//!
//! It is for callers that are known, and means nothing under `auth/`, where nothing is done twice by mistake. Names are kept for a day, by caller and
//! path, with a digest of the body and the answer; but never an answer that holds a secret. What failed on our side, or was
//! refused for the number of requests, is not kept: it may be sent again.

use super::HttpState;
use super::caller::identify;
use super::problem::Problem;
use super::read::read_body;
use crate::model::Failure;
use crate::store::idempotency::{self, Answer, Name, Turn};
use crate::wire::error::ErrorCode;
use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The header that names a request.
pub const KEY: &str = "Idempotency-Key";
/// The header of an answer that was given before.
pub const REPLAYED: &str = "Idempotency-Replayed";
/// Characters of a name: a UUID with room for a prefix.
const KEY_CHARS: usize = 255;
/// How soon to ask again for the answer to a request that is under way.
const SOON: Duration = Duration::from_secs(1);

/// Put into the extensions of an answer that holds a secret: it is not kept.
#[derive(Debug, Clone, Copy)]
pub struct Secret;

/// Lets the first of its name pass and answers the others.
pub async fn once(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let key = match key_of(request.request()) {
        Ok(Some(key)) => key,
        Ok(None) => return Ok(next.call(request).await?.map_into_boxed_body()),
        Err(problem) => return Ok(request.into_response(problem.error_response())),
    };
    let caller = match identify(request.request()).await {
        Ok(identity) => identity.name(),
        // Operators and strangers have no names for requests; what is wrong with others the handler says.
        Err(_) => return Ok(next.call(request).await?.map_into_boxed_body()),
    };
    let payload = request.take_payload();
    let begun = match Begun::new(request.request(), payload, caller, key).await {
        Ok(begun) => begun,
        Err(problem) => return Ok(request.into_response(problem.error_response())),
    };
    match begun.turn {
        Turn::First => {}
        Turn::Done(answer) => return Ok(request.into_response(replay(answer))),
        Turn::UnderWay => {
            let problem = Problem::new(ErrorCode::Conflict, "the request of this Idempotency-Key is under way");
            return Ok(request.into_response(problem.retry_after(SOON).error_response()));
        }
        Turn::Other => {
            let problem = Problem::new(ErrorCode::Conflict, "this Idempotency-Key was used for another body");
            return Ok(request.into_response(problem.error_response()));
        }
    }
    // Nothing of the request may be held while it is handed on.
    request.set_payload(Payload::from(begun.body));
    let (request, response) = next.call(request).await?.map_into_boxed_body().into_parts();
    let response = keep(&request, &begun.caller, &begun.key, begun.at, response).await?;
    Ok(ServiceResponse::new(request, response))
}

/// A request that has a name.
struct Begun {
    caller: String,
    key: String,
    body: Bytes,
    at: DateTime<Utc>,
    turn: Turn,
}

impl Begun {
    async fn new(request: &HttpRequest, payload: Payload, caller: String, key: String) -> Result<Self, Problem> {
        let body = read_body(request, payload).await?;
        let digest = Sha256::digest(&body);
        let state = HttpState::of(request)?;
        let at = state.chat.now();
        let name = Name { caller: &caller, path: request.path(), key: &key };
        let turn = state.chat.run(async |conn| Ok(idempotency::begin(conn, name, &digest, at).await?)).await?;
        Ok(Self { turn, at, caller, key, body })
    }
}

/// The name of a request, if it has one and may have.
fn key_of(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(key) = request.headers().get(KEY).filter(|_| request.method() == Method::POST) else { return Ok(None) };
    // Files stream past: there is no holding them for a digest. And nothing is done twice by a sign-in.
    if request.content_type().starts_with("multipart/") || request.path().contains("/auth/") {
        return Ok(None);
    }
    let plain = |key: &&str| (1..=KEY_CHARS).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    let key = key.to_str().ok().filter(plain);
    let refused = || Failure::invalid(KEY, format!("must be 1 to {KEY_CHARS} visible ASCII characters"));
    Ok(Some(key.ok_or_else(refused)?.to_owned()))
}

fn replay(answer: Answer) -> HttpResponse {
    let Some(body) = answer.body else {
        let detail = "this was done; its answer held a secret that is shown only once";
        return Problem::new(ErrorCode::Conflict, detail).error_response();
    };
    let status = u16::try_from(answer.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = HttpResponseBuilder::new(status.unwrap_or(StatusCode::OK));
    response.insert_header((REPLAYED, "true"));
    for (name, value) in [(header::CONTENT_TYPE, answer.content_type), (header::LOCATION, answer.location)] {
        if let Some(value) = value {
            response.insert_header((name, value));
        }
    }
    response.body(body)
}

/// Keeps an answer, or forgets the request where the answer doesn't count.
async fn keep(
    request: &HttpRequest,
    caller: &str,
    key: &str,
    began: DateTime<Utc>,
    response: HttpResponse,
) -> Result<HttpResponse, Error> {
    let state = HttpState::of(request).map_err(Problem::from)?;
    let name = Name { caller, path: request.path(), key };
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT {
        let given_up = state.chat.run(async |conn| Ok(idempotency::give_up(conn, name, began).await?)).await;
        if given_up.is_err() {
            log::debug!(target: "palabre::http", "a request stays under way until it is taken for lost");
        }
        return Ok(response);
    }
    let is_secret = response.extensions().get::<Secret>().is_some();
    let text =
        |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    let (content_type, location) = (text(header::CONTENT_TYPE), text(header::LOCATION));
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|_| Problem::from(Failure::Internal))?;
    let answer = Answer {
        status: i16::try_from(status.as_u16()).unwrap_or(200),
        content_type,
        location,
        body: (!is_secret).then(|| body.to_vec()),
    };
    // What was done is done: the caller gets the answer even if it can't be kept.
    let kept = state.chat.run(async |conn| Ok(idempotency::finish(conn, name, began, &answer).await?)).await;
    if kept.is_err() {
        log::warn!(target: "palabre::http", "an answer could not be kept for its Idempotency-Key");
    }
    Ok(head.set_body(body).map_into_boxed_body())
}

/// Removes old answers from time to time, until the task is aborted.
pub async fn sweep(state: &HttpState) {
    /// Between two looks: a day has many.
    const INTERVAL: Duration = Duration::from_secs(600);
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        let now = state.chat.now();
        while let Ok(1..) = state.chat.run(async |conn| Ok(idempotency::sweep(conn, now).await?)).await {}
    }
}
