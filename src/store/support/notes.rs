//! Internal notes: what agents tell each other about a request. They are no messages: they are in no conversation, take no number,
//! and no search or page of messages knows them.

use super::super::paging::truncate;
use super::super::schema::support_notes;
use super::audit::NewStep;
use super::shape::people;
use super::{Actor, lock, matter};
use crate::model::support::Step;
use crate::model::{Failure, RequestId, UserId};
use crate::wire::shapes::User;
use crate::wire::support::Note;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Notes of one request: more than that nobody reads.
pub const NOTES: i64 = 1_000;

/// Where a page of notes ended.
pub type Place = (DateTime<Utc>, Uuid);

/// A page of a request's notes, oldest first, those behind `after`; and where it ended if more follow.
///
/// # Errors
/// [`Failure::NotFound`] for strangers, [`Failure::Forbidden`] for the customer.
pub async fn page(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    request: RequestId,
    after: Option<Place>,
    limit: i64,
) -> Result<(Vec<Note>, Option<Place>), Failure> {
    matter(conn, actor.project, request).await?.standing(actor)?.check_staff()?;
    let mut query = support_notes::table
        .filter(support_notes::request_id.eq(request))
        .order((support_notes::created_at, support_notes::id))
        .limit(limit.saturating_add(1))
        .select((support_notes::id, support_notes::author_id, support_notes::body, support_notes::created_at))
        .into_boxed();
    if let Some((moment, id)) = after {
        let same = support_notes::created_at.eq(moment).and(support_notes::id.gt(id));
        query = query.filter(support_notes::created_at.gt(moment).or(same));
    }
    let mut rows: Vec<(Uuid, Option<UserId>, String, DateTime<Utc>)> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    let end = rows.last().filter(|_| more).map(|(id, _, _, created_at)| (*created_at, *id));
    let people = people(conn, rows.iter().filter_map(|(_, author, ..)| *author).collect()).await?;
    let note = |(id, author, body, created_at): (Uuid, Option<UserId>, String, DateTime<Utc>)| Note {
        id,
        author: author.and_then(|id| people.get(&id).cloned()).unwrap_or_else(User::deleted),
        body,
        created_at: created_at.into(),
    };
    Ok((rows.into_iter().map(note).collect(), end))
}

/// Adds a note, its body checked by the caller.
///
/// # Errors
/// As [`page`]; [`Failure::Conflict`] when there are [`NOTES`].
pub async fn add(
    conn: &mut AsyncPgConnection,
    actor: Actor,
    request: RequestId,
    (author, body): (User, String),
    now: DateTime<Utc>,
) -> Result<Note, Failure> {
    let id = Uuid::new_v4();
    conn.transaction(async |conn| {
        lock(conn, actor.project, request).await?.standing(actor)?.check_staff()?;
        let there: i64 =
            support_notes::table.filter(support_notes::request_id.eq(request)).count().get_result(conn).await?;
        if there >= NOTES {
            return Err(Failure::Conflict("the request has as many notes as it may"));
        }
        diesel::insert_into(support_notes::table)
            .values((
                support_notes::id.eq(id),
                support_notes::request_id.eq(request),
                support_notes::author_id.eq(actor.user),
                support_notes::body.eq(&body),
                support_notes::created_at.eq(now),
            ))
            .execute(conn)
            .await?;
        NewStep::new(request, Step::Noted, now, Some(actor.user)).write(conn).await?;
        Ok(())
    })
    .await?;
    Ok(Note { id, author, body, created_at: now.into() })
}
