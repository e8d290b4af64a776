//! `/api/v1/users`: the users of a project, for its administrators and apps; and for users themselves what is theirs.
//!
//! Users are named by id or username everywhere but where they are made. What another project has does not exist.

mod profile;

use super::shapes::{Account, Relation};
use crate::chat::departure::delete_user;
use crate::chat::registry::CheckAccount;
use crate::chat::registry::profile::ProfileChanged;
use crate::chat::registry::relate::Relate;
use crate::http::HttpState;
use crate::http::caller::{AdminCaller, Caller};
use crate::http::paging::Page;
use crate::http::paging::{self, Name, Place, page_size};
use crate::http::problem::Problem;
use crate::http::read::{Body, InPath, InQuery, Number};
use crate::model::account::UserRole;
use crate::model::{Failure, ProjectId, SessionId, UserId, text};
use crate::session::who::ask;
use crate::store::media;
use crate::store::people::{self, AccountRow, Changes};
use crate::store::users::{self, NewUser};
use crate::wire::limits::PAGE_USERS;
use crate::wire::shapes::Contact;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post, put};
use profile::Profile;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Which users.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The beginning of a username or of a shown name, whatever the case.
    #[param(min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    q: Option<String>,
    /// The `next` of the page before.
    #[param(pattern = "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?$")]
    after: Option<String>,
    /// Users in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// A user's name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// The username, and the name that is shown. 1 to 100 characters, not the form of a UUID.
    #[schema(
        example = "dora",
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
    )]
    name: String,
}

/// The users of the project
///
/// In the order of their usernames. For administrators and apps.
#[utoipa::path(
    tag = "users",
    operation_id = "list_users",
    security(("access_key" = []), ("user_token" = [])),
    params(Which),
    responses((status = 200, description = "A page", body = Page<Account>))
)]
#[get("/users")]
pub async fn list(
    state: Data<HttpState>,
    admin: AdminCaller,
    which: InQuery<Which>,
) -> Result<Json<Page<Account>>, Problem> {
    let Which { q, after, limit } = which.0;
    if let Some(start) = &q {
        text::display_name("q", start)?;
    }
    let limit = page_size(limit, paging::DEFAULT, PAGE_USERS)?;
    let after = Name::after(after.as_deref())?.map(|name| name.0);
    let page = state
        .chat
        .run(async |conn| Ok(people::page(conn, admin.project, q.as_deref(), after.as_deref(), limit).await?));
    let (rows, more) = page.await?;
    let place = |last: &AccountRow| Name(last.user.username.clone());
    Ok(Json(paging::page(rows, more, place, Account::from)))
}

/// Make a user
///
/// With an id of the caller's choosing and without a password. For administrators and apps.
#[utoipa::path(
    tag = "users",
    operation_id = "create_user",
    security(("access_key" = []), ("user_token" = [])),
    params(("user" = uuid::Uuid, Path, description = "The new user's id")),
    request_body = NewName,
    responses(
        (status = 201, description = "Made", body = Account),
        (status = 409, description = "`id_taken` or `name_taken`; `conflict`: the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/users/{user}")]
pub async fn create(
    state: Data<HttpState>,
    admin: AdminCaller,
    user: InPath<String>,
    body: Body<NewName>,
) -> Result<HttpResponse, Problem> {
    let NewName { name } = body.0;
    text::username("name", &name)?;
    let id: UserId = user.0.parse().map_err(|_| Failure::invalid("user", "must be a UUID"))?;
    if id.0.is_nil() {
        return Err(Failure::invalid("user", "stands for deleted users").into());
    }
    let new = NewUser {
        id,
        project_id: admin.project,
        username: &name,
        password_hash: None,
        role: UserRole::User,
        name: Some(&name),
        avatar: None,
        profile: None,
    };
    let made = state.chat.run(async |conn| {
        users::create(conn, &new).await?;
        people::find(conn, admin.project, &id.to_string()).await?.ok_or(Failure::NotFound("user"))
    });
    Ok(HttpResponse::Created().json(Account::from(made.await?)))
}

/// A user
///
/// All of it for the user, administrators and apps; other users of the project see what is public.
#[utoipa::path(
    tag = "users",
    operation_id = "show_user",
    security(("access_key" = []), ("user_token" = [])),
    params(("user" = String, Path, description = "The user, by id or username")),
    responses((status = 200, description = "The user", body = Account))
)]
#[get("/users/{user}")]
pub async fn show(state: Data<HttpState>, caller: Caller, user: InPath<String>) -> Result<Json<Account>, Problem> {
    let found = find(&state, caller.project(), &user.0).await?;
    if caller.is_admin() || caller.is(found.user.id) {
        return Ok(Json(found.into()));
    }
    if found.user.deactivated_at.is_some() {
        return Err(Failure::NotFound("user").into());
    }
    Ok(Json(Account::public(found.user)))
}

/// Rename a user
///
/// The username, and the name that is shown. For administrators and apps.
#[utoipa::path(
    tag = "users",
    operation_id = "rename_user",
    security(("access_key" = []), ("user_token" = [])),
    params(("user" = String, Path, description = "The user, by id or username")),
    request_body = NewName,
    responses(
        (status = 200, description = "Renamed", body = Account),
        (status = 409, description = "`name_taken`: the project has another user of this name"),
    )
)]
#[put("/users/{user}")]
pub async fn rename(
    state: Data<HttpState>,
    admin: AdminCaller,
    user: InPath<String>,
    body: Body<NewName>,
) -> Result<Json<Account>, Problem> {
    let NewName { name } = body.0;
    text::username("name", &name)?;
    let found = find(&state, admin.project, &user.0).await?;
    let changes = Changes { username: Some(name.clone()), name: Some(Some(name)), ..Changes::default() };
    Ok(Json(apply(&state, &found, &changes).await?))
}

/// Change a user
///
/// What is left out stays, what is `null` is taken away. Users change what is shown of themselves; administrators and apps that
/// of anybody, and besides `username`, `role` and `deactivated`.
#[utoipa::path(
    tag = "users",
    operation_id = "change_user",
    security(("access_key" = []), ("user_token" = [])),
    params(("user" = String, Path, description = "The user, by id or username")),
    request_body = Profile,
    responses(
        (status = 200, description = "Changed", body = Account),
        (status = 409, description = "`name_taken`: the project has another user of this name"),
    )
)]
#[patch("/users/{user}")]
pub async fn change(
    state: Data<HttpState>,
    caller: Caller,
    user: InPath<String>,
    body: Body<Profile>,
) -> Result<Json<Account>, Problem> {
    body.0.check()?;
    let found = find(&state, caller.project(), &user.0).await?;
    if !caller.is_admin() && !caller.is(found.user.id) {
        return Err(Failure::Forbidden("users change themselves only").into());
    }
    if !caller.is_admin() && body.0.is_for_admins() {
        return Err(Failure::Forbidden("this is for administrators and apps of the project").into());
    }
    if let Some(Some(avatar)) = body.0.avatar() {
        let (project, user, by_admin) = (caller.project(), found.user.id, caller.is_admin());
        let is_picture =
            state.chat.run(async |conn| Ok(media::may_be_avatar(conn, project, avatar, user, by_admin).await?));
        if !is_picture.await? {
            return Err(Failure::invalid("avatar", "must be a picture among the media of this user").into());
        }
    }
    let changes = body.0.into_changes(found.user.deactivated_at, state.chat.now());
    Ok(Json(apply(&state, &found, &changes).await?))
}

/// Delete a user
///
/// Sessions end with 4203, the name is free again, what the user wrote stays, by `deleted`. For administrators and apps.
#[utoipa::path(
    tag = "users",
    operation_id = "delete_user",
    security(("access_key" = []), ("user_token" = [])),
    params(("user" = String, Path, description = "The user, by id or username")),
    responses((status = 204, description = "Deleted"))
)]
#[delete("/users/{user}")]
pub async fn delete(state: Data<HttpState>, admin: AdminCaller, user: InPath<String>) -> Result<HttpResponse, Problem> {
    let found = find(&state, admin.project, &user.0).await?;
    delete_user(&state.chat, admin.project, found.user.id).await?;
    state.chat.desk.wake_for_left();
    Ok(HttpResponse::NoContent().finish())
}

/// Do something about a contact, as a user
///
/// As the event `contact.update`. For administrators and apps, and for the user.
#[utoipa::path(
    tag = "users",
    operation_id = "relate_user",
    security(("access_key" = []), ("user_token" = [])),
    params(("user" = String, Path, description = "The user who acts, by id or username")),
    request_body = Relation,
    responses(
        (status = 200, description = "The contact as the user sees it now", body = Contact),
        (status = 409, description = "`conflict`: the relation does not allow it, or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/users/{user}/contacts")]
pub async fn relate(
    state: Data<HttpState>,
    caller: Caller,
    user: InPath<String>,
    body: Body<Relation>,
) -> Result<Json<Contact>, Problem> {
    let Relation { user: target, action } = body.0;
    let (project, not_found) = (caller.project(), || Failure::NotFound("user"));
    let names = [user.0.as_str(), target.as_str()];
    let mut found = state.chat.run(async |conn| Ok(users::resolve(conn, project, &names).await?)).await?.into_iter();
    let actor = found.next().flatten().ok_or_else(not_found)?.id;
    if !caller.is_admin() && !caller.is(actor) {
        return Err(Failure::Forbidden("users act for themselves only").into());
    }
    let target = found.next().flatten().ok_or_else(not_found)?.id;
    if actor == target {
        return Err(Failure::invalid("user", "must be somebody else").into());
    }
    let registry = state.chat.namespace(project).ok_or(Failure::Unavailable)?.registry();
    // No session of the user has heard of it yet.
    let relate = Relate { session: SessionId::random(), actor, target, action };
    Ok(Json(ask(&registry, relate).await??))
}

async fn find(state: &HttpState, project: ProjectId, name_or_id: &str) -> Result<AccountRow, Problem> {
    let found = state.chat.run(async |conn| Ok(people::find(conn, project, name_or_id).await?)).await?;
    Ok(found.ok_or(Failure::NotFound("user"))?)
}

/// Changes a user, and tells those who may know.
async fn apply(state: &HttpState, before: &AccountRow, changes: &Changes) -> Result<Account, Problem> {
    let (project, id, now) = (before.user.project_id, before.user.id, state.chat.now());
    let after = state.chat.run(async |conn| people::change(conn, project, id, changes, now).await).await?;
    let after = after.ok_or(Failure::NotFound("user"))?;
    if users::shape(&after.user) != users::shape(&before.user) {
        ProfileChanged::tell(&state.chat, project, id);
    }
    if after.user.deactivated_at.is_some() {
        CheckAccount::tell(&state.chat, project, id);
    }
    if after.user.deactivated_at.is_some() || after.user.role == UserRole::User {
        // An agent's requests wait for another one.
        state.chat.desk.wake_for_left();
    }
    Ok(after.into())
}
