//! `/api/v1/support/requests`: made by customers, seen by both sides; tags, ratings, the audit trail.

use super::actor;
use crate::chat::desk;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{self, Paging, Place, Serial, page_size};
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath, InQuery, Number};
use crate::model::account::UserRole;
use crate::model::limits::{SUPPORT_COMMENT_CHARS, SUPPORT_TAG_CHARS, SUPPORT_TAGS};
use crate::model::support::{Kind, Priority, Standing, Status};
use crate::model::{Failure, RequestId, text};
use crate::store::support::requests::{self, Filter, NewRequest};
use crate::store::support::{audit as trail, matter};
use crate::wire::limits::PAGE_USERS;
use crate::wire::support::{AuditStep, Request};
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post, put};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

/// Whose requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SupportWhose)]
pub enum Whose {
    /// The caller's as a customer.
    Own,
    /// Those that the caller looks after.
    Assigned,
    /// All of the project.
    All,
}

/// Which requests.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// `own`, `assigned` or `all`; the latter two for agents and administrators, whose default is `all`.
    #[param(inline)]
    whose: Option<Whose>,
    #[param(inline)]
    status: Option<Status>,
    #[param(inline)]
    priority: Option<Priority>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9]{1,16}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    after: Option<String>,
    /// Requests in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// A new request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSupportRequest)]
pub struct New {
    r#type: Kind,
    priority: Priority,
    #[schema(
        example = "The car did not start",
        min_length = 1,
        max_length = 255,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
    )]
    subject: String,
    /// The first message of the talk; needed with `CONTACT_FORM`.
    #[schema(example = "It stands in front of the station.", min_length = 1, max_length = 16384)]
    message: Option<String>,
    /// The project's chatbot answers until an agent does; with `CHAT` only.
    #[serde(default)]
    bot: bool,
}

/// Tags in place of those there were.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportTags)]
pub struct Tags {
    #[schema(schema_with = tags)]
    tags: Vec<String>,
}

fn tags() -> Array {
    let words = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(SUPPORT_TAG_CHARS))
        .pattern(Some("^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"));
    let several = ArrayBuilder::new().items(words).max_items(Some(SUPPORT_TAGS));
    several.description(Some("A few words each.")).examples([json!(["refund", "paris"])]).build()
}

/// How it went.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSupportRating)]
pub struct NewRating {
    #[schema(example = 5, minimum = 1, maximum = 5)]
    stars: i16,
    #[schema(example = "That went quickly.", min_length = 1, max_length = 2000)]
    comment: Option<String>,
}

/// Requests for support
///
/// Newest first. Customers see their own; agents and administrators those of the project.
#[utoipa::path(
    tag = "support",
    operation_id = "list_support_requests",
    security(("user_token" = [])),
    params(Which),
    responses((status = 200, description = "A page", body = Page<Request>))
)]
#[get("/support/requests")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    which: InQuery<Which>,
) -> Result<Json<Page<Request>>, Problem> {
    let Which { whose, status, priority, after, limit } = which.0;
    let limit = page_size(limit, paging::DEFAULT, PAGE_USERS)?;
    let after = <(DateTime<Utc>, RequestId)>::after(after.as_deref())?;
    let actor = actor(&caller);
    let is_staff = actor.role != UserRole::User;
    let whose = whose.unwrap_or(if is_staff { Whose::All } else { Whose::Own });
    if whose != Whose::Own && !is_staff {
        return Err(Failure::Forbidden("customers list their own requests").into());
    }
    let filter = Filter {
        customer: (whose == Whose::Own).then_some(actor.user),
        agent: (whose == Whose::Assigned).then_some(actor.user),
        status,
        priority,
    };
    let page = state.chat.run(async |conn| Ok(requests::page(conn, actor.project, filter, after, limit).await?));
    let (items, end) = page.await?;
    let items = items.into_iter().map(|request| {
        let own = request.customer.id == actor.user;
        if own { request.for_customer() } else { request }
    });
    Ok(Json(Page { items: items.collect(), next: end.map(|end| end.mark()) }))
}

/// Ask for support
///
/// The request waits in the queue. With `message`, or with `bot`, its first session is open at once; available agents are told. At most 20
/// of one customer are open at a time.
#[utoipa::path(
    tag = "support",
    operation_id = "create_support_request",
    security(("user_token" = [])),
    request_body = New,
    responses(
        (status = 201, description = "Made", body = Request),
        (status = 409, description = "`conflict`: the customer has too many open ones, or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests")]
pub async fn create(state: Data<HttpState>, caller: UserCaller, body: Body<New>) -> Result<HttpResponse, Problem> {
    let New { r#type: kind, priority, subject, message, bot } = body.0;
    let mut checks = Checks::default();
    checks.note(text::title("subject", &subject)).optional(message.as_deref(), |body| text::body("message", body));
    if kind == Kind::ContactForm && message.is_none() {
        checks.note(Err(Failure::invalid("message", "is needed with CONTACT_FORM")));
    }
    if kind == Kind::ContactForm && bot {
        checks.note(Err(Failure::invalid("bot", "goes with CHAT")));
    }
    checks.done()?;
    let (actor, now) = (actor(&caller), state.chat.now());
    let new = NewRequest { kind, priority, subject, message, bot };
    let made = state.chat.run(async |conn| requests::create(conn, actor, &new, now).await).await?;
    let id = made.request.ok_or(Failure::Internal)?;
    desk::spread(&state.chat, actor.project, made).await;
    Ok(HttpResponse::Created().json(desk::see(&state.chat, actor, id).await?))
}

/// A request for support
///
/// While it waits, with its place in the queue and the expected wait.
#[utoipa::path(
    tag = "support",
    operation_id = "show_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    responses((status = 200, description = "The request", body = Request))
)]
#[get("/support/requests/{request}")]
pub async fn show(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
) -> Result<Json<Request>, Problem> {
    Ok(Json(desk::see(&state.chat, actor(&caller), request.0).await?))
}

/// Tag a request
///
/// In place of the tags it had. For agents and administrators; the customer never sees them.
#[utoipa::path(
    tag = "support",
    operation_id = "tag_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    request_body = Tags,
    responses((status = 200, description = "Tagged", body = Request))
)]
#[put("/support/requests/{request}/tags")]
pub async fn tag(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
    body: Body<Tags>,
) -> Result<Json<Request>, Problem> {
    let Tags { mut tags } = body.0;
    let mut checks = Checks::default();
    if tags.len() > SUPPORT_TAGS {
        checks.note(Err(Failure::invalid("tags", format!("must be at most {SUPPORT_TAGS}"))));
    }
    for (index, tag) in tags.iter().enumerate().take(SUPPORT_TAGS) {
        checks.note(text::words(&format!("tags[{index}]"), tag, SUPPORT_TAG_CHARS));
    }
    checks.done()?;
    tags.sort();
    tags.dedup();
    let (actor, id, now) = (actor(&caller), request.0, state.chat.now());
    let step = async |conn: &mut _| requests::tag(conn, actor, id, &tags, now).await;
    Ok(Json(desk::act(&state.chat, actor, id, false, step).await?))
}

/// Say how it went
///
/// For the customer, once, after the end.
#[utoipa::path(
    tag = "support",
    operation_id = "rate_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id")),
    request_body = NewRating,
    responses(
        (status = 200, description = "Rated", body = Request),
        (status = 409, description = "`conflict`: it has not ended, or was rated; or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/support/requests/{request}/rating")]
pub async fn rate(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
    body: Body<NewRating>,
) -> Result<Json<Request>, Problem> {
    let NewRating { stars, comment } = body.0;
    let mut checks = Checks::default();
    if !(1..=5).contains(&stars) {
        checks.note(Err(Failure::invalid("stars", "must be from 1 to 5")));
    }
    checks.optional(comment.as_deref(), |comment| text::lines("comment", comment, SUPPORT_COMMENT_CHARS));
    checks.done()?;
    let (actor, id, now) = (actor(&caller), request.0, state.chat.now());
    let step = async |conn: &mut _| requests::rate(conn, actor, id, (stars, comment.as_deref()), now).await;
    Ok(Json(desk::act(&state.chat, actor, id, false, step).await?))
}

/// Who did what, and when
///
/// Every step of a request, oldest first; for agents and administrators.
#[utoipa::path(
    tag = "support",
    operation_id = "audit_support_request",
    security(("user_token" = [])),
    params(("request" = RequestId, Path, description = "The request's id"), Paging<Serial, PAGE_USERS>),
    responses((status = 200, description = "A page", body = Page<AuditStep>))
)]
#[get("/support/requests/{request}/audit")]
pub async fn audit(
    state: Data<HttpState>,
    caller: UserCaller,
    request: InPath<RequestId>,
    Paging { after, limit }: Paging<Serial, PAGE_USERS>,
) -> Result<Json<Page<AuditStep>>, Problem> {
    let after = after.map_or(0, |serial| serial.0);
    let (actor, id) = (actor(&caller), request.0);
    let page = state.chat.run(async |conn| {
        let standing: Standing = matter(conn, actor.project, id).await?.standing(actor)?;
        standing.check_staff()?;
        Ok(trail::page(conn, id, after, limit).await?)
    });
    let (items, end) = page.await?;
    Ok(Json(Page { items, next: end.map(|end| Serial(end).mark()) }))
}
