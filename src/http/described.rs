//! Descriptions of APIs as they are served: the same bytes until the program is another, so that clients may keep them and ask
//! whether they changed.

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use actix_web::http::{Method, header::HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

/// Bytes of the hash in a tag: two descriptions never share it by accident.
const TAG_BYTES: usize = 16;

/// A document with the tag that names its content.
pub struct Described {
    json: &'static str,
    tag: String,
}

impl Described {
    /// A document that stays as it is.
    #[must_use]
    pub fn new(json: &'static str) -> Self {
        let mut tag = String::from("\"");
        for byte in Sha256::digest(json).iter().take(TAG_BYTES) {
            // Writing to a string can't fail.
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        Self { json, tag }
    }

    /// The document, or 304 to who has it already.
    #[must_use]
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = request.headers().get_all(IF_NONE_MATCH).any(|list| self.is_in(list));
        let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response.insert_header((ETAG, self.tag.as_str())).insert_header((CACHE_CONTROL, "no-cache"));
        if known {
            return response.finish();
        }
        response.content_type("application/json").body(self.json)
    }

    /// Tags are compared as GET compares them: weak ones too.
    fn is_in(&self, list: &HeaderValue) -> bool {
        let mut tags = list.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag)
    }
}

/// Adds `/asyncapi.json`, the description of the sockets' protocol.
pub fn configure(config: &mut web::ServiceConfig) {
    static SOCKETS: LazyLock<Described> = LazyLock::new(|| Described::new(crate::session::description::document()));
    let show = async |request: HttpRequest| {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return super::problem::method_not_allowed("GET, HEAD");
        }
        let mut response = SOCKETS.answer(&request);
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    };
    config.service(web::resource("/asyncapi.json").to(show));
}
