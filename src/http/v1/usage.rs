//! `/api/v1/usage`: what language models were used for; one's own, and reports for those who run a project.

mod sheet;

use super::quotas::Measure;
use crate::http::HttpState;
use crate::http::caller::{AdminCaller, UserCaller};
use crate::http::paging::{Name, Place, page_size};
use crate::http::problem::{Checks, Problem};
use crate::http::read::{InQuery, Number};
use crate::model::quota::{month_of, next_month};
use crate::model::{ChatbotId, ConversationId, Failure, UserId};
use crate::store::usage::{self, Grouping, Key, Question, ReportRow};
use crate::wire::time::{Date, Timestamp};
use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{Datelike, NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Rows in a page that nobody gave a size.
const ROWS_DEFAULT: i64 = 50;
/// Rows in a page: some 300 bytes each.
const ROWS: i64 = 1_000;
/// Rows of a CSV that nobody gave a size: a few megabytes.
const SHEET_ROWS: i64 = 10_000;
/// Characters of a model's name that is looked for.
const MODEL_CHARS: usize = 200;
/// Names in a grouping: each once, and a few again.
const NAMES: usize = 10;

/// What was used on a day.
#[derive(Serialize, ToSchema)]
pub struct UsageDay {
    day: Date,
    /// Answers.
    #[schema(minimum = 0)]
    calls: i64,
    #[schema(minimum = 0)]
    input_tokens: i64,
    #[schema(minimum = 0)]
    output_tokens: i64,
    /// In millionths of the currency.
    #[schema(minimum = 0)]
    money: i64,
}

/// What the caller used this month.
#[derive(Serialize, ToSchema)]
pub struct Usage {
    /// The first day of this month, in UTC.
    month: Date,
    /// When the next one begins.
    resets_at: Timestamp,
    tokens: Measure,
    /// In millionths of the currency.
    money: Measure,
    /// Three letters.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    currency: String,
    /// The days on which anything was used.
    days: Vec<UsageDay>,
}

/// One's own use this month
///
/// `remaining` is the quota less what is settled. Other quotas may be tighter: those of the conversation, the project and the organization.
#[utoipa::path(
    tag = "usage",
    operation_id = "show_usage",
    security(("user_token" = [])),
    responses((status = 200, description = "This month", body = Usage))
)]
#[get("/usage")]
pub async fn show_own(state: Data<HttpState>, caller: UserCaller) -> Result<Json<Usage>, Problem> {
    let month = month_of(state.chat.now());
    let end = next_month(month);
    let (project, user) = (caller.user.project_id, caller.user.id);
    let standing = state.chat.quota.of_user(user).await?;
    let days = state.chat.run(async |conn| Ok(usage::by_day(conn, project, user, month, end).await?)).await?;
    let day = |usage::Day { day, calls, input_tokens, output_tokens, money }| UsageDay {
        day: Date(day),
        calls,
        input_tokens,
        output_tokens,
        money,
    };
    Ok(Json(Usage {
        month: Date(month),
        resets_at: end.and_time(NaiveTime::MIN).and_utc().into(),
        tokens: Measure::new(standing.used.tokens, standing.reserved.tokens, standing.limit.tokens),
        money: Measure::new(standing.used.money, standing.reserved.money, standing.limit.money),
        currency: state.chat.limits.currency.to_string(),
        days: days.into_iter().map(day).collect(),
    }))
}

/// How a report is written.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Json,
    Csv,
}

/// Which use, and how it is summed up.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// What there is a row for each of, of `day`, `user`, `chatbot`, `model` and `conversation`, with commas.
    #[param(
        pattern = "^(day|user|chatbot|model|conversation)(,(day|user|chatbot|model|conversation)){0,9}$",
        example = "user,model"
    )]
    group_by: Option<String>,
    /// The first day, in UTC; else that of this month.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-01")]
    from: Option<Date>,
    /// The last day; else today.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-30")]
    to: Option<Date>,
    /// Only of this user, by id.
    user: Option<UserId>,
    /// Only of this chatbot.
    chatbot: Option<ChatbotId>,
    /// Only of this model.
    #[param(min_length = 1, max_length = 200, pattern = "^[^\\x00]+$")]
    model: Option<String>,
    /// Only of this conversation.
    conversation: Option<ConversationId>,
    /// The `next` of the page before.
    #[param(
        pattern = "^[0-9]{1,7}([.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){3}[.]([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?$"
    )]
    after: Option<String>,
    /// Rows in a page: 50 where nothing is said, of a CSV 10 000.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 1000)]
    limit: Option<Number>,
    /// `csv`, or `Accept: text/csv`, for a table; else JSON.
    #[param(inline)]
    format: Option<Format>,
}

/// A user or chatbot in a report. Without a name: gone since.
#[derive(Serialize, ToSchema)]
pub struct Named {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// A row of a report. What there are no rows for each of is left out, and so is what nobody was: an answer that no user asked for.
#[derive(Serialize, ToSchema)]
pub struct UsageRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<Date>,
    /// By username.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chatbot: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "mistral-large-latest")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<Uuid>,
    /// Answers.
    #[schema(minimum = 0)]
    calls: i64,
    #[schema(minimum = 0)]
    input_tokens: i64,
    #[schema(minimum = 0)]
    output_tokens: i64,
    /// In millionths of the currency.
    #[schema(minimum = 0)]
    money: i64,
}

impl UsageRow {
    fn new(row: ReportRow, by: Grouping) -> Self {
        let ReportRow { key, username, chatbot_name, calls, input_tokens, output_tokens, money } = row;
        let somebody = |id: Uuid| Some(id).filter(|id| !id.is_nil());
        Self {
            day: by.day.then_some(Date(key.day)),
            user: somebody(key.user).map(|id| Named { id, name: username }),
            chatbot: somebody(key.chatbot).map(|id| Named { id, name: chatbot_name }),
            model: by.model.then_some(key.model),
            conversation: somebody(key.conversation),
            calls,
            input_tokens,
            output_tokens,
            money,
        }
    }
}

/// A page of a report.
#[derive(Serialize, ToSchema)]
pub struct Report {
    from: Date,
    to: Date,
    /// Three letters.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    currency: String,
    items: Vec<UsageRow>,
    /// Where the next page begins, for `after`; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What was used in the project
///
/// Summed up by day, user, chatbot, model or conversation, each or several of them; without `group_by` by user, chatbot, model and day. For
/// administrators and apps. As CSV the address of the next page is in the header `Link`; cells that a spreadsheet would take for
/// a formula begin with an apostrophe.
#[utoipa::path(
    tag = "usage",
    operation_id = "report_usage",
    security(("access_key" = []), ("user_token" = [])),
    params(Wanted),
    responses((
        status = 200,
        description = "A page",
        content((Report = "application/json"), (String = "text/csv")),
        headers(("Link" = String, description = "Of a CSV: the next page, if there is one."))
    ))
)]
#[get("/usage/report")]
pub async fn report(
    state: Data<HttpState>,
    admin: AdminCaller,
    request: HttpRequest,
    wanted: InQuery<Wanted>,
) -> Result<HttpResponse, Problem> {
    let Wanted { group_by, from, to, user, chatbot, model, conversation, after, limit, format } = wanted.0;
    let today = state.chat.now().date_naive();
    let (from, to) = (from.map_or(month_of(state.chat.now()), |day| day.0), to.map_or(today, |day| day.0));
    let by = grouping(group_by.as_deref());
    let mut checks = Checks::default();
    checks.note(by.as_ref().map(|_| ()).map_err(Clone::clone));
    checks.optional(model.as_deref(), |model| {
        let refused = || Failure::invalid("model", "must have 1 to 200 characters");
        (1..=MODEL_CHARS).contains(&model.chars().count()).then_some(()).ok_or_else(refused)
    });
    checks.done()?;
    let by = by?;
    let is_csv = match format {
        Some(format) => format == Format::Csv,
        None => wants_csv(&request),
    };
    let default = if is_csv { SHEET_ROWS } else { ROWS_DEFAULT };
    let limit = page_size(limit, default, ROWS)?;
    let after = Key::after(after.as_deref())?;
    let model = model.as_deref();
    let question = Question { project: admin.project, from, to, user, chatbot, model, conversation, by };
    let page = state.chat.run(async |conn| Ok(usage::report(conn, question, after.as_ref(), limit).await?));
    let (rows, more) = page.await?;
    let next = rows.last().filter(|_| more).map(|last| last.key.mark());
    let currency = state.chat.limits.currency.to_string();
    if is_csv {
        let mut response = HttpResponse::Ok();
        if let Some(next) = next {
            response.insert_header((header::LINK, link(&request, &next)));
        }
        response.insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"usage.csv\""));
        return Ok(response.content_type("text/csv; charset=utf-8").body(sheet::write(&rows, by, &currency)?));
    }
    let items = rows.into_iter().map(|row| UsageRow::new(row, by)).collect();
    Ok(HttpResponse::Ok().json(Report { from: Date(from), to: Date(to), currency, items, next }))
}

fn grouping(group_by: Option<&str>) -> Result<Grouping, Failure> {
    let refused = || Failure::invalid("group_by", "must name day, user, chatbot, model or conversation, with commas");
    let names: Vec<&str> = group_by.unwrap_or("user,chatbot,model,day").split(',').take(NAMES + 1).collect();
    if names.len() > NAMES {
        return Err(refused());
    }
    let mut by = Grouping::default();
    for name in names {
        match name {
            "day" => by.day = true,
            "user" => by.user = true,
            "chatbot" => by.chatbot = true,
            "model" => by.model = true,
            "conversation" => by.conversation = true,
            _ => return Err(refused()),
        }
    }
    Ok(by)
}

/// Whether a table is asked for, before JSON.
fn wants_csv(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = |part: &str| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    accept.split(',').map(kind).find(|kind| kind == "text/csv" || kind == "application/json").as_deref()
        == Some("text/csv")
}

/// The next page of the same report.
fn link(request: &HttpRequest, next: &str) -> String {
    let others: Vec<&str> = request
        .query_string()
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("after"))
        .collect();
    let separator = if others.is_empty() { "" } else { "&" };
    format!("<{}?{}{separator}after={next}>; rel=\"next\"", request.path(), others.join("&"))
}

/// In the order of days (by their number since the year 1), users, chatbots, conversations and models.
impl Place for Key {
    const PATTERN: &'static str =
        "^[0-9]{1,7}([.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){3}[.]([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?$";

    fn mark(&self) -> String {
        let Self { day, user, chatbot, model, conversation } = self;
        format!("{}.{user}.{chatbot}.{conversation}.{}", day.num_days_from_ce(), Name(model.clone()).mark())
    }

    fn from_mark(mark: &str) -> Option<Self> {
        let mut parts = mark.splitn(5, '.');
        let day = parts.next()?;
        let is_number = (1..=7).contains(&day.len()) && day.bytes().all(|digit| digit.is_ascii_digit());
        let day = is_number.then(|| NaiveDate::from_num_days_from_ce_opt(day.parse().ok()?))??;
        let mut id = || parts.next()?.parse().ok();
        let (user, chatbot, conversation) = (id()?, id()?, id()?);
        Some(Self { day, user, chatbot, conversation, model: Name::from_mark(parts.next()?)?.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_has_the_form_of_a_mark_is_taken_and_marks_come_back(
            mark in "[0-9]{1,7}([.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){3}[.]([A-Za-z0-9_-]{4}){0,3}([A-Za-z0-9_-]{2,3})?"
        ) {
            let key = Key::from_mark(&mark).unwrap();
            prop_assert_eq!(Key::from_mark(&key.mark()), Some(key));
        }
    }
}
