//! Issuers of tokens that projects trust, and the users whom their tokens name.

use super::schema::{identities, issuers, projects, users};
use super::users::{self as people, NewUser, UserRow};
use crate::model::account::UserRole;
use crate::model::{Failure, ProjectId, UserId, text};
use crate::wire::foreign::Profile;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Projects looked at for one token: those that trust the same issuer for the same audience.
const CANDIDATES: i64 = 8;

/// Whom a project trusts.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = issuers, check_for_backend(diesel::pg::Pg))]
pub struct IssuerRow {
    pub project_id: ProjectId,
    pub issuer: String,
    pub audience: String,
    /// The address of its keys.
    pub jwks: String,
    pub create_users: bool,
}

/// Whom this project trusts.
///
/// # Errors
/// Those of the database.
pub async fn issuer(conn: &mut AsyncPgConnection, project: ProjectId) -> QueryResult<Option<IssuerRow>> {
    issuers::table.find(project).select(IssuerRow::as_select()).first(conn).await.optional()
}

/// From now on the project trusts this issuer, and no other.
///
/// # Errors
/// Those of the database.
pub async fn set_issuer(conn: &mut AsyncPgConnection, row: &IssuerRow) -> QueryResult<()> {
    diesel::insert_into(issuers::table)
        .values(row)
        .on_conflict(issuers::project_id)
        .do_update()
        .set(row)
        .execute(conn)
        .await?;
    Ok(())
}

/// The project trusts nobody any more. Returns whether it did.
///
/// # Errors
/// Those of the database.
pub async fn remove_issuer(conn: &mut AsyncPgConnection, project: ProjectId) -> QueryResult<bool> {
    Ok(diesel::delete(issuers::table.find(project)).execute(conn).await? > 0)
}

/// Who trusts an issuer for one of these audiences: of all projects, or of the one of this name or id.
///
/// # Errors
/// Those of the database.
pub async fn trusting(
    conn: &mut AsyncPgConnection,
    issuer: &str,
    audiences: &[String],
    project: Option<&str>,
) -> QueryResult<Vec<IssuerRow>> {
    let has_nul = |text: &str| text.contains('\0');
    if has_nul(issuer) || audiences.iter().any(|text| has_nul(text)) || project.is_some_and(has_nul) {
        return Ok(Vec::new());
    }
    let mut query = issuers::table
        .inner_join(projects::table)
        .filter(issuers::issuer.eq(issuer).and(issuers::audience.eq_any(audiences)))
        .order(issuers::project_id)
        .limit(CANDIDATES)
        .select(IssuerRow::as_select())
        .into_boxed();
    if let Some(project) = project {
        query = match project.parse::<ProjectId>() {
            Ok(id) => query.filter(projects::id.eq(id)),
            Err(_) => query.filter(projects::name.eq(project)),
        };
    }
    query.load(conn).await
}

/// The user whom a subject of the issuer names. Where the project makes users of subjects, that is the one made of it, now or
/// before; else one whose id or username the subject is.
///
/// # Errors
/// [`Failure::Unauthorized`] if there is none, or the account is closed.
pub async fn user_of(
    conn: &mut AsyncPgConnection,
    row: &IssuerRow,
    subject: &str,
    profile: &Profile,
) -> Result<UserRow, Failure> {
    if subject.contains('\0') {
        return Err(Failure::Unauthorized);
    }
    let found = match known(conn, row, subject).await? {
        Some(user) => Some(user),
        None if row.create_users => match create(conn, row, subject, profile).await {
            // Somebody else made it in the same moment.
            Err(Failure::IdTaken) => known(conn, row, subject).await?,
            made => Some(made?),
        },
        None => match subject.parse::<UserId>() {
            Ok(id) => people::find(conn, row.project_id, id).await?,
            Err(_) => people::find_by_name(conn, row.project_id, subject).await?,
        },
    };
    found.filter(|user| user.deactivated_at.is_none()).ok_or(Failure::Unauthorized)
}

async fn known(conn: &mut AsyncPgConnection, row: &IssuerRow, subject: &str) -> QueryResult<Option<UserRow>> {
    identities::table
        .inner_join(users::table)
        .filter(identities::project_id.eq(row.project_id))
        .filter(identities::issuer.eq(&row.issuer).and(identities::subject.eq(subject)))
        .select(UserRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Makes a user of a subject.
///
/// # Errors
/// [`Failure::IdTaken`] if there is one of it already.
async fn create(
    conn: &mut AsyncPgConnection,
    row: &IssuerRow,
    subject: &str,
    profile: &Profile,
) -> Result<UserRow, Failure> {
    conn.transaction(async |conn| {
        let mut made = Err(Failure::NameTaken);
        for username in names(&row.issuer, subject, profile) {
            let new = NewUser {
                id: UserId::random(),
                project_id: row.project_id,
                username: &username,
                password_hash: None,
                role: UserRole::User,
                name: profile.name.as_deref(),
                avatar: None,
                profile: None,
            };
            // A transaction within this one, so that a name that is taken leaves it whole.
            made = conn.transaction(async |conn| people::create(conn, &new).await).await;
            if !matches!(made, Err(Failure::NameTaken)) {
                break;
            }
        }
        let user = made?;
        diesel::update(users::table.filter(users::project_id.eq(row.project_id).and(users::id.eq(user.id))))
            .set((
                users::first_name.eq(&profile.given_name),
                users::last_name.eq(&profile.family_name),
                users::email.eq(&profile.email),
                users::language.eq(&profile.locale),
            ))
            .execute(conn)
            .await?;
        let linked = diesel::insert_into(identities::table)
            .values((
                identities::project_id.eq(row.project_id),
                identities::issuer.eq(&row.issuer),
                identities::subject.eq(subject),
                identities::user_id.eq(user.id),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        if linked == 0 { Err(Failure::IdTaken) } else { Ok(user) }
    })
    .await
}

/// Names to give a user made of a subject, the best first: what the issuer calls them, the subject, and with something behind it that
/// makes it the subject's alone. None takes the place of a user of before.
fn names(issuer: &str, subject: &str, profile: &Profile) -> Vec<String> {
    let mut mark = String::new();
    for byte in Sha256::digest(format!("{issuer}\n{subject}")).iter().take(8) {
        // Writing to a string can't fail.
        let _ = write!(mark, "{byte:02x}");
    }
    let called = profile.preferred_username.as_deref().into_iter().chain([subject]);
    let mut names: Vec<String> =
        called.filter(|name| text::username("username", name).is_ok()).map(str::to_owned).collect();
    let marked = names.as_slice().first().map(|name| format!("{name}-{mark}"));
    names.extend(marked.filter(|name| text::username("username", name).is_ok()));
    names.push(format!("user-{mark}"));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_back_on_what_is_the_subjects_alone() {
        let called = |name: &str| Profile { preferred_username: Some(name.to_owned()), ..Profile::default() };
        let all = names("i", "42", &called("dora"));
        assert_eq!(&all[..2], ["dora", "42"]);
        assert!(all[2].starts_with("dora-") && all[3].starts_with("user-"));
        assert_eq!(all, names("i", "42", &called("dora")));
        assert_ne!(all[3], names("j", "42", &called("dora"))[3]);
        let id = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(names("i", id, &called(" dora")).len(), 1);
    }
}
