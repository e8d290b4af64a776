//! What apps are to be told: written in the transaction of what happened, taken by whichever node is free, and gone when the app
//! has it.
//!
//! One row is one delivery. Those of one invitation go out in the order in which they happened: only the oldest that is left is
//! ever taken. Taking a row moves its `due_at` to when the try is taken for lost, so that a node that dies holds nothing back for
//! longer; `attempts` tells a try from a later one of the same row.

use super::schema::{app_invitations, callbacks};
use super::statement::statement;
use crate::model::game::Answer;
use crate::model::limits::CALLBACKS_WAITING;
use crate::model::{ConversationId, Failure};
use crate::wire::invitation::{CallbackBody, Happening, Invitation};
use crate::wire::shapes::{Message, User};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Rows that one sweep takes away: it is done in a moment, and comes again.
const SWEPT: i64 = 1_000;

/// What happened to an invitation, and who did it.
#[derive(Debug, Clone)]
pub struct Event {
    pub happening: Happening,
    pub user: Option<User>,
    pub action: Option<Answer>,
}

/// Notes for the app that made the invitation, if one did and asked to be told, what has happened to it. `message` is how it is
/// right after, with everybody's answers. Belongs into the transaction that stores what happened.
///
/// # Errors
/// [`Failure::Unavailable`] while as many callbacks of this invitation wait as may.
pub async fn note(
    conn: &mut AsyncPgConnection,
    message: &Message,
    event: Event,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let found: Option<(Uuid, Option<String>)> = app_invitations::table
        .find((message.conversation, message.seq))
        .select((app_invitations::app_id, app_invitations::callback_url))
        .first(conn)
        .await
        .optional()?;
    let Some((app, Some(url))) = found else { return Ok(()) };
    let Some(invitation) = Invitation::of(message.clone(), Some(url.clone())) else { return Ok(()) };
    let waiting: i64 = callbacks::table
        .filter(callbacks::conversation_id.eq(message.conversation).and(callbacks::seq.eq(message.seq)))
        .count()
        .get_result(conn)
        .await?;
    // What ends an invitation comes once, so it always has room.
    if waiting >= CALLBACKS_WAITING && matches!(event.happening, Happening::Accepted | Happening::Declined) {
        return Err(Failure::Unavailable);
    }
    let Event { happening, user, action } = event;
    let body = CallbackBody { id: Uuid::new_v4(), happening, created_at: now.into(), invitation, user, action };
    let text = serde_json::to_string(&body).map_err(|error| {
        log::error!(target: "palabre::store", "a callback can't be written: {error}");
        Failure::Internal
    })?;
    diesel::insert_into(callbacks::table)
        .values((
            callbacks::id.eq(body.id),
            callbacks::app_id.eq(app),
            callbacks::conversation_id.eq(message.conversation),
            callbacks::seq.eq(message.seq),
            callbacks::target.eq(target(&url)),
            callbacks::url.eq(&url),
            callbacks::body.eq(text),
            callbacks::created_at.eq(now),
            callbacks::due_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Scheme, host and port of an address as it was checked when it came: in its normal form.
fn target(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at.saturating_add(3));
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#'])).map(|at| host.saturating_add(at));
    end.and_then(|end| url.get(..end)).unwrap_or(url)
}

/// A delivery that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Taken {
    pub id: Uuid,
    pub url: String,
    pub target: String,
    pub body: String,
    /// Which try this is, from 1.
    pub attempts: i32,
    /// What it is signed with, as of now.
    pub secret: Option<String>,
}

/// What a node has under way for its targets, and how much more it can take.
#[derive(Debug, Clone, Default)]
pub struct Capacity {
    pub targets: Vec<String>,
    /// Of each target, in the same order.
    pub under_way: Vec<i64>,
    /// For one target.
    pub per_target: i64,
    /// In all.
    pub free: i64,
}

statement! {
    /// Takes of each target the deliveries that are due, the oldest of their invitations, up to what there is room for; and of all
    /// targets those that have waited longest. The targets are found by skipping from one to the next in the index, so
    /// however many deliveries wait for one, the others are found at once.
    struct Take<'a> {
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        targets: &'a [String],
        under_way: &'a [i64],
        per_target: i64,
        free: i64,
    } -> (SqlUuid, Text, Text, Text, Integer, Nullable<Text>);
    "WITH RECURSIVE targets (target) AS (\
         (SELECT target FROM callbacks ORDER BY target LIMIT 1) \
         UNION ALL \
         SELECT (SELECT c.target FROM callbacks c WHERE c.target > t.target ORDER BY c.target LIMIT 1) \
         FROM targets t WHERE t.target IS NOT NULL\
     ), due AS MATERIALIZED (\
         SELECT d.id FROM targets t \
         LEFT JOIN unnest(" [targets as Array<Text>] ", " [under_way as Array<BigInt>] ") AS b (target, count) \
             ON b.target = t.target, \
         LATERAL (\
             SELECT c.id, c.due_at FROM callbacks c \
             WHERE c.target = t.target AND c.due_at <= " [now as Timestamptz]
                 " AND NOT EXISTS (SELECT FROM callbacks e WHERE e.conversation_id = c.conversation_id \
                     AND e.seq = c.seq AND e.number < c.number) \
             ORDER BY c.due_at LIMIT greatest(0, " [per_target as BigInt] " - coalesce(b.count, 0)) \
             FOR UPDATE OF c SKIP LOCKED\
         ) d ORDER BY d.due_at LIMIT " [free as BigInt]
     ") \
     UPDATE callbacks c SET due_at = " [until as Timestamptz] ", attempts = c.attempts + 1 \
     FROM due, apps a WHERE c.id = due.id AND a.id = c.app_id \
     RETURNING c.id, c.url, c.target, c.body, c.attempts, a.callback_secret"
}

/// Takes deliveries that are due at `now`, as far as there is room. They are this caller's until `until`.
///
/// # Errors
/// Those of the database.
pub async fn take(
    conn: &mut AsyncPgConnection,
    room: &Capacity,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> QueryResult<Vec<Taken>> {
    let Capacity { targets, under_way, per_target, free } = room;
    Take { now, until, targets, under_way, per_target: *per_target, free: *free }.load(conn).await
}

/// A delivery arrived.
///
/// # Errors
/// Those of the database.
pub async fn delivered(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<()> {
    diesel::delete(callbacks::table.find(id)).execute(conn).await?;
    Ok(())
}

/// A try failed, or was given up: the delivery is due again at that time, unless somebody took it since.
///
/// # Errors
/// Those of the database.
pub async fn retry(conn: &mut AsyncPgConnection, taken: &Taken, at: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(callbacks::table.find(taken.id).filter(callbacks::attempts.eq(taken.attempts)))
        .set(callbacks::due_at.eq(at))
        .execute(conn)
        .await?;
    Ok(())
}

/// The app wants to hear no more of the invitation that this delivery is of: nothing of it is left to be told, now or later.
///
/// # Errors
/// Those of the database.
pub async fn unwanted(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<()> {
    let Some((conversation, seq)) = callbacks::table
        .find(id)
        .select((callbacks::conversation_id, callbacks::seq))
        .first::<(ConversationId, i64)>(conn)
        .await
        .optional()?
    else {
        return Ok(());
    };
    // First of all, so that nothing is noted any more.
    diesel::update(app_invitations::table.find((conversation, seq)))
        .set(app_invitations::callback_url.eq(None::<String>))
        .execute(conn)
        .await?;
    diesel::delete(callbacks::table.filter(callbacks::conversation_id.eq(conversation).and(callbacks::seq.eq(seq))))
        .execute(conn)
        .await?;
    Ok(())
}

statement! {
    struct Expire { before: DateTime<Utc>, limit: i64 };
    "DELETE FROM callbacks WHERE id IN (SELECT id FROM callbacks WHERE created_at < " [before as Timestamptz]
        " ORDER BY created_at LIMIT " [limit as BigInt] " FOR UPDATE SKIP LOCKED)"
}

/// Gives up on some deliveries of what happened before that time. How many there were; there may be more.
///
/// # Errors
/// Those of the database.
pub async fn expire(conn: &mut AsyncPgConnection, before: DateTime<Utc>) -> QueryResult<usize> {
    Expire { before, limit: SWEPT }.execute(conn).await
}

/// How many deliveries wait, in all projects.
///
/// # Errors
/// Those of the database.
pub async fn waiting(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    callbacks::table.count().get_result(conn).await
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn a_target_is_where_the_path_begins() {
        assert_eq!(target("https://a.example/x/y?z"), "https://a.example");
        assert_eq!(target("http://[::1]:8080/"), "http://[::1]:8080");
        assert_eq!(target("http://a.example:81?x=/"), "http://a.example:81");
        assert_eq!(target("nothing"), "nothing");
    }
}
