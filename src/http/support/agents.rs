//! `/api/v1/support/agents`: who is there, and for how much.

use super::actor;
use crate::chat::desk;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::problem::Problem;
use crate::http::read::Body;
use crate::model::Failure;
use crate::model::limits::SUPPORT_CAPACITY;
use crate::model::support::{AgentStatus, check_role};
use crate::store::support::agents;
use crate::wire::support::{Agent, AgentPush};
use actix_web::web::{Data, Json};
use actix_web::{get, put};
use serde::Deserialize;
use utoipa::ToSchema;

/// How an agent works.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportAgentChange)]
pub struct Change {
    status: AgentStatus,
    /// Requests to have at once; without it as many as before, at first 5.
    #[schema(minimum = 1, maximum = 100)]
    capacity: Option<i32>,
}

/// The agents
///
/// Those who ever said how they work, in the order of their names, at most 500. For agents and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "list_support_agents",
    security(("user_token" = [])),
    responses((status = 200, description = "All of them", body = Page<Agent>))
)]
#[get("/support/agents")]
pub async fn list(state: Data<HttpState>, caller: UserCaller) -> Result<Json<Page<Agent>>, Problem> {
    let actor = actor(&caller);
    check_role(actor.role)?;
    let items = state.chat.run(async |conn| Ok(agents::list(conn, actor.project).await?)).await?;
    Ok(Json(Page { items, next: None }))
}

/// How one works
///
/// For agents and administrators; who never said so is `away`.
#[utoipa::path(
    tag = "support",
    operation_id = "show_support_agent",
    security(("user_token" = [])),
    responses((status = 200, description = "The agent", body = Agent))
)]
#[get("/support/agents/me")]
pub async fn show_own(state: Data<HttpState>, caller: UserCaller) -> Result<Json<Agent>, Problem> {
    let shown = state.chat.run(async |conn| agents::show(conn, actor(&caller), &caller.user).await);
    Ok(Json(shown.await?))
}

/// Say how one works
///
/// `available` agents hear of the queue, and are given requests where the project wants that. Others may take all the same. For agents and
/// administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "set_support_agent",
    security(("user_token" = [])),
    request_body = Change,
    responses((status = 200, description = "The agent", body = Agent))
)]
#[put("/support/agents/me")]
pub async fn set_own(state: Data<HttpState>, caller: UserCaller, body: Body<Change>) -> Result<Json<Agent>, Problem> {
    let Change { status, capacity } = body.0;
    if capacity.is_some_and(|capacity| !SUPPORT_CAPACITY.contains(&capacity)) {
        let (least, most) = (SUPPORT_CAPACITY.start(), SUPPORT_CAPACITY.end());
        return Err(Failure::invalid("capacity", format!("must be from {least} to {most}")).into());
    }
    let actor = actor(&caller);
    let set = state.chat.run(async |conn| {
        let changed = agents::set(conn, actor, status, capacity).await?;
        Ok((changed, agents::show(conn, actor, &caller.user).await?))
    });
    let (changed, agent) = set.await?;
    if changed {
        let push = AgentPush { user: agent.user.clone(), status };
        desk::tell_agent(&state.chat, actor.project, push).await?;
    }
    state.chat.desk.wake();
    Ok(Json(agent))
}
