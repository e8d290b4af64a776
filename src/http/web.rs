//! The browser's application at `/`, embedded if it was built before the program was (`build.rs`), and `/app.json`, what it is told of this
//! server before anybody has signed in.
//!
//! Its files say in their names what is in them, so browsers keep them for good; only the page itself is asked for again, by its
//! tag. Paths that only the application knows (`/conversations/…`) get the page too, but only for who asks for a page: programs that
//! mistake a path get a problem.

use super::{HttpState, problem};
use crate::model::account::UserRole;
use crate::store::demo;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The page loads only its own files, has no script or style in itself, and talks to this server only. `blob:` and `data:` are pictures
/// that it got with a token.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
                      font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";
/// What pages may ask a browser for, and this one never does.
const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()";
/// Paths that are not the application's: what is unknown there is a problem, whoever asks.
const OTHERS: [&str; 6] = ["/api", "/docs", "/ws", "/webhook", "/asyncapi.json", "/assets"];
/// Bytes of the hash in a tag: two files never share it by accident.
const TAG_BYTES: usize = 16;

/// A file of the application, with compressed copies where they are smaller.
struct File {
    path: &'static str,
    plain: &'static [u8],
    br: Option<&'static [u8]>,
    gz: Option<&'static [u8]>,
}

/// All files, as `build.rs` has found them; none if the application was not built.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// What is shown where there is no application.
static UNBUILT: File = File { path: "/index.html", plain: include_bytes!("web/unbuilt.html"), br: None, gz: None };

static SITE: LazyLock<Site> = LazyLock::new(|| Site::of(FILES));

/// Files by their path, with their tags. There is always a page.
struct Site(HashMap<&'static str, (&'static File, String)>);

impl Site {
    /// A site of some files, or of none: then its page says how to build them.
    fn of(files: &'static [File]) -> Self {
        let page = if files.iter().any(|file| file.path == UNBUILT.path) { None } else { Some(&UNBUILT) };
        Self(files.iter().chain(page).map(|file| (file.path, (file, tag(file.plain)))).collect())
    }

    /// The answer to who asks for a path: a file, or the page where a browser asks for what only the application knows.
    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let index = || self.0.get(UNBUILT.path);
        let found = match request.path() {
            "/" => index(),
            path => self.0.get(path).or_else(|| index().filter(|_| wants_page(request) && !is_anothers(path))),
        };
        match found {
            None => problem::status(StatusCode::NOT_FOUND),
            Some(_) if !is_read(request) => problem::method_not_allowed("GET, HEAD"),
            Some((file, tag)) => answer(request, file, tag),
        }
    }
}

/// Adds the page and its files; the fallback of all paths that nothing else has taken.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/app.json").to(about))
        .default_service(web::to(async |request: HttpRequest| SITE.answer(&request)));
}

/// What who is not signed in may know.
#[derive(Serialize)]
struct About {
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    demo: Option<Demo>,
}

/// Users whose passwords everybody may know.
#[derive(Serialize)]
struct Demo {
    project: &'static str,
    users: Vec<DemoUser>,
}

#[derive(Serialize)]
struct DemoUser {
    username: &'static str,
    password: &'static str,
    role: UserRole,
}

async fn about(request: HttpRequest, state: Data<HttpState>) -> HttpResponse {
    if !is_read(&request) {
        return problem::method_not_allowed("GET, HEAD");
    }
    let users = demo::USERS.map(|(username, password, role)| DemoUser { username, password, role });
    let demo = state.demo.then(|| Demo { project: demo::PROJECT, users: users.into() });
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .json(About { version: env!("CARGO_PKG_VERSION"), demo })
}

/// Whether a path lies where something else answers.
fn is_anothers(path: &str) -> bool {
    OTHERS.iter().any(|other| path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn answer(request: &HttpRequest, file: &'static File, tag: &str) -> HttpResponse {
    let (encoding, body) = encoded(request, file);
    // Each encoding is another representation, so it has a tag of its own.
    let tag = format!("\"{tag}{}\"", encoding.unwrap_or_default());
    let known = header_of(request, header::IF_NONE_MATCH).any(|list| {
        list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
    });
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // Names in there change with what is in the files.
    let kept = if file.path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, kept))
        .insert_header((header::VARY, "Accept, Accept-Encoding"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::PERMISSIONS_POLICY, PERMISSIONS))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"));
    if known {
        return response.finish();
    }
    if let Some(encoding) = encoding {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    response.content_type(media_type(file.path)).body(body)
}

/// The smallest copy that the client takes. An encoding with a quality of 0 is refused.
fn encoded(request: &HttpRequest, file: &'static File) -> (Option<&'static str>, &'static [u8]) {
    let accepted = |name: &str| {
        header_of(request, header::ACCEPT_ENCODING).flat_map(|list| list.split(',')).any(|one| {
            let (coding, parameters) = one.split_once(';').unwrap_or((one, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse::<f32>().ok());
            coding.trim().eq_ignore_ascii_case(name) && weight.is_some_and(|weight| weight > 0.0)
        })
    };
    [("br", file.br), ("gzip", file.gz)]
        .into_iter()
        .find_map(|(name, copy)| copy.filter(|_| accepted(name)).map(|copy| (Some(name), copy)))
        .unwrap_or((None, file.plain))
}

fn header_of(request: &HttpRequest, name: HeaderName) -> impl Iterator<Item = &str> {
    request.headers().get_all(name).filter_map(|value| value.to_str().ok())
}

/// Whether it is a browser that goes somewhere, in place of a program that calls.
fn wants_page(request: &HttpRequest) -> bool {
    header_of(request, header::ACCEPT).any(|list| list.split(',').any(|one| one.trim().starts_with("text/html")))
}

fn is_read(request: &HttpRequest) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" | "webmanifest" => "application/json",
        _ => "application/octet-stream",
    }
}

fn tag(content: &[u8]) -> String {
    let mut tag = String::new();
    for byte in Sha256::digest(content).iter().take(TAG_BYTES) {
        // Writing to a string can't fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag
}

#[cfg(test)]
#[path = "web/tests.rs"]
mod tests;
