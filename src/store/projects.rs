//! Projects as the organization has them that owns them, and their apps.

use super::accounts::{self, AppRow, key_hash};
use super::invitations;
use super::paging::truncate;
use super::schema::{apps, organizations, projects, users};
use super::statement::statement;
use super::users::name_taken_or;
use crate::model::{Failure, OrganizationId, ProjectId};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Rows that one statement of a deletion takes: it is done in a second or so, and other statements come between.
const CHUNK: i64 = 5_000;

/// A project with its settings.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = projects, check_for_backend(diesel::pg::Pg))]
pub struct OwnedRow {
    pub id: ProjectId,
    pub name: String,
    pub origins: Vec<Option<String>>,
    pub registration: bool,
    pub support_auto_assign: bool,
    pub support_timeout_s: i32,
    pub created_at: DateTime<Utc>,
}

/// What is to become of a project. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = projects)]
pub struct Changes {
    pub name: Option<String>,
    pub origins: Option<Vec<String>>,
    pub registration: Option<bool>,
    pub support_auto_assign: Option<bool>,
    pub support_timeout_s: Option<i32>,
}

impl Changes {
    /// There is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The organization's project of this name or id.
///
/// # Errors
/// Those of the database.
pub async fn find(
    conn: &mut AsyncPgConnection,
    owner: OrganizationId,
    name_or_id: &str,
) -> QueryResult<Option<OwnedRow>> {
    let query = projects::table.filter(projects::organization_id.eq(owner)).select(OwnedRow::as_select());
    match name_or_id.parse::<ProjectId>() {
        Ok(id) => query.filter(projects::id.eq(id)).first(conn).await.optional(),
        Err(_) if name_or_id.contains('\0') => Ok(None),
        Err(_) => query.filter(projects::name.eq(name_or_id)).first(conn).await.optional(),
    }
}

/// A page of the organization's projects in the order of their names, those behind `after`, and whether more follow.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    owner: OrganizationId,
    after: Option<&str>,
    limit: i64,
) -> QueryResult<(Vec<OwnedRow>, bool)> {
    let mut query = projects::table
        .filter(projects::organization_id.eq(owner))
        .order(projects::name)
        .limit(limit.saturating_add(1))
        .select(OwnedRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(projects::name.gt(after));
    }
    let mut rows: Vec<OwnedRow> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    Ok((rows, more))
}

/// Makes a project with its settings, checked by the caller. The organization has at most so many, requests at once included.
///
/// # Errors
/// [`Failure::NameTaken`] if there is one of this name on the server; [`Failure::Conflict`] beyond the limit;
/// [`Failure::Unauthorized`] if the organization is gone.
pub async fn create(
    conn: &mut AsyncPgConnection,
    owner: OrganizationId,
    id: ProjectId,
    (name, origins, registration): (&str, &[String], bool),
    most: i64,
) -> Result<OwnedRow, Failure> {
    conn.transaction(async |conn| {
        let held = organizations::table.find(owner).for_no_key_update().select(organizations::id);
        held.first::<OrganizationId>(conn).await.optional()?.ok_or(Failure::Unauthorized)?;
        let count: i64 = projects::table.filter(projects::organization_id.eq(owner)).count().get_result(conn).await?;
        if count >= most {
            return Err(Failure::Conflict("the organization has as many projects as it may"));
        }
        accounts::create_project(conn, id, owner, name, origins).await?;
        let changes = Changes { registration: Some(registration), ..Changes::default() };
        change(conn, owner, id, &changes).await?.ok_or(Failure::Internal)
    })
    .await
}

/// Holds a project to the end of the transaction: what is counted there and added to is so by one at a time.
///
/// # Errors
/// [`Failure::NotFound`] if it is gone.
pub async fn hold(conn: &mut AsyncPgConnection, project: ProjectId) -> Result<(), Failure> {
    let held = projects::table.find(project).for_no_key_update().select(projects::id);
    held.first::<ProjectId>(conn).await.optional()?.ok_or(Failure::NotFound("project")).map(drop)
}

/// Changes a project of the organization; each value was checked by the caller. The project afterwards, or `None`.
///
/// # Errors
/// [`Failure::NameTaken`] if there is another project of the name on the server.
pub async fn change(
    conn: &mut AsyncPgConnection,
    owner: OrganizationId,
    id: ProjectId,
    changes: &Changes,
) -> Result<Option<OwnedRow>, Failure> {
    let owned = projects::table.filter(projects::organization_id.eq(owner).and(projects::id.eq(id)));
    diesel::update(owned)
        .set(changes)
        .returning(OwnedRow::as_returning())
        .get_result(conn)
        .await
        .optional()
        .map_err(name_taken_or)
}

/// The first step of a deletion: nobody comes in any more, by a password, a token or a key. May be repeated.
///
/// # Errors
/// Those of the database.
pub async fn close(conn: &mut AsyncPgConnection, id: ProjectId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(projects::table.find(id)).set(projects::registration.eq(false)).execute(conn).await?;
    diesel::delete(apps::table.filter(apps::project_id.eq(id))).execute(conn).await?;
    diesel::update(users::table.filter(users::project_id.eq(id).and(users::deactivated_at.is_null())))
        .set(users::deactivated_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

statement! {
    struct DeleteMessages { project: ProjectId, most: i64 };
    "DELETE FROM messages WHERE ctid = ANY (ARRAY(SELECT ctid FROM messages WHERE project_id = " [project as SqlUuid]
        " LIMIT " [most as BigInt] "))"
}

statement! {
    struct DeleteRequests { project: ProjectId, most: i64 };
    "DELETE FROM support_requests WHERE ctid = ANY (ARRAY(SELECT ctid FROM support_requests WHERE project_id = "
        [project as SqlUuid] " LIMIT " [most as BigInt] "))"
}

statement! {
    struct DeleteConversations { project: ProjectId, most: i64 };
    "DELETE FROM conversations WHERE ctid = ANY (ARRAY(SELECT ctid FROM conversations WHERE project_id = "
        [project as SqlUuid] " LIMIT " [most as BigInt] "))"
}

statement! {
    struct DeleteUsers { project: ProjectId, most: i64 };
    "DELETE FROM users WHERE ctid = ANY (ARRAY(SELECT ctid FROM users WHERE project_id = " [project as SqlUuid]
        " LIMIT " [most as BigInt] "))"
}

statement! {
    struct DeleteUsage { project: ProjectId, most: i64 };
    "DELETE FROM usage_days WHERE ctid = ANY (ARRAY(SELECT ctid FROM usage_days WHERE project_id = " [project as SqlUuid]
        " LIMIT " [most as BigInt] "))"
}

/// The steps after it: takes away a part of what is left of a project, and at last the project. Returns whether it is gone.
///
/// # Errors
/// Those of the database.
pub async fn delete_some(conn: &mut AsyncPgConnection, project: ProjectId) -> QueryResult<bool> {
    let most = CHUNK;
    if (DeleteMessages { project, most }).execute(conn).await? > 0
        || (DeleteRequests { project, most }).execute(conn).await? > 0
        || (DeleteConversations { project, most }).execute(conn).await? > 0
        || (DeleteUsers { project, most }).execute(conn).await? > 0
        || (DeleteUsage { project, most }).execute(conn).await? > 0
    {
        return Ok(false);
    }
    diesel::delete(projects::table.find(project)).execute(conn).await?;
    Ok(true)
}

/// The project's apps in the order of their names, up to so many.
///
/// # Errors
/// Those of the database.
pub async fn apps(conn: &mut AsyncPgConnection, project: ProjectId, most: i64) -> QueryResult<Vec<AppRow>> {
    apps::table
        .filter(apps::project_id.eq(project))
        .order(apps::name)
        .limit(most)
        .select(AppRow::as_select())
        .load(conn)
        .await
}

/// Makes an app with its key and the secret of its callbacks. The project has at most so many, requests at once included.
///
/// # Errors
/// [`Failure::NameTaken`] if the project has an app of this name; [`Failure::Conflict`] beyond the limit; those of [`hold`].
pub async fn create_app(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    name: &str,
    (key, secret): (&str, &str),
    most: i64,
) -> Result<AppRow, Failure> {
    conn.transaction(async |conn| {
        hold(conn, project).await?;
        let count: i64 = apps::table.filter(apps::project_id.eq(project)).count().get_result(conn).await?;
        if count >= most {
            return Err(Failure::Conflict("the project has as many apps as it may"));
        }
        let id = Uuid::new_v4();
        accounts::create_app(conn, id, project, name, key).await?;
        invitations::set_secret(conn, project, id, secret).await?.ok_or(Failure::NotFound("app"))
    })
    .await
}

/// One app of the project.
///
/// # Errors
/// Those of the database.
pub async fn app(conn: &mut AsyncPgConnection, project: ProjectId, id: Uuid) -> QueryResult<Option<AppRow>> {
    apps::table
        .filter(apps::project_id.eq(project).and(apps::id.eq(id)))
        .select(AppRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Gives an app another access key; the one before is good no longer. The app, or `None`.
///
/// # Errors
/// Those of the database.
pub async fn rotate_key(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: Uuid,
    key: &str,
) -> QueryResult<Option<AppRow>> {
    diesel::update(apps::table.filter(apps::project_id.eq(project).and(apps::id.eq(id))))
        .set(apps::key_hash.eq(key_hash(key)))
        .returning(AppRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Takes an app away, with its key. Returns whether there was one.
///
/// # Errors
/// Those of the database.
pub async fn delete_app(conn: &mut AsyncPgConnection, project: ProjectId, id: Uuid) -> QueryResult<bool> {
    let rows = diesel::delete(apps::table.filter(apps::project_id.eq(project).and(apps::id.eq(id)))).execute(conn);
    Ok(rows.await? > 0)
}
