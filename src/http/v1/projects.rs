//! `/api/v1/projects`: the projects of an organization.

use crate::chat::departure::delete_project;
use crate::http::HttpState;
use crate::http::caller::OrganizationCaller;
use crate::http::paging::Page;
use crate::http::paging::{Name, Paging, page as page_of};
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath, never_null};
use crate::model::account::check_origin;
use crate::model::limits::{ORIGINS, PROJECTS, SUPPORT_TIMEOUT_S};
use crate::model::{Failure, OrganizationId, ProjectId, text};
use crate::store::projects::{self, Changes, OwnedRow};
use crate::store::support::sessions;
use crate::wire::limits::PAGE_USERS;
use crate::wire::time::Timestamp;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

/// How long a caller waits for the files of a deleted project.
const FILES_PATIENCE: Duration = Duration::from_secs(5);

/// A namespace: its users, conversations and apps are in no other.
#[derive(Serialize, ToSchema)]
pub struct Project {
    id: ProjectId,
    /// Stands in addresses, such as `/ws/shop`.
    #[schema(example = "shop")]
    name: String,
    /// Web origins whose pages may open a WebSocket and call REST.
    #[schema(example = json!(["https://shop.example.org"]))]
    origins: Vec<String>,
    /// Strangers may make themselves users.
    registration: bool,
    /// Requests for support go to the least busy agent who is available, without being taken.
    support_auto_assign: bool,
    /// Seconds without a word after which a session of support ends.
    #[schema(minimum = 60, maximum = 604_800)]
    support_timeout_s: i32,
    created_at: Timestamp,
}

impl From<OwnedRow> for Project {
    fn from(row: OwnedRow) -> Self {
        let OwnedRow { id, name, origins, registration, support_auto_assign, support_timeout_s, created_at } = row;
        let origins = origins.into_iter().flatten().collect();
        let created_at = created_at.into();
        Self { id, name, origins, registration, support_auto_assign, support_timeout_s, created_at }
    }
}

/// A new project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// 1 to 64 of `a-z0-9-_`, unique on the server.
    #[schema(example = "shop", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    name: String,
    #[serde(default)]
    #[schema(schema_with = origins)]
    origins: Vec<String>,
    #[serde(default)]
    registration: bool,
}

/// What is to become of a project. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectChanges {
    #[schema(example = "shop", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    name: Option<String>,
    #[serde(default, deserialize_with = "never_null")]
    #[schema(schema_with = origins, required = false)]
    origins: Option<Vec<String>>,
    registration: Option<bool>,
    /// Requests for support go to the least busy agent who is available, without being taken.
    support_auto_assign: Option<bool>,
    /// Seconds without a word after which a session of support ends.
    #[schema(minimum = 60, maximum = 604_800)]
    support_timeout_s: Option<i32>,
}

fn origins() -> Array {
    let origin = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^https?://[a-z0-9.:\\[\\]-]+$"));
    let told = "Web origins whose pages may open a WebSocket and call REST.";
    let example = json!(["https://shop.example.org"]);
    ArrayBuilder::new().items(origin).max_items(Some(ORIGINS)).description(Some(told)).examples([example]).build()
}

/// The projects of the organization
///
/// In the order of their names.
#[utoipa::path(
    tag = "projects",
    operation_id = "list_projects",
    security(("organization_token" = [])),
    params(Paging<Name, PAGE_USERS>),
    responses((status = 200, description = "A page", body = Page<Project>))
)]
#[get("/projects")]
pub async fn list(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    Paging { after, limit }: Paging<Name, PAGE_USERS>,
) -> Result<Json<Page<Project>>, Problem> {
    let (after, owner) = (after.as_ref().map(|name| name.0.as_str()), caller.organization.id);
    let page = state.chat.run(async |conn| Ok(projects::page(conn, owner, after, limit).await?));
    let (rows, more) = page.await?;
    Ok(Json(page_of(rows, more, |last: &OwnedRow| Name(last.name.clone()), Project::from)))
}

/// Make a project
#[utoipa::path(
    tag = "projects",
    operation_id = "create_project",
    security(("organization_token" = [])),
    request_body = NewProject,
    responses(
        (status = 201, description = "Made", body = Project),
        (status = 409, description = "`name_taken`: the server has a project of this name; `conflict`: the organization has as many as it may, or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/projects")]
pub async fn create(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    body: Body<NewProject>,
) -> Result<HttpResponse, Problem> {
    let NewProject { name, origins, registration } = body.0;
    check(Some(&name), Some(&origins))?;
    let (id, owner) = (ProjectId::random(), caller.organization.id);
    let settings = (name.as_str(), origins.as_slice(), registration);
    let made = state.chat.run(async |conn| projects::create(conn, owner, id, settings, PROJECTS).await).await?;
    state.origins.forget();
    Ok(HttpResponse::Created().json(Project::from(made)))
}

/// A project
#[utoipa::path(
    tag = "projects",
    operation_id = "show_project",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    responses((status = 200, description = "The project", body = Project))
)]
#[get("/projects/{project}")]
pub async fn show(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
) -> Result<Json<Project>, Problem> {
    Ok(Json(find(&state, caller.organization.id, &project.0).await?.into()))
}

/// Change a project
///
/// Its name, which stands in addresses, and its settings.
#[utoipa::path(
    tag = "projects",
    operation_id = "change_project",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    request_body = ProjectChanges,
    responses(
        (status = 200, description = "Changed", body = Project),
        (status = 409, description = "`name_taken`: the server has another project of this name"),
    )
)]
#[patch("/projects/{project}")]
pub async fn change(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
    body: Body<ProjectChanges>,
) -> Result<Json<Project>, Problem> {
    let ProjectChanges { name, origins, registration, support_auto_assign, support_timeout_s } = body.0;
    check(name.as_deref(), origins.as_deref())?;
    support_timeout_s.map_or(Ok(()), check_timeout)?;
    let owner = caller.organization.id;
    let found = find(&state, owner, &project.0).await?;
    let changes = Changes { name, origins, registration, support_auto_assign, support_timeout_s };
    if changes.is_empty() {
        return Ok(Json(found.into()));
    }
    let (change, now) = (&changes, state.chat.now());
    let changed = state.chat.run(async |conn| {
        let changed = projects::change(conn, owner, found.id, change).await?;
        if change.support_timeout_s.is_some() {
            sessions::look_again(conn, found.id, now).await?;
        }
        Ok(changed)
    });
    let changed = changed.await?;
    state.origins.forget();
    state.chat.desk.wake();
    Ok(Json(changed.ok_or(Failure::NotFound("project"))?.into()))
}

/// Delete a project with everything in it
///
/// Sessions end with 4203. What is large takes a while; asked again, it goes on where it stopped.
#[utoipa::path(
    tag = "projects",
    operation_id = "delete_project",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    responses((status = 204, description = "Deleted"))
)]
#[delete("/projects/{project}")]
pub async fn delete(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
) -> Result<HttpResponse, Problem> {
    let found = find(&state, caller.organization.id, &project.0).await?;
    delete_project(&state.chat, found.id).await?;
    // The rows are gone, and with them every way to the contents; what takes longer is left to the sweep.
    let files = tokio::time::timeout(FILES_PATIENCE, state.media.objects.delete_project(found.id)).await;
    if !matches!(files, Ok(Ok(()))) {
        log::info!(target: "palabre::http", "files of a deleted project are left to the sweep");
    }
    state.origins.forget();
    Ok(HttpResponse::NoContent().finish())
}

/// The organization's project of this name or id.
///
/// # Errors
/// 404 if it has none.
pub async fn find(state: &HttpState, owner: OrganizationId, name_or_id: &str) -> Result<OwnedRow, Problem> {
    let found = state.chat.run(async |conn| Ok(projects::find(conn, owner, name_or_id).await?)).await?;
    Ok(found.ok_or(Failure::NotFound("project"))?)
}

/// From a minute to a week.
fn check_timeout(seconds: i32) -> Result<(), Failure> {
    if SUPPORT_TIMEOUT_S.contains(&seconds) {
        return Ok(());
    }
    let (least, most) = (SUPPORT_TIMEOUT_S.start(), SUPPORT_TIMEOUT_S.end());
    Err(Failure::invalid("support_timeout_s", format!("must be from {least} to {most}")))
}

fn check(name: Option<&str>, origins: Option<&[String]>) -> Result<(), Problem> {
    let mut checks = Checks::default();
    checks.optional(name, |name| text::project_name("name", name));
    let origins = origins.unwrap_or_default();
    if origins.len() > ORIGINS {
        checks.note(Err(Failure::invalid("origins", format!("may be at most {ORIGINS}"))));
    }
    for (index, origin) in origins.iter().enumerate().take(ORIGINS) {
        checks.note(check_origin(&format!("origins[{index}]"), origin));
    }
    checks.done()
}
