//! `/api/v1/projects/{project}/apps`: other programs that act in a project, and their access keys.
//!
//! A key is 32 random bytes, shown once; kept is its SHA-256.

use super::projects::find;
use crate::http::HttpState;
use crate::http::caller::OrganizationCaller;
use crate::http::idempotency::Secret;
use crate::http::paging::Page;
use crate::http::problem::Problem;
use crate::http::read::{Body, InPath};
use crate::model::Failure;
use crate::model::account::check_name;
use crate::model::limits::APPS;
use crate::store::accounts::AppRow;
use crate::store::{invitations, projects};
use crate::wire::time::Timestamp;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Bytes of randomness in an access key: as many as its hash has.
const KEY_BYTES: usize = 32;

/// Another program.
#[derive(Serialize, ToSchema)]
pub struct App {
    id: Uuid,
    #[schema(example = "billing")]
    name: String,
    created_at: Timestamp,
}

impl From<AppRow> for App {
    fn from(row: AppRow) -> Self {
        Self { id: row.id, name: row.name, created_at: row.created_at.into() }
    }
}

/// A new app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// 1 to 255 characters, unique in the project.
    #[schema(
        example = "billing",
        min_length = 1,
        max_length = 255,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    name: String,
}

/// An app with its access key, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct AppWithKey {
    app: App,
    /// For `X-App-Key`.
    #[schema(example = "mUq1v0XyR2bJc9J6mZ1bC4V3hV1s4l2mS8e2f1q0c7A")]
    key: String,
    /// What the app's callbacks are signed with; with a new app only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "r8XyR2bJc9J6mZ1bC4V3hV1s4l2mS8e2f1q0c7AmUq1")]
    callback_secret: Option<String>,
}

/// What an app's callbacks are signed with, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct CallbackSecret {
    #[schema(example = "r8XyR2bJc9J6mZ1bC4V3hV1s4l2mS8e2f1q0c7AmUq1")]
    pub(super) callback_secret: String,
}

/// The apps of a project
#[utoipa::path(
    tag = "projects",
    operation_id = "list_apps",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    responses((status = 200, description = "All of them, in one page", body = Page<App>))
)]
#[get("/projects/{project}/apps")]
pub async fn list(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
) -> Result<Json<Page<App>>, Problem> {
    let project = find(&state, caller.organization.id, &project.0).await?;
    let rows = state.chat.run(async |conn| Ok(projects::apps(conn, project.id, APPS).await?)).await?;
    Ok(Json(Page { items: rows.into_iter().map(App::from).collect(), next: None }))
}

/// Make an app
///
/// The answer holds its access key, which can't be had again.
#[utoipa::path(
    tag = "projects",
    operation_id = "create_app",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    request_body = NewApp,
    responses(
        (status = 201, description = "Made", body = AppWithKey),
        (status = 409, description = "`name_taken`: the project has an app of this name; `conflict`: it has as many as it may, or the `Idempotency-Key` was used before"),
    )
)]
#[post("/projects/{project}/apps")]
pub async fn create(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
    body: Body<NewApp>,
) -> Result<HttpResponse, Problem> {
    let NewApp { name } = body.0;
    check_name("name", &name)?;
    let project = find(&state, caller.organization.id, &project.0).await?.id;
    let (key, secret) = (new_key(), new_key());
    let made = state.chat.run(async |conn| projects::create_app(conn, project, &name, (&key, &secret), APPS).await);
    Ok(with_secrets(StatusCode::CREATED, made.await?, key, Some(secret.clone())))
}

/// Give an app another access key
///
/// The one before is good no longer.
#[utoipa::path(
    tag = "projects",
    operation_id = "rotate_app_key",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id"), ("app" = Uuid, Path, description = "The app")),
    responses((status = 200, description = "The app with its new key", body = AppWithKey))
)]
#[post("/projects/{project}/apps/{app}/key")]
pub async fn rotate_key(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    path: InPath<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (project, app) = path.0;
    let project = find(&state, caller.organization.id, &project).await?.id;
    let (app, key) = (id_of(&app)?, new_key());
    let rotated = state.chat.run(async |conn| Ok(projects::rotate_key(conn, project, app, &key).await?)).await?;
    Ok(with_secrets(StatusCode::OK, rotated.ok_or(Failure::NotFound("app"))?, key, None))
}

/// Give an app another secret for its callbacks
///
/// Those not delivered yet are signed with it too; the one before is used no longer.
#[utoipa::path(
    tag = "projects",
    operation_id = "rotate_callback_secret",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id"), ("app" = Uuid, Path, description = "The app")),
    responses((status = 200, description = "The secret, shown this once", body = CallbackSecret))
)]
#[post("/projects/{project}/apps/{app}/callback-secret")]
pub async fn rotate_callback_secret(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    path: InPath<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (project, app) = path.0;
    let project = find(&state, caller.organization.id, &project).await?.id;
    let (app, secret) = (id_of(&app)?, new_key());
    let set = state.chat.run(async |conn| Ok(invitations::set_secret(conn, project, app, &secret).await?)).await?;
    set.ok_or(Failure::NotFound("app"))?;
    let mut response = HttpResponse::Ok().json(CallbackSecret { callback_secret: secret });
    response.extensions_mut().insert(Secret);
    Ok(response)
}

/// Take an app and its access key away
#[utoipa::path(
    tag = "projects",
    operation_id = "delete_app",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id"), ("app" = Uuid, Path, description = "The app")),
    responses((status = 204, description = "Gone"))
)]
#[delete("/projects/{project}/apps/{app}")]
pub async fn delete(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    path: InPath<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (project, app) = path.0;
    let project = find(&state, caller.organization.id, &project).await?.id;
    let app = id_of(&app)?;
    if state.chat.run(async |conn| Ok(projects::delete_app(conn, project, app).await?)).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(Failure::NotFound("app").into())
}

fn id_of(app: &str) -> Result<Uuid, Failure> {
    app.parse().map_err(|_| Failure::NotFound("app"))
}

/// A new access key, or secret for callbacks.
pub(super) fn new_key() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; KEY_BYTES]>())
}

fn with_secrets(status: StatusCode, app: AppRow, key: String, callback_secret: Option<String>) -> HttpResponse {
    let mut response = HttpResponse::build(status).json(AppWithKey { app: app.into(), key, callback_secret });
    response.extensions_mut().insert(Secret);
    response
}
