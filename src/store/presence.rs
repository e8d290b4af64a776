//! What users chose to show of themselves, when they were last seen, and who may see it.
//!
//! Two see each other's presence when both have accepted the contact, or when they share a conversation of up to
//! [`limits::SMALL_CONVERSATION`] members, and neither blocks the other. A private conversation alone doesn't count: it
//! outlives the contact that it was made for.

use super::schema::{contacts, presences, users};
use super::statement::statement;
use super::users::{UserRow, shape};
use crate::model::contact::Relation;
use crate::model::presence::Choice;
use crate::model::{ProjectId, UserId};
use crate::wire::{limits, shapes};
use chrono::{DateTime, Utc};
use diesel::dsl::not;
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Timestamptz, Uuid as SqlUuid};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

/// What is kept of a user's presence over reconnects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// What the user chose.
    pub choice: Choice,
    /// The text beside it.
    pub text: Option<String>,
    /// When the last session ended, or the user went invisible.
    pub last_seen: Option<DateTime<Utc>>,
}

type KeptColumns = (Option<Choice>, Option<String>, Option<DateTime<Utc>>);

impl From<KeptColumns> for Kept {
    fn from((choice, text, last_seen): KeptColumns) -> Self {
        Self { choice: choice.unwrap_or_default(), text, last_seen }
    }
}

/// Somebody whose presence a viewer may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub user: shapes::User,
    pub kept: Kept,
}

/// What is kept of a user's presence; for one who never chose anything, the default. One statement.
///
/// # Errors
/// Those of the database.
pub async fn load(conn: &mut AsyncPgConnection, user: UserId) -> QueryResult<Kept> {
    let columns: Option<KeptColumns> = presences::table
        .find(user)
        .select((presences::choice.nullable(), presences::text, presences::last_seen))
        .first(conn)
        .await
        .optional()?;
    Ok(columns.map(Kept::from).unwrap_or_default())
}

/// What is kept of these users' presences; who never chose anything is left out. One statement.
///
/// # Errors
/// Those of the database.
pub async fn load_all(conn: &mut AsyncPgConnection, of: &[UserId]) -> QueryResult<HashMap<UserId, Kept>> {
    let rows: Vec<(UserId, KeptColumns)> = presences::table
        .filter(presences::user_id.eq_any(of))
        .select((presences::user_id, (presences::choice.nullable(), presences::text, presences::last_seen)))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(user, columns)| (user, columns.into())).collect())
}

/// Keeps what a user chose, with the text beside it.
///
/// # Errors
/// Those of the database.
pub async fn save_choice(
    conn: &mut AsyncPgConnection,
    user: UserId,
    choice: Choice,
    text: Option<&str>,
) -> QueryResult<()> {
    diesel::insert_into(presences::table)
        .values((presences::user_id.eq(user), presences::choice.eq(choice), presences::text.eq(text)))
        .on_conflict(presences::user_id)
        .do_update()
        .set((presences::choice.eq(excluded(presences::choice)), presences::text.eq(excluded(presences::text))))
        .execute(conn)
        .await?;
    Ok(())
}

statement! {
    /// Rows are written in one order, and those of users deleted meanwhile left out.
    struct SaveLastSeen { users: Vec<UserId>, times: Vec<DateTime<Utc>> };
    "INSERT INTO presences (user_id, last_seen) \
     SELECT seen.user_id, max(seen.at) \
     FROM unnest(" [users as Array<SqlUuid>] ", " [times as Array<Timestamptz>] ") AS seen (user_id, at) \
     JOIN users ON users.id = seen.user_id \
     GROUP BY seen.user_id ORDER BY seen.user_id \
     ON CONFLICT (user_id) DO UPDATE SET last_seen = GREATEST(presences.last_seen, excluded.last_seen)"
}

/// Keeps when users were last seen, all in one statement; a time never goes back.
///
/// # Errors
/// Those of the database.
pub async fn save_last_seen(conn: &mut AsyncPgConnection, seen: &[(UserId, DateTime<Utc>)]) -> QueryResult<()> {
    if seen.is_empty() {
        return Ok(());
    }
    let (users, times) = seen.iter().copied().unzip();
    SaveLastSeen { users, times }.execute(conn).await?;
    Ok(())
}

statement! {
    /// Collects from the users' side, so its cost follows their contacts and small conversations.
    struct Watchers<'a> { project: ProjectId, users: &'a [UserId], small: i32 } -> (SqlUuid, SqlUuid);
    "SELECT seen.id, users.id FROM unnest(" [users as Array<SqlUuid>] ") AS seen (id) CROSS JOIN LATERAL ( \
         SELECT mine.peer_id AS id FROM contacts mine \
         JOIN contacts theirs ON theirs.user_id = mine.peer_id AND theirs.peer_id = mine.user_id \
         WHERE mine.user_id = seen.id AND mine.relation = 'accepted' AND theirs.relation = 'accepted' \
         UNION \
         SELECT other.user_id FROM members own \
         JOIN conversations ON conversations.id = own.conversation_id \
         JOIN members other ON other.conversation_id = own.conversation_id \
         WHERE own.user_id = seen.id AND conversations.project_id = " [project as SqlUuid] " \
         AND conversations.kind <> 'private' AND conversations.member_count <= " [small as Int4] " \
     ) near JOIN users ON users.id = near.id \
     WHERE users.project_id = " [project as SqlUuid] " AND users.id <> seen.id \
     AND NOT EXISTS (SELECT FROM contacts WHERE contacts.blocked \
         AND contacts.user_id = seen.id AND contacts.peer_id = users.id) \
     AND NOT EXISTS (SELECT FROM contacts WHERE contacts.blocked \
         AND contacts.user_id = users.id AND contacts.peer_id = seen.id)"
}

/// Who may see each of these users' presence and profile changes, without the user; whom nobody may see is left out. One
/// statement.
///
/// # Errors
/// Those of the database.
pub async fn watchers_of(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    users: &[UserId],
) -> QueryResult<HashMap<UserId, Vec<UserId>>> {
    let small = i32::try_from(limits::SMALL_CONVERSATION).unwrap_or(i32::MAX);
    let pairs: Vec<(UserId, UserId)> = Watchers { project, users, small }.load(conn).await?;
    let mut watchers: HashMap<UserId, Vec<UserId>> = HashMap::new();
    for (user, watcher) in pairs {
        watchers.entry(user).or_default().push(watcher);
    }
    Ok(watchers)
}

/// Who may see this user's presence and profile changes, without the user. One statement.
///
/// # Errors
/// Those of the database.
pub async fn watchers(conn: &mut AsyncPgConnection, project: ProjectId, user: UserId) -> QueryResult<Vec<UserId>> {
    Ok(watchers_of(conn, project, &[user]).await?.remove(&user).unwrap_or_default())
}

/// Those of `named` whose presence the viewer may see, or all accepted contacts where nobody is named; without the
/// viewer and without deactivated users. Two statements for the named (the relation is the same from both ends), one
/// for the contacts.
///
/// # Errors
/// Those of the database.
pub async fn visible(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    viewer: UserId,
    named: Option<&[UserId]>,
) -> QueryResult<Vec<Seen>> {
    let (mine, theirs) = diesel::alias!(contacts as mine, contacts as theirs);
    let users = users::table
        .left_join(presences::table)
        .filter(users::project_id.eq(project).and(users::deactivated_at.is_null()))
        .select((
            UserRow::as_select(),
            (presences::choice.nullable(), presences::text.nullable(), presences::last_seen.nullable()),
        ));
    let rows: Vec<(UserRow, KeptColumns)> = match named {
        Some(named) => {
            let mut ids = watchers(conn, project, viewer).await?;
            ids.retain(|id| named.contains(id));
            users.filter(users::id.eq_any(ids)).load(conn).await?
        }
        None => {
            let accepted = mine
                .inner_join(
                    theirs.on(theirs
                        .field(contacts::user_id)
                        .eq(mine.field(contacts::peer_id))
                        .and(theirs.field(contacts::peer_id).eq(mine.field(contacts::user_id)))),
                )
                .filter(mine.field(contacts::user_id).eq(viewer))
                .filter(mine.field(contacts::relation).eq(Relation::Accepted).and(not(mine.field(contacts::blocked))))
                .filter(
                    theirs.field(contacts::relation).eq(Relation::Accepted).and(not(theirs.field(contacts::blocked))),
                )
                .select(mine.field(contacts::peer_id));
            users.filter(users::id.eq_any(accepted)).load(conn).await?
        }
    };
    Ok(rows.into_iter().map(|(user, kept)| Seen { user: shape(&user), kept: kept.into() }).collect())
}
