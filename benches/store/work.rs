//! What is stored: messages of a writer's own conversations, and the writer's connections.

use crate::common::database::BenchDb;
use palabre::model::{ConversationId, MessageId, ProjectId, UserId};
use palabre::store::Database;
use palabre::store::messages::{NewMessage, digest};
use palabre::store::pool::Connection;
use palabre::wire::shapes::{MessageKind, Role};
use tokio::runtime::Runtime;

/// Conversations of a writer, for each way of storing.
pub const CONVERSATIONS: usize = 256;
/// Bytes of a body.
const BODY: usize = 128;

/// Who stores: with a thread while a case runs, and connections of its own.
pub struct Writer {
    pub runtime: Runtime,
    /// As the server has them: from the pool, its socket driven elsewhere.
    pub palabre: Connection,
    /// As lean as can be: its socket driven on the writer's own thread.
    pub raw: tokio_postgres::Client,
    /// What palabre stores in, and what the others store in, for which palabre does not count.
    pub own: Conversations,
    pub others: Conversations,
}

impl Writer {
    /// A new writer, with two groups of conversations that nobody else writes in.
    pub fn new(db: &BenchDb, setup: &Runtime, database: &Database, number: usize) -> Self {
        let (own, others) = setup.block_on(async {
            let people = db.people(&format!("writer{number}-"), 8).await;
            let people: Vec<UserId> = people.iter().map(|person| person.id).collect();
            let groups = vec![people.clone(); CONVERSATIONS];
            let (own, others) = (db.groups(&groups).await, db.groups(&groups).await);
            (Conversations::new(db.project, people.clone(), own), Conversations::new(db.project, people, others))
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let palabre = runtime.block_on(database.get()).expect("a connection");
        let raw = runtime.block_on(db.client());
        Self { runtime, palabre, raw, own, others }
    }
}

/// Conversations and how far the client has counted in each.
pub struct Conversations {
    project: ProjectId,
    authors: Vec<UserId>,
    ids: Vec<ConversationId>,
    seqs: Vec<i64>,
    next: usize,
}

impl Conversations {
    fn new(project: ProjectId, authors: Vec<UserId>, ids: Vec<ConversationId>) -> Self {
        let seqs = vec![0; ids.len()];
        Self { project, authors, ids, seqs, next: 0 }
    }

    /// The next messages, one after the other in the first `spread` of the conversations, and the number of each.
    pub fn batch(&mut self, size: usize, spread: usize) -> (Vec<NewMessage>, Vec<i64>) {
        let now = palabre::chat::Clock::system().now();
        let body = "x".repeat(BODY);
        let fingerprint = digest(MessageKind::Text, &body, None, None, &[], None);
        let mut numbers = Vec::with_capacity(size);
        let mut messages = Vec::with_capacity(size);
        for _ in 0..size {
            let place = self.next % spread;
            self.next += 1;
            self.seqs[place] += 1;
            numbers.push(self.seqs[place]);
            messages.push(NewMessage {
                conversation: self.ids[place],
                version: 1,
                project: self.project,
                id: MessageId::random(),
                author: self.authors[self.next % self.authors.len()],
                kind: MessageKind::Text,
                role: Role::User,
                chatbot: None,
                body: body.clone(),
                reply_to: None,
                tone: None,
                digest: fingerprint,
                attachments: Vec::new(),
                game: None,
                created_at: now,
            });
        }
        (messages, numbers)
    }
}
