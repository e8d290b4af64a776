//! Canned answers: texts that a project's agents have at hand.

use super::super::paging::truncate;
use super::super::projects;
use super::super::schema::support_canned;
use super::super::users::name_taken_or;
use crate::model::{Failure, ProjectId};
use crate::wire::support::Canned;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Canned answers of a project: more than that nobody finds anything in.
pub const CANNED: i64 = 1_000;

const NOT_FOUND: Failure = Failure::NotFound("canned answer");

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = support_canned, check_for_backend(diesel::pg::Pg))]
struct CannedRow {
    id: Uuid,
    name: String,
    body: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<CannedRow> for Canned {
    fn from(row: CannedRow) -> Self {
        let CannedRow { id, name, body, created_at, updated_at } = row;
        Self { id, name, body, created_at: created_at.into(), updated_at: updated_at.into() }
    }
}

/// A page in the order of the names, those behind `after`, and whether more follow.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    after: Option<&str>,
    limit: i64,
) -> QueryResult<(Vec<Canned>, bool)> {
    let mut query = support_canned::table
        .filter(support_canned::project_id.eq(project))
        .order(support_canned::name)
        .limit(limit.saturating_add(1))
        .select(CannedRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(support_canned::name.gt(after));
    }
    let mut rows: Vec<CannedRow> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    Ok((rows.into_iter().map(Canned::from).collect(), more))
}

/// Adds one, its texts checked by the caller.
///
/// # Errors
/// [`Failure::NameTaken`] for a name in use, [`Failure::Conflict`] when there are [`CANNED`].
pub async fn add(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    (name, body): (&str, &str),
    now: DateTime<Utc>,
) -> Result<Canned, Failure> {
    conn.transaction(async |conn| {
        projects::hold(conn, project).await?;
        let there: i64 =
            support_canned::table.filter(support_canned::project_id.eq(project)).count().get_result(conn).await?;
        if there >= CANNED {
            return Err(Failure::Conflict("the project has as many canned answers as it may"));
        }
        diesel::insert_into(support_canned::table)
            .values((
                support_canned::id.eq(Uuid::new_v4()),
                support_canned::project_id.eq(project),
                support_canned::name.eq(name),
                support_canned::body.eq(body),
                support_canned::created_at.eq(now),
                support_canned::updated_at.eq(now),
            ))
            .returning(CannedRow::as_returning())
            .get_result(conn)
            .await
            .map(Canned::from)
            .map_err(name_taken_or)
    })
    .await
}

/// Changes one; what is `None` stays.
///
/// # Errors
/// [`Failure::NotFound`] if the project has none of this id, [`Failure::NameTaken`] for a name in use.
pub async fn change(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: Uuid,
    (name, body): (Option<&str>, Option<&str>),
    now: DateTime<Utc>,
) -> Result<Canned, Failure> {
    let own = support_canned::table.filter(support_canned::project_id.eq(project).and(support_canned::id.eq(id)));
    diesel::update(own)
        .set((
            name.map(|name| support_canned::name.eq(name)),
            body.map(|body| support_canned::body.eq(body)),
            support_canned::updated_at.eq(now),
        ))
        .returning(CannedRow::as_returning())
        .get_result(conn)
        .await
        .optional()
        .map_err(name_taken_or)?
        .map(Canned::from)
        .ok_or(NOT_FOUND)
}

/// Takes one away.
///
/// # Errors
/// [`Failure::NotFound`] if the project has none of this id.
pub async fn remove(conn: &mut AsyncPgConnection, project: ProjectId, id: Uuid) -> Result<(), Failure> {
    let own = support_canned::table.filter(support_canned::project_id.eq(project).and(support_canned::id.eq(id)));
    if diesel::delete(own).execute(conn).await? == 0 { Err(NOT_FOUND) } else { Ok(()) }
}
