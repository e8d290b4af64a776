//! `/api/v1/auth`: users sign in, make themselves an account where the project lets them, and look after it.

use super::shapes::Account;
use crate::chat::registry::CheckAccount;
use crate::http::HttpState;
use crate::http::caller::{SignedInCaller, Stranger, address};
use crate::http::problem::{Checks, Problem};
use crate::http::read::Body;
use crate::http::sign_in;
use crate::model::account::UserRole;
use crate::model::{Failure, UserId, text};
use crate::store::users::{self, NewUser, UserRow};
use crate::store::{accounts, people};
use crate::wire::time::Timestamp;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The project, by name or id.
    #[schema(example = "default")]
    project: String,
    #[schema(example = "alice")]
    username: String,
    #[schema(example = "alice123", format = Password)]
    password: String,
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The project, by name or id.
    #[schema(example = "default")]
    project: String,
    /// 1 to 100 characters, not the form of a UUID.
    #[schema(
        example = "dora",
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
    )]
    username: String,
    /// 6 to 72 bytes.
    #[schema(example = "dora1234", format = Password, min_length = 2, max_length = 72)]
    password: String,
    /// The name to show.
    #[schema(example = "Dora", min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    name: Option<String>,
}

/// Two passwords.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    #[schema(example = "alice123", format = Password)]
    pub old: String,
    /// 6 to 72 bytes.
    #[schema(example = "a longer one", format = Password, min_length = 2, max_length = 72)]
    pub new: String,
}

/// Somebody who signed in.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// For `Authorization: Bearer`, and for the sockets.
    token: String,
    expires_at: Timestamp,
    user: Account,
}

/// Whose a token is.
#[derive(Serialize, ToSchema)]
pub struct Me {
    user: Account,
    expires_at: Timestamp,
}

/// Sign in
///
/// 20 failures a minute for a name and 100 for an address; then 429.
#[utoipa::path(
    tag = "auth",
    request_body = Login,
    responses(
        (status = 200, description = "Signed in", body = SignedIn),
        (status = 401, description = "`unauthorized`: wrong name, password or project, or a closed account"),
    )
)]
#[post("/auth/login")]
pub async fn login(state: Data<HttpState>, stranger: Stranger, body: Body<Login>) -> Result<HttpResponse, Problem> {
    let Login { project, username, password } = body.0;
    let user = sign_in::user(&state, &project, &username, password, stranger.address).await?;
    signed_in(&state, StatusCode::OK, &user).await
}

/// Make oneself an account
///
/// Only in projects that allow it: a setting of theirs, off by default.
#[utoipa::path(
    tag = "auth",
    request_body = Register,
    responses(
        (status = 201, description = "Made and signed in", body = SignedIn),
        (status = 403, description = "`forbidden`: the project does not allow it, or there is none"),
        (status = 409, description = "`name_taken`: the project has a user of this name"),
    )
)]
#[post("/auth/register")]
pub async fn register(state: Data<HttpState>, _: Stranger, body: Body<Register>) -> Result<HttpResponse, Problem> {
    let Register { project, username, password, name } = body.0;
    Checks::default()
        .note(text::username("username", &username))
        .note(text::password("password", &password))
        .optional(name.as_deref(), |name| text::display_name("name", name))
        .done()?;
    let project = state.chat.run(async |conn| Ok(accounts::project_by(conn, &project).await?)).await?;
    let closed = Failure::Forbidden("this project does not let strangers make accounts");
    let project = project.filter(|project| project.registration).ok_or(closed)?;
    let hash = state.sign_in.hashing.turn().await?.hash(password).await?;
    let new = NewUser {
        id: UserId::random(),
        project_id: project.id,
        username: &username,
        password_hash: Some(&hash),
        role: UserRole::User,
        name: name.as_deref(),
        avatar: None,
        profile: None,
    };
    let user = state.chat.run(async |conn| users::create(conn, &new).await).await?;
    signed_in(&state, StatusCode::CREATED, &user).await
}

/// A fresh token for one that is still good
#[utoipa::path(
    tag = "auth",
    security(("user_token" = [])),
    responses((status = 200, description = "A token with its whole time before it", body = SignedIn))
)]
#[post("/auth/refresh")]
pub async fn refresh(state: Data<HttpState>, caller: SignedInCaller) -> Result<HttpResponse, Problem> {
    signed_in(&state, StatusCode::OK, &caller.user).await
}

/// Who am I?
#[utoipa::path(
    tag = "auth",
    security(("user_token" = [])),
    responses((status = 200, description = "The token's user", body = Me))
)]
#[get("/auth/me")]
pub async fn show_me(state: Data<HttpState>, caller: SignedInCaller) -> Result<Json<Me>, Problem> {
    let user = account(&state, &caller.user).await?;
    Ok(Json(Me { user, expires_at: caller.expires_at.into() }))
}

/// Change the password
///
/// All tokens and sessions of before end, close code 4203; the answer holds a fresh token.
#[utoipa::path(
    tag = "auth",
    security(("user_token" = [])),
    request_body = NewPassword,
    responses((status = 200, description = "Changed", body = SignedIn))
)]
#[post("/auth/password")]
pub async fn change_password(
    state: Data<HttpState>,
    caller: SignedInCaller,
    request: HttpRequest,
    body: Body<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let NewPassword { old, new } = body.0;
    text::password("new", &new)?;
    let user = caller.user;
    match sign_in::confirm(&state, &user, old, address(&request)).await {
        Err(sign_in::Refusal::WrongCredentials) => return Err(Failure::Forbidden("the old password is another").into()),
        other => other?,
    }
    let hash = state.sign_in.hashing.turn().await?.hash(new).await?;
    let now = state.chat.now();
    let changed = state.chat.run(async |conn| Ok(users::change_password(conn, &user, &hash, now).await?)).await?;
    // Somebody changed it a moment before: this token is no longer good.
    let user = changed.ok_or(Failure::Unauthorized)?;
    CheckAccount::tell(&state.chat, user.project_id, user.id);
    signed_in(&state, StatusCode::OK, &user).await
}

async fn signed_in(state: &HttpState, status: StatusCode, user: &UserRow) -> Result<HttpResponse, Problem> {
    let (token, expires_at) = state.token_for(user)?;
    let user = account(state, user).await?;
    Ok(HttpResponse::build(status).json(SignedIn { token, expires_at, user }))
}

async fn account(state: &HttpState, user: &UserRow) -> Result<Account, Problem> {
    let row = state.chat.run(async |conn| Ok(people::find(conn, user.project_id, &user.id.to_string()).await?)).await?;
    // Deleted in between.
    Ok(row.ok_or(Failure::Unauthorized)?.into())
}
