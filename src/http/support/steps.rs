//! `/api/v1/support/requests/{request}/…`: what agents do with a request.

use super::actor;
use crate::chat::desk;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::problem::Problem;
use crate::http::read::{Body, InPath};
use crate::model::{Failure, RequestId};
use crate::store::support::{assignment, matter};
use crate::store::users;
use crate::wire::support::Request;
use actix_web::post;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Who gets a request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportTransfer)]
pub struct Transfer {
    /// An agent or administrator, by id or username.
    #[schema(example = "carol")]
    to: String,
}

type Answer = Result<Json<Request>, Problem>;

/// Take a request
///
/// Out of the queue. Of several who take at once one gets it. Its conversation is the agent's too from now on, and where a bot answered
/// people do. For agents and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "take_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    responses(
        (status = 200, description = "Taken", body = Request),
        (status = 409, description = "`conflict`: it does not wait (any more), or the agent has as many as they take; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests/{request}/take")]
pub async fn take(state: Data<HttpState>, caller: UserCaller, request: InPath<RequestId>) -> Answer {
    let (actor, id, now) = (actor(&caller), request.0, state.chat.now());
    let step = async |conn: &mut _| assignment::take(conn, actor, id, now).await;
    Ok(Json(desk::act(&state.chat, actor, id, false, step).await?))
}

/// Pass a request on
///
/// To another agent who takes one more. The conversation goes with it: who had it hears no more. For its agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "transfer_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    request_body = Transfer,
    responses(
        (status = 200, description = "Passed on", body = Request),
        (status = 409, description = "`conflict`: nobody has it, or the other agent has as many as they take; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests/{request}/transfer")]
pub async fn transfer(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
    body: Body<Transfer>,
) -> Answer {
    let (actor, id, now) = (actor(&caller), request.0, state.chat.now());
    let to = body.0.to;
    let to = state.chat.run(async |conn| {
        // Who has no business here learns of no users either.
        matter(conn, actor.project, id).await?.standing(actor)?.check_decides()?;
        Ok(users::resolve(conn, actor.project, &[to]).await?.into_iter().next().flatten())
    });
    let to = to.await?.ok_or_else(|| Failure::invalid("to", "there is no such user"))?.id;
    let step = async |conn: &mut _| assignment::transfer(conn, actor, id, to, now).await;
    Ok(Json(desk::act(&state.chat, actor, id, true, step).await?))
}

/// Resolve a request
///
/// The talk about it ends. For its agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "resolve_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    responses(
        (status = 200, description = "Resolved", body = Request),
        (status = 409, description = "`conflict`: it is not in progress; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests/{request}/resolve")]
pub async fn resolve(state: Data<HttpState>, caller: UserCaller, request: InPath<RequestId>) -> Answer {
    let (actor, id, now) = (actor(&caller), request.0, state.chat.now());
    let step = async |conn: &mut _| assignment::resolve(conn, actor, id, now).await;
    Ok(Json(desk::act(&state.chat, actor, id, false, step).await?))
}

/// Close a request
///
/// After it was resolved. For its agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "close_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    responses(
        (status = 200, description = "Closed", body = Request),
        (status = 409, description = "`conflict`: it is not resolved; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests/{request}/close")]
pub async fn close(state: Data<HttpState>, caller: UserCaller, request: InPath<RequestId>) -> Answer {
    let (actor, id, now) = (actor(&caller), request.0, state.chat.now());
    let step = async |conn: &mut _| assignment::close(conn, actor, id, now).await;
    Ok(Json(desk::act(&state.chat, actor, id, false, step).await?))
}

/// Take a request up again
///
/// Its agent has it, or it waits in the queue where that one is gone. For its agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "reopen_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    responses(
        (status = 200, description = "In progress, or waiting", body = Request),
        (status = 409, description = "`conflict`: it is neither resolved nor closed, or its customer is gone; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests/{request}/reopen")]
pub async fn reopen(state: Data<HttpState>, caller: UserCaller, request: InPath<RequestId>) -> Answer {
    let (actor, id, now) = (actor(&caller), request.0, state.chat.now());
    let step = async |conn: &mut _| assignment::reopen(conn, actor, id, now).await;
    Ok(Json(desk::act(&state.chat, actor, id, false, step).await?))
}
