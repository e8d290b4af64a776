//! Somebody else who signs tokens: keys of the three kinds, and a server that tells the public ones.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The `iss` of its tokens.
pub const NAME: &str = "https://id.example.org/";
/// The `aud` of its tokens.
pub const AUDIENCE: &str = "palabre";

/// What it answers.
#[derive(Clone)]
pub enum Answer {
    Document(String),
    Status(&'static str),
    Redirect(String),
}

/// A key that signs.
pub struct SigningKey {
    pub id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    pub fn new(id: &str, algorithm: Algorithm) -> Self {
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(
                &rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_der(),
            ),
            Algorithm::EdDSA => {
                let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_der();
                // The private key alone, as RFC 8410 has it, without the public one behind it.
                let seed = &key[16..48];
                let head =
                    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
                EncodingKey::from_ed_der(&[&head, seed].concat())
            }
            // Made for these tests, and of use nowhere else: to make one takes seconds.
            _ => EncodingKey::from_rsa_der(&decode(include_str!("rsa_key.txt"))),
        };
        Self { id: id.to_owned(), algorithm, key }
    }

    pub fn public(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = json!(self.id);
        jwk
    }

    /// A token with these claims, and the usual ones where they are not among them.
    pub fn sign(&self, claims: &Value) -> String {
        let now = chrono::Utc::now().timestamp();
        let mut all = json!({ "iss": NAME, "aud": AUDIENCE, "iat": now, "exp": now + 3600 });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, &all, &self.key).unwrap()
    }
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// The server of its keys.
#[derive(Clone)]
pub struct Issuer {
    pub address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(Answer::Document(String::new()))),
            asked: Arc::default(),
        };
        issuer.publish(keys);
        let serving = issuer.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let issuer = serving.clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    issuer.asked.fetch_add(1, Ordering::SeqCst);
                    let answer = match issuer.answer.lock().unwrap().clone() {
                        Answer::Document(text) => {
                            format!(
                                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                                text.len()
                            )
                        }
                        Answer::Status(status) => {
                            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        }
                        Answer::Redirect(to) => {
                            format!(
                                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                            )
                        }
                    };
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        issuer
    }

    /// Tells these keys from now on.
    pub fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
        self.answer(Answer::Document(json!({ "keys": keys }).to_string()));
    }

    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }
}
