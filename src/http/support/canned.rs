//! `/api/v1/support/canned`: answers that agents have at hand.

use super::actor;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{Name, Paging, Place};
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath};
use crate::model::support::check_role;
use crate::model::text;
use crate::session::pages::fit_into;
use crate::store::support::canned;
use crate::wire::limits::PAGE_USERS;
use crate::wire::outgoing::Format;
use crate::wire::support::Canned;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Which answers: where a page of them begins, and how long it is.
type Which = Paging<Name, PAGE_USERS>;

/// A new canned answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSupportCanned)]
pub struct New {
    /// Unique in the project.
    #[schema(example = "greeting", min_length = 1, max_length = 255, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    name: String,
    #[schema(example = "Hello, how can I help?", min_length = 1, max_length = 16384)]
    body: String,
}

/// What is to become of a canned answer. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportCannedChange)]
pub struct Change {
    #[schema(example = "greeting", min_length = 1, max_length = 255, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    name: Option<String>,
    #[schema(example = "Hello, how can I help?", min_length = 1, max_length = 16384)]
    body: Option<String>,
}

/// Canned answers
///
/// In the order of their names. For agents and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "list_support_canned",
    security(("user_token" = [])),
    params(Which),
    responses((status = 200, description = "A page", body = Page<Canned>))
)]
#[get("/support/canned")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    Paging { after, limit }: Which,
) -> Result<Json<Page<Canned>>, Problem> {
    let actor = actor(&caller);
    check_role(actor.role)?;
    let after = after.map(|name| name.0);
    let page = state.chat.run(async |conn| Ok(canned::page(conn, actor.project, after.as_deref(), limit).await?));
    let (items, more) = page.await?;
    let (items, cut) = fit_into(state.chat.limits.server_frame_bytes, Format::Json, items);
    let next = items.last().filter(|_| more || cut).map(|last| Name(last.name.clone()).mark());
    Ok(Json(Page { items, next }))
}

/// Add a canned answer
///
/// For agents and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "create_support_canned",
    security(("user_token" = [])),
    request_body = New,
    responses(
        (status = 201, description = "Added", body = Canned),
        (status = 409, description = "`name_taken`; `conflict`: the project has 1 000, or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/canned")]
pub async fn create(state: Data<HttpState>, caller: UserCaller, body: Body<New>) -> Result<HttpResponse, Problem> {
    let actor = actor(&caller);
    check_role(actor.role)?;
    let New { name, body } = body.0;
    Checks::default().note(text::title("name", &name)).note(text::body("body", &body)).done()?;
    let now = state.chat.now();
    let added = state.chat.run(async |conn| canned::add(conn, actor.project, (&name, &body), now).await);
    Ok(HttpResponse::Created().json(added.await?))
}

/// Change a canned answer
///
/// For agents and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "change_support_canned",
    security(("user_token" = [])),
    params(("canned" = Uuid, Path, description = "The answer's id")),
    request_body = Change,
    responses(
        (status = 200, description = "Changed", body = Canned),
        (status = 409, description = "`name_taken`"),
    )
)]
#[patch("/support/canned/{canned}")]
pub async fn change(
    state: Data<HttpState>,
    caller: UserCaller,
    id: InPath<Uuid>,
    body: Body<Change>,
) -> Result<Json<Canned>, Problem> {
    let actor = actor(&caller);
    check_role(actor.role)?;
    let Change { name, body } = body.0;
    let mut checks = Checks::default();
    checks.optional(name.as_deref(), |name| text::title("name", name));
    checks.optional(body.as_deref(), |body| text::body("body", body));
    checks.done()?;
    let (texts, now) = ((name.as_deref(), body.as_deref()), state.chat.now());
    let changed = state.chat.run(async |conn| canned::change(conn, actor.project, id.0, texts, now).await);
    Ok(Json(changed.await?))
}

/// Delete a canned answer
///
/// For agents and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "delete_support_canned",
    security(("user_token" = [])),
    params(("canned" = Uuid, Path, description = "The answer's id")),
    responses((status = 204, description = "Deleted"))
)]
#[delete("/support/canned/{canned}")]
pub async fn delete(state: Data<HttpState>, caller: UserCaller, id: InPath<Uuid>) -> Result<HttpResponse, Problem> {
    let actor = actor(&caller);
    check_role(actor.role)?;
    state.chat.run(async |conn| canned::remove(conn, actor.project, id.0).await).await?;
    Ok(HttpResponse::NoContent().finish())
}
