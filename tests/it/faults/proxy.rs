//! A way to the database that a test can close, clog, or cut at the worst moment.

use crate::support::db::TestDb;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What the way is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// Nothing passes, and nobody is told.
    Clogged,
    /// Connections are cut, new ones too.
    Closed,
}

/// Forwards connections to a test's database.
pub struct Proxy {
    address: SocketAddr,
    database: String,
    way: watch::Sender<Way>,
    lose_answer: Arc<AtomicBool>,
}

impl Proxy {
    /// An open way to the database.
    pub async fn to(db: &TestDb) -> Self {
        let (_, rest) = db.url().split_once("@/").unwrap();
        let (database, directory) = rest.split_once("?host=").unwrap();
        let socket = PathBuf::from(directory).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, ways) = watch::channel(Way::Open);
        let lose_answer = Arc::new(AtomicBool::new(false));
        let lose = Arc::clone(&lose_answer);
        tokio::spawn(async move {
            // Ends with the test's runtime.
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, socket.clone(), ways.clone(), Arc::clone(&lose)));
            }
        });
        Self { address, database: database.to_owned(), way, lose_answer }
    }

    /// The database's address by this way.
    pub fn url(&self) -> String {
        format!("postgres://palabre@{}/{}", self.address, self.database)
    }

    /// From now on the way is like this.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Cuts the connection that stores messages next, between what it did and its answer: nobody knows what came of it.
    pub fn lose_next_answer(&self) {
        self.lose_answer.store(true, Ordering::SeqCst);
    }
}

async fn forward(mut client: TcpStream, socket: PathBuf, mut ways: watch::Receiver<Way>, lose: Arc<AtomicBool>) {
    let Ok(mut database) = UnixStream::connect(socket).await else { return };
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut loses_answer = false;
    loop {
        let way = *ways.borrow_and_update();
        if way == Way::Closed {
            return;
        }
        tokio::select! {
            changed = ways.changed() => if changed.is_err() {
                return;
            },
            read = client.read(&mut asked), if way == Way::Open => {
                let Some(bytes) = some(read, &asked) else { return };
                // Bodies of messages are in it: what comes back is the outcome of the statement that stores them.
                loses_answer |= holds_a_message(bytes) && lose.swap(false, Ordering::SeqCst);
                if database.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = database.read(&mut answered), if way == Way::Open => {
                let Some(bytes) = some(read, &answered) else { return };
                if loses_answer || client.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn some(read: std::io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    read.ok().filter(|&count| count > 0).map(|count| &buffer[..count])
}

/// Talkers' messages begin with their name, and two names do.
fn holds_a_message(bytes: &[u8]) -> bool {
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    holds(b"ann ") || holds(b"ben ")
}
