//! A database a test, all on one PostgreSQL of the test process.
//!
//! The first test that asks starts PostgreSQL and migrates a template; each test then gets a copy of that. PostgreSQL ends
//! with the process; the next run sweeps away its files.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use palabre::store::embedded::{Embedded, Options};
use palabre::store::{Database, migrate};
use tokio::sync::OnceCell;

/// The database that others are copies of. Nobody stays connected to it, or it could not be copied.
const TEMPLATE: &str = "template_palabre";
/// How the directories of test processes begin; the process id follows.
const DIRECTORY: &str = "palabre-test-";

/// Options of a PostgreSQL whose data nobody will miss. Its programs are the named ones, those that the set-up put into the
/// repository's data directory, or those of the machine.
pub fn throwaway() -> Options {
    let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/postgresql/bin");
    let named = std::env::var_os("PALABRE_POSTGRES_BIN").map(PathBuf::from);
    Options { binaries: named.or_else(|| set_up.exists().then_some(set_up)), durable: false }
}

/// An own, empty place for a data directory, reachable for the user that PostgreSQL runs as. Swept by the next run.
pub fn scratch_dir(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = process_dir().join(format!("{name}-{count}"));
    std::fs::create_dir(&directory).unwrap();
    set_mode(&directory);
    directory
}

/// A migrated database of one test. It is dropped with this, whoever is still connected.
pub struct TestDb {
    name: String,
    url: String,
}

impl TestDb {
    /// A copy of the template.
    pub async fn new() -> Self {
        static TEMPLATE_MADE: OnceCell<()> = OnceCell::const_new();
        TEMPLATE_MADE
            .get_or_init(|| async {
                execute(&format!("CREATE DATABASE {TEMPLATE}")).await;
                migrate::run(&url_of(TEMPLATE)).await.unwrap();
            })
            .await;
        Self::create(&format!("TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")).await
    }

    /// A database without any table.
    pub async fn empty() -> Self {
        Self::create("").await
    }

    async fn create(how: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        execute(&format!("CREATE DATABASE {name} {how}")).await;
        Self { url: url_of(&name), name }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A folder beside it, for the files that go with its rows. Made by whoever needs it, swept by the next run.
    pub fn files(&self) -> PathBuf {
        process_dir().join(format!("files-{}", self.name))
    }

    /// A pool as the server has it, small.
    pub fn pool(&self) -> Database {
        Database::connect(&self.url, 8).unwrap()
    }

    /// A connection beside any pool.
    pub async fn connection(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.url).await.unwrap()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let drop_it = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // In the background, as a destructor can't await; what does not get done goes with the process.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(&drop_it));
        });
    }
}

/// Runs one statement beside all databases of tests.
async fn execute(statement: &str) {
    let url = tokio::task::spawn_blocking(|| server().url()).await.unwrap();
    let mut connection = AsyncPgConnection::establish(&url).await.unwrap();
    connection.batch_execute(statement).await.unwrap();
}

/// The PostgreSQL of this process.
fn server() -> &'static Embedded {
    static SERVER: OnceLock<Embedded> = OnceLock::new();
    SERVER.get_or_init(|| Embedded::start(&scratch_dir("shared"), &throwaway()).unwrap())
}

fn url_of(database: &str) -> String {
    server().url().replacen("@/palabre?", &format!("@/{database}?"), 1)
}

/// The directory of this process, made after those of processes that are gone were removed.
fn process_dir() -> &'static Path {
    static PROCESS_DIR: OnceLock<PathBuf> = OnceLock::new();
    PROCESS_DIR.get_or_init(|| {
        // Not below the build directory: that may be in a home that PostgreSQL's user can't enter.
        let base = std::env::temp_dir();
        for entry in std::fs::read_dir(&base).unwrap().flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.strip_prefix(DIRECTORY));
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                // Another user's, or one that another run removes at the same time: not our business.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let directory = base.join(format!("{DIRECTORY}{}", std::process::id()));
        // Of an earlier process with the same number.
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).unwrap();
        set_mode(&directory);
        directory
    })
}

fn set_mode(directory: &Path) {
    std::fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
}
