//! The ways to store a batch: palabre's, and those it is measured against.

use crate::work::Writer;
use palabre::model::ConversationId;
use palabre::store::messages::{NewMessage, Outcome, store_batch};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Rows that a client has numbered itself, by one statement: nothing is locked, counted, checked or returned, and columns
/// that hold nothing or the same for all are left out.
const RAW: &str = "INSERT INTO messages (conversation_id, seq, project_id, id, author_id, body, digest, created_at) \
    SELECT i.conversation, i.seq, $1, i.id, i.author, i.body, i.digest, $2 \
    FROM unnest($3::uuid[], $4::bigint[], $5::uuid[], $6::uuid[], $7::text[], $8::bytea[]) \
    AS i (conversation, seq, id, author, body, digest)";

/// As [`RAW`], and the conversations learn of their newest message in the same statement.
const RAISING: &str = "WITH inserted AS (\
        INSERT INTO messages (conversation_id, seq, project_id, id, author_id, body, digest, created_at) \
        SELECT i.conversation, i.seq, $1, i.id, i.author, i.body, i.digest, $2 \
        FROM unnest($3::uuid[], $4::bigint[], $5::uuid[], $6::uuid[], $7::text[], $8::bytea[]) \
        AS i (conversation, seq, id, author, body, digest)) \
    UPDATE conversations c SET last_seq = n.seq, active_at = $2, updated_at = $2 \
    FROM unnest($9::uuid[], $10::bigint[]) AS n (id, seq) WHERE c.id = n.id";

/// One row.
const SINGLE: &str = "INSERT INTO messages (conversation_id, seq, project_id, id, author_id, body, digest, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// How a batch is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `store_batch`, as the server's scribes do.
    Palabre,
    /// Only the rows.
    Raw,
    /// The rows and the conversations' counters.
    RawRaise,
    /// A statement a row, each awaited, in one transaction where there is more than one.
    SingleRows,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Palabre => "palabre",
            Self::Raw => "raw",
            Self::RawRaise => "raw+raise",
            Self::SingleRows => "single rows",
        }
    }

    /// Stores batches in this way for `time` and tells of each how long it took.
    pub fn run(self, writer: &mut Writer, size: usize, spread: usize, time: Duration) -> Vec<Duration> {
        let Writer { runtime, palabre, raw, own, others } = writer;
        runtime.block_on(async {
            let statement = match self {
                Self::Palabre | Self::Raw => RAW,
                Self::RawRaise => RAISING,
                Self::SingleRows => SINGLE,
            };
            let statement = raw.prepare(statement).await.expect("a statement");
            let mut took = Vec::new();
            let end = Instant::now() + time;
            while Instant::now() < end {
                let conversations = if self == Self::Palabre { &mut *own } else { &mut *others };
                let (messages, numbers) = conversations.batch(size, spread);
                let begun = Instant::now();
                match self {
                    Self::Palabre => {
                        let outcomes = store_batch(palabre, &messages).await.expect("a batch");
                        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })));
                    }
                    Self::Raw | Self::RawRaise => {
                        store_raw(raw, &statement, &messages, &numbers, self == Self::RawRaise).await;
                    }
                    Self::SingleRows => store_singly(raw, &statement, &messages, &numbers).await,
                }
                took.push(begun.elapsed());
            }
            took
        })
    }
}

async fn store_raw(
    client: &tokio_postgres::Client,
    statement: &tokio_postgres::Statement,
    messages: &[NewMessage],
    numbers: &[i64],
    raise: bool,
) {
    let Some(first) = messages.first() else { return };
    let conversations: Vec<Uuid> = messages.iter().map(|message| message.conversation.0).collect();
    let ids: Vec<Uuid> = messages.iter().map(|message| message.id.0).collect();
    let authors: Vec<Uuid> = messages.iter().map(|message| message.author.0).collect();
    let bodies: Vec<&str> = messages.iter().map(|message| message.body.as_str()).collect();
    let digests: Vec<&[u8]> = messages.iter().map(|message| message.digest.as_slice()).collect();
    let rows: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
        [&first.project.0, &first.created_at, &conversations, &numbers, &ids, &authors, &bodies, &digests];
    if raise {
        let newest: BTreeMap<ConversationId, i64> =
            messages.iter().zip(numbers).map(|(message, number)| (message.conversation, *number)).collect();
        let raised: Vec<Uuid> = newest.keys().map(|id| id.0).collect();
        let newest: Vec<i64> = newest.into_values().collect();
        let mut values = rows.to_vec();
        values.push(&raised);
        values.push(&newest);
        client.execute(statement, &values).await.expect("a batch");
    } else {
        client.execute(statement, &rows).await.expect("a batch");
    }
}

async fn store_singly(
    client: &tokio_postgres::Client,
    statement: &tokio_postgres::Statement,
    messages: &[NewMessage],
    numbers: &[i64],
) {
    let together = messages.len() > 1;
    if together {
        client.batch_execute("BEGIN").await.expect("a transaction");
    }
    for (message, number) in messages.iter().zip(numbers) {
        let (conversation, project, id) = (message.conversation.0, message.project.0, message.id.0);
        let digest = message.digest.as_slice();
        client
            .execute(
                statement,
                &[&conversation, number, &project, &id, &message.author.0, &message.body, &digest, &message.created_at],
            )
            .await
            .expect("a row");
    }
    if together {
        client.batch_execute("COMMIT").await.expect("a commit");
    }
}
