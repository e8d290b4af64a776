//! A PostgreSQL of the benchmark's own, which really writes to disk, and the people in it.

use palabre::model::account::UserRole;
use palabre::model::{ConversationId, OrganizationId, ProjectId, UserId};
use palabre::store::embedded::{Embedded, Options};
use palabre::store::migrate;
use palabre::wire::token::{Tokens, UserToken};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// Signs the tokens of the benchmark's users.
pub const SECRET: &str = "a secret for benchmarks, of no use elsewhere";
/// The project of all benchmarks.
pub const PROJECT: &str = "bench";
/// How long tokens are good for: longer than any run.
const LIFETIME: Duration = Duration::from_secs(3600);

/// PostgreSQL as the server runs it, durable, in a directory of its own that goes with it.
pub struct BenchDb {
    postgres: Option<Embedded>,
    directory: tempfile::TempDir,
    pub project: ProjectId,
    runs: AtomicUsize,
}

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub token: String,
}

impl BenchDb {
    /// Starts PostgreSQL and brings its schema up.
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("palabre-bench-").tempdir().expect("a directory");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(directory.path(), open).expect("its permissions");
        let binaries = std::env::var_os("PALABRE_POSTGRES_BIN").map(Into::into);
        let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/postgresql/bin");
        let options = Options { binaries: binaries.or_else(|| set_up.exists().then_some(set_up)), durable: true };
        let place = directory.path().to_owned();
        let start = tokio::task::spawn_blocking(move || Embedded::start(&place, &options));
        let postgres = start.await.expect("the thread that starts it").expect("PostgreSQL");
        migrate::run(&postgres.url()).await.expect("the schema");
        let mut db =
            Self { postgres: Some(postgres), directory, project: ProjectId::random(), runs: AtomicUsize::new(0) };
        db.fill_log().await;
        db.create_project().await;
        db
    }

    /// Brings PostgreSQL's log to the state it has in a server that is in use: there it takes old files again, while a fresh one
    /// makes, fills and syncs a new file for each 16 MB, for which all commits wait some 50 ms.
    async fn fill_log(&self) {
        let client = self.client().await;
        let fill = "CREATE TABLE fill AS SELECT repeat(md5(i::text), 30) AS text FROM generate_series(1, 450000) AS i";
        for statement in [fill, "DROP TABLE fill", "CHECKPOINT"] {
            client.batch_execute(statement).await.expect("a full log");
        }
    }

    /// As `DATABASE_URL` has it.
    pub fn url(&self) -> String {
        self.postgres.as_ref().expect("it runs until it is dropped").url()
    }

    /// The process id of PostgreSQL's first process.
    pub fn pid(&self) -> u32 {
        let find = |directory: &Path| std::fs::read_to_string(directory.join("postmaster.pid")).ok();
        let entries = std::fs::read_dir(self.directory.path()).expect("the data directory");
        let file = entries.flatten().find_map(|entry| find(&entry.path()));
        let first = file.as_ref().and_then(|text| text.lines().next());
        first.and_then(|line| line.trim().parse().ok()).expect("postmaster.pid")
    }

    /// Another number each time, for names.
    pub fn unique(&self) -> usize {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    /// A connection beside any pool.
    pub async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    }

    async fn create_project(&mut self) {
        let client = self.client().await;
        let organization = OrganizationId::random();
        let made = "INSERT INTO organizations (id, name, password_hash) VALUES ($1, 'bench', '-')";
        client.execute(made, &[&organization.0]).await.expect("an organization");
        let made = "INSERT INTO projects (id, organization_id, name) VALUES ($1, $2, $3)";
        client.execute(made, &[&self.project.0, &organization.0, &PROJECT]).await.expect("a project");
    }

    /// New people, whose names begin with `prefix`.
    pub async fn people(&self, prefix: &str, count: usize) -> Vec<Person> {
        let tokens = Tokens::new(SECRET.as_bytes());
        let ids: Vec<Uuid> = (0..count).map(|_| UserId::random().0).collect();
        let names: Vec<String> = (0..count).map(|number| format!("{prefix}{number:05}")).collect();
        let made = "INSERT INTO users (id, project_id, username) \
             SELECT i.id, $1, i.name FROM unnest($2::uuid[], $3::text[]) AS i (id, name) \
             RETURNING id, number, username, credentials_changed_at";
        let rows = self.client().await.query(made, &[&self.project.0, &ids, &names]).await.expect("users");
        let now = palabre::chat::Clock::system().now();
        let person = |row: &tokio_postgres::Row| {
            let token = UserToken {
                user: UserId(row.get(0)),
                number: row.get(1),
                username: row.get(2),
                role: UserRole::User,
                project: self.project,
                credentials_changed_at: row.get(3),
            };
            Person { id: token.user, token: tokens.issue_user(&token, now, LIFETIME).expect("a token") }
        };
        rows.iter().map(person).collect()
    }

    /// New groups of these people, who all may write.
    pub async fn groups(&self, groups: &[Vec<UserId>]) -> Vec<ConversationId> {
        let ids: Vec<Uuid> = groups.iter().map(|_| ConversationId::random().0).collect();
        let counts: Vec<i32> = groups.iter().map(|group| i32::try_from(group.len()).expect("a size")).collect();
        let client = self.client().await;
        let made = "INSERT INTO conversations (id, project_id, kind, member_count) \
             SELECT i.id, $1, 'group', i.count FROM unnest($2::uuid[], $3::int[]) AS i (id, count)";
        client.execute(made, &[&self.project.0, &ids, &counts]).await.expect("conversations");
        let (mut of, mut members) = (Vec::new(), Vec::new());
        for (id, group) in ids.iter().zip(groups) {
            for user in group {
                of.push(*id);
                members.push(user.0);
            }
        }
        let made = "INSERT INTO members (conversation_id, user_id, permission) \
             SELECT i.conversation, i.member, 'w' FROM unnest($1::uuid[], $2::uuid[]) AS i (conversation, member)";
        client.execute(made, &[&of, &members]).await.expect("members");
        ids.into_iter().map(ConversationId).collect()
    }

    /// Makes people contacts of each other.
    pub async fn befriend(&self, pairs: &[(UserId, UserId)]) {
        let ones: Vec<Uuid> = pairs.iter().map(|pair| pair.0.0).collect();
        let others: Vec<Uuid> = pairs.iter().map(|pair| pair.1.0).collect();
        let made = "INSERT INTO contacts (user_id, peer_id, relation) \
             SELECT i.one, i.other, 'accepted' FROM unnest($1::uuid[] || $2::uuid[], $2::uuid[] || $1::uuid[]) \
             AS i (one, other) ON CONFLICT DO NOTHING";
        self.client().await.execute(made, &[&ones, &others]).await.expect("contacts");
    }

    /// Transactions so far; outside of explicit ones each statement is one.
    pub async fn transactions(&self) -> i64 {
        let sum = "SELECT sum(xact_commit + xact_rollback)::bigint FROM pg_stat_database";
        self.client().await.query_one(sum, &[]).await.expect("statistics").get(0)
    }

    /// Gives a conversation a past: messages of its members in turn.
    pub async fn history(&self, conversation: ConversationId, messages: i64) {
        let client = self.client().await;
        let made = "INSERT INTO messages (conversation_id, seq, project_id, id, author_id, body, digest) \
             SELECT $1, seq, $2, gen_random_uuid(), authors[1 + seq % cardinality(authors)], repeat('x', 128), '\\x00' \
             FROM generate_series(1, $3::bigint) AS seq, \
                 (SELECT array_agg(user_id) AS authors FROM members WHERE conversation_id = $1) AS of";
        client.execute(made, &[&conversation.0, &self.project.0, &messages]).await.expect("messages");
        let told = "UPDATE conversations SET last_seq = $2 WHERE id = $1";
        client.execute(told, &[&conversation.0, &messages]).await.expect("a conversation");
    }

    /// Brings the planner's statistics up to date, as autovacuum does in its time.
    pub async fn analyze(&self) {
        self.client().await.batch_execute("ANALYZE").await.expect("statistics");
    }
}

impl Drop for BenchDb {
    fn drop(&mut self) {
        if let Some(postgres) = self.postgres.take() {
            postgres.stop();
        }
    }
}
