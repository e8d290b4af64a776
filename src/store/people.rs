//! The users of a project as those see them who run it: all that is kept of them, listed, searched, changed.

use super::paging::truncate;
use super::schema::users;
use super::users::{UserRow, name_taken_or};
use crate::model::account::UserRole;
use crate::model::{Failure, MediaId, ProjectId, UserId};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// All that is kept of a user but the password.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct AccountRow {
    #[diesel(embed)]
    pub user: UserRow,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub language: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What is to become of a user. What is `None` stays; what is `Some(None)` is taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = users)]
pub struct Changes {
    pub username: Option<String>,
    pub name: Option<Option<String>>,
    pub first_name: Option<Option<String>>,
    pub last_name: Option<Option<String>>,
    pub email: Option<Option<String>>,
    pub avatar: Option<Option<MediaId>>,
    pub language: Option<Option<String>>,
    pub profile: Option<Option<String>>,
    pub role: Option<UserRole>,
    pub deactivated_at: Option<Option<DateTime<Utc>>>,
}

/// The user of this id or username, deactivated or not.
///
/// # Errors
/// Those of the database.
pub async fn find(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    name_or_id: &str,
) -> QueryResult<Option<AccountRow>> {
    let query = users::table.filter(users::project_id.eq(project)).select(AccountRow::as_select());
    // No username has the form of a UUID, so this means one or the other.
    match name_or_id.parse::<UserId>() {
        Ok(id) => query.filter(users::id.eq(id)).first(conn).await.optional(),
        // PostgreSQL takes U+0000 in no text.
        Err(_) if name_or_id.contains('\0') => Ok(None),
        Err(_) => query.filter(users::username.eq(name_or_id)).first(conn).await.optional(),
    }
}

/// A page of the project's users in the order of their usernames, those behind `after`, and whether more follow; with `start` only
/// those whose username or shown name begins so, whatever the case.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    start: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> QueryResult<(Vec<AccountRow>, bool)> {
    let mut query = users::table
        .filter(users::project_id.eq(project))
        .order(users::username)
        .limit(limit.saturating_add(1))
        .select(AccountRow::as_select())
        .into_boxed();
    if let Some(start) = start {
        let pattern = pattern(start);
        let name = lower_nullable(users::name).like(pattern.clone());
        query = query.filter(lower(users::username).like(pattern).or(name.assume_not_null()));
    }
    if let Some(after) = after {
        query = query.filter(users::username.gt(after));
    }
    let mut rows: Vec<AccountRow> = query.load(conn).await?;
    let more = truncate(&mut rows, limit);
    Ok((rows, more))
}

/// What `LIKE` makes of the beginning of a text.
fn pattern(start: &str) -> String {
    let mut pattern = String::with_capacity(start.len() + 1);
    for c in start.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// A text in small letters.
    fn lower(text: Text) -> Text;
    /// A text in small letters, if there is one.
    #[sql_name = "lower"]
    fn lower_nullable(text: Nullable<Text>) -> Nullable<Text>;
}

/// Changes a user; each value was checked by the caller. The user afterwards, or `None` if the project has no such user.
///
/// # Errors
/// [`Failure::NameTaken`] if another user of the project has the name.
pub async fn change(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: UserId,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<Option<AccountRow>, Failure> {
    diesel::update(users::table.filter(users::project_id.eq(project).and(users::id.eq(id))))
        .set((changes, users::updated_at.eq(now)))
        .returning(AccountRow::as_returning())
        .get_result(conn)
        .await
        .optional()
        .map_err(|error| match error {
            // The picture was deleted since it was looked at: the only row that a change refers to.
            Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
                Failure::invalid("avatar", "must be a picture among the media of this user")
            }
            other => name_taken_or(other),
        })
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn what_stands_for_others_in_patterns_stands_for_itself() {
        assert_eq!(pattern("A_b%\\"), "a\\_b\\%\\\\%");
    }
}
