//! What is known of files: who brought them, who may read them, who refers to them. Their contents are [`super::objects`].
//!
//! A row is there before its object and goes before it. So an object without a row is nobody's, whenever one is met; and a row
//! whose file never arrived, or that nothing refers to, is taken away by the sweep.

use super::schema::{attachments, chatbot_attachments, media, projects, users};
use super::statement::statement;
use crate::model::file_type::PICTURES;
use crate::model::{Failure, MediaId, ProjectId, UserId};
use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = media, check_for_backend(diesel::pg::Pg))]
pub struct MediaRow {
    pub id: MediaId,
    pub project_id: ProjectId,
    pub name: String,
    pub mime: String,
    pub size: i64,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub created_at: DateTime<Utc>,
    /// Whether there is a small picture of it; `None` where nobody asked yet.
    pub thumbnail: Option<bool>,
}

/// Whose a file is to be, and how much there may be.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    pub id: MediaId,
    pub project: ProjectId,
    /// The user who brings it; none for an app.
    pub owner: Option<UserId>,
    /// Bytes of all files of one user, and of a project.
    pub user_bytes: i64,
    pub project_bytes: i64,
    /// Bytes that this file may have, at most.
    pub wanted: i64,
}

/// A file that has arrived.
#[derive(Debug, Clone, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = media)]
pub struct Arrival {
    pub name: String,
    pub mime: String,
    pub size: i64,
    pub width: Option<i32>,
    pub height: Option<i32>,
}

statement! {
    /// Bytes of all files of a project, and of those of one user.
    struct Sum { project: ProjectId, owner: Option<UserId> } -> (BigInt, BigInt);
    "SELECT (SELECT coalesce(sum(size), 0)::bigint FROM media WHERE project_id = " [project as SqlUuid] "), \
        (SELECT coalesce(sum(size), 0)::bigint FROM media WHERE owner_id = " [owner as Nullable<SqlUuid>] ")"
}

/// Sets bytes aside for a file that comes, under a row of its own: as many as wanted, or as are left. The number.
///
/// # Errors
/// [`Failure::TooLarge`] when none are left, [`Failure::Unauthorized`] if the user is gone, or the whole project.
pub async fn claim(conn: &mut AsyncPgConnection, claim: Claim, now: DateTime<Utc>) -> Result<i64, Failure> {
    conn.transaction(async |conn| {
        // One claim of a project at a time: each sees what those before it took.
        let found = projects::table.find(claim.project).for_no_key_update().select(projects::id);
        found.first::<ProjectId>(conn).await.optional()?.ok_or(Failure::Unauthorized)?;
        let sum = Sum { project: claim.project, owner: claim.owner };
        let (of_project, of_user) = sum.get_result::<(i64, i64)>(conn).await?;
        let left_to_user = if claim.owner.is_some() { claim.user_bytes.saturating_sub(of_user) } else { i64::MAX };
        let left_to_project = claim.project_bytes.saturating_sub(of_project);
        let given = claim.wanted.min(left_to_user).min(left_to_project);
        if given <= 0 {
            return Err(no_room(left_to_user <= 0, claim));
        }
        let row = (
            media::id.eq(claim.id),
            media::project_id.eq(claim.project),
            media::owner_id.eq(claim.owner),
            media::of_project.eq(claim.owner.is_none()),
            media::name.eq(""),
            media::mime.eq(""),
            media::size.eq(given),
            media::created_at.eq(now),
            media::arrived.eq(false),
        );
        match diesel::insert_into(media::table).values(row).execute(conn).await {
            Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => Err(Failure::Unauthorized),
            other => other.map(|_| given).map_err(Failure::from),
        }
    })
    .await
}

/// What is said when there is no room left.
#[must_use]
pub fn no_room(of_user: bool, claim: Claim) -> Failure {
    Failure::TooLarge(if of_user {
        format!("the files of one user may take {} bytes in all", claim.user_bytes)
    } else {
        format!("the files of a project may take {} bytes in all", claim.project_bytes)
    })
}

/// The file is there, all of it. `None` if its row has gone meanwhile.
///
/// # Errors
/// Those of the database.
pub async fn arrive(conn: &mut AsyncPgConnection, id: MediaId, arrival: &Arrival) -> QueryResult<Option<MediaRow>> {
    diesel::update(media::table.find(id).filter(media::arrived.eq(false)))
        .set((arrival, media::arrived.eq(true)))
        .returning(MediaRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// The file did not come. Whether there was a claim.
///
/// # Errors
/// Those of the database.
pub async fn give_up(conn: &mut AsyncPgConnection, id: MediaId) -> QueryResult<bool> {
    let claim = media::table.find(id).filter(media::arrived.eq(false));
    Ok(diesel::delete(claim).execute(conn).await? > 0)
}

statement! {
    /// Those of some files that a user may read because they brought them, or are a member where a message shows them.
    struct Readable<'a> { project: ProjectId, files: &'a [MediaId], user: UserId } -> SqlUuid;
    "SELECT f.id FROM media f WHERE f.project_id = " [project as SqlUuid] " AND f.arrived \
         AND f.id = ANY(" [files as diesel::sql_types::Array<SqlUuid>] ") AND (f.owner_id = " [user as SqlUuid] " OR EXISTS (\
             SELECT FROM attachments a \
             JOIN members me ON me.conversation_id = a.conversation_id AND me.user_id = " [user as SqlUuid] " \
             JOIN messages m ON m.conversation_id = a.conversation_id AND m.seq = a.seq AND m.deleted_at IS NULL \
             WHERE a.media_id = f.id AND NOT EXISTS (\
                 SELECT FROM contacts c WHERE c.user_id = " [user as SqlUuid] " AND c.peer_id = m.author_id AND c.blocked)))"
}

/// Those of some files that a user may read, and so may attach: their own, and those that a message shows in a conversation of
/// theirs, unless it was deleted or is by somebody they block.
///
/// # Errors
/// Those of the database.
pub async fn readable(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    user: UserId,
    files: &[MediaId],
) -> QueryResult<Vec<MediaId>> {
    Readable { project, files, user }.load(conn).await
}

/// Who asks for a file.
#[derive(Debug, Clone, Copy)]
pub enum Reader {
    /// A user of the project; an administrator has the project's own files as apps do.
    User { id: UserId, admin: bool },
    /// An app of the project.
    App,
}

/// A file that this reader may read. Avatars are for everybody of the project.
///
/// # Errors
/// Those of the database.
pub async fn read(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    reader: Reader,
    id: MediaId,
) -> QueryResult<Option<MediaRow>> {
    let is_avatar = exists(users::table.filter(users::avatar.eq(id).and(users::project_id.eq(project))));
    let found: Option<(MediaRow, bool, bool)> = media::table
        .filter(media::id.eq(id).and(media::project_id.eq(project)).and(media::arrived))
        .select((MediaRow::as_select(), media::of_project, is_avatar))
        .first(conn)
        .await
        .optional()?;
    let Some((row, of_project, is_avatar)) = found else { return Ok(None) };
    let may_read = is_avatar
        || match reader {
            Reader::App => of_project,
            Reader::User { admin: true, .. } if of_project => true,
            Reader::User { id: user, .. } => !readable(conn, project, user, &[id]).await?.is_empty(),
        };
    Ok(may_read.then_some(row))
}

/// Notes whether there is a small picture of a file.
///
/// # Errors
/// Those of the database.
pub async fn note_thumbnail(conn: &mut AsyncPgConnection, id: MediaId, made: bool) -> QueryResult<()> {
    diesel::update(media::table.find(id)).set(media::thumbnail.eq(made)).execute(conn).await?;
    Ok(())
}

/// A file that was taken away: the messages that showed it show it no more, and these users have no avatar now.
///
/// # Errors
/// [`Failure::NotFound`] if the project has no such file, or with an `owner` if it is not theirs.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: MediaId,
    owner: Option<UserId>,
) -> Result<Vec<UserId>, Failure> {
    conn.transaction(async |conn| {
        // Users before files, as who deletes a user locks them.
        let worn_by: Vec<UserId> = users::table
            .filter(users::avatar.eq(id).and(users::project_id.eq(project)))
            .order(users::id)
            .for_update()
            .select(users::id)
            .load(conn)
            .await?;
        let mut file = diesel::delete(media::table)
            .filter(media::id.eq(id).and(media::project_id.eq(project)).and(media::arrived))
            .into_boxed();
        if let Some(owner) = owner {
            file = file.filter(media::owner_id.eq(owner));
        }
        match file.execute(conn).await? {
            0 => Err(Failure::NotFound("media")),
            _ => Ok(worn_by),
        }
    })
    .await
}

/// Whether a picture may be a user's avatar: one of their own, or of the project's.
///
/// # Errors
/// Those of the database.
pub async fn may_be_avatar(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: MediaId,
    user: UserId,
    by_admin: bool,
) -> QueryResult<bool> {
    let file = media::table
        .filter(media::id.eq(id).and(media::project_id.eq(project)).and(media::arrived))
        .filter(media::mime.eq_any(PICTURES))
        .select((media::owner_id, media::of_project));
    let found: Option<(Option<UserId>, bool)> = file.first(conn).await.optional()?;
    Ok(found.is_some_and(|(owner, of_project)| owner == Some(user) || (of_project && by_admin)))
}

/// Which files the sweep takes away.
#[derive(Debug, Clone, Copy)]
pub struct Stale {
    /// Brought before this moment, and nothing refers to them.
    pub orphans_before: DateTime<Utc>,
    /// Begun before this moment, and never arrived.
    pub lost_before: DateTime<Utc>,
}

/// Looks at so many files behind `after`, in the order of their ids, and takes the stale ones away. What was taken, and the last
/// that was looked at; `None` when there are no more.
///
/// # Errors
/// Those of the database.
pub async fn sweep(
    conn: &mut AsyncPgConnection,
    after: Option<MediaId>,
    stale: Stale,
    most: i64,
) -> QueryResult<(Vec<(ProjectId, MediaId)>, Option<MediaId>)> {
    let is_attached = || {
        let by_bots = exists(chatbot_attachments::table.filter(chatbot_attachments::media_id.eq(media::id)));
        exists(attachments::table.filter(attachments::media_id.eq(media::id))).or(by_bots)
    };
    let is_avatar = || exists(users::table.filter(users::avatar.eq(media::id.nullable())));
    conn.transaction(async |conn| {
        let mut page = media::table.order(media::id).limit(most).select((media::id, media::created_at)).into_boxed();
        if let Some(after) = after {
            page = page.filter(media::id.gt(after));
        }
        let page: Vec<(MediaId, DateTime<Utc>)> = page.load(conn).await?;
        let last = page.last().map(|(id, _)| *id);
        let newest = stale.orphans_before.max(stale.lost_before);
        let old: Vec<MediaId> = page.into_iter().filter(|(_, at)| *at < newest).map(|(id, _)| id).collect();
        if old.is_empty() {
            return Ok((Vec::new(), last));
        }
        // Held before it is looked again: what somebody attaches now is waited for or passed over, and from here on nobody can.
        let held: Vec<MediaId> = media::table
            .filter(media::id.eq_any(old))
            .filter(media::arrived.eq(false).or(diesel::dsl::not(is_attached()).and(diesel::dsl::not(is_avatar()))))
            .order(media::id)
            .for_update()
            .skip_locked()
            .select(media::id)
            .load(conn)
            .await?;
        let lost = media::arrived.eq(false).and(media::created_at.lt(stale.lost_before));
        let orphaned = media::arrived
            .and(media::created_at.lt(stale.orphans_before))
            .and(diesel::dsl::not(is_attached()))
            .and(diesel::dsl::not(is_avatar()));
        let taken = diesel::delete(media::table.filter(media::id.eq_any(held)).filter(lost.or(orphaned)))
            .returning((media::project_id, media::id))
            .get_results(conn)
            .await?;
        Ok((taken, last))
    })
    .await
}

/// Those of some files that have a row.
///
/// # Errors
/// Those of the database.
pub async fn known(conn: &mut AsyncPgConnection, files: &[MediaId]) -> QueryResult<Vec<MediaId>> {
    media::table.filter(media::id.eq_any(files)).select(media::id).load(conn).await
}
