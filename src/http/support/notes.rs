//! `/api/v1/support/requests/{request}/notes`: what agents tell each other.

use super::actor;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{Paging, Place};
use crate::http::problem::Problem;
use crate::http::read::{Body, InPath};
use crate::model::limits::SUPPORT_NOTE_CHARS;
use crate::model::{RequestId, text};
use crate::session::pages::fit_into;
use crate::store::support::notes;
use crate::store::users;
use crate::wire::limits::PAGE_USERS;
use crate::wire::outgoing::Format;
use crate::wire::support::Note;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which notes: where a page of them begins, and how long it is.
type Which = Paging<notes::Place, PAGE_USERS>;

/// A new note.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSupportNote)]
pub struct New {
    #[schema(example = "Has called twice already.", min_length = 1, max_length = 10000)]
    body: String,
}

/// The notes of a request
///
/// Oldest first. For agents and administrators: the customer never sees them.
#[utoipa::path(
    tag = "support",
    operation_id = "list_support_notes",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id"), Which),
    responses((status = 200, description = "A page", body = Page<Note>))
)]
#[get("/support/requests/{request}/notes")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
    Paging { after, limit }: Which,
) -> Result<Json<Page<Note>>, Problem> {
    let actor = actor(&caller);
    let page = state.chat.run(async |conn| notes::page(conn, actor, request.0, after, limit).await);
    let (items, end) = page.await?;
    let (items, cut) = fit_into(state.chat.limits.server_frame_bytes, Format::Json, items);
    let cut = items.last().filter(|_| cut).map(|last| (last.created_at.0, last.id).mark());
    Ok(Json(Page { items, next: cut.or_else(|| end.map(|end| end.mark())) }))
}

/// Add a note
///
/// For agents and administrators. It is no message: the customer never sees it, and nobody is told.
#[utoipa::path(
    tag = "support",
    operation_id = "create_support_note",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    request_body = New,
    responses(
        (status = 201, description = "Added", body = Note),
        (status = 409, description = "`conflict`: the request has 1 000; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests/{request}/notes")]
pub async fn create(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
    body: Body<New>,
) -> Result<HttpResponse, Problem> {
    let New { body } = body.0;
    text::lines("body", &body, SUPPORT_NOTE_CHARS)?;
    let (actor, now) = (actor(&caller), state.chat.now());
    let author = users::shape(&caller.user);
    let added = state.chat.run(async |conn| notes::add(conn, actor, request.0, (author, body), now).await);
    Ok(HttpResponse::Created().json(added.await?))
}
