//! The invitations that apps made, as the apps see them; and the users as which apps appear.

use super::messages::{MessageRow, assemble, find as find_message};
use super::paging::truncate;
use super::schema::{app_invitations, apps, contacts, games, messages, users};
use super::users::NewUser;
use super::users::{UserRow, create};
use crate::model::account::UserRole;
use crate::model::contact::{Relation, Side};
use crate::model::game::State;
use crate::model::{ConversationId, Failure, MessageId, ProjectId, UserId};
use crate::store::accounts::AppRow;
use crate::wire::invitation::Invitation;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Which invitations of an app.
#[derive(Debug, Clone, Copy, Default)]
pub struct Which {
    /// Those in this state only.
    pub state: Option<State>,
    /// Older than this mark.
    pub after: Option<i64>,
    pub limit: i64,
}

/// A page of what an app invited to, the newest first, and the mark where the next page begins if there is one. What was deleted
/// is left out.
///
/// # Errors
/// Those of the database.
pub async fn page(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    app: Uuid,
    which: Which,
    now: DateTime<Utc>,
) -> QueryResult<(Vec<Invitation>, Option<i64>)> {
    let mut query = app_invitations::table
        .inner_join(messages::table.on(
            messages::conversation_id.eq(app_invitations::conversation_id).and(messages::seq.eq(app_invitations::seq)),
        ))
        .inner_join(
            games::table.on(games::conversation_id
                .eq(app_invitations::conversation_id)
                .and(games::seq.eq(app_invitations::seq))),
        )
        .filter(app_invitations::app_id.eq(app).and(messages::project_id.eq(project)))
        .filter(messages::deleted_at.is_null())
        .order(app_invitations::number.desc())
        .limit(which.limit.saturating_add(1))
        .select((app_invitations::number, app_invitations::callback_url, messages::all_columns))
        .into_boxed();
    if let Some(after) = which.after {
        query = query.filter(app_invitations::number.lt(after));
    }
    // Time may have ended one that the sweep has not come to yet.
    let over = games::expires_at.is_not_null().and(games::expires_at.assume_not_null().le(now));
    query = match which.state {
        None => query,
        Some(State::Offered) => query.filter(games::state.eq(State::Offered).and(diesel::dsl::not(over))),
        Some(State::Expired) => {
            query.filter(games::state.eq(State::Expired).or(games::state.eq(State::Offered).and(over)))
        }
        Some(state) => query.filter(games::state.eq(state)),
    };
    let mut rows: Vec<(i64, Option<String>, MessageRow)> = query.load(conn).await?;
    let more = truncate(&mut rows, which.limit);
    let next = rows.last().filter(|_| more).map(|(number, _, _)| *number);
    let (urls, rows): (Vec<_>, Vec<_>) = rows.into_iter().map(|(_, url, row)| (url, row)).unzip();
    let shown = assemble(conn, rows, None, now).await?;
    Ok((shown.into_iter().zip(urls).filter_map(|(message, url)| Invitation::of(message, url)).collect(), next))
}

/// Where the app's invitation of this id is: its conversation and number.
///
/// # Errors
/// Those of the database.
pub async fn place(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    app: Uuid,
    id: MessageId,
) -> QueryResult<Option<(ConversationId, i64)>> {
    app_invitations::table
        .inner_join(messages::table.on(
            messages::conversation_id.eq(app_invitations::conversation_id).and(messages::seq.eq(app_invitations::seq)),
        ))
        .filter(messages::project_id.eq(project).and(messages::id.eq(id)))
        .filter(app_invitations::app_id.eq(app).and(messages::deleted_at.is_null()))
        .select((messages::conversation_id, messages::seq))
        .first(conn)
        .await
        .optional()
}

/// The app's invitation of this id.
///
/// # Errors
/// [`Failure::NotFound`] if it made none, or that was deleted.
pub async fn one(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    app: Uuid,
    id: MessageId,
    now: DateTime<Utc>,
) -> Result<Invitation, Failure> {
    let missing = Failure::NotFound("invitation");
    let Some(place) = place(conn, project, app, id).await? else { return Err(missing) };
    let url = app_invitations::table.find(place).select(app_invitations::callback_url).first(conn).await.optional()?;
    let Some(row) = find_message(conn, project, place.0, id).await? else { return Err(missing) };
    let message = assemble(conn, vec![row], None, now).await?.pop();
    message.and_then(|message| Invitation::of(message, url.flatten())).ok_or(missing)
}

/// Gives an app another secret to sign its callbacks with; those not yet delivered are signed with it too. The app, or `None`.
///
/// # Errors
/// Those of the database.
pub async fn set_secret(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    app: Uuid,
    secret: &str,
) -> QueryResult<Option<AppRow>> {
    diesel::update(apps::table.filter(apps::project_id.eq(project).and(apps::id.eq(app))))
        .set(apps::callback_secret.eq(secret))
        .returning(AppRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Whether an app has a secret for its callbacks.
///
/// # Errors
/// Those of the database.
pub async fn has_secret(conn: &mut AsyncPgConnection, app: Uuid) -> QueryResult<bool> {
    let found: Option<Option<String>> =
        apps::table.find(app).select(apps::callback_secret).first(conn).await.optional()?;
    Ok(found.flatten().is_some())
}

/// Characters of an app's name that its user shows.
const NAME_CHARS: usize = 90;

/// The user as which an app appears, made if there is none: its name is the app's, and nobody can sign in as it.
///
/// # Errors
/// [`Failure::Forbidden`] where somebody closed that account, [`Failure::Unauthorized`] if the app is gone.
pub async fn own_user(conn: &mut AsyncPgConnection, app: &AppRow) -> Result<UserRow, Failure> {
    let user = conn
        .transaction(async |conn| {
            // Two requests at once make one.
            let known: Option<Option<UserId>> =
                apps::table.find(app.id).select(apps::user_id).for_no_key_update().first(conn).await.optional()?;
            if let Some(id) = known.ok_or(Failure::Unauthorized)? {
                let row = users::table.find(id).select(UserRow::as_select()).first(conn).await?;
                return Ok::<UserRow, Failure>(row);
            }
            let shown: String = app.name.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
            let username = format!("app:{shown}");
            let taken = super::users::find_by_name(conn, app.project_id, &username).await?.is_some();
            // Somebody else has that name; nobody has this one.
            let username = if taken { format!("app:{}", app.id) } else { username };
            let new = NewUser {
                id: UserId::random(),
                project_id: app.project_id,
                username: &username,
                password_hash: None,
                role: UserRole::User,
                name: Some(&shown),
                avatar: None,
                profile: None,
            };
            let row = create(conn, &new).await?;
            diesel::update(apps::table.find(app.id)).set(apps::user_id.eq(row.id)).execute(conn).await?;
            Ok(row)
        })
        .await?;
    if user.deactivated_at.is_some() {
        return Err(Failure::Forbidden("the account of this app's own user is closed"));
    }
    Ok(user)
}

/// What a user makes of another: nothing at all where they never had to do with each other.
///
/// # Errors
/// Those of the database.
pub async fn side_of(conn: &mut AsyncPgConnection, user: UserId, peer: UserId) -> QueryResult<Side> {
    let row: Option<(Relation, bool)> = contacts::table
        .find((user, peer))
        .select((contacts::relation, contacts::blocked))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(relation, blocked)| Side { relation, blocked }).unwrap_or_default())
}
