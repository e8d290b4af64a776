//! The examples of the document, played by three people against a server with the demo data.

use super::{Example, examples};
use crate::support::db::TestDb;
use palabre::chat::Clock;
use palabre::config::{Door, Secret, Settings};
use palabre::wire::frame::{self, Header, Kind};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use uuid::Uuid;

/// How long anything may take before the test gives up. Generous: it only shows when it fails.
const PATIENCE: Duration = Duration::from_secs(10);
/// The people of the examples with their passwords of the demo.
const PEOPLE: [(&str, &str); 3] = [("alice", "alice123"), ("bob", "bob12345"), ("carol", "carol123")];

/// A server with the demo data, in a thread of its own.
struct DemoServer {
    http: SocketAddr,
    tcp: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl DemoServer {
    fn start(db: &TestDb) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Settings { demo: true, ..Settings::default() };
        (settings.listen.http, settings.listen.tcp, settings.listen.admin) = (any, Door::At(any), Door::Closed);
        settings.database.url = Some(Secret::from(db.url().to_owned()));
        settings.auth.jwt_secret = Some(Secret::from("the secret of a test, 32 bytes or more".to_owned()));
        let (started, is_started) = std::sync::mpsc::channel();
        let (stop, told_to_stop) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let running = palabre::server::start(settings, Clock::system()).await.unwrap();
                started.send(running.addresses).unwrap();
                // Told so, or the test failed.
                let _ = told_to_stop.await;
                running.stop().await;
            });
        });
        let addresses = is_started.recv().expect("the server did not start");
        let tcp = addresses.tcp.expect("a TCP listener");
        Self { http: addresses.http, tcp, stop: Some(stop), thread: Some(thread) }
    }

    /// Signs in as the README shows it.
    async fn token(&self, username: &str, password: &str) -> String {
        let sign_in = crate::support::crypto::http_client()
            .post(format!("http://{}/webhook/auth/login", self.http))
            .json(&json!({ "username": username, "password": password }));
        let answer: Value = sign_in.send().await.unwrap().json().await.unwrap();
        answer["token"].as_str().expect("a token").to_owned()
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server failed");
        }
    }
}

/// One of the people, connected over TCP with documents in JSON.
struct Person {
    token: String,
    stream: TcpStream,
    /// What came and was not looked at yet.
    inbox: Vec<Value>,
}

impl Person {
    fn connect(server: &DemoServer, token: String) -> Self {
        let stream = TcpStream::connect(server.tcp).unwrap();
        Self { token, stream, inbox: Vec::new() }
    }

    /// Sends a request and returns what is answered.
    fn ask(&mut self, request: &Value) -> Value {
        let payload = json!({ "type": request["type"], "data": request["data"] }).to_string();
        let id = u32::try_from(request["id"].as_u64().unwrap()).unwrap();
        let mut bytes = Vec::new();
        frame::encode(Kind::Request, true, id, payload.as_bytes(), &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
        self.find("the reply", |event| event["re"] == request["id"])
    }

    /// Takes the first event that will do out of what has come, or comes in time.
    #[track_caller]
    fn find(&mut self, what: &str, mut will_do: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut looked_at = 0;
        loop {
            while let Some(event) = self.inbox.get(looked_at) {
                if will_do(event) {
                    return self.inbox.remove(looked_at);
                }
                looked_at += 1;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}; there is {:#?}", self.inbox);
            self.stream.set_read_timeout(Some(left)).unwrap();
            self.receive();
        }
    }

    /// Reads a frame, unless none comes in time.
    fn receive(&mut self) {
        let mut header = [0; frame::HEADER_BYTES];
        if self.stream.read_exact(&mut header).is_err() {
            return;
        }
        let header = Header::parse(&header).unwrap();
        let mut payload = vec![0; usize::try_from(header.length).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        let mut event: Value = serde_json::from_slice(&payload).unwrap();
        if header.correlation != 0 {
            event["re"] = json!(header.correlation);
        }
        self.inbox.push(event);
    }
}

/// What ids of the document stand for here.
type Ids = HashMap<String, String>;

/// Compares an example with what happened: ids and times may be others, but the same id must always mean the same thing.
fn compare(shown: &Value, real: &Value, ids: &mut Ids, unordered: Option<&str>) -> Result<(), String> {
    match (shown, real) {
        (Value::Object(shown), Value::Object(real)) => {
            let names = |object: &Map<String, Value>| object.keys().cloned().collect::<BTreeSet<_>>();
            if names(shown) != names(real) {
                return Err(format!("{:?} are shown and {:?} are there", shown.keys(), real.keys()));
            }
            for (name, value) in shown {
                let sorted = unordered == Some(name);
                let pick = |value: &Value| if sorted { by_username(value) } else { value.clone() };
                compare(&pick(value), &pick(&real[name]), ids, unordered)
                    .map_err(|problem| format!("{name}: {problem}"))?;
            }
            Ok(())
        }
        (Value::Array(shown), Value::Array(real)) if shown.len() == real.len() => {
            shown.iter().zip(real).try_for_each(|(shown, real)| compare(shown, real, ids, unordered))
        }
        (Value::String(shown), Value::String(real)) if is_id(shown) && is_id(real) => {
            let known = ids.entry(shown.clone()).or_insert_with(|| real.clone());
            if known == real { Ok(()) } else { Err(format!("{shown} was {known} and is {real}")) }
        }
        (Value::String(shown), Value::String(real)) if is_time(shown) && is_time(real) => Ok(()),
        _ if shown == real => Ok(()),
        _ => Err(format!("{shown} is shown and {real} is there")),
    }
}

fn by_username(members: &Value) -> Value {
    let mut members = members.as_array().expect("a list").clone();
    members.sort_by_key(|member| member["user"]["username"].as_str().map(str::to_owned));
    Value::from(members)
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

fn is_time(text: &str) -> bool {
    text.len() == "2026-11-20T18:00:00.000Z".len()
        && text.ends_with('Z')
        && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

/// A request as it is shown, with the ids of here.
fn with_ids(value: &Value, ids: &Ids) -> Value {
    match value {
        Value::String(text) => json!(ids.get(text).unwrap_or(text)),
        Value::Array(items) => items.iter().map(|item| with_ids(item, ids)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), with_ids(value, ids))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn the_examples_are_a_conversation_that_happens() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(TestDb::new());
    let server = DemoServer::start(&db);
    let mut people: HashMap<&str, Person> = PEOPLE
        .into_iter()
        .map(|(name, password)| {
            let token = runtime.block_on(server.token(name, password));
            (name, Person::connect(&server, token))
        })
        .collect();
    // Alice's sign-in is an example; the others are there by then.
    for name in ["bob", "carol"] {
        let person = people.get_mut(name).unwrap();
        let sign_in = json!({ "project": "default", "token": person.token });
        person.ask(&json!({ "id": u32::MAX, "type": "session.auth", "data": sign_in }));
        person.find("the opening", |event| event["type"] == "status.update");
    }

    let mut ids = Ids::new();
    let mut answer = Value::Null;
    for example in examples() {
        let Example { line, event, unordered, .. } = example;
        match (example.what, example.who) {
            ("request", Some(who)) => {
                let person = people.get_mut(who).unwrap();
                let mut request = with_ids(&example.json(), &ids);
                if event == "session.auth" {
                    request["data"]["token"] = json!(person.token);
                }
                answer = person.ask(&request);
            }
            ("reply", _) => {
                let compared = compare(&example.json(), &answer, &mut ids, unordered);
                compared.unwrap_or_else(|problem| panic!("line {line}: {problem}\n{answer:#}"));
            }
            ("push", Some(who)) => {
                let shown = example.json();
                let found = people.get_mut(who).unwrap().find(&format!("the push of line {line}"), |event| {
                    let mut ids = ids.clone();
                    event.get("re").is_none() && compare(&shown, event, &mut ids, unordered).is_ok()
                });
                compare(&shown, &found, &mut ids, unordered).unwrap();
            }
            ("request", None) => panic!("line {line}: who sends it?"),
            _ => {}
        }
    }
}
