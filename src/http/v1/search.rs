//! `/api/v1/messages/search`: messages that a user may see, by their words.

use super::shapes::Page;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::problem::Problem;
use crate::http::read::{InQuery, Number, mark, page_size, unmark};
use crate::model::{ConversationId, Failure, text};
use crate::session::pages::fit_into;
use crate::store::messages::{self, Question, RANKED};
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
    #[param(min_length = 1, max_length = 200)]
    q: String,
    /// Only in this conversation.
    conversation: Option<ConversationId>,
    /// The `next` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]*$")]
    after: Option<String>,
    /// Messages in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// Search for messages
///
/// In one's own conversations, best match first; French and English words in any of their forms, by the user's `language`. Deleted messages
/// and those of users whom the caller blocks are left out. Of all matches the newest 1 000 count. What was just said is found
/// about a second later.
#[utoipa::path(
    tag = "messages",
    operation_id = "search_messages",
    security(("user_token" = [])),
    params(Wanted),
    responses((status = 200, description = "A page", body = Page<Message>))
)]
#[get("/messages/search")]
pub async fn search(
    state: Data<HttpState>,
    caller: UserCaller,
    wanted: InQuery<Wanted>,
) -> Result<Json<Page<Message>>, Problem> {
    let Wanted { q, conversation, after, limit } = wanted.0;
    text::status_text("q", &q)?;
    let limit = page_size(limit, PAGE_MESSAGES_DEFAULT, PAGE_MESSAGES)?;
    let offset = match unmark(after.as_deref())? {
        None => 0,
        Some(text) => text
            .parse()
            .ok()
            .filter(|offset| (0..=RANKED).contains(offset))
            .ok_or_else(|| Failure::invalid("after", "must be the `next` of a page before"))?,
    };
    let question = Question { project: caller.user.project_id, viewer: caller.user.id, words: &q, conversation };
    let now = state.chat.now();
    let page = state.chat.run(async |conn| Ok(messages::search(conn, question, (offset, limit), now).await?));
    let (items, more) = page.await?;
    let (items, cut) = fit_into(state.chat.limits.server_frame_bytes, Format::Json, items);
    let end = i64::try_from(items.len()).unwrap_or(0).saturating_add(offset);
    let next = (more || cut).then(|| mark(&end.to_string()));
    Ok(Json(Page { items, next }))
}
