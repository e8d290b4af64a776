//! `/api/v1/support/search`: what was said in sessions, by its words.

use super::actor;
use super::places::Rank;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{Place, page_size};
use crate::http::problem::Problem;
use crate::http::read::{InQuery, Number};
use crate::model::text;
use crate::session::pages::fit_into;
use crate::store::support::search as store;
use crate::wire::limits::{PAGE_MESSAGES, PAGE_MESSAGES_DEFAULT};
use crate::wire::outgoing::Format;
use crate::wire::shapes::Message;
use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use utoipa::IntoParams;

/// What to look for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Words, in any of their forms; `"a phrase"`, `this or that`, `-without`.
    #[param(min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    q: String,
    /// The `next` of the page before.
    #[param(pattern = "^(1000|[0-9]{1,3})$")]
    after: Option<String>,
    /// Messages in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// Search through sessions
///
/// Those that the caller may read: a customer their own, an agent those of the requests they have, administrators all of the project.
/// Best match first, as [other messages](#tag/messages) are found.
#[utoipa::path(
    tag = "support",
    operation_id = "search_support",
    security(("user_token" = [])),
    params(Wanted),
    responses((status = 200, description = "A page", body = Page<Message>))
)]
#[get("/support/search")]
pub async fn search(
    state: Data<HttpState>,
    caller: UserCaller,
    wanted: InQuery<Wanted>,
) -> Result<Json<Page<Message>>, Problem> {
    let Wanted { q, after, limit } = wanted.0;
    text::status_text("q", &q)?;
    let limit = page_size(limit, PAGE_MESSAGES_DEFAULT, PAGE_MESSAGES)?;
    let offset = Rank::after(after.as_deref())?.map_or(0, |rank| rank.0);
    let (actor, now) = (actor(&caller), state.chat.now());
    let page = state.chat.run(async |conn| Ok(store::search(conn, actor, &q, (offset, limit), now).await?));
    let (items, more) = page.await?;
    let (items, cut) = fit_into(state.chat.limits.server_frame_bytes, Format::Json, items);
    let end = i64::try_from(items.len()).unwrap_or(0).saturating_add(offset);
    Ok(Json(Page { items, next: (more || cut).then(|| Rank(end).mark()) }))
}
