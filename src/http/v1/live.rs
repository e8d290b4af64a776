//! `GET /api/v1/live`: a project's figures each second, as server-sent events.

use crate::http::HttpState;
use crate::http::caller::{AdminCaller, Credentials};
use crate::http::entrance;
use crate::http::feed;
use crate::http::problem::Problem;
use crate::model::Failure;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};

/// Watch the project's figures
///
/// An endless answer of server-sent events: one at once and then one each second, `data:` holding these figures as JSON. They are those
/// of this project on this node. The feed ends with an event named `end`, whose data says why by `code` and `detail`: `token_expired`,
/// `unauthorized` or `forbidden` when the caller may see it no longer, `unavailable` when the server stops. Who reads too slowly is cut
/// off.
#[utoipa::path(
    tag = "server",
    operation_id = "watch_figures",
    security(("user_token" = []), ("access_key" = [])),
    responses(
        (status = 200, description = "The feed", body = feed::Figures, content_type = "text/event-stream"),
        (status = 429, description = "`rate_limited`: too many requests, or the project has as many feeds open as it may"),
        (status = 503, description = "`unavailable`: the server has as many feeds open as it may, or can't serve for the moment"),
    )
)]
#[get("/live")]
pub async fn show(state: Data<HttpState>, caller: AdminCaller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::Ok();
    response.content_type("text/event-stream");
    if entrance::is_head(&request) {
        return Ok(response.finish());
    }
    let credentials = Credentials::of(&request)?;
    let figures = state.chat.namespace(caller.project).ok_or(Failure::Unavailable)?.figures;
    let place = state.feeds.take(figures)?;
    // A proxy that gathers answers would keep the figures for itself.
    response.insert_header(("X-Accel-Buffering", "no"));
    Ok(response.streaming(feed::start(state, credentials, caller.project, place)))
}
