//! A client of the REST API. It holds every answer against the API's own description.

use crate::support::crypto;
use crate::support::project::TestUser;
use crate::support::schema::check;
use crate::support::server::TestServer;
use palabre::http::document::document;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::OnceLock;

/// A way to a server's REST API.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: String,
}

/// A request that is being put together.
pub struct Call {
    method: Method,
    path: String,
    request: RequestBuilder,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Api {
    pub fn of(server: &TestServer) -> Self {
        Self::at(server.addresses.http)
    }

    pub fn at(address: SocketAddr) -> Self {
        Self { client: crypto::http_client(), base: format!("http://{address}") }
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        // The bot service has its own place beside the rest.
        let path = if path.starts_with("/bots/") { path.to_owned() } else { format!("/api/v1{path}") };
        let request = self.client.request(method.clone(), format!("{}{path}", self.base));
        Call { method, path, request }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }
}

impl Call {
    pub fn bearer(mut self, token: &str) -> Self {
        self.request = self.request.bearer_auth(token);
        self
    }

    pub fn user(self, user: &TestUser) -> Self {
        let token = user.token.clone();
        self.bearer(&token)
    }

    pub fn key(self, key: &str) -> Self {
        self.header("X-App-Key", key)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "documents are written where they are sent")]
    pub fn json(mut self, body: Value) -> Self {
        self.request = self.request.json(&body);
        self
    }

    pub fn body(mut self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.header("Content-Type", content_type).body(body);
        self
    }

    pub async fn send(self) -> Answer {
        let Self { method, path, request } = self;
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        assert!(headers.contains_key("x-request-id"), "{method} {path}");
        let answer = Answer { status, headers, body };
        answer.check_description(&method, &path);
        answer
    }

    /// As [`Call::send`], for what is no JSON.
    pub async fn raw(self) -> (u16, HeaderMap, Vec<u8>) {
        let Self { method, path, request } = self;
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap().to_vec();
        let mut answer = Answer { status, headers, body: Value::Null };
        if answer.is_json() {
            answer.body = serde_json::from_slice(&bytes).unwrap_or_default();
        }
        answer.check_description(&method, &path);
        (answer.status, answer.headers, bytes)
    }

    /// Sends a form with one file.
    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        let body = form(&[("file", Some(name), bytes)]);
        self.body(FORM, body)
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        async move {
            let answer = self.send().await;
            assert_eq!(answer.status, status, "{at}: {}", answer.body);
            answer.body
        }
    }

    /// Sends what must be refused with this code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> impl Future<Output = Answer> {
        let at = std::panic::Location::caller();
        async move {
            let answer = self.send().await;
            assert_eq!((answer.status, &answer.body["code"]), (status, &Value::from(code)), "{at}: {}", answer.body);
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{at}");
            assert_eq!(answer.body["status"], status, "{at}");
            answer
        }
    }

    /// Sends what must be refused because of these fields.
    #[track_caller]
    pub fn invalid(self, fields: &[&str]) -> impl Future<Output = ()> {
        let (at, refused) = (std::panic::Location::caller(), self.refused(400, "invalid"));
        async move {
            let answer = refused.await;
            let named: Vec<_> = answer.body["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|error| error["field"].as_str().unwrap())
                .collect();
            assert_eq!(named, fields, "{at}: {}", answer.body);
        }
    }
}

/// The type of [`form`].
pub const FORM: &str = "multipart/form-data; boundary=the-boundary";

/// A form of these parts: their names, names of files, and contents.
pub fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.extend(format!("--the-boundary\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n").bytes());
        // What the sender says of the type counts for nothing.
        body.extend(b"Content-Type: image/png\r\n\r\n");
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--the-boundary--\r\n");
    body
}

impl Answer {
    fn is_json(&self) -> bool {
        self.headers.get("content-type").is_some_and(|value| value.to_str().unwrap().contains("json"))
    }

    /// Fails if the description does not know this status of this operation, or another body.
    fn check_description(&self, method: &Method, path: &str) {
        let path = path.split('?').next().unwrap().trim_end_matches('/');
        let segments: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let known: Vec<&str> = template.split('/').collect();
            known.len() == segments.len()
                && known.iter().zip(&segments).all(|(known, segment)| known.starts_with('{') || known == segment)
        };
        let paths = description()["paths"].as_object().unwrap();
        let Some((template, item)) = paths.iter().find(|(template, _)| fits(template)) else {
            return assert_eq!(self.status, 404, "{method} {path} is not described");
        };
        let Some(operation) = item.get(method.as_str().to_lowercase()) else { return };
        let response = &operation["responses"][self.status.to_string()];
        assert!(response.is_object(), "{method} {template} does not describe {}: {}", self.status, self.body);
        let schema = response["content"].as_object().and_then(|content| content.values().next()?.get("schema"));
        match schema {
            // Files have no schema to hold them against.
            Some(_) if !self.is_json() => {}
            Some(schema) => check(description(), schema, &self.body)
                .unwrap_or_else(|problem| panic!("{method} {template} {}: {problem}\n{:#}", self.status, self.body)),
            None => assert!(self.body.is_null(), "{method} {template} {}: {} is not described", self.status, self.body),
        }
    }
}

/// The API's description.
pub fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(|| serde_json::from_str(&document().json).unwrap())
}
