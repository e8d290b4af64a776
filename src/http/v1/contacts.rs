//! `/api/v1/contacts`: the contacts of the user who calls.

use super::shapes::{Page, Relation};
use crate::chat::registry::relate::Relate;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::person::Person;
use crate::http::problem::Problem;
use crate::http::read::{Body, InQuery, Number, mark, page_size, unmark};
use crate::model::{Failure, SessionId, UserId};
use crate::session::who::ask;
use crate::store::{contacts, users};
use crate::wire::limits::{PAGE_CONTACTS, PAGE_USERS_DEFAULT};
use crate::wire::shapes::Contact;
use actix_web::web::{Data, Json};
use actix_web::{get, post};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which contacts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The `next` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]*$")]
    after: Option<String>,
    /// Contacts in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// One's own contacts
///
/// Invited, accepted and blocked, in the order of their ids.
#[utoipa::path(
    tag = "contacts",
    operation_id = "list_contacts",
    security(("user_token" = [])),
    params(Which),
    responses((status = 200, description = "A page", body = Page<Contact>))
)]
#[get("/contacts")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    which: InQuery<Which>,
) -> Result<Json<Page<Contact>>, Problem> {
    let limit = page_size(which.0.limit, PAGE_USERS_DEFAULT, PAGE_CONTACTS)?;
    let refused = || Failure::invalid("after", "must be the `next` of a page before");
    let after = unmark(which.0.after.as_deref())?;
    let after: Option<UserId> = after.map(|id| id.parse().map_err(|_| refused())).transpose()?;
    let page = state.chat.run(async |conn| Ok(contacts::page(conn, caller.user.id, after, limit).await?));
    let (items, more) = page.await?;
    let next = items.last().filter(|_| more).map(|last| mark(&last.user.id.to_string()));
    Ok(Json(Page { items, next }))
}

/// Do something about a contact
///
/// As the event `contact.update`.
#[utoipa::path(
    tag = "contacts",
    operation_id = "create_contact_action",
    security(("user_token" = [])),
    request_body = Relation,
    responses(
        (status = 200, description = "The contact as the user sees it now", body = Contact),
        (status = 404, description = "`not_found`: the project has no such user"),
        (status = 409, description = "`conflict`: the relation does not allow it, or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/contacts")]
pub async fn relate(
    state: Data<HttpState>,
    caller: UserCaller,
    body: Body<Relation>,
) -> Result<Json<Contact>, Problem> {
    let Relation { user, action } = body.0;
    let person = Person::new(&state.chat, &caller);
    let found = state.chat.run(async |conn| Ok(users::resolve(conn, person.project, &[&user]).await?)).await?;
    let target = found.into_iter().next().flatten().ok_or(Failure::NotFound("user"))?.id;
    if target == person.id() {
        return Err(Failure::invalid("user", "must be somebody else").into());
    }
    let relate = Relate { session: SessionId::random(), actor: person.id(), target, action };
    Ok(Json(ask(&person.namespace()?.registry(), relate).await??))
}
