//! `/api/v1/conversations/{conversation}/members`: who is in a conversation, and what they may do there.

use crate::chat::room::govern::ChangeGroup;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{Paging, page as page_of};
use crate::http::person::Person;
use crate::http::problem::Problem;
use crate::http::read::{Body, InPath};
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, SessionId, UserId};
use crate::store::groups::GroupEdit;
use crate::store::{members, users};
use crate::wire::limits::PAGE_MEMBERS;
use crate::wire::shapes::{Conversation, Member};
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, put};
use serde::Deserialize;
use utoipa::ToSchema;

/// What a member may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    permission: Permission,
}

/// The members of a conversation
///
/// Longest-standing first.
#[utoipa::path(
    tag = "conversations",
    operation_id = "list_members",
    security(("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id"), Paging<UserId, PAGE_MEMBERS>),
    responses((status = 200, description = "A page", body = Page<Member>))
)]
#[get("/conversations/{conversation}/members")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    conversation: InPath<ConversationId>,
    Paging { after, limit }: Paging<UserId, PAGE_MEMBERS>,
) -> Result<Json<Page<Member>>, Problem> {
    let person = Person::new(&state.chat, &caller);
    let page = state.chat.run(async |conn| {
        let permission = members::permission(conn, person.project, conversation.0, person.id()).await?;
        permission.ok_or(Failure::NotFound("conversation"))?;
        Ok(members::page(conn, conversation.0, person.id(), after, limit).await?)
    });
    let (items, more) = page.await?;
    Ok(Json(page_of(items, more, |last: &Member| last.user.id, |member| member)))
}

/// Add a member, or change what one may do
///
/// For administrators of the group; only owners make and unmake owners. Who blocks the caller is not added, without a word.
#[utoipa::path(
    tag = "conversations",
    operation_id = "set_member",
    security(("user_token" = [])),
    params(
        ("conversation" = ConversationId, Path, description = "The conversation's id"),
        ("user" = String, Path, description = "The member, by id or username"),
    ),
    request_body = Membership,
    responses(
        (status = 200, description = "The conversation as the caller sees it now", body = Conversation),
        (status = 409, description = "`conflict`: a group must keep an owner"),
    )
)]
#[put("/conversations/{conversation}/members/{user}")]
pub async fn set(
    state: Data<HttpState>,
    caller: UserCaller,
    path: InPath<(ConversationId, String)>,
    body: Body<Membership>,
) -> Result<Json<Conversation>, Problem> {
    let (conversation, name) = path.0;
    let person = Person::new(&state.chat, &caller);
    let (user, _) = find(&person, conversation, &name).await?;
    let edit = GroupEdit { add: vec![user], permissions: vec![(user, body.0.permission)], ..GroupEdit::default() };
    let change = ChangeGroup { session: SessionId::random(), actor: person.id(), edit };
    Ok(Json(*person.ask_room(conversation, change).await?))
}

/// Remove a member
///
/// For administrators of the group; everybody may leave.
#[utoipa::path(
    tag = "conversations",
    operation_id = "remove_member",
    security(("user_token" = [])),
    params(
        ("conversation" = ConversationId, Path, description = "The conversation's id"),
        ("user" = String, Path, description = "The member, by id or username"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "`conflict`: a group must keep an owner"),
    )
)]
#[delete("/conversations/{conversation}/members/{user}")]
pub async fn remove(
    state: Data<HttpState>,
    caller: UserCaller,
    path: InPath<(ConversationId, String)>,
) -> Result<HttpResponse, Problem> {
    let (conversation, name) = path.0;
    let person = Person::new(&state.chat, &caller);
    let (user, is_member) = find(&person, conversation, &name).await?;
    if !is_member {
        return Err(Failure::NotFound("member").into());
    }
    let edit = GroupEdit { remove: vec![user], ..GroupEdit::default() };
    person.ask_room(conversation, ChangeGroup { session: SessionId::random(), actor: person.id(), edit }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The user of this name, and whether they are in the conversation, which the caller is.
async fn find(person: &Person<'_>, conversation: ConversationId, name: &str) -> Result<(UserId, bool), Failure> {
    person
        .chat
        .run(async |conn| {
            let own = members::permission(conn, person.project, conversation, person.id()).await?;
            own.ok_or(Failure::NotFound("conversation"))?;
            let user = users::resolve(conn, person.project, &[name]).await?.into_iter().next().flatten();
            let user = user.ok_or(Failure::NotFound("user"))?.id;
            let membership = members::permission(conn, person.project, conversation, user).await?;
            Ok((user, membership.is_some()))
        })
        .await
}
