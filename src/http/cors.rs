//! Which pages may call REST from a browser: those of the origins in the settings and of the projects' own lists.
//!
//! A preflight names no project, so the lists of all projects count together. That lets nobody in: there are no cookies here, and
//! a page without a token gets nothing.

use super::HttpState;
use super::behalf::ON_BEHALF;
use super::caller::APP_KEY;
use super::entrance::REQUEST_ID;
use super::idempotency::{KEY, REPLAYED};
use super::problem::Problem;
use crate::store::accounts;
use crate::wire::error::ErrorCode;
use actix_cors::Cors;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError, web};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How old the list of the projects' origins may be: a project that was just changed on another node is known within this.
const FRESH: Duration = Duration::from_secs(5);
/// Origins of projects that count: more would be megabytes on each node. Beyond that, settings have to name them.
const MOST: i64 = 50_000;
/// For how many seconds a browser may remember a preflight: the longest that the common ones take.
const MAX_AGE: usize = 7200;

/// The origins that are allowed.
pub struct Origins {
    set: Vec<String>,
    of_projects: Mutex<OfProjects>,
}

#[derive(Default)]
struct OfProjects {
    known: HashSet<String>,
    read_at: Option<Instant>,
}

impl Origins {
    /// Those of the settings; the projects' are read when they are needed.
    #[must_use]
    pub fn new(set: Vec<String>) -> Self {
        Self { set, of_projects: Mutex::default() }
    }

    /// Whether pages of this origin may call.
    #[must_use]
    pub fn allow(&self, origin: &str) -> bool {
        self.set.iter().any(|known| known == origin) || self.lock().known.contains(origin)
    }

    /// A project's list changed here: the next request reads it.
    pub fn forget(&self) {
        self.lock().read_at = None;
    }

    fn lock(&self) -> MutexGuard<'_, OfProjects> {
        self.of_projects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is this request's turn to read the projects' lists.
    fn is_due(&self, now: Instant) -> bool {
        let mut of_projects = self.lock();
        let is_due = of_projects.read_at.is_none_or(|read_at| now.saturating_duration_since(read_at) >= FRESH);
        if is_due {
            of_projects.read_at = Some(now);
        }
        is_due
    }
}

/// Reads the projects' lists anew when a page calls and they are old. While the database is away the old ones count.
pub async fn refresh(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.headers().contains_key(header::ORIGIN)
        && let Some(state) = request.app_data::<web::Data<HttpState>>()
        && state.origins.is_due(Instant::now())
    {
        match state.chat.run(async |conn| Ok(accounts::origins(conn, MOST).await?)).await {
            Ok(known) => state.origins.lock().known = known,
            Err(_) => state.origins.forget(),
        }
    }
    let response = next.call(request).await?.map_into_boxed_body();
    // The layer below answers a preflight itself, and refuses in words of its own.
    if response.request().method() == Method::OPTIONS && response.status() == StatusCode::BAD_REQUEST {
        let problem = Problem::new(ErrorCode::Forbidden, "pages of this origin may not call this, or not so");
        return Ok(response.into_response(problem.error_response()));
    }
    Ok(response)
}

/// What browsers are told.
pub fn layer(state: &web::Data<HttpState>) -> Cors {
    let state = state.clone();
    Cors::default()
        .allowed_origin_fn(move |origin, _| origin.to_str().is_ok_and(|origin| state.origins.allow(origin)))
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allowed_headers([
            header::AUTHORIZATION.as_str(),
            header::CONTENT_TYPE.as_str(),
            APP_KEY,
            KEY,
            ON_BEHALF,
            REQUEST_ID,
        ])
        .allowed_headers([header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH])
        .expose_headers([header::RETRY_AFTER.as_str(), header::LOCATION.as_str(), REQUEST_ID, REPLAYED])
        .expose_headers([header::ETAG, header::ACCEPT_RANGES, header::CONTENT_RANGE, header::CONTENT_DISPOSITION])
        .max_age(MAX_AGE)
        // A page of the server's own origin sends one too, and other clients send what they like: browsers decide by what is
        // missing in the answer.
        .block_on_origin_mismatch(false)
}
