//! `/api/v1/support/queue`: who waits.

use super::{actor, moment};
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::problem::Problem;
use crate::http::read::{InQuery, Number, mark, page_size, unmark};
use crate::http::v1::shapes::Page;
use crate::model::support::{Priority, Status, check_role};
use crate::model::{Failure, RequestId};
use crate::store::support::queue::{self, Place};
use crate::wire::limits::{PAGE_USERS, PAGE_USERS_DEFAULT};
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
    #[param(pattern = "^[A-Za-z0-9_-]*$")]
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
    let limit = page_size(limit, PAGE_USERS_DEFAULT, PAGE_USERS)?;
    let refused = || Failure::invalid("after", "must be the `next` of a page before");
    let after = unmark(after.as_deref())?.map(|text| place(&text).ok_or_else(refused)).transpose()?;
    let which = (status.unwrap_or(Status::New), priority);
    let page = state.chat.run(async |conn| Ok(queue::page(conn, actor.project, which, after, limit).await?));
    let (items, end) = page.await?;
    let items = items.into_iter().map(|request| {
        let own = request.customer.id == actor.user;
        if own { request.for_customer() } else { request }
    });
    let next =
        end.map(|(priority, moment, id)| mark(&format!("{}.{}.{id}", priority.as_str(), moment.timestamp_micros())));
    Ok(Json(Page { items: items.collect(), next }))
}

fn place(text: &str) -> Option<Place> {
    let (priority, rest) = text.split_once('.')?;
    let (moment, id): (_, RequestId) = moment(rest)?;
    Some((priority.parse().ok()?, moment, id))
}
