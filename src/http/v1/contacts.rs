//! `/api/v1/contacts`: the contacts of the user who calls.

use super::shapes::Relation;
use crate::chat::registry::relate::Relate;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{Paging, page as page_of};
use crate::http::person::Person;
use crate::http::problem::Problem;
use crate::http::read::Body;
use crate::model::{Failure, SessionId, UserId};
use crate::session::who::ask;
use crate::store::{contacts, users};
use crate::wire::limits::PAGE_CONTACTS;
use crate::wire::shapes::Contact;
use actix_web::web::{Data, Json};
use actix_web::{get, post};

/// One's own contacts
///
/// Invited, accepted and blocked, in the order of their ids.
#[utoipa::path(
    tag = "contacts",
    operation_id = "list_contacts",
    security(("user_token" = [])),
    params(Paging<UserId, PAGE_CONTACTS>),
    responses((status = 200, description = "A page", body = Page<Contact>))
)]
#[get("/contacts")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    Paging { after, limit }: Paging<UserId, PAGE_CONTACTS>,
) -> Result<Json<Page<Contact>>, Problem> {
    let page = state.chat.run(async |conn| Ok(contacts::page(conn, caller.user.id, after, limit).await?));
    let (items, more) = page.await?;
    Ok(Json(page_of(items, more, |last: &Contact| last.user.id, |contact| contact)))
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
