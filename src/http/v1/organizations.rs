//! `/api/v1/organizations`: the customer accounts that own projects.

use super::auth::NewPassword;
use crate::http::HttpState;
use crate::http::caller::{Founder, OrganizationCaller, Stranger, address};
use crate::http::idempotency::Secret;
use crate::http::problem::{Checks, Problem};
use crate::http::read::Body;
use crate::http::sign_in;
use crate::model::account::check_name;
use crate::model::{Failure, OrganizationId, text};
use crate::store::accounts::{self, OrganizationRow};
use crate::wire::time::Timestamp;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// 1 to 255 characters, not the form of a UUID.
    #[schema(
        example = "acme",
        min_length = 1,
        max_length = 255,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    name: String,
    /// 6 to 72 bytes.
    #[schema(example = "a long secret", format = Password, min_length = 2, max_length = 72)]
    password: String,
}

/// A customer account.
#[derive(Serialize, ToSchema)]
pub struct Organization {
    id: OrganizationId,
    #[schema(example = "acme")]
    name: String,
}

/// An organization that signed in.
#[derive(Serialize, ToSchema)]
pub struct SignedInOrganization {
    /// For `Authorization: Bearer`. It is not for sockets.
    token: String,
    expires_at: Timestamp,
    organization: Organization,
}

impl From<OrganizationRow> for Organization {
    fn from(row: OrganizationRow) -> Self {
        Self { id: row.id, name: row.name }
    }
}

/// Make an organization
///
/// With the operators' token; where the server is open to anybody, without.
#[utoipa::path(
    tag = "organizations",
    operation_id = "create_organization",
    security(("admin_token" = []), ()),
    request_body = Credentials,
    responses(
        (status = 201, description = "Made and signed in", body = SignedInOrganization),
        (status = 409, description = "`name_taken`: there is one of this name"),
    )
)]
#[post("/organizations")]
pub async fn create(state: Data<HttpState>, _: Founder, body: Body<Credentials>) -> Result<HttpResponse, Problem> {
    let Credentials { name, password } = body.0;
    Checks::default().note(check_name("name", &name)).note(text::password("password", &password)).done()?;
    let hash = state.sign_in.hashing.turn().await?.hash(password).await?;
    let id = OrganizationId::random();
    let made = state.chat.run(async |conn| {
        accounts::create_organization(conn, id, &name, &hash).await?;
        accounts::organization_by(conn, &id.to_string()).await?.ok_or(Failure::Internal)
    });
    signed_in(&state, StatusCode::CREATED, made.await?)
}

/// Sign in as an organization
///
/// 20 failures a minute for a name and 100 for an address; then 429.
#[utoipa::path(
    tag = "organizations",
    operation_id = "login_organization",
    request_body = Credentials,
    responses(
        (status = 200, description = "Signed in", body = SignedInOrganization),
        (status = 401, description = "`unauthorized`: wrong name or password, or a closed account"),
    )
)]
#[post("/organizations/login")]
pub async fn login(
    state: Data<HttpState>,
    stranger: Stranger,
    body: Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    let Credentials { name, password } = body.0;
    let organization = sign_in::organization(&state, &name, password, stranger.address).await?;
    signed_in(&state, StatusCode::OK, organization)
}

/// Change the password
///
/// All tokens of before end; the answer holds a fresh one.
#[utoipa::path(
    tag = "organizations",
    operation_id = "change_organization_password",
    security(("organization_token" = [])),
    request_body = NewPassword,
    responses(
        (status = 200, description = "Changed", body = SignedInOrganization),
        (status = 403, description = "`forbidden`: the old password is another, or the caller is no organization"),
    )
)]
#[post("/organizations/password")]
pub async fn change_password(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    request: HttpRequest,
    body: Body<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let NewPassword { old, new } = body.0;
    text::password("new", &new)?;
    let organization = caller.organization;
    match sign_in::confirm_organization(&state, &organization, old, address(&request)).await {
        Err(sign_in::Refusal::WrongCredentials) => return Err(Failure::Forbidden("the old password is another").into()),
        other => other?,
    }
    let hash = state.sign_in.hashing.turn().await?.hash(new).await?;
    let now = state.chat.now();
    let change =
        state.chat.run(async |conn| Ok(accounts::change_organization_password(conn, &organization, &hash, now).await?));
    // Somebody changed it a moment before: this token is no longer good.
    let changed = change.await?.ok_or(Failure::Unauthorized)?;
    let mut response = signed_in(&state, StatusCode::OK, changed)?;
    response.extensions_mut().insert(Secret);
    Ok(response)
}

/// Which organization am I?
#[utoipa::path(
    tag = "organizations",
    operation_id = "show_organization",
    security(("organization_token" = [])),
    responses((status = 200, description = "The token's organization", body = Organization))
)]
#[get("/organizations/me")]
pub async fn show_me(caller: OrganizationCaller) -> Json<Organization> {
    Json(caller.organization.into())
}

fn signed_in(state: &HttpState, status: StatusCode, organization: OrganizationRow) -> Result<HttpResponse, Problem> {
    let (token, expires_at) = state.token_for_organization(&organization)?;
    let signed_in = SignedInOrganization { token, expires_at, organization: organization.into() };
    Ok(HttpResponse::build(status).json(signed_in))
}
