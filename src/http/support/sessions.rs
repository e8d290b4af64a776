//! `/api/v1/support/…/sessions`: talks about a request.

use super::actor;
use crate::chat::desk;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::page_size;
use crate::http::problem::Problem;
use crate::http::read::{InPath, InQuery, Number};
use crate::model::{Failure, RequestId, SupportSessionId};
use crate::session::pages::fit_into;
use crate::store::messages::{self, Page as Part};
use crate::store::support::{NO_SESSION, sessions};
use crate::wire::limits::{PAGE_MESSAGES, PAGE_MESSAGES_DEFAULT};
use crate::wire::outgoing::Format;
use crate::wire::support::{Messages, Session};
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which messages: the latest, or those next to a number, which goes alone.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Those right before this number.
    #[param(value_type = Option<i64>)]
    before_seq: Option<Number>,
    /// Those right after this number.
    #[param(value_type = Option<i64>)]
    after_seq: Option<Number>,
    /// Messages in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// The sessions of a request
///
/// Oldest first. For its customer, its agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "list_support_sessions",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    responses((status = 200, description = "All of them", body = Page<Session>))
)]
#[get("/support/requests/{request}/sessions")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
) -> Result<Json<Page<Session>>, Problem> {
    let actor = actor(&caller);
    let items = state.chat.run(async |conn| sessions::of_request(conn, actor, request.0).await).await?;
    Ok(Json(Page { items, next: None }))
}

/// Open a session
///
/// In a conversation of its own, whose members are the customer and the agent. There is one at a time: if one is open it is answered. For the
/// customer, the request's agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "create_support_session",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The one that was open already", body = Session),
        (status = 201, description = "Opened", body = Session),
        (status = 409, description = "`conflict`: the request is not open any more, or had too many; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests/{request}/sessions")]
pub async fn create(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
) -> Result<HttpResponse, Problem> {
    let (actor, now) = (actor(&caller), state.chat.now());
    let opened = state.chat.run(async |conn| sessions::open(conn, actor, request.0, now).await);
    let (id, changed) = opened.await?;
    let mut answer = if changed.is_some() { HttpResponse::Created() } else { HttpResponse::Ok() };
    if let Some(changed) = changed {
        desk::spread(&state.chat, actor.project, changed).await;
    }
    Ok(answer.json(one(&state, id).await?))
}

/// A session
///
/// For its customer, the request's agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "show_support_session",
    security(("user_token" = [])),
    params(("session" = SupportSessionId, Path, description = "The session's id")),
    responses((status = 200, description = "The session", body = Session))
)]
#[get("/support/sessions/{session}")]
pub async fn show(
    state: Data<HttpState>,
    caller: UserCaller,
    session: InPath<SupportSessionId>,
) -> Result<Json<Session>, Problem> {
    let actor = actor(&caller);
    state.chat.run(async |conn| sessions::find(conn, actor, session.0).await).await?;
    Ok(Json(one(&state, session.0).await?))
}

/// End a session
///
/// Nobody says anything in it any more; it stays to be read. For its customer, the request's agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "close_support_session",
    security(("user_token" = [])),
    params(("session" = SupportSessionId, Path, description = "The session's id")),
    responses(
        (status = 200, description = "Ended", body = Session),
        (status = 409, description = "`conflict`: it is over already; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/sessions/{session}/close")]
pub async fn close(
    state: Data<HttpState>,
    caller: UserCaller,
    session: InPath<SupportSessionId>,
) -> Result<Json<Session>, Problem> {
    let (actor, now) = (actor(&caller), state.chat.now());
    let changed = state.chat.run(async |conn| sessions::close(conn, actor, session.0, now).await).await?;
    desk::spread(&state.chat, actor.project, changed).await;
    Ok(Json(one(&state, session.0).await?))
}

/// What was said in a session
///
/// In the order of the messages' numbers. For its customer, the request's agent and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "list_support_messages",
    security(("user_token" = [])),
    params(("session" = SupportSessionId, Path, description = "The session's id"), Which),
    responses((status = 200, description = "A page", body = Messages))
)]
#[get("/support/sessions/{session}/messages")]
pub async fn list_messages(
    state: Data<HttpState>,
    caller: UserCaller,
    session: InPath<SupportSessionId>,
    which: InQuery<Which>,
) -> Result<Json<Messages>, Problem> {
    let Which { before_seq, after_seq, limit } = which.0;
    let limit = page_size(limit, PAGE_MESSAGES_DEFAULT, PAGE_MESSAGES)?;
    let from = match (before_seq, after_seq) {
        (None, None) => Part::Latest,
        (Some(Number(seq)), None) => Part::BeforeSeq(seq),
        (None, Some(Number(seq))) => Part::AfterSeq(seq),
        (Some(_), Some(_)) => return Err(Failure::invalid("after_seq", "goes without before_seq").into()),
    };
    let (actor, now) = (actor(&caller), state.chat.now());
    let page = state.chat.run(async |conn| {
        let (talk, _) = sessions::find(conn, actor, session.0).await?;
        Ok(messages::page(conn, actor.project, talk.conversation, actor.user, from, limit, now).await?)
    });
    let (mut items, more) = page.await?;
    // Cut is what is farthest from where the reader comes from.
    let backward = !matches!(from, Part::AfterSeq(_));
    if backward {
        items.reverse();
    }
    let (mut items, cut) = fit_into(state.chat.limits.server_frame_bytes, Format::Json, items);
    if backward {
        items.reverse();
    }
    Ok(Json(Messages { messages: items, more: more || cut }))
}

async fn one(state: &HttpState, id: SupportSessionId) -> Result<Session, Problem> {
    let found = state.chat.run(async |conn| Ok(sessions::shapes(conn, &[id]).await?)).await?;
    Ok(found.into_iter().next().ok_or(NO_SESSION)?)
}
