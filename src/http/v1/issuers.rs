//! `/api/v1/projects/{project}/issuer`: who beside this server may say who a project's users are.

use super::projects::find;
use crate::http::HttpState;
use crate::http::caller::OrganizationCaller;
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath};
use crate::model::limits::LINK_CHARS;
use crate::model::{Failure, ProjectId};
use crate::store::identity::{self, IssuerRow};
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Characters of an issuer's name and of an audience.
const NAME_CHARS: usize = 512;

/// Whose tokens a project accepts beside those of this server: RS256, ES256 and EdDSA, each key with the one algorithm of its kind.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The `iss` of its tokens.
    #[schema(example = "https://id.example.org/", min_length = 1, max_length = 512)]
    issuer: String,
    /// What must be among the `aud` of its tokens.
    #[schema(example = "palabre", min_length = 1, max_length = 512)]
    audience: String,
    /// Where its public keys are, as JWKS: https, or http where the server's settings allow the host.
    #[schema(example = "https://id.example.org/keys", min_length = 1, max_length = 2048)]
    jwks: String,
    /// Who is not known is made a user, from the token's subject and profile; else the subject must be the id or the username of a
    /// user that there is.
    #[serde(default)]
    create_users: bool,
}

impl From<IssuerRow> for Issuer {
    fn from(row: IssuerRow) -> Self {
        let IssuerRow { issuer, audience, jwks, create_users, .. } = row;
        Self { issuer, audience, jwks, create_users }
    }
}

impl Issuer {
    fn check(self, state: &HttpState, project: ProjectId) -> Result<IssuerRow, Problem> {
        let Self { issuer, audience, jwks, create_users } = self;
        let mut checks = Checks::default();
        for (field, text, most) in
            [("issuer", &issuer, NAME_CHARS), ("audience", &audience, NAME_CHARS), ("jwks", &jwks, LINK_CHARS)]
        {
            let length = text.chars().take(most + 1).count();
            if length == 0 || length > most {
                checks.note(Err(Failure::invalid(field, format!("must have 1 to {most} characters"))));
            } else if text.chars().any(char::is_control) {
                checks.note(Err(Failure::invalid(field, "must not hold control characters")));
            } else if field == "jwks" {
                let checked = state.identities.issuers.check_address(text);
                checks.note(checked.map(|_| ()).map_err(|problem| Failure::invalid(field, problem)));
            }
        }
        checks.done()?;
        Ok(IssuerRow { project_id: project, issuer, audience, jwks, create_users })
    }
}

/// Whose tokens the project accepts
#[utoipa::path(
    tag = "projects",
    operation_id = "show_issuer",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    responses((status = 200, description = "The issuer", body = Issuer))
)]
#[get("/projects/{project}/issuer")]
pub async fn show(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
) -> Result<Json<Issuer>, Problem> {
    let project = find(&state, caller.organization.id, &project.0).await?.id;
    let found = state.chat.run(async |conn| Ok(identity::issuer(conn, project).await?)).await?;
    Ok(Json(found.ok_or(Failure::NotFound("issuer"))?.into()))
}

/// Accept the tokens of an issuer
///
/// In place of the one before. Sessions that its tokens opened go on to their end.
#[utoipa::path(
    tag = "projects",
    operation_id = "set_issuer",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    request_body = Issuer,
    responses((status = 200, description = "Accepted from now on", body = Issuer))
)]
#[put("/projects/{project}/issuer")]
pub async fn set(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
    body: Body<Issuer>,
) -> Result<Json<Issuer>, Problem> {
    let project = find(&state, caller.organization.id, &project.0).await?.id;
    let row = body.0.check(&state, project)?;
    state.chat.run(async |conn| Ok(identity::set_issuer(conn, &row).await?)).await?;
    Ok(Json(row.into()))
}

/// Accept no tokens of others any more
#[utoipa::path(
    tag = "projects",
    operation_id = "remove_issuer",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    responses((status = 204, description = "Removed"))
)]
#[delete("/projects/{project}/issuer")]
pub async fn remove(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
) -> Result<HttpResponse, Problem> {
    let project = find(&state, caller.organization.id, &project.0).await?.id;
    match state.chat.run(async |conn| Ok(identity::remove_issuer(conn, project).await?)).await? {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(Failure::NotFound("issuer").into()),
    }
}
