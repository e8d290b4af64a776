//! What takes away files that nothing refers to, uploads that never ended, and contents that nobody knows of.

use super::super::HttpState;
use crate::model::{Failure, MediaId, ProjectId};
use crate::store::media::{self, Stale};
use chrono::TimeDelta;
use futures_util::StreamExt;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Rows that are looked at in one transaction.
const BATCH: i64 = 500;
/// Rest between two batches, so that a large store is gone through in the background.
const REST: Duration = Duration::from_millis(20);
/// Rounds after which the contents are listed too: that costs money with some stores, and finds something only after a crash.
const LISTED_EVERY: u32 = 6;

/// Goes round from time to time, until the task is aborted.
pub async fn keep_going(state: &HttpState) {
    let mut ticks = tokio::time::interval(state.media.settings.sweep);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0_u32;
    loop {
        ticks.tick().await;
        let lists = round.is_multiple_of(LISTED_EVERY);
        round = round.wrapping_add(1);
        // What is away now is there in a later round.
        let swept = async {
            rows(state).await?;
            if lists { objects(state).await } else { Ok(()) }
        };
        if let Err(failure) = swept.await {
            log::debug!(target: "palabre::http", "files were not looked through to the end: {failure}");
        }
    }
}

/// Takes stale rows away, then their contents.
async fn rows(state: &HttpState) -> Result<(), Failure> {
    let settings = &state.media.settings;
    let mut after = None;
    loop {
        let now = state.chat.now();
        let before = |age: Duration| TimeDelta::from_std(age).ok().and_then(|age| now.checked_sub_signed(age));
        let before = |age: Duration| before(age).unwrap_or(chrono::DateTime::UNIX_EPOCH);
        let stale =
            Stale { orphans_before: before(settings.orphans_after), lost_before: before(settings.lost_after()) };
        let (taken, last) = state.chat.run(async |conn| Ok(media::sweep(conn, after, stale, BATCH).await?)).await?;
        for (project, id) in taken {
            state.media.objects.delete(project, id).await?;
        }
        if last.is_none() {
            return Ok(());
        }
        after = last;
        tokio::time::sleep(REST).await;
    }
}

/// Takes contents away that have no row. The row is made first and goes first, so nobody is about to make one.
async fn objects(state: &HttpState) -> Result<(), Failure> {
    let store = &state.media.objects;
    store.remove_remains(state.media.settings.lost_after()).await?;
    let mut listing = store.list(None).await?;
    while let Some(some) = listing.next().await {
        let some: HashSet<(ProjectId, MediaId)> = some?.into_iter().collect();
        let ids: Vec<MediaId> = some.iter().map(|(_, id)| *id).collect();
        let known = state.chat.run(async |conn| Ok(media::known(conn, &ids).await?)).await?;
        let known: HashSet<MediaId> = known.into_iter().collect();
        for (project, id) in some.into_iter().filter(|(_, id)| !known.contains(id)) {
            store.delete(project, id).await?;
        }
        tokio::time::sleep(REST).await;
    }
    Ok(())
}
