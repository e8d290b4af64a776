//! Organizations, projects and apps, and whether the bearer of a token still is who it says.

use super::schema::{apps, organizations, projects};
use super::users::{self, UserRow, name_taken_or};
use crate::model::{ChatbotId, Failure, OrganizationId, ProjectId};
use crate::wire::token::{OrganizationToken, UserToken};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use uuid::Uuid;

/// An organization, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = organizations, check_for_backend(diesel::pg::Pg))]
pub struct OrganizationRow {
    pub id: OrganizationId,
    pub name: String,
    /// Since when the account is closed, if it is.
    pub deactivated_at: Option<DateTime<Utc>>,
    /// Tokens issued before this moment are refused.
    pub credentials_changed_at: DateTime<Utc>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub organization: OrganizationId,
    pub name: String,
    /// Web origins that may open a WebSocket, beside the server's own.
    pub origins: Vec<String>,
    /// The chatbot that answers where none is named.
    pub assistant: Option<ChatbotId>,
    /// Strangers may make themselves users.
    pub registration: bool,
}

/// Another program that acts in a project.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = apps, check_for_backend(diesel::pg::Pg))]
pub struct AppRow {
    pub id: Uuid,
    pub project_id: ProjectId,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

/// The organization of this name or id.
///
/// # Errors
/// Those of the database.
pub async fn organization_by(conn: &mut AsyncPgConnection, name_or_id: &str) -> QueryResult<Option<OrganizationRow>> {
    let query = organizations::table.select(OrganizationRow::as_select());
    // No name has the form of a UUID, so this means one or the other.
    match name_or_id.parse::<OrganizationId>() {
        Ok(id) => query.filter(organizations::id.eq(id)).first(conn).await.optional(),
        Err(_) => query.filter(organizations::name.eq(name_or_id)).first(conn).await.optional(),
    }
}

/// Makes an organization; its name was checked by the caller, `password_hash` is a bcrypt hash.
///
/// # Errors
/// [`Failure::NameTaken`] if there is one of this name.
pub async fn create_organization(
    conn: &mut AsyncPgConnection,
    id: OrganizationId,
    name: &str,
    password_hash: &str,
) -> Result<(), Failure> {
    diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(id),
            organizations::name.eq(name),
            organizations::password_hash.eq(password_hash),
        ))
        .execute(conn)
        .await
        .map_err(name_taken_or)?;
    Ok(())
}

/// The project of this name or id, such as stands in `/ws/{project}`.
///
/// # Errors
/// Those of the database.
pub async fn project_by(conn: &mut AsyncPgConnection, name_or_id: &str) -> QueryResult<Option<ProjectRow>> {
    type Columns = (ProjectId, OrganizationId, String, Vec<Option<String>>, Option<ChatbotId>, bool);

    // U+0000 is in no name, and PostgreSQL takes it in no text.
    if name_or_id.contains('\0') {
        return Ok(None);
    }
    let query = projects::table.select((
        projects::id,
        projects::organization_id,
        projects::name,
        projects::origins,
        projects::assistant_id,
        projects::registration,
    ));
    let found = match name_or_id.parse::<ProjectId>() {
        Ok(id) => query.filter(projects::id.eq(id)).first::<Columns>(conn).await.optional()?,
        Err(_) => query.filter(projects::name.eq(name_or_id)).first::<Columns>(conn).await.optional()?,
    };
    Ok(found.map(|(id, organization, name, origins, assistant, registration)| ProjectRow {
        id,
        organization,
        name,
        origins: origins.into_iter().flatten().collect(),
        assistant,
        registration,
    }))
}

/// The web origins of all projects, up to so many.
///
/// # Errors
/// Those of the database.
pub async fn origins(conn: &mut AsyncPgConnection, most: i64) -> QueryResult<HashSet<String>> {
    let lists: Vec<Vec<Option<String>>> = projects::table
        .filter(cardinality(projects::origins).gt(0))
        .order(projects::id)
        .limit(most)
        .select(projects::origins)
        .load(conn)
        .await?;
    let most = usize::try_from(most).unwrap_or(0);
    Ok(lists.into_iter().flatten().flatten().take(most).collect())
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// How many elements an array has.
    fn cardinality(
        array: diesel::sql_types::Array<diesel::sql_types::Nullable<diesel::sql_types::Text>>,
    ) -> diesel::sql_types::Integer;
}

/// Makes a project; name and origins were checked by the caller.
///
/// # Errors
/// [`Failure::NameTaken`] if there is one of this name on the server.
pub async fn create_project(
    conn: &mut AsyncPgConnection,
    id: ProjectId,
    organization: OrganizationId,
    name: &str,
    origins: &[String],
) -> Result<(), Failure> {
    diesel::insert_into(projects::table)
        .values((
            projects::id.eq(id),
            projects::organization_id.eq(organization),
            projects::name.eq(name),
            projects::origins.eq(origins),
        ))
        .execute(conn)
        .await
        .map_err(name_taken_or)?;
    Ok(())
}

/// Makes an app that is known by `key`, of which only the hash is kept.
///
/// # Errors
/// [`Failure::NameTaken`] if the project has an app of this name.
pub async fn create_app(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    project: ProjectId,
    name: &str,
    key: &str,
) -> Result<(), Failure> {
    diesel::insert_into(apps::table)
        .values((apps::id.eq(id), apps::project_id.eq(project), apps::name.eq(name), apps::key_hash.eq(key_hash(key))))
        .execute(conn)
        .await
        .map_err(name_taken_or)?;
    Ok(())
}

/// What is kept of an access key. A key is random and long, so a fast hash is enough.
#[must_use]
pub fn key_hash(key: &str) -> Vec<u8> {
    Sha256::digest(key).to_vec()
}

/// The user that a token names, if it is of this project and still good: the account open, the credentials those of then.
///
/// # Errors
/// Those of the database.
pub async fn session_user(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    token: &UserToken,
) -> QueryResult<Option<UserRow>> {
    if token.project != project {
        return Ok(None);
    }
    let user = users::find(conn, project, token.user).await?;
    Ok(user.filter(|user| user.deactivated_at.is_none() && user.credentials_changed_at == token.credentials_changed_at))
}

/// The organization that a token names, if the token is still good.
///
/// # Errors
/// Those of the database.
pub async fn session_organization(
    conn: &mut AsyncPgConnection,
    token: &OrganizationToken,
) -> QueryResult<Option<OrganizationRow>> {
    organizations::table
        .find(token.organization)
        .filter(organizations::deactivated_at.is_null())
        .filter(organizations::credentials_changed_at.eq(token.credentials_changed_at))
        .select(OrganizationRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// The app of this access key.
///
/// # Errors
/// Those of the database.
pub async fn app_by_key(conn: &mut AsyncPgConnection, key: &str) -> QueryResult<Option<AppRow>> {
    apps::table.filter(apps::key_hash.eq(key_hash(key))).select(AppRow::as_select()).first(conn).await.optional()
}

/// An organization and the bcrypt hash of its password, for a sign-in.
///
/// # Errors
/// Those of the database.
pub async fn organization_credentials(
    conn: &mut AsyncPgConnection,
    name: &str,
) -> QueryResult<Option<(OrganizationRow, String)>> {
    organizations::table
        .filter(organizations::name.eq(name))
        .select((OrganizationRow::as_select(), organizations::password_hash))
        .first(conn)
        .await
        .optional()
}

/// The bcrypt hash of an organization's password.
///
/// # Errors
/// Those of the database.
pub async fn organization_password_hash(
    conn: &mut AsyncPgConnection,
    id: OrganizationId,
) -> QueryResult<Option<String>> {
    organizations::table.find(id).select(organizations::password_hash).first(conn).await.optional()
}

/// Gives an organization another password (a bcrypt hash) if the credentials are still those that `organization` has: of two changes
/// at once one is refused. The organization afterwards, or `None`.
///
/// # Errors
/// Those of the database.
pub async fn change_organization_password(
    conn: &mut AsyncPgConnection,
    organization: &OrganizationRow,
    hash: &str,
    now: DateTime<Utc>,
) -> QueryResult<Option<OrganizationRow>> {
    let unchanged = organizations::table
        .find(organization.id)
        .filter(organizations::credentials_changed_at.eq(organization.credentials_changed_at));
    diesel::update(unchanged)
        .set((organizations::password_hash.eq(hash), organizations::credentials_changed_at.eq(now)))
        .returning(OrganizationRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// What a token says of an organization.
#[must_use]
pub fn token_of_organization(organization: &OrganizationRow) -> OrganizationToken {
    OrganizationToken {
        organization: organization.id,
        name: organization.name.clone(),
        credentials_changed_at: organization.credentials_changed_at,
    }
}

/// What a token says of a user.
#[must_use]
pub fn token_of(user: &UserRow) -> UserToken {
    UserToken {
        user: user.id,
        number: user.number,
        username: user.username.clone(),
        role: user.role,
        project: user.project_id,
        credentials_changed_at: user.credentials_changed_at,
    }
}
