//! Users: finding, naming, making and closing them.

use super::schema::users;
use crate::model::account::UserRole;
use crate::model::{Failure, MediaId, ProjectId, UserId};
use crate::wire::shapes;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

/// A user as stored, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct UserRow {
    pub id: UserId,
    /// The user's number in the webhook API.
    pub number: i64,
    pub project_id: ProjectId,
    pub username: String,
    pub role: UserRole,
    pub name: Option<String>,
    pub avatar: Option<MediaId>,
    pub profile: Option<String>,
    /// Since when the account is closed, if it is.
    pub deactivated_at: Option<DateTime<Utc>>,
    /// Tokens issued before this moment are refused.
    pub credentials_changed_at: DateTime<Utc>,
}

/// A user to be made.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = users)]
pub struct NewUser<'a> {
    pub id: UserId,
    pub project_id: ProjectId,
    /// Checked by the caller: see `model::text`.
    pub username: &'a str,
    /// A bcrypt hash; without one the user can't sign in by password.
    pub password_hash: Option<&'a str>,
    pub role: UserRole,
    pub name: Option<&'a str>,
    pub avatar: Option<MediaId>,
    pub profile: Option<&'a str>,
}

/// What a sign-in is checked against.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct Credentials {
    #[diesel(embed)]
    pub user: UserRow,
    /// A bcrypt hash; `None` if the user has no password.
    pub password_hash: Option<String>,
}

/// The user as the wire shows them.
#[must_use]
pub fn shape(user: &UserRow) -> shapes::User {
    shapes::User {
        id: user.id,
        username: user.username.clone(),
        name: user.name.clone(),
        avatar: user.avatar,
        profile: user.profile.clone(),
    }
}

/// The user with this id, deactivated or not.
///
/// # Errors
/// Those of the database.
pub async fn find(conn: &mut AsyncPgConnection, project: ProjectId, id: UserId) -> QueryResult<Option<UserRow>> {
    users::table
        .filter(users::project_id.eq(project).and(users::id.eq(id)))
        .select(UserRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// The user with this username, deactivated or not.
///
/// # Errors
/// Those of the database.
pub async fn find_by_name(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    username: &str,
) -> QueryResult<Option<UserRow>> {
    users::table
        .filter(users::project_id.eq(project).and(users::username.eq(username)))
        .select(UserRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// What a sign-in with this username is checked against, for deactivated users too.
///
/// # Errors
/// Those of the database.
pub async fn credentials(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    username: &str,
) -> QueryResult<Option<Credentials>> {
    users::table
        .filter(users::project_id.eq(project).and(users::username.eq(username)))
        .select(Credentials::as_select())
        .first(conn)
        .await
        .optional()
}

/// The users that requests name, each by id or by username: a user for each name in the same order, `None` for one
/// that is of no user of the project, or of a deactivated one. One statement, none for no names.
///
/// # Errors
/// Those of the database.
pub async fn resolve<S: AsRef<str>>(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    names: &[S],
) -> QueryResult<Vec<Option<UserRow>>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    // A username never has the form of a UUID, so a name means one or the other.
    let references: Vec<Result<UserId, &str>> =
        names.iter().map(|name| name.as_ref().parse().map_err(|_| name.as_ref())).collect();
    let ids: Vec<UserId> = references.iter().filter_map(|reference| reference.ok()).collect();
    let usernames: Vec<&str> = references.iter().filter_map(|reference| reference.err()).collect();
    let found: Vec<UserRow> = users::table
        .filter(users::project_id.eq(project).and(users::deactivated_at.is_null()))
        .filter(users::id.eq_any(ids).or(users::username.eq_any(usernames)))
        .select(UserRow::as_select())
        .load(conn)
        .await?;
    let by_id: HashMap<UserId, &UserRow> = found.iter().map(|user| (user.id, user)).collect();
    let by_name: HashMap<&str, &UserRow> = found.iter().map(|user| (user.username.as_str(), user)).collect();
    let user_of = |reference: &Result<UserId, &str>| match reference {
        Ok(id) => by_id.get(id).copied().cloned(),
        Err(name) => by_name.get(name).copied().cloned(),
    };
    Ok(references.iter().map(user_of).collect())
}

/// These users, as far as they are of the project and not deactivated. One statement.
///
/// # Errors
/// Those of the database.
pub async fn find_all(conn: &mut AsyncPgConnection, project: ProjectId, ids: &[UserId]) -> QueryResult<Vec<UserRow>> {
    users::table
        .filter(users::project_id.eq(project).and(users::deactivated_at.is_null()))
        .filter(users::id.eq_any(ids))
        .select(UserRow::as_select())
        .load(conn)
        .await
}

/// When the credentials of these users last changed. Who is deleted or deactivated is left out. One statement.
///
/// # Errors
/// Those of the database.
pub async fn credentials_changed(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    ids: &[UserId],
) -> QueryResult<HashMap<UserId, DateTime<Utc>>> {
    let rows: Vec<(UserId, DateTime<Utc>)> = users::table
        .filter(users::project_id.eq(project).and(users::deactivated_at.is_null()))
        .filter(users::id.eq_any(ids))
        .select((users::id, users::credentials_changed_at))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Makes a user.
///
/// # Errors
/// [`Failure::NameTaken`] if the project has a user of this name, [`Failure::IdTaken`] if there is one of this id anywhere.
pub async fn create(conn: &mut AsyncPgConnection, user: &NewUser<'_>) -> Result<UserRow, Failure> {
    diesel::insert_into(users::table).values(user).returning(UserRow::as_returning()).get_result(conn).await.map_err(
        |error| match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, ref info)
                if info.constraint_name() == Some("users_pkey") =>
            {
                Failure::IdTaken
            }
            other => name_taken_or(other),
        },
    )
}

/// Closes an account, or opens it again. Returns whether there is such a user.
///
/// # Errors
/// Those of the database.
pub async fn set_deactivated(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: UserId,
    deactivated: bool,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let rows = diesel::update(users::table.filter(users::project_id.eq(project).and(users::id.eq(id))))
        .set((users::deactivated_at.eq(deactivated.then_some(now)), users::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(rows > 0)
}

/// Gives a user another password (a bcrypt hash), which ends the life of tokens issued before `now`. Returns whether
/// there is such a user.
///
/// # Errors
/// Those of the database.
pub async fn set_password(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: UserId,
    hash: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let rows = diesel::update(users::table.filter(users::project_id.eq(project).and(users::id.eq(id))))
        .set((users::password_hash.eq(hash), users::credentials_changed_at.eq(now), users::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(rows > 0)
}

/// Gives a user another password (a bcrypt hash) if the credentials are still those that `user` has: of two changes at once one
/// is refused. The user afterwards, or `None`.
///
/// # Errors
/// Those of the database.
pub async fn change_password(
    conn: &mut AsyncPgConnection,
    user: &UserRow,
    hash: &str,
    now: DateTime<Utc>,
) -> QueryResult<Option<UserRow>> {
    let unchanged = users::table
        .filter(users::project_id.eq(user.project_id).and(users::id.eq(user.id)))
        .filter(users::credentials_changed_at.eq(user.credentials_changed_at));
    diesel::update(unchanged)
        .set((users::password_hash.eq(hash), users::credentials_changed_at.eq(now), users::updated_at.eq(now)))
        .returning(UserRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// A user's password, as a bcrypt hash, where there is one.
///
/// # Errors
/// Those of the database.
pub async fn password_hash(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: UserId,
) -> QueryResult<Option<String>> {
    let found = users::table
        .filter(users::project_id.eq(project).and(users::id.eq(id)))
        .select(users::password_hash)
        .first::<Option<String>>(conn)
        .await
        .optional()?;
    Ok(found.flatten())
}

/// What an insert or rename that may hit a unique name failed with.
pub(super) fn name_taken_or(error: Error) -> Failure {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, ref info)
            if info.constraint_name().is_some_and(|name| name.contains("name")) =>
        {
            Failure::NameTaken
        }
        other => other.into(),
    }
}
