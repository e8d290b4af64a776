//! `/api/v1/status`: what the user who calls looks like to others, and how others look to them.

use crate::chat::registry::choose::{Choose, Own};
use crate::chat::registry::presence::Look;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::person::Person;
use crate::http::problem::Problem;
use crate::http::read::{Body, InPath};
use crate::model::Failure;
use crate::model::presence::Presence;
use crate::session::who::ask;
use crate::store::{presence, users};
use crate::wire::shapes::Status;
use actix_web::web::{Data, Json};
use actix_web::{get, put};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// What to look like.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStatus {
    /// `online` also ends `busy` and `invisible`. `away` is a session's, and `offline` nobody's to choose.
    #[schema(schema_with = chosen)]
    status: Presence,
    /// A text beside it: without it the one of before stays, an empty one takes it away.
    #[schema(example = "back at noon", max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    text: Option<String>,
}

fn chosen() -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["online", "busy", "invisible"])).build()
}

/// One's own presence
///
/// `offline` while there is no session; the text is kept.
#[utoipa::path(
    tag = "status",
    operation_id = "show_own_status",
    security(("user_token" = [])),
    responses((status = 200, description = "The presence as the user sees it", body = Status))
)]
#[get("/status")]
pub async fn show_own(state: Data<HttpState>, caller: UserCaller) -> Result<Json<Status>, Problem> {
    Ok(Json(own(&Person::new(&state.chat, &caller)).await?))
}

/// The presence of a user
///
/// Of a contact, or a member of a conversation of up to 50 that both are in; of others it can't be seen.
#[utoipa::path(
    tag = "status",
    operation_id = "show_status",
    security(("user_token" = [])),
    params(("user" = String, Path, description = "The user, by id or username")),
    responses((status = 200, description = "The presence", body = Status))
)]
#[get("/status/{user}")]
pub async fn show(state: Data<HttpState>, caller: UserCaller, user: InPath<String>) -> Result<Json<Status>, Problem> {
    let person = Person::new(&state.chat, &caller);
    let found = state.chat.run(async |conn| Ok(users::resolve(conn, person.project, &[&user.0]).await?)).await?;
    let id = found.into_iter().next().flatten().ok_or(Failure::NotFound("user"))?.id;
    if id == person.id() {
        return Ok(Json(own(&person).await?));
    }
    let look = async |conn: &mut _| Ok(presence::visible(conn, person.project, person.id(), Some(&[id])).await?);
    let seen = state.chat.run(look).await?;
    let statuses = ask(&person.namespace()?.registry(), Look(seen)).await?;
    // Who may not be seen is as one who is not there.
    Ok(Json(statuses.into_iter().next().ok_or(Failure::NotFound("user"))?))
}

/// Choose what to look like
///
/// `online`, `busy` or `invisible`, for all sessions and for those to come; as the event `status.update`.
#[utoipa::path(
    tag = "status",
    operation_id = "set_status",
    security(("user_token" = [])),
    request_body = NewStatus,
    responses((status = 200, description = "The presence as the user sees it", body = Status))
)]
#[put("/status")]
pub async fn set(state: Data<HttpState>, caller: UserCaller, body: Body<NewStatus>) -> Result<Json<Status>, Problem> {
    let NewStatus { status, text } = body.0;
    if status == Presence::Away {
        return Err(Failure::invalid("status", "can't be asked for here: only a session is away").into());
    }
    let person = Person::new(&state.chat, &caller);
    let choose = Choose { user: Arc::clone(&person.user), status, text };
    Ok(Json(ask(&person.namespace()?.registry(), choose).await??))
}

async fn own(person: &Person<'_>) -> Result<Status, Failure> {
    if let Some(status) = ask(&person.namespace()?.registry(), Own(person.id())).await? {
        return Ok(status);
    }
    let kept = person.chat.run(async |conn| Ok(presence::load(conn, person.id()).await?)).await?;
    let (user, last_seen) = ((*person.user).clone(), kept.last_seen.map(Into::into));
    Ok(Status { user, status: Presence::Offline, text: kept.text, last_seen })
}
