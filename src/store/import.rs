//! Many users at once.

use super::schema::users;
use super::users::{NewUser, name_taken_or};
use crate::model::{Failure, ProjectId};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::collections::HashSet;

/// Users in one statement: eight values each, and a statement takes 65 535.
const BATCH: usize = 1_000;

/// Which of these usernames the project has already.
///
/// # Errors
/// Those of the database.
pub async fn taken(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    usernames: &[&str],
) -> QueryResult<HashSet<String>> {
    let mut taken = HashSet::new();
    for some in usernames.chunks(BATCH) {
        let found: Vec<String> = users::table
            .filter(users::project_id.eq(project).and(users::username.eq_any(some)))
            .select(users::username)
            .load(conn)
            .await?;
        taken.extend(found);
    }
    Ok(taken)
}

/// Makes all these users, or none.
///
/// # Errors
/// [`Failure::NameTaken`] if one of the names is.
pub async fn create_all(conn: &mut AsyncPgConnection, new: &[NewUser<'_>]) -> Result<(), Failure> {
    conn.transaction(async |conn| {
        for some in new.chunks(BATCH) {
            diesel::insert_into(users::table).values(some).execute(conn).await.map_err(name_taken_or)?;
        }
        Ok(())
    })
    .await
}
