//! `/api/v1/conversations`: the conversations of the user who calls. Those of others do not exist for them, whoever they are.

pub mod members;
pub mod messages;
pub mod receipts;

use crate::chat::founding::{found, found_assistant};
use crate::chat::room::govern::{ChangeGroup, DeleteGroup, SetMode};
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::Page;
use crate::http::paging::{Paging, Place};
use crate::http::person::Person;
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath, never_null, or_null};
use crate::model::permission::Permission;
use crate::model::{ChatbotId, ConversationId, Failure, SessionId, UserId, text};
use crate::store::conversations::{self, Activity};
use crate::store::groups::GroupEdit;
use crate::store::users;
use crate::wire::limits::SUMMARY_CONVERSATIONS;
use crate::wire::shapes::{Conversation, Mode};
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::Deserialize;
use utoipa::ToSchema;

/// What can be made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewKind {
    Group,
    Assistant,
}

/// A new conversation: a group with `name` and `members`, or the caller's own with a bot, with `chatbot`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConversation {
    /// Without it a group.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = NewKind, required = false)]
    kind: Option<NewKind>,
    /// The bot that answers, of an `assistant`; without it the project's.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = ChatbotId, required = false)]
    chatbot: Option<ChatbotId>,
    /// Of a group: unique in the project, regardless of case.
    #[schema(example = "map-night", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9!?_().&#,<>-]+$")]
    name: Option<String>,
    #[schema(example = "Friday: new maps", min_length = 1, max_length = 255, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    title: Option<String>,
    /// Of a group: the others; who calls owns it.
    #[schema(max_items = 500)]
    members: Option<Vec<NewMember>>,
}

/// Somebody to be a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// By id or username.
    #[schema(example = "bob")]
    user: String,
    /// Without it `w`.
    permission: Option<Permission>,
}

/// What is to become of a conversation. What is left out stays. `mode` and `chatbot` go without the others: one change at a time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationChange {
    /// Unique in the project, regardless of case.
    #[schema(example = "map-night", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9!?_().&#,<>-]+$")]
    name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "or_null")]
    #[schema(value_type = Option<String>, example = "Saturday: new maps", min_length = 1, max_length = 255, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    title: Option<Option<String>>,
    /// Who answers.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Mode, required = false)]
    mode: Option<Mode>,
    /// The bot that answers, with `mode`; without it the one of before.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = ChatbotId, required = false)]
    chatbot: Option<ChatbotId>,
}

/// One's own conversations
///
/// All kinds, those with the latest activity first.
#[utoipa::path(
    tag = "conversations",
    operation_id = "list_conversations",
    security(("user_token" = [])),
    params(Paging<Activity, SUMMARY_CONVERSATIONS>),
    responses((status = 200, description = "A page", body = Page<Conversation>))
)]
#[get("/conversations")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    Paging { after, limit }: Paging<Activity, SUMMARY_CONVERSATIONS>,
) -> Result<Json<Page<Conversation>>, Problem> {
    let (person, now) = (Person::new(&state.chat, &caller), state.chat.now());
    let page = state
        .chat
        .run(async |conn| Ok(conversations::page(conn, person.project, person.id(), after, limit, now).await?));
    let (items, end) = page.await?;
    let next = end.as_ref().map(Place::mark);
    Ok(Json(Page { items, next }))
}

/// Make a group, or a conversation with a bot
///
/// In one of kind `assistant` the caller is the only person, and the bot answers from the first message on. Who blocks the caller is left
/// out of a group without a word. Each request makes another one: name the request by `Idempotency-Key`, or the group by `name`, if
/// it may be sent again.
#[utoipa::path(
    tag = "conversations",
    operation_id = "create_conversation",
    security(("user_token" = [])),
    request_body = NewConversation,
    responses(
        (status = 201, description = "Made", body = Conversation),
        (status = 404, description = "`not_found`: there is no such chatbot"),
        (status = 409, description = "`name_taken`; `conflict`: the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/conversations")]
pub async fn create(
    state: Data<HttpState>,
    caller: UserCaller,
    body: Body<NewConversation>,
) -> Result<HttpResponse, Problem> {
    let NewConversation { kind, chatbot, name, title, members } = body.0;
    let is_group = kind != Some(NewKind::Assistant);
    let most = state.chat.limits.members_per_request;
    let mut checks = Checks::default();
    checks.optional(name.as_deref(), |name| text::group_name("name", name));
    checks.optional(title.as_deref(), |title| text::title("title", title));
    if members.as_ref().is_some_and(|members| members.len() > most) {
        checks.note(Err(Failure::invalid("members", format!("must name at most {most} users"))));
    }
    let misplaced = [
        ("chatbot", is_group && chatbot.is_some(), "goes with kind assistant"),
        ("name", !is_group && name.is_some(), "goes with kind group"),
        ("members", !is_group && members.is_some(), "goes with kind group"),
    ];
    for (field, _, why) in misplaced.into_iter().filter(|(_, is_there, _)| *is_there) {
        checks.note(Err(Failure::invalid(field, why)));
    }
    checks.done()?;
    let person = Person::new(&state.chat, &caller);
    if !is_group {
        let made = found_assistant(&state.chat, person.project, person.id(), chatbot, title.as_deref()).await?;
        return Ok(HttpResponse::Created().json(made));
    }
    let members = members.unwrap_or_default();
    let users = resolve(&person, &members).await?;
    let given = |(user, member): (&UserId, &NewMember)| Some((*user, member.permission?));
    let permissions = users.iter().zip(&members).filter_map(given).collect();
    let edit = GroupEdit { name, title, add: users, remove: Vec::new(), permissions };
    let seen = found(&state.chat, person.project, person.id(), None, &edit).await?;
    Ok(HttpResponse::Created().json(seen))
}

/// The users whom a request names, each once.
async fn resolve(person: &Person<'_>, members: &[NewMember]) -> Result<Vec<UserId>, Problem> {
    let names: Vec<&str> = members.iter().map(|member| member.user.as_str()).collect();
    let found = person.chat.run(async |conn| Ok(users::resolve(conn, person.project, &names).await?)).await?;
    let mut checks = Checks::default();
    let mut ids = Vec::with_capacity(names.len());
    let mut seen = std::collections::HashSet::new();
    for (index, user) in found.into_iter().enumerate() {
        let refused = |why: &str| Err(Failure::invalid(format!("members[{index}].user"), why));
        match user {
            None => checks.note(refused("there is no such user")),
            Some(user) if !seen.insert(user.id) => checks.note(refused("is named twice")),
            Some(user) => {
                ids.push(user.id);
                &mut checks
            }
        };
    }
    checks.done()?;
    Ok(ids)
}

/// A conversation
///
/// With up to 50 of its members, and what it is to the user.
#[utoipa::path(
    tag = "conversations",
    operation_id = "show_conversation",
    security(("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id")),
    responses((status = 200, description = "The conversation", body = Conversation))
)]
#[get("/conversations/{conversation}")]
pub async fn show(
    state: Data<HttpState>,
    caller: UserCaller,
    conversation: InPath<ConversationId>,
) -> Result<Json<Conversation>, Problem> {
    let person = Person::new(&state.chat, &caller);
    let found = state
        .chat
        .run(async |conn| Ok(conversations::one(conn, person.project, conversation.0, Some(person.id())).await?));
    let seen = found.await?.filter(|seen| seen.own.is_some());
    Ok(Json(seen.ok_or(Failure::NotFound("conversation"))?))
}

/// Rename a group, or say who answers
///
/// `name` and `title` of a group, or `mode` and `chatbot` of any conversation; for its administrators. The members are told as by
/// the events `group.update` and `conversation.mode`.
#[utoipa::path(
    tag = "conversations",
    operation_id = "change_conversation",
    security(("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id")),
    request_body = ConversationChange,
    responses(
        (status = 200, description = "Changed", body = Conversation),
        (status = 409, description = "`name_taken`; `conflict`: this conversation does not change so"),
    )
)]
#[patch("/conversations/{conversation}")]
pub async fn change(
    state: Data<HttpState>,
    caller: UserCaller,
    conversation: InPath<ConversationId>,
    body: Body<ConversationChange>,
) -> Result<Json<Conversation>, Problem> {
    let ConversationChange { name, title, mode, chatbot } = body.0;
    let mut checks = Checks::default();
    checks.optional(name.as_deref(), |name| text::group_name("name", name));
    checks.optional(title.as_ref().and_then(Option::as_deref), |title| text::title("title", title));
    if mode.is_some() && (name.is_some() || title.is_some()) {
        checks.note(Err(Failure::invalid("mode", "goes without name and title")));
    }
    if mode.is_none() && chatbot.is_some() {
        checks.note(Err(Failure::invalid("chatbot", "goes with mode")));
    }
    checks.done()?;
    let person = Person::new(&state.chat, &caller);
    let (session, actor) = (SessionId::random(), person.id());
    let seen = match mode {
        Some(mode) => person.ask_room(conversation.0, SetMode { session, actor, mode, chatbot }).await?,
        None => {
            let edit = GroupEdit { name, title: title.map(Option::unwrap_or_default), ..GroupEdit::default() };
            person.ask_room(conversation.0, ChangeGroup { session, actor, edit }).await?
        }
    };
    Ok(Json(*seen))
}

/// Delete a group
///
/// With all that was written in it; for its owners.
#[utoipa::path(
    tag = "conversations",
    operation_id = "delete_conversation",
    security(("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id")),
    responses((status = 204, description = "Deleted"))
)]
#[delete("/conversations/{conversation}")]
pub async fn delete(
    state: Data<HttpState>,
    caller: UserCaller,
    conversation: InPath<ConversationId>,
) -> Result<HttpResponse, Problem> {
    let person = Person::new(&state.chat, &caller);
    person.ask_room(conversation.0, DeleteGroup { session: SessionId::random(), actor: person.id() }).await?;
    Ok(HttpResponse::NoContent().finish())
}
