//! Quotas of language models: what may be used in a calendar month, by users, conversations, projects and organizations.

use super::projects;
use crate::http::HttpState;
use crate::http::caller::{AdminCaller, OrganizationCaller};
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath};
use crate::model::quota::{Level, Limit, MOST, month_of};
use crate::model::{ConversationId, Failure, ProjectId};
use crate::store::people;
use crate::store::quotas::{self, Balance, Side};
use crate::wire::time::Date;
use actix_web::web::{Data, Json};
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What may be used in a calendar month. What is left out, or `null`, has no limit; for a user's tokens it is then the
/// server's `--user-tokens`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaLimits {
    #[schema(example = 100_000, minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    tokens: Option<u64>,
    /// In millionths of the currency. It holds for models whose price is known.
    #[schema(example = 25_000_000, minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    money: Option<u64>,
}

/// How much of something was used.
#[derive(Serialize, ToSchema)]
pub struct Measure {
    /// Settled.
    #[schema(minimum = 0)]
    used: u64,
    /// By answers under way.
    #[schema(minimum = 0)]
    reserved: u64,
    /// Absent: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    quota: Option<u64>,
    /// The quota less what is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    remaining: Option<u64>,
}

impl Measure {
    pub fn new(used: u64, reserved: u64, quota: Option<u64>) -> Self {
        Self { used, reserved, quota, remaining: quota.map(|quota| quota.saturating_sub(used)) }
    }
}

/// Whose quota it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuotaLevel {
    User,
    Conversation,
    Project,
    Organization,
}

/// Limits as they were set.
#[derive(Serialize, ToSchema)]
pub struct SetLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    money: Option<u64>,
}

impl From<Limit> for SetLimits {
    fn from(limit: Limit) -> Self {
        Self { tokens: limit.tokens, money: limit.money }
    }
}

/// A quota and how this month stands.
#[derive(Serialize, ToSchema)]
pub struct Quota {
    level: QuotaLevel,
    id: Uuid,
    /// The first day of this month, in UTC.
    month: Date,
    tokens: Measure,
    /// In millionths of the currency.
    money: Measure,
    /// Three letters.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    currency: String,
    /// As it was set at this level.
    set: SetLimits,
    /// At the level of a project: as its organization set it. The lower one holds.
    set_by_organization: SetLimits,
}

/// What a quota is asked for, or set.
struct Subject {
    level: Level,
    id: Uuid,
}

async fn shown(state: &HttpState, subject: &Subject) -> Result<Json<Quota>, Problem> {
    let balance = state.chat.quota.balance(subject.level, subject.id).await?;
    let Balance { own, cap, used, reserved } = balance;
    let (level, limit) = match subject.level {
        Level::User => (QuotaLevel::User, state.chat.quota.or_default(balance.limit())),
        Level::Conversation => (QuotaLevel::Conversation, balance.limit()),
        Level::Project => (QuotaLevel::Project, balance.limit()),
        Level::Organization => (QuotaLevel::Organization, balance.limit()),
    };
    Ok(Json(Quota {
        level,
        id: subject.id,
        month: Date(month_of(state.chat.now())),
        tokens: Measure::new(used.tokens, reserved.tokens, limit.tokens),
        money: Measure::new(used.money, reserved.money, limit.money),
        currency: state.chat.limits.currency.to_string(),
        set: own.into(),
        set_by_organization: cap.into(),
    }))
}

async fn set(state: &HttpState, subject: Subject, side: Side, limits: QuotaLimits) -> Result<Json<Quota>, Problem> {
    let QuotaLimits { tokens, money } = limits;
    let check = |field: &str, amount: u64| {
        let beyond = || Failure::invalid(field, format!("must be at most {MOST}"));
        (amount <= MOST).then_some(()).ok_or_else(beyond)
    };
    let mut checks = Checks::default();
    checks.note(tokens.map_or(Ok(()), |tokens| check("tokens", tokens)));
    checks.note(money.map_or(Ok(()), |money| check("money", money)));
    checks.done()?;
    let limit = Limit { tokens, money };
    state.chat.run(async |conn| quotas::set(conn, subject.level, subject.id, side, limit).await).await?;
    state.chat.quota.changed();
    shown(state, &subject).await
}

async fn user(state: &HttpState, project: ProjectId, name_or_id: &str) -> Result<Subject, Problem> {
    let found = state.chat.run(async |conn| Ok(people::find(conn, project, name_or_id).await?)).await?;
    let id = found.ok_or(Failure::NotFound("user"))?.user.id.0;
    Ok(Subject { level: Level::User, id })
}

async fn conversation(state: &HttpState, project: ProjectId, id: ConversationId) -> Result<Subject, Problem> {
    let found = state.chat.run(async |conn| Ok(quotas::has_conversation(conn, project, id).await?)).await?;
    if !found {
        return Err(Failure::NotFound("conversation").into());
    }
    Ok(Subject { level: Level::Conversation, id: id.0 })
}

/// A user's quota, and how this month stands
///
/// For administrators and apps. Users see their own at `usage`.
#[utoipa::path(
    tag = "quotas",
    operation_id = "show_quota_of_user",
    security(("access_key" = []), ("user_token" = [])),
    params(("user" = String, Path, description = "The user, by id or username")),
    responses((status = 200, description = "The quota", body = Quota))
)]
#[get("/users/{user}/quota")]
pub async fn show_of_user(
    state: Data<HttpState>,
    admin: AdminCaller,
    name: InPath<String>,
) -> Result<Json<Quota>, Problem> {
    shown(&state, &user(&state, admin.project, &name.0).await?).await
}

/// Set a user's quota
///
/// For administrators and apps. It holds at once.
#[utoipa::path(
    tag = "quotas",
    operation_id = "set_quota_of_user",
    security(("access_key" = []), ("user_token" = [])),
    params(("user" = String, Path, description = "The user, by id or username")),
    request_body = QuotaLimits,
    responses((status = 200, description = "Set", body = Quota))
)]
#[put("/users/{user}/quota")]
pub async fn set_of_user(
    state: Data<HttpState>,
    admin: AdminCaller,
    name: InPath<String>,
    body: Body<QuotaLimits>,
) -> Result<Json<Quota>, Problem> {
    let subject = user(&state, admin.project, &name.0).await?;
    set(&state, subject, Side::Own, body.0).await
}

/// A conversation's quota, and how this month stands
///
/// For administrators and apps, whoever its members are.
#[utoipa::path(
    tag = "quotas",
    operation_id = "show_quota_of_conversation",
    security(("access_key" = []), ("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id")),
    responses((status = 200, description = "The quota", body = Quota))
)]
#[get("/conversations/{conversation}/quota")]
pub async fn show_of_conversation(
    state: Data<HttpState>,
    admin: AdminCaller,
    id: InPath<ConversationId>,
) -> Result<Json<Quota>, Problem> {
    shown(&state, &conversation(&state, admin.project, id.0).await?).await
}

/// Set a conversation's quota
///
/// For administrators and apps, whoever its members are. It holds at once.
#[utoipa::path(
    tag = "quotas",
    operation_id = "set_quota_of_conversation",
    security(("access_key" = []), ("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id")),
    request_body = QuotaLimits,
    responses((status = 200, description = "Set", body = Quota))
)]
#[put("/conversations/{conversation}/quota")]
pub async fn set_of_conversation(
    state: Data<HttpState>,
    admin: AdminCaller,
    id: InPath<ConversationId>,
    body: Body<QuotaLimits>,
) -> Result<Json<Quota>, Problem> {
    let subject = conversation(&state, admin.project, id.0).await?;
    set(&state, subject, Side::Own, body.0).await
}

/// The quota of the caller's project, and how this month stands
///
/// For administrators and apps.
#[utoipa::path(
    tag = "quotas",
    operation_id = "show_quota",
    security(("access_key" = []), ("user_token" = [])),
    responses((status = 200, description = "The quota", body = Quota))
)]
#[get("/quota")]
pub async fn show_own(state: Data<HttpState>, admin: AdminCaller) -> Result<Json<Quota>, Problem> {
    shown(&state, &Subject { level: Level::Project, id: admin.project.0 }).await
}

/// Set the quota of the caller's project
///
/// For administrators and apps. What the organization set holds beside it.
#[utoipa::path(
    tag = "quotas",
    operation_id = "set_quota",
    security(("access_key" = []), ("user_token" = [])),
    request_body = QuotaLimits,
    responses((status = 200, description = "Set", body = Quota))
)]
#[put("/quota")]
pub async fn set_own(
    state: Data<HttpState>,
    admin: AdminCaller,
    body: Body<QuotaLimits>,
) -> Result<Json<Quota>, Problem> {
    set(&state, Subject { level: Level::Project, id: admin.project.0 }, Side::Own, body.0).await
}

/// The quota of a project of the organization, and how this month stands
#[utoipa::path(
    tag = "quotas",
    operation_id = "show_quota_of_project",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    responses((status = 200, description = "The quota", body = Quota))
)]
#[get("/projects/{project}/quota")]
pub async fn show_of_project(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
) -> Result<Json<Quota>, Problem> {
    let found = projects::find(&state, caller.organization.id, &project.0).await?;
    shown(&state, &Subject { level: Level::Project, id: found.id.0 }).await
}

/// Set the quota of a project of the organization
///
/// It is shown as `set_by_organization`: the project's administrators can go below it, not above.
#[utoipa::path(
    tag = "quotas",
    operation_id = "set_quota_of_project",
    security(("organization_token" = [])),
    params(("project" = String, Path, description = "The project, by name or id")),
    request_body = QuotaLimits,
    responses((status = 200, description = "Set", body = Quota))
)]
#[put("/projects/{project}/quota")]
pub async fn set_of_project(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    project: InPath<String>,
    body: Body<QuotaLimits>,
) -> Result<Json<Quota>, Problem> {
    let found = projects::find(&state, caller.organization.id, &project.0).await?;
    set(&state, Subject { level: Level::Project, id: found.id.0 }, Side::Cap, body.0).await
}

/// The organization's quota, and how this month stands
///
/// Of all its projects together.
#[utoipa::path(
    tag = "quotas",
    operation_id = "show_quota_of_organization",
    security(("organization_token" = [])),
    responses((status = 200, description = "The quota", body = Quota))
)]
#[get("/organizations/me/quota")]
pub async fn show_of_organization(state: Data<HttpState>, caller: OrganizationCaller) -> Result<Json<Quota>, Problem> {
    shown(&state, &Subject { level: Level::Organization, id: caller.organization.id.0 }).await
}

/// Set the organization's quota
///
/// Of all its projects together.
#[utoipa::path(
    tag = "quotas",
    operation_id = "set_quota_of_organization",
    security(("organization_token" = [])),
    request_body = QuotaLimits,
    responses((status = 200, description = "Set", body = Quota))
)]
#[put("/organizations/me/quota")]
pub async fn set_of_organization(
    state: Data<HttpState>,
    caller: OrganizationCaller,
    body: Body<QuotaLimits>,
) -> Result<Json<Quota>, Problem> {
    let subject = Subject { level: Level::Organization, id: caller.organization.id.0 };
    set(&state, subject, Side::Own, body.0).await
}
