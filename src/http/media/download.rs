//! A file goes out: all of it or a part, and never as a page of this origin.

use super::super::HttpState;
use super::super::entrance::is_head;
use super::super::problem::Problem;
use super::range::{Asked, asked};
use crate::model::{Failure, MediaId, ProjectId, file_type};
use crate::store::media::MediaRow;
use crate::store::objects::{Objects, Part, READ_PIECE};
use crate::wire::error::ErrorCode;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Nothing in a file runs, loads or is part of anything, wherever it is opened.
const POLICY: &str = "default-src 'none'; sandbox";

/// The file, or the part of it that was asked for.
///
/// # Errors
/// 404 if its contents are gone, 416 if it has no such part, 503 when the store is away.
pub async fn send(state: &HttpState, request: &HttpRequest, file: &MediaRow) -> Result<HttpResponse, Problem> {
    let size = u64::try_from(file.size).map_err(|_| Failure::Internal)?;
    let tag = format!("\"{}\"", file.id);
    if is_known(request, &tag) {
        return Ok(not_modified(&tag));
    }
    let part = match wanted(request, &tag, size) {
        Asked::All => None,
        Asked::Part(range) => Some(range),
        Asked::Nothing => return Ok(no_such_part(size)),
    };
    let range = part.clone().unwrap_or(0..size);
    let mut response = headers(if part.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }, &tag);
    response
        .insert_header((header::CONTENT_TYPE, content_type(&file.mime)))
        .insert_header((header::CONTENT_DISPOSITION, disposition(file)))
        .insert_header((header::ACCEPT_RANGES, "bytes"));
    if part.is_some() {
        let range = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
        response.insert_header((header::CONTENT_RANGE, range));
    }
    let length = range.end.saturating_sub(range.start);
    if is_head(request) {
        return Ok(response.body(SizedStream::new(length, stream::empty::<Result<Bytes, io::Error>>())));
    }
    let reading = Reading { objects: Arc::clone(&state.media.objects), project: file.project_id, id: file.id };
    // The first piece before the head: what is away is said by a status.
    let (first, rest) = reading.first(range).await?;
    let body = stream::iter([Ok(first)]).chain(reading.rest(rest));
    Ok(response.body(SizedStream::new(length, Box::pin(body))))
}

/// Something small that is all in memory.
pub fn send_small(request: &HttpRequest, tag: &str, mime: &'static str, bytes: Bytes) -> HttpResponse {
    let tag = format!("\"{tag}\"");
    if is_known(request, &tag) {
        return not_modified(&tag);
    }
    headers(StatusCode::OK, &tag)
        .insert_header((header::CONTENT_TYPE, mime))
        .insert_header((header::CONTENT_DISPOSITION, "inline"))
        .body(bytes)
}

struct Reading {
    objects: Arc<Objects>,
    project: ProjectId,
    id: MediaId,
}

impl Reading {
    async fn piece(&self, range: Range<u64>) -> Result<Bytes, Failure> {
        let piece = self.objects.read(self.project, self.id, Part::Original, range).await?;
        piece.ok_or(Failure::NotFound("media"))
    }

    /// The first piece, and what is left then.
    async fn first(&self, range: Range<u64>) -> Result<(Bytes, Range<u64>), Failure> {
        let end = range.start.saturating_add(READ_PIECE).min(range.end);
        Ok((self.piece(range.start..end).await?, end..range.end))
    }

    /// One piece after the other, each read when the one before was taken.
    fn rest(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, io::Error>> {
        stream::try_unfold((self, range), async |(reading, range)| {
            if range.is_empty() {
                return Ok(None);
            }
            // The status is out: the connection breaks off, and the client asks for the rest.
            let (piece, rest) = reading.first(range).await.map_err(io::Error::other)?;
            Ok(Some((piece, (reading, rest))))
        })
    }
}

fn headers(status: StatusCode, tag: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::ETAG, tag))
        // Who may read it can change; a cache asks each time whether it is still so.
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    response
}

fn not_modified(tag: &str) -> HttpResponse {
    headers(StatusCode::NOT_MODIFIED, tag).finish()
}

fn no_such_part(size: u64) -> HttpResponse {
    let detail = format!("the file has {size} bytes and not these");
    let problem = Problem::with_status(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::Invalid, detail);
    let mut response = problem.error_response();
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

/// Whether the client has it already.
fn is_known(request: &HttpRequest, tag: &str) -> bool {
    text(request, header::IF_NONE_MATCH).is_some_and(|known| {
        known.split(',').any(|known| {
            let known = known.trim();
            known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
        })
    })
}

/// What part is wanted. With `If-Range` one of this very file or all of it.
fn wanted(request: &HttpRequest, tag: &str, size: u64) -> Asked {
    let is_same = text(request, header::IF_RANGE).is_none_or(|known| known.trim() == tag);
    match text(request, header::RANGE) {
        Some(range) if is_same => asked(range, size),
        _ => Asked::All,
    }
}

fn text(request: &HttpRequest, name: HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

fn content_type(mime: &str) -> String {
    if file_type::is_text(mime) { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}

/// Shown in place or saved, and under which name: in plain letters for old programs, in full for others (RFC 6266).
fn disposition(file: &MediaRow) -> String {
    let how = if file_type::is_shown(&file.mime) { "inline" } else { "attachment" };
    let plain = |c: char| c.is_ascii_alphanumeric() || " ._-()".contains(c);
    let simple: String = file.name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut full = String::new();
    for byte in file.name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            full.push(char::from(byte));
        } else {
            // Writing to a text can't fail.
            let _ = write!(full, "%{byte:02X}");
        }
    }
    format!("{how}; filename=\"{simple}\"; filename*=UTF-8''{full}")
}
