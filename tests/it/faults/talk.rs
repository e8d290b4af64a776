//! People who talk while something fails, and what must hold of it all afterwards.

use super::link::{Link, history};
use crate::support::frame;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Messages that a talker has under way at once.
const WINDOW: usize = 8;
/// Before a message that was answered with 503 is sent again.
const RETRY: Duration = Duration::from_millis(50);
/// Before the next try to connect.
const RECONNECT: Duration = Duration::from_millis(20);
/// How often a listener looks whether it has heard all.
const LOOK: Duration = Duration::from_millis(50);

/// What the talkers of a test and the test itself share.
#[derive(Default)]
pub struct Scene {
    /// Talkers begin nothing new.
    pub enough: AtomicBool,
    /// Messages that were confirmed, by anyone.
    pub confirmed: AtomicUsize,
    /// Requests that were answered with 503.
    pub unavailable: AtomicUsize,
    /// The last number that listeners wait for; 0 while that is not known.
    pub last: AtomicI64,
}

impl Scene {
    /// Waits until so many more messages were confirmed.
    pub async fn confirms(&self, more: usize) {
        let goal = self.confirmed.load(Ordering::SeqCst) + more;
        let come = async {
            while self.confirmed.load(Ordering::SeqCst) < goal {
                sleep(Duration::from_millis(2)).await;
            }
        };
        let patience = Duration::from_secs(60);
        timeout(patience, come).await.unwrap_or_else(|_| panic!("no {more} messages more were confirmed"));
    }
}

/// Somebody who says numbered things in one conversation, and says again under the same id what was not confirmed. What
/// this one hears meanwhile must be in order and without a gap.
pub struct Talker {
    pub name: String,
    pub project: String,
    pub token: String,
    pub conversation: String,
    /// Said and not confirmed, in order: what, and its id.
    unconfirmed: VecDeque<(usize, Uuid)>,
    next: usize,
    /// By id: which it was, and under which number it was confirmed.
    pub confirmed: HashMap<Uuid, (usize, i64)>,
    /// Connections that ended while it talked, by the code that was said.
    pub ends: BTreeMap<Option<u64>, usize>,
    /// The last number heard on any connection.
    pub heard: i64,
}

impl Talker {
    pub fn new(name: &str, project: &str, token: &str, conversation: &str) -> Self {
        Self {
            name: name.to_owned(),
            project: project.to_owned(),
            token: token.to_owned(),
            conversation: conversation.to_owned(),
            unconfirmed: VecDeque::new(),
            next: 0,
            confirmed: HashMap::new(),
            ends: BTreeMap::new(),
            heard: 0,
        }
    }

    /// Talks until it was enough and all is confirmed, connecting anew whenever that is necessary. `address` is asked for
    /// where the server is now.
    pub async fn talk(mut self, scene: Arc<Scene>, address: impl Fn() -> Option<SocketAddr>) -> Self {
        while !self.is_done(&scene) {
            let signed_in = match address() {
                Some(address) => Link::sign_in(address, &self.project, &self.token).await,
                None => None,
            };
            let Some((link, summary)) = signed_in else {
                sleep(RECONNECT).await;
                continue;
            };
            let end = self.converse(link, &summary, &scene).await;
            if !self.is_done(&scene) {
                *self.ends.entry(end).or_default() += 1;
            }
        }
        self
    }

    /// Talks on one connection until that ends.
    pub async fn talk_once(mut self, scene: Arc<Scene>, address: SocketAddr) -> Self {
        let (link, summary) = Link::sign_in(address, &self.project, &self.token).await.unwrap();
        let end = self.converse(link, &summary, &scene).await;
        *self.ends.entry(end).or_default() += 1;
        self
    }

    fn is_done(&self, scene: &Scene) -> bool {
        scene.enough.load(Ordering::SeqCst) && self.unconfirmed.is_empty()
    }

    /// One connection's talk; the code with which it was closed, if it was.
    async fn converse(&mut self, mut link: Link, summary: &Value, scene: &Scene) -> Option<u64> {
        let mut ear = Ear::new(summary, &self.conversation);
        let mut under_way: HashMap<u32, (usize, Uuid)> = HashMap::new();
        // What this connection has not sent yet of what is not confirmed.
        let mut unsent = self.unconfirmed.clone();
        loop {
            while under_way.len() < WINDOW {
                let (number, id) = match unsent.pop_front() {
                    Some(draft) => draft,
                    None if scene.enough.load(Ordering::SeqCst) => break,
                    None => {
                        let draft = (self.next, Uuid::new_v4());
                        self.next += 1;
                        self.unconfirmed.push_back(draft);
                        draft
                    }
                };
                let body = format!("{} {number}", self.name);
                let data = json!({ "conversation": self.conversation, "id": id, "body": body });
                let re = link.send("message.text", &data).await?;
                under_way.insert(re, (number, id));
            }
            if under_way.is_empty() {
                return None;
            }
            let frame = link.next().await?;
            let data = &frame.payload["data"];
            match frame.kind {
                frame::REPLY => {
                    if let Some((number, id)) = under_way.remove(&frame.correlation) {
                        let seq = data["seq"].as_i64().unwrap();
                        ear.reply(seq);
                        self.confirm(number, id, seq, scene);
                    }
                }
                frame::ERROR => {
                    let draft = under_way.remove(&frame.correlation).unwrap_or_else(|| panic!("{data}"));
                    let pause = match data["code"].as_str() {
                        Some("unavailable") => {
                            scene.unavailable.fetch_add(1, Ordering::SeqCst);
                            RETRY
                        }
                        Some("rate_limited") => Duration::from_millis(data["retry_after_ms"].as_u64().unwrap()),
                        _ => panic!("{} was told: {data}", self.name),
                    };
                    unsent.push_back(draft);
                    sleep(pause).await;
                }
                frame::PUSH if frame.payload["type"] == "message.text" => ear.push(data),
                frame::CLOSE => return data["code"].as_u64(),
                _ => {}
            }
            self.heard = self.heard.max(ear.heard.unwrap_or(0));
        }
    }

    fn confirm(&mut self, number: usize, id: Uuid, seq: i64, scene: &Scene) {
        self.unconfirmed.retain(|&(_, other)| other != id);
        let before = self.confirmed.insert(id, (number, seq));
        assert!(before.is_none_or(|(_, known)| known == seq), "confirmed under two numbers: {before:?} and {seq}");
        scene.confirmed.fetch_add(1, Ordering::SeqCst);
    }
}

/// Somebody who listens to one conversation, and after each reconnect asks for what was missed.
pub struct Listener {
    project: String,
    token: String,
    conversation: String,
    /// All numbers up to this one were heard or fetched.
    complete: i64,
    /// Connections that ended, by the code that was said.
    pub ends: BTreeMap<Option<u64>, usize>,
}

impl Listener {
    pub fn new(project: &str, token: &str, conversation: &str) -> Self {
        Self {
            project: project.to_owned(),
            token: token.to_owned(),
            conversation: conversation.to_owned(),
            complete: 0,
            ends: BTreeMap::new(),
        }
    }

    /// Listens until the scene's last number was heard.
    pub async fn listen(mut self, scene: Arc<Scene>, address: impl Fn() -> Option<SocketAddr>) -> Self {
        while !self.is_done(&scene) {
            let signed_in = match address() {
                Some(address) => Link::sign_in(address, &self.project, &self.token).await,
                None => None,
            };
            let Some((link, summary)) = signed_in else {
                sleep(RECONNECT).await;
                continue;
            };
            let end = self.hear(link, &summary, &scene).await;
            if !self.is_done(&scene) {
                *self.ends.entry(end).or_default() += 1;
            }
        }
        self
    }

    fn is_done(&self, scene: &Scene) -> bool {
        let last = scene.last.load(Ordering::SeqCst);
        last > 0 && self.complete >= last
    }

    async fn hear(&mut self, mut link: Link, summary: &Value, scene: &Scene) -> Option<u64> {
        let mut ear = Ear::new(summary, &self.conversation);
        // What was missed up to the opening comes by pages, what is said since then by itself.
        let mut page = Some(self.ask(&mut link).await?);
        while page.is_some() || !self.is_done(scene) {
            let frame = match timeout(LOOK, link.next()).await {
                Ok(frame) => frame?,
                Err(_) => continue,
            };
            let data = &frame.payload["data"];
            match frame.kind {
                frame::REPLY if Some(frame.correlation) == page => {
                    for message in data["messages"].as_array().unwrap() {
                        self.take(message["seq"].as_i64().unwrap());
                    }
                    page = if data["more"] == true { Some(self.ask(&mut link).await?) } else { None };
                    if page.is_none() {
                        // The pages reach at least to where the opening was; what came by itself goes on without a gap.
                        self.complete = self.complete.max(ear.heard.unwrap_or(0));
                    }
                }
                frame::ERROR => page = Some(self.ask(&mut link).await?),
                frame::PUSH if frame.payload["type"] == "message.text" => {
                    ear.push(data);
                    if page.is_none() {
                        self.take(data["seq"].as_i64().unwrap());
                    }
                }
                frame::CLOSE => return data["code"].as_u64(),
                _ => {}
            }
        }
        None
    }

    async fn ask(&mut self, link: &mut Link) -> Option<u32> {
        let request = json!({ "conversation": self.conversation, "after_seq": self.complete, "limit": 200 });
        link.send("message.fetch", &request).await
    }

    fn take(&mut self, seq: i64) {
        assert!(seq <= self.complete + 1, "{seq} was heard after {}", self.complete);
        self.complete = self.complete.max(seq);
    }
}

/// What one session hears of one conversation: every number once, in order. What the opening told may be told again.
pub struct Ear {
    conversation: String,
    /// The newest message of which the opening knew.
    told: i64,
    pub heard: Option<i64>,
}

impl Ear {
    pub fn new(summary: &Value, conversation: &str) -> Self {
        let known = summary["conversations"].as_array().unwrap().iter().find(|known| known["id"] == conversation);
        let told = known.map_or(0, |known| known["last_seq"].as_i64().unwrap());
        Self { conversation: conversation.to_owned(), told, heard: None }
    }

    /// A message was pushed.
    pub fn push(&mut self, message: &Value) {
        if message["conversation"] == self.conversation.as_str() {
            let seq = message["seq"].as_i64().unwrap();
            match self.heard {
                Some(heard) => assert_eq!(seq, heard + 1, "heard out of order"),
                None => assert!(seq <= self.told + 1, "{seq} was heard first, after {} in the opening", self.told),
            }
            self.heard = Some(seq);
        }
    }

    /// A message was confirmed: it may be an older one, but must not skip any.
    pub fn reply(&mut self, seq: i64) {
        let heard = self.heard.unwrap_or(self.told);
        assert!(seq <= heard + 1, "{seq} was confirmed after {heard} was heard");
        if seq == heard + 1 {
            self.heard = Some(seq);
        }
    }
}

/// What must hold of a conversation after all: numbers without gap or double; every message confirmed is there once, under
/// the number of its confirmation; and nothing else is but so many `others`. Returns the last number.
pub async fn check(link: &mut Link, conversation: &str, talkers: &[Talker], others: usize) -> i64 {
    let messages = history(link, conversation).await;
    let mut stored: HashMap<Uuid, (i64, &str)> = HashMap::new();
    for (message, expected) in messages.iter().zip(1..) {
        let seq = message["seq"].as_i64().unwrap();
        assert_eq!(seq, expected, "a gap in the numbers");
        let id: Uuid = message["id"].as_str().unwrap().parse().unwrap();
        assert!(stored.insert(id, (seq, message["body"].as_str().unwrap())).is_none(), "{id} is there twice");
    }
    let mut said = others;
    for talker in talkers {
        assert!(talker.unconfirmed.is_empty());
        for (id, (number, seq)) in &talker.confirmed {
            let expected = format!("{} {number}", talker.name);
            assert_eq!(stored.get(id), Some(&(*seq, expected.as_str())), "{expected} was confirmed as {seq}");
        }
        said += talker.confirmed.len();
    }
    assert_eq!(stored.len(), said, "messages are there that nobody said");
    i64::try_from(said).unwrap()
}
