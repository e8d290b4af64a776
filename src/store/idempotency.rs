//! Requests that name themselves, so that one sent again is done once.

use super::schema::idempotency;
use super::statement::statement;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// For how long an answer is kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// After which a request that has no answer is taken for lost with the node that had it: longer than any request may take.
const LOST: TimeDelta = TimeDelta::seconds(90);
/// Old answers removed at once, so that nobody waits long for the one who cleans up.
const SWEEP: i64 = 5_000;

/// Which request: who asks, where, and the name they gave it.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    pub caller: &'a str,
    pub path: &'a str,
    pub key: &'a str,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Answer {
    pub status: i16,
    pub content_type: Option<String>,
    pub location: Option<String>,
    /// `None` where it held a secret that is shown once.
    pub body: Option<Vec<u8>>,
}

/// What is to be done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It is the first of its name.
    First,
    /// It was done, and this was the answer.
    Done(Answer),
    /// The first one is under way.
    UnderWay,
    /// The first one had another body.
    Other,
}

statement! {
    /// Takes the name, or takes it over from a request that is too old or was lost.
    struct Take<'a> {
        caller: &'a str, path: &'a str, key: &'a str, digest: &'a [u8], now: DateTime<Utc>,
        too_old: DateTime<Utc>, lost: DateTime<Utc>,
    } -> Text;
    "INSERT INTO idempotency (caller, path, key, digest, created_at) VALUES (" [caller as Text] ", " [path as Text] ", "
        [key as Text] ", " [digest as Bytea] ", " [now as Timestamptz] ") \
     ON CONFLICT (caller, path, key) DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at, status = NULL, \
        content_type = NULL, location = NULL, answer = NULL \
     WHERE idempotency.created_at < " [too_old as Timestamptz] " \
        OR (idempotency.status IS NULL AND idempotency.digest = excluded.digest AND idempotency.created_at < "
        [lost as Timestamptz] ") RETURNING key"
}

/// Begins a request, if it is the first of its name; `digest` is that of its body.
///
/// # Errors
/// Those of the database.
pub async fn begin(
    conn: &mut AsyncPgConnection,
    name: Name<'_>,
    digest: &[u8],
    now: DateTime<Utc>,
) -> QueryResult<Turn> {
    let Name { caller, path, key } = name;
    let take = Take { caller, path, key, digest, now, too_old: now - KEPT, lost: now - LOST };
    if take.get_result::<String>(conn).await.optional()?.is_some() {
        return Ok(Turn::First);
    }
    type Columns = (Vec<u8>, Option<i16>, Option<String>, Option<String>, Option<Vec<u8>>);
    let found: Option<Columns> = idempotency::table
        .find((caller, path, key))
        .select((
            idempotency::digest,
            idempotency::status,
            idempotency::content_type,
            idempotency::location,
            idempotency::answer,
        ))
        .first(conn)
        .await
        .optional()?;
    Ok(match found {
        Some((known, ..)) if known != digest => Turn::Other,
        Some((_, Some(status), content_type, location, body)) => {
            Turn::Done(Answer { status, content_type, location, body })
        }
        // Given up a moment ago: the client may try again at once.
        Some((_, None, ..)) | None => Turn::UnderWay,
    })
}

/// Keeps the answer to a request that [`begin`] let pass at `began`.
///
/// # Errors
/// Those of the database.
pub async fn finish(
    conn: &mut AsyncPgConnection,
    name: Name<'_>,
    began: DateTime<Utc>,
    answer: &Answer,
) -> QueryResult<()> {
    diesel::update(idempotency::table.find((name.caller, name.path, name.key)))
        .filter(idempotency::created_at.eq(began))
        .set((
            idempotency::status.eq(answer.status),
            idempotency::content_type.eq(&answer.content_type),
            idempotency::location.eq(&answer.location),
            idempotency::answer.eq(&answer.body),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets a request that did nothing: it may be sent again.
///
/// # Errors
/// Those of the database.
pub async fn give_up(conn: &mut AsyncPgConnection, name: Name<'_>, began: DateTime<Utc>) -> QueryResult<()> {
    diesel::delete(idempotency::table.find((name.caller, name.path, name.key)))
        .filter(idempotency::created_at.eq(began).and(idempotency::status.is_null()))
        .execute(conn)
        .await?;
    Ok(())
}

statement! {
    struct Sweep { too_old: DateTime<Utc>, most: i64 };
    "DELETE FROM idempotency WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency WHERE created_at < "
        [too_old as Timestamptz] " ORDER BY created_at LIMIT " [most as BigInt] "))"
}

/// Removes some of the answers that were kept long enough.
///
/// # Errors
/// Those of the database.
pub async fn sweep(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> QueryResult<usize> {
    Sweep { too_old: now - KEPT, most: SWEEP }.execute(conn).await
}
