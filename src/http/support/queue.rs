//! `/api/v1/support/queue`: who waits.

use super::actor;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{self, Place as _, page_size};
use crate::http::problem::Problem;
use crate::http::read::{InQuery, Number};
use crate::model::support::{Priority, Status, check_role};
use crate::store::support::queue::{self, Place};
use crate::wire::limits::PAGE_USERS;
use crate::wire::support::Request;
use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which requests.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Of another status than `NEW`, in the same order.
    #[param(inline)]
    status: Option<Status>,
    /// Only of this priority.
    #[param(inline)]
    priority: Option<Priority>,
    /// The `next` of the page before.
    #[param(pattern = "^(HIGH|MEDIUM|LOW)[.][0-9]{1,16}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    after: Option<String>,
    /// Requests in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// The queue
///
/// Requests that wait, the most urgent first, then those that wait longest. For agents and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "list_support_queue",
    security(("user_token" = [])),
    params(Which),
    responses((status = 200, description = "A page", body = Page<Request>))
)]
#[get("/support/queue")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    which: InQuery<Which>,
) -> Result<Json<Page<Request>>, Problem> {
    let Which { status, priority, after, limit } = which.0;
    let actor = actor(&caller);
    check_role(actor.role)?;
    let limit = page_size(limit, paging::DEFAULT, PAGE_USERS)?;
    let after = Place::after(after.as_deref())?;
    let which = (status.unwrap_or(Status::New), priority);
    let page = state.chat.run(async |conn| Ok(queue::page(conn, actor.project, which, after, limit).await?));
    let (items, end) = page.await?;
    let items = items.into_iter().map(|request| {
        let own = request.customer.id == actor.user;
        if own { request.for_customer() } else { request }
    });
    Ok(Json(Page { items: items.collect(), next: end.map(|end| end.mark()) }))
}
