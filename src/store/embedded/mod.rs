//! The server's own PostgreSQL: found on the machine, kept in the data directory, reachable only through a socket there.
//!
//! One process owns it: it holds a lock on a file in the data directory, starts PostgreSQL as its child and stops it. When
//! the owner is killed the kernel tells PostgreSQL to shut down; when PostgreSQL is killed the owner starts it again. Other
//! processes, such as the commands of the command line, use it while the owner runs.
//!
//! | file | its subject |
//! | --- | --- |
//! | `account` | whom it runs as: PostgreSQL refuses root |
//! | `binaries` | where its programs are |
//! | `layout` | what is where in the data directory |
//! | `cluster` | making the cluster and the database |
//! | `postmaster` | one run of PostgreSQL: start, ready, stop, and what an earlier one left |
//! | `owner` | the thread that keeps it running |

mod account;
mod binaries;
mod cluster;
mod layout;
mod owner;
mod postmaster;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::account::Account;
use self::binaries::Binaries;
use self::layout::Layout;
use self::owner::Owner;

/// How long another process may hold the data directory before one that needs it for itself gives up: one that was killed
/// needs a moment to go.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one waits for a running owner to have its PostgreSQL ready.
const ATTACH_PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at something that another process does.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// How the server's own PostgreSQL is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of `postgres` and `initdb`; `None` looks for it.
    pub binaries: Option<PathBuf>,
    /// Whether what was committed survives a power failure. Only tests do without.
    pub durable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { binaries: None, durable: true }
    }
}

/// Why the server's own PostgreSQL can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None is installed, or none of use.
    #[error(
        "no PostgreSQL of version {} or newer was found{}; there are three ways out:\n  \
         1. install it: apt-get install postgresql, or your system's package\n  \
         2. say where its programs are: --postgres-bin DIR or PALABRE_POSTGRES_BIN, or put them into {}\n  \
         3. use a server that runs elsewhere: DATABASE_URL=postgres://USER:PASSWORD@HOST/DATABASE",
        binaries::OLDEST, .rejected, .own.display()
    )]
    NoBinaries {
        /// What was found and why it won't do: empty, or ` (…)`.
        rejected: String,
        /// Where the data directory's own programs would be.
        own: PathBuf,
    },
    /// The data was written by another major version.
    #[error(
        "the database in {} was made by PostgreSQL {wanted}, and only {found} was found: install postgresql-{wanted}, or \
         say where it is with --postgres-bin DIR or PALABRE_POSTGRES_BIN",
        .directory.display()
    )]
    OtherVersion {
        /// Where the database is.
        directory: PathBuf,
        /// The version that made it.
        wanted: u32,
        /// The versions there are.
        found: String,
    },
    /// Started as root, and nobody is there to run PostgreSQL as.
    #[error(
        "PostgreSQL does not run as root, and neither of the users `postgres` and `nobody` exists: add one of them"
    )]
    NoAccount,
    /// The user that PostgreSQL runs as can't get to a directory.
    #[error(
        "PostgreSQL runs as the user `{user}` here, who can't pass through {}: choose another data directory with \
         --data-dir, such as /var/lib/palabre, or allow it with chmod o+x",
        .barrier.display()
    )]
    Unreachable {
        /// Whom PostgreSQL runs as.
        user: String,
        /// The directory that stops it.
        barrier: PathBuf,
    },
    /// Another process owns the data directory.
    #[error("another palabre{} uses {}: stop it first, or choose another --data-dir", .holder, .directory.display())]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// Its process: empty, or ` (process …)`.
        holder: String,
    },
    /// A path that PostgreSQL's settings can't carry.
    #[error("the path {} is not UTF-8, which the database's settings need", .0.display())]
    Path(PathBuf),
    /// A directory that others could have prepared.
    #[error("{} is there and does not belong to this user alone: remove it", .0.display())]
    Foreign(PathBuf),
    /// A file or directory can't be made, read or changed.
    #[error("{what} {}: {source}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What came of it.
        source: std::io::Error,
    },
    /// One of PostgreSQL's programs did not do its work.
    #[error("{program} failed: {output}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// It does not become ready, or another's does not.
    #[error("PostgreSQL was not ready within {} s, see {}", .after.as_secs(), .log.display())]
    NotReady {
        /// How long it was waited for.
        after: Duration,
        /// Its log.
        log: PathBuf,
    },
    /// The database in it can't be made.
    #[error("the database can't be made: {0}")]
    Database(String),
    /// The owner's thread can't be started, or ended.
    #[error("the thread that runs PostgreSQL failed: {0}")]
    Thread(String),
}

impl Error {
    fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}

/// A PostgreSQL that runs on a data directory. Dropping it stops PostgreSQL if this process owns it.
pub struct Embedded {
    url: String,
    owner: Option<Owner>,
}

impl Embedded {
    /// Starts PostgreSQL on the data directory and owns it; what an owner that was killed left behind is dealt with.
    /// The database is made when it is the first time. Blocks; it takes 0.1 s, or about a second the first time.
    pub fn start(data_dir: &Path, options: &Options) -> Result<Self, Error> {
        let (account, layout) = prepare(data_dir)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(lock) = try_lock(&layout)? {
                return Self::own(account, &layout, options, lock);
            }
            if Instant::now() >= deadline {
                return Err(Error::InUse { holder: holder(&layout), directory: layout.data_dir });
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Uses the PostgreSQL of the process that owns the data directory; if there is none, [starts](Self::start) it.
    pub fn attach_or_start(data_dir: &Path, options: &Options) -> Result<Self, Error> {
        let (account, layout) = prepare(data_dir)?;
        let deadline = Instant::now() + ATTACH_PATIENCE;
        loop {
            if let Some(lock) = try_lock(&layout)? {
                return Self::own(account, &layout, options, lock);
            }
            if OwnersNote::read(&layout).is_some_and(|note| note.has_database)
                && let Some(socket_dir) = postmaster::ready_socket_dir(&layout.cluster)
            {
                return Ok(Self { url: layout::url(&socket_dir)?, owner: None });
            }
            if Instant::now() >= deadline {
                return Err(Error::NotReady { after: ATTACH_PATIENCE, log: layout.log });
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    fn own(account: Account, layout: &Layout, options: &Options, lock: File) -> Result<Self, Error> {
        let binaries = Binaries::find(layout, options.binaries.as_deref())?;
        account.check_reach(&binaries.directory)?;
        let url = layout::url(&layout.socket_dir)?;
        let owner = Owner::start(account, layout.clone(), binaries, options.durable, lock)?;
        OwnersNote::write(layout, true)?;
        Ok(Self { url, owner: Some(owner) })
    }

    /// Where the database is, as [`super::Database::connect`] takes it.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Whether this process owns PostgreSQL, so that it ends with it.
    pub fn is_owner(&self) -> bool {
        self.owner.is_some()
    }

    /// Stops PostgreSQL, if this process owns it: open connections are cut, what is committed is kept. Blocks until it has
    /// ended, usually 0.05 s.
    pub fn stop(self) {
        drop(self);
    }
}

/// Where the data is when nobody says: `/var/lib/palabre` for root, else the user's data home. `None` when the user has no
/// home either.
pub fn default_data_dir() -> Option<PathBuf> {
    if account::is_root() {
        return Some(PathBuf::from("/var/lib/palabre"));
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data_home = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    Some(data_home?.join("palabre"))
}

/// Makes the data directory and finds out whom PostgreSQL runs as in it.
fn prepare(data_dir: &Path) -> Result<(Account, Layout), Error> {
    let account = Account::choose()?;
    let layout = Layout::prepare(data_dir, &account)?;
    account.check_reach(&layout.data_dir)?;
    Ok((account, layout))
}

/// The owner's lock, unless another process has it. The kernel frees it when the owner ends, however that comes about.
fn try_lock(layout: &Layout) -> Result<Option<File>, Error> {
    let open = File::options().read(true).write(true).create(true).truncate(false).open(&layout.lock);
    let file = open.map_err(Error::file("can't open", &layout.lock))?;
    match file.try_lock() {
        Ok(()) => {
            OwnersNote::write(layout, false)?;
            Ok(Some(file))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(Error::file("can't lock", &layout.lock)(source)),
    }
}

/// What the owner leaves in the locked file for other processes: its process id, and `ready` once there is a database.
struct OwnersNote {
    pid: String,
    has_database: bool,
}

impl OwnersNote {
    fn write(layout: &Layout, has_database: bool) -> Result<(), Error> {
        let state = if has_database { "ready" } else { "starting" };
        std::fs::write(&layout.lock, format!("{}\n{state}\n", std::process::id()))
            .map_err(Error::file("can't write", &layout.lock))
    }

    fn read(layout: &Layout) -> Option<Self> {
        let text = std::fs::read_to_string(&layout.lock).ok()?;
        let (pid, state) = text.trim_end().split_once('\n')?;
        Some(Self { pid: pid.to_owned(), has_database: state == "ready" })
    }
}

/// The process that holds the lock, as far as it left a note.
fn holder(layout: &Layout) -> String {
    OwnersNote::read(layout).map_or_else(String::new, |note| format!(" (process {})", note.pid))
}
