//! A small S3: what the server uses of it, in memory, for requests that are signed as they must be. It can go away and come back.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use hmac::{Hmac, KeyInit, Mac};
use palabre::config::{Secret, Settings};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

const BUCKET: &str = "files";
const KEY_ID: &str = "test-key-id";
const SECRET: &str = "a secret that must be nowhere";
/// Few, so that listings have pages.
const PAGE: usize = 2;

/// What there is, and how it fares.
#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    away: bool,
    /// Uploads are refused from their second piece on.
    full: bool,
    asked: Vec<String>,
    badly_signed: usize,
}

/// A running one.
#[derive(Clone)]
pub struct S3 {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
}

impl S3 {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let s3 = Self { state: Arc::default(), address: listener.local_addr().unwrap() };
        let served = s3.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                HttpServer::new(move || {
                    let data = web::Data::new(served.clone());
                    App::new()
                        .app_data(data)
                        .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
                        .default_service(web::to(answer))
                })
                .workers(1)
                .disable_signals()
                .listen(listener)
                .unwrap()
                .run()
                .await
                .unwrap();
            });
        });
        s3
    }

    /// Has a server keep its files here.
    pub fn set(&self, settings: &mut Settings) {
        let media = &mut settings.media;
        media.s3_bucket = Some(BUCKET.to_owned());
        media.s3_endpoint = Some(format!("http://{}", self.address));
        media.s3_key_id = Some(KEY_ID.to_owned());
        media.s3_secret = Some(Secret::from(SECRET.to_owned()));
    }

    pub fn set_away(&self, away: bool) {
        self.state.lock().unwrap().away = away;
    }

    /// Takes no pieces of uploads but the first.
    pub fn set_full(&self, full: bool) {
        self.state.lock().unwrap().full = full;
    }

    /// The names of all objects.
    pub fn names(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    /// Uploads that have begun and not ended.
    pub fn uploads(&self) -> usize {
        self.state.lock().unwrap().uploads.len()
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        self.state.lock().unwrap().objects.insert(name.to_owned(), bytes.to_vec());
    }

    /// Methods and names of what it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    pub fn badly_signed(&self) -> usize {
        self.state.lock().unwrap().badly_signed
    }
}

async fn answer(s3: web::Data<S3>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let mut state = s3.state.lock().unwrap();
    if state.away {
        return HttpResponse::ServiceUnavailable().finish();
    }
    if !is_signed(&request, &body) {
        state.badly_signed += 1;
        return failed(StatusCode::FORBIDDEN, "SignatureDoesNotMatch");
    }
    let query = web::Query::<BTreeMap<String, String>>::from_query(request.query_string()).unwrap().into_inner();
    let path = request.path().trim_start_matches('/');
    let (bucket, name) = path.split_once('/').unwrap_or((path, ""));
    assert_eq!(bucket, BUCKET);
    state.asked.push(format!("{} {name}", request.method()));
    let upload = query.get("uploadId");
    match (request.method(), upload) {
        (&Method::GET, _) if query.contains_key("list-type") => list(&state, &query),
        (&Method::GET | &Method::HEAD, _) => get(&state, name, &request),
        (&Method::PUT, Some(upload)) => {
            let number = query["partNumber"].parse().unwrap();
            if state.full && number > 1 {
                return failed(StatusCode::FORBIDDEN, "QuotaExceeded");
            }
            let Some(pieces) = state.uploads.get_mut(upload) else {
                return failed(StatusCode::NOT_FOUND, "NoSuchUpload");
            };
            pieces.insert(number, body.to_vec());
            HttpResponse::Ok().insert_header((header::ETAG, format!("\"{number}\""))).finish()
        }
        (&Method::PUT, None) => {
            state.objects.insert(name.to_owned(), body.to_vec());
            HttpResponse::Ok().insert_header((header::ETAG, "\"one\"")).finish()
        }
        (&Method::POST, None) if query.contains_key("uploads") => {
            let id = format!("upload-{}", state.asked.len());
            state.uploads.insert(id.clone(), BTreeMap::new());
            xml(&format!(
                "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{name}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ))
        }
        (&Method::POST, Some(upload)) => {
            let Some(pieces) = state.uploads.remove(upload) else {
                return failed(StatusCode::NOT_FOUND, "NoSuchUpload");
            };
            let whole = pieces.into_values().collect::<Vec<_>>().concat();
            state.objects.insert(name.to_owned(), whole);
            xml(&format!(
                "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{name}</Key><ETag>\"all\"</ETag></CompleteMultipartUploadResult>"
            ))
        }
        (&Method::POST, None) if query.contains_key("delete") => {
            let text = String::from_utf8(body.to_vec()).unwrap();
            let mut result = "<DeleteResult>".to_owned();
            for name in text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                state.objects.remove(name);
                state.asked.push(format!("DELETE {name}"));
                write!(result, "<Deleted><Key>{name}</Key></Deleted>").unwrap();
            }
            xml(&(result + "</DeleteResult>"))
        }
        (&Method::DELETE, Some(upload)) => {
            state.uploads.remove(upload);
            HttpResponse::NoContent().finish()
        }
        (&Method::DELETE, None) => {
            state.objects.remove(name);
            HttpResponse::NoContent().finish()
        }
        other => panic!("not known: {other:?} {path}"),
    }
}

fn get(state: &State, name: &str, request: &HttpRequest) -> HttpResponse {
    let Some(object) = state.objects.get(name) else { return failed(StatusCode::NOT_FOUND, "NoSuchKey") };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, "\"one\""))
        .insert_header((header::LAST_MODIFIED, "Sat, 21 Nov 2026 00:00:00 GMT"));
    let Some(range) = request.headers().get(header::RANGE) else { return response.body(object.clone()) };
    let (first, last) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    if first >= object.len() {
        return failed(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
    }
    let last = last.min(object.len() - 1);
    response
        .status(StatusCode::PARTIAL_CONTENT)
        .insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", object.len())))
        .body(object[first..=last].to_vec())
}

fn list(state: &State, query: &BTreeMap<String, String>) -> HttpResponse {
    let prefix = query.get("prefix").map(String::as_str).unwrap_or_default();
    let after = query.get("continuation-token").cloned().unwrap_or_default();
    let found: Vec<_> =
        state.objects.iter().filter(|(name, _)| name.starts_with(prefix) && **name > after).take(PAGE + 1).collect();
    let more = found.len() > PAGE;
    let mut result =
        format!("<ListBucketResult><Name>{BUCKET}</Name><Prefix>{prefix}</Prefix><IsTruncated>{more}</IsTruncated>");
    for (name, object) in found.iter().take(PAGE) {
        write!(
            result,
            "<Contents><Key>{name}</Key><Size>{}</Size><ETag>\"one\"</ETag><LastModified>2026-11-21T00:00:00.000Z</LastModified></Contents>",
            object.len()
        )
        .unwrap();
    }
    if more {
        write!(result, "<NextContinuationToken>{}</NextContinuationToken>", found[PAGE - 1].0).unwrap();
    }
    xml(&(result + "</ListBucketResult>"))
}

fn xml(text: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("application/xml").body(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}"))
}

fn failed(status: StatusCode, code: &str) -> HttpResponse {
    HttpResponse::build(status).content_type("application/xml").body(format!("<Error><Code>{code}</Code></Error>"))
}

/// Signature version 4, made again and compared.
fn is_signed(request: &HttpRequest, body: &[u8]) -> bool {
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let Some(authorization) = header("authorization").strip_prefix("AWS4-HMAC-SHA256 ") else { return false };
    let fields: BTreeMap<&str, &str> =
        authorization.split(',').filter_map(|field| field.trim().split_once('=')).collect();
    let (Some(credential), Some(signed), Some(signature)) =
        (fields.get("Credential"), fields.get("SignedHeaders"), fields.get("Signature"))
    else {
        return false;
    };
    let Some((id, scope)) = credential.split_once('/') else { return false };
    let digest = header("x-amz-content-sha256");
    if id != KEY_ID || digest != hex(&Sha256::digest(body)) {
        return false;
    }
    let mut query: Vec<String> = request
        .query_string()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    query.sort();
    let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let canonical =
        [request.method().as_str(), request.uri().path(), &query.join("&"), &headers, signed, digest].join("\n");
    let text = ["AWS4-HMAC-SHA256", header("x-amz-date"), scope, &hex(&Sha256::digest(canonical))].join("\n");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part);
    }
    hex(&mac(&key, &text)) == *signature
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
