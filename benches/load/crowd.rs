//! Many connections on one thread.

use super::common::database::Person;
use super::connection::{self, Ear, Mouth};
use super::contender::Contender;
use super::encoding::Encoding;
use futures_util::{StreamExt, stream};
use std::time::Duration;

/// Connections that are opened at once.
const AT_ONCE: usize = 256;
/// A server that is full says so by closing; such a client comes back after this.
const RETRY: Duration = Duration::from_millis(100);
/// How often a client tries.
const TRIES: u32 = 50;

/// Opens a connection for each of these, in order; each comes with the room it is for.
pub async fn open_all<'a>(
    server: &Contender,
    encoding: Encoding,
    who: impl Iterator<Item = (Option<&'a Person>, usize)>,
) -> Vec<(Ear, Mouth)> {
    stream::iter(who)
        .map(async |(person, room)| open_one(server, encoding, person, room).await)
        .buffered(AT_ONCE)
        .collect()
        .await
}

async fn open_one(server: &Contender, encoding: Encoding, person: Option<&Person>, room: usize) -> (Ear, Mouth) {
    let mut tries = 0;
    loop {
        match connection::open(server, encoding, person, room).await {
            Ok(open) => return open,
            Err(error) if tries == TRIES => panic!("no connection: {error}"),
            Err(_) => tokio::time::sleep(RETRY).await,
        }
        tries += 1;
    }
}
