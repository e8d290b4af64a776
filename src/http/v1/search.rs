//! `/api/v1/messages/search`: messages that a user may see, by their words.

use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{Place, page_size};
use crate::http::problem::Problem;
use crate::http::read::{InQuery, Number};
use crate::model::{ConversationId, text};
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
    #[param(min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    q: String,
    /// Only in this conversation.
    conversation: Option<ConversationId>,
    /// The `next` of the page before.
    #[param(pattern = "^(1000|[0-9]{1,3})$")]
    after: Option<String>,
    /// Messages in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// How many better matches were told before.
struct Rank(i64);

impl Place for Rank {
    const PATTERN: &'static str = "^(1000|[0-9]{1,3})$";

    fn mark(&self) -> String {
        self.0.to_string()
    }

    fn from_mark(mark: &str) -> Option<Self> {
        let digits = (1..=4).contains(&mark.len()) && mark.bytes().all(|digit| digit.is_ascii_digit());
        let rank = digits.then(|| mark.parse().ok())??;
        (0..=RANKED).contains(&rank).then_some(Self(rank))
    }
}

/// Search for messages
///
/// In one's own conversations, best match first; French and English words in any of their forms, by the user's `language`. Deleted messages
/// and those of users whom the caller blocks are left out. Of all matches the newest 1 000 count. What was just said is found
/// about a second later. A question that takes the database too long is answered 503: ask for rarer words, or in one conversation.
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
    let offset = Rank::after(after.as_deref())?.map_or(0, |rank| rank.0);
    let question = Question { project: caller.user.project_id, viewer: caller.user.id, words: &q, conversation };
    let now = state.chat.now();
    let page = state.chat.run(async |conn| Ok(messages::search(conn, question, (offset, limit), now).await?));
    let (items, more) = page.await?;
    let (items, cut) = fit_into(state.chat.limits.server_frame_bytes, Format::Json, items);
    let end = i64::try_from(items.len()).unwrap_or(0).saturating_add(offset);
    let next = (more || cut).then(|| Rank(end).mark());
    Ok(Json(Page { items, next }))
}
