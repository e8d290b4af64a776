//! TLS on the client listeners, with certificates made on the spot.

use crate::support::db::{TestDb, scratch_dir};
use crate::support::frame;
use crate::support::http::SECRET;
use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use futures_util::StreamExt;
use palabre::config::Settings;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{ChildStderr, Command};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// How long anything may take before a test gives up. Generous: it only shows when a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The files of a certificate and its key.
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        let dir = scratch_dir("tls");
        Self { chain: dir.join("chain.pem"), key: dir.join("key.pem") }
    }

    /// Replaces them with a new certificate, which is returned.
    fn renew(&self) -> CertificateDer<'static> {
        let made = certificate();
        put(&self.chain, &made.cert.pem());
        put(&self.key, &made.signing_key.serialize_pem());
        made.cert.der().clone()
    }

    fn apply(&self, settings: &mut Settings) {
        settings.listen.tls_cert = Some(self.chain.clone());
        settings.listen.tls_key = Some(self.key.clone());
    }
}

/// Replaces a file as a whole: nobody reads half of it.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, path).unwrap();
}

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// A connection that trusts this certificate and no other.
async fn connect(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Bare frames over TLS.
struct Frames {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
    last_id: u32,
}

impl Frames {
    /// Signs in on a connection.
    async fn sign_in(stream: TlsStream<TcpStream>, user: &TestUser) -> Self {
        let mut frames = Self { stream, buffer: Vec::new(), last_id: 0 };
        frames.ok("session.auth", json!({ "project": user.project, "token": user.token })).await;
        frames
    }

    /// Makes a request that must succeed. What is pushed meanwhile is thrown away.
    async fn ok(&mut self, kind: &str, data: Value) {
        self.last_id += 1;
        self.stream.write_all(&frame::request(true, self.last_id, kind, &data)).await.unwrap();
        let reply = tokio::time::timeout(PATIENCE, async {
            loop {
                match frame::take(&mut self.buffer) {
                    Some(frame) if frame.correlation == self.last_id => return frame,
                    Some(_) => {}
                    None => assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "it was cut"),
                }
            }
        });
        let reply = reply.await.expect("no reply came");
        assert_eq!(reply.kind, frame::REPLY, "{}", reply.payload);
    }
}

#[tokio::test]
async fn rest_websockets_and_frames_speak_tls() {
    let files = Files::new();
    let trusted = files.renew();
    let server = TestServer::builder().settings(|settings| files.apply(settings)).start().await;
    let alice = server.project("shop").await.user("alice").await;
    assert!(server.addresses.to_string().contains("ready: https://"), "{}", server.addresses);

    let mut https = connect(server.addresses.http, &trusted).await.unwrap();
    https.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A server may close without saying so in TLS.
    let _ = https.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""status":"ok""#), "{answer}");

    let mut upgrade = format!("wss://localhost/ws/{}", alice.project).into_client_request().unwrap();
    let protocols = format!("palabre.v1.json, bearer.{}", alice.token);
    upgrade.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let wss = connect(server.addresses.http, &trusted).await.unwrap();
    let (mut wss, _) = tokio_tungstenite::client_async(upgrade, wss).await.unwrap();
    let first = tokio::time::timeout(PATIENCE, wss.next()).await.unwrap().unwrap().unwrap();
    let Message::Text(first) = first else { panic!("{first:?}") };
    assert!(first.contains(r#""session.ready""#), "{first}");

    let tcps = connect(server.addresses.tcp.unwrap(), &trusted).await.unwrap();
    Frames::sign_in(tcps, &alice).await.ok("status.fetch", json!({ "users": [] })).await;
}

#[tokio::test]
async fn who_speaks_no_tls_gets_nothing() {
    let files = Files::new();
    files.renew();
    let server = TestServer::builder().settings(|settings| files.apply(settings)).start().await;
    for address in [server.addresses.http, server.addresses.tcp.unwrap()] {
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        // Cut or closed, whichever the system makes of it.
        let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut answer)).await.expect("it was not closed");
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// The program, serving, with these files. It is killed when dropped.
struct Program {
    _child: tokio::process::Child,
    log: BufReader<ChildStderr>,
    http: SocketAddr,
    tcp: SocketAddr,
}

fn serve(url: &str, files: &Files) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PALABRE_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--tcp",
            "127.0.0.1:0",
            "--admin",
            "none",
            "--workers",
            "1",
            "--pool-size",
            "2",
        ])
        .arg("--tls-cert")
        .arg(&files.chain)
        .arg("--tls-key")
        .arg(&files.key)
        .env("DATABASE_URL", url)
        .env("PALABRE_JWT_SECRET", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Program {
    async fn start(url: &str, files: &Files) -> Self {
        let mut child = serve(url, files).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut ready = String::new();
        let reading = async { BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).await.unwrap() };
        tokio::time::timeout(PATIENCE, reading).await.expect("it did not become ready");
        let address = |scheme: &str| {
            let word = ready.split_whitespace().find_map(|word| word.strip_prefix(scheme));
            word.unwrap_or_else(|| panic!("no {scheme} in {ready:?}")).parse().unwrap()
        };
        Self { http: address("https://"), tcp: address("tls://"), _child: child, log }
    }

    /// Reads its log up to a line with these words.
    async fn logged(&mut self, words: &str) -> String {
        let reading = async {
            let mut line = String::new();
            while !line.contains(words) {
                line.clear();
                assert_ne!(self.log.read_line(&mut line).await.unwrap(), 0, "the log ended before {words:?}");
            }
            line
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("nothing was logged of {words:?}"))
    }
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart() {
    let files = Files::new();
    let old = files.renew();
    let db = Arc::new(TestDb::new().await);
    let alice = Project::create(&db, "shop", &[]).await.user("alice").await;
    let program = Program::start(db.url(), &files).await;
    let mut session = Frames::sign_in(connect(program.tcp, &old).await.unwrap(), &alice).await;

    let new = files.renew();
    let connection = until_async("the new certificate", async || connect(program.tcp, &new).await.ok()).await;
    Frames::sign_in(connection, &alice).await.ok("status.fetch", json!({ "users": [] })).await;
    connect(program.http, &new).await.unwrap();
    for address in [program.http, program.tcp] {
        assert!(connect(address, &old).await.is_err(), "the old certificate is still shown");
    }
    session.ok("status.fetch", json!({ "users": [] })).await;
}

#[tokio::test]
async fn a_bad_new_certificate_is_logged_and_the_old_one_stays() {
    let files = Files::new();
    let good = files.renew();
    let db = TestDb::new().await;
    let mut program = Program::start(db.url(), &files).await;

    for bad in ["no certificate at all".to_owned(), certificate().cert.pem()] {
        put(&files.chain, &bad);
        program.logged("the new certificate is not used").await;
        connect(program.http, &good).await.unwrap();
        connect(program.tcp, &good).await.unwrap();
    }

    let next = files.renew();
    program.logged("the certificate was read again").await;
    connect(program.http, &next).await.unwrap();
}

#[tokio::test]
async fn a_server_with_a_bad_certificate_does_not_start() {
    let broken = |breaks: fn(&Files), named: fn(&Files) -> String| async move {
        let files = Files::new();
        files.renew();
        breaks(&files);
        // It does not get as far as the database.
        let output = serve("postgres://nobody@127.0.0.1:1/none", &files).output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()), "{told}");
        let last = told.lines().last().unwrap();
        assert!(last.starts_with("palabre: ") && last.contains(&named(&files)), "{told}");
    };
    let chain = |files: &Files| files.chain.display().to_string();
    let key = |files: &Files| files.key.display().to_string();
    broken(|files| std::fs::remove_file(&files.chain).unwrap(), chain).await;
    broken(|files| put(&files.chain, "no certificate"), chain).await;
    broken(|files| std::fs::remove_file(&files.key).unwrap(), key).await;
    broken(|files| put(&files.key, "no key"), key).await;
    let mismatch = |_: &Files| "the certificate and the key don't serve".to_owned();
    broken(|files| put(&files.key, &certificate().signing_key.serialize_pem()), mismatch).await;
}
