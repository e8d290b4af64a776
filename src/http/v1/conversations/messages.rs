//! `/api/v1/conversations/{conversation}/messages`: what is said in a conversation.

use crate::chat::room::edit::{Alter, Alteration};
use crate::chat::room::say::Draft;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::paging::page_size;
use crate::http::person::Person;
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath, InQuery, Number};
use crate::model::{ConversationId, Failure, MediaId, MessageId, text};
use crate::session::pages::fit_into;
use crate::store::messages::{self, Page};
use crate::store::{contacts, members};
use crate::wire::limits::{ATTACHMENTS, PAGE_MESSAGES, PAGE_MESSAGES_DEFAULT};
use crate::wire::outgoing::Format;
use crate::wire::shapes::{Message, MessageKind};
use crate::wire::time::Timestamp;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post, put};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Which messages: the latest, or those next to a number or a moment, which goes alone.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Those right before this number.
    #[param(value_type = Option<i64>)]
    before_seq: Option<Number>,
    /// Those right after this number.
    #[param(value_type = Option<i64>)]
    after_seq: Option<Number>,
    /// Those right before this moment.
    before: Option<Timestamp>,
    /// Messages in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// A part of a conversation.
#[derive(Serialize, ToSchema)]
pub struct History {
    /// In the order of their numbers.
    items: Vec<Message>,
    /// There are more in the direction that was asked for: older ones, or newer ones with `after_seq`.
    more: bool,
}

/// A new text.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewText {
    /// The sender's own: sent again with the same content, the message is stored once and answered the same.
    id: MessageId,
    #[schema(example = "Salut !", min_length = 1, max_length = 16384)]
    body: String,
    /// The message that this one answers.
    reply_to: Option<MessageId>,
    #[schema(example = "/j", pattern = "^/[a-z]{1,15}$")]
    tone: Option<String>,
    #[schema(max_items = 10)]
    attachments: Option<Vec<Attached>>,
}

/// A file to attach.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    /// One of the sender's media.
    id: MediaId,
}

/// A text's new body.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBody {
    #[schema(example = "Salut à tous !", min_length = 1, max_length = 16384)]
    body: String,
}

/// A page of messages
///
/// In the order of their numbers, without what people wrote whom the user blocks. A page ends early where it would grow too large.
#[utoipa::path(
    tag = "messages",
    operation_id = "list_messages",
    security(("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id"), Which),
    responses((status = 200, description = "A page", body = History))
)]
#[get("/conversations/{conversation}/messages")]
pub async fn list(
    state: Data<HttpState>,
    caller: UserCaller,
    conversation: InPath<ConversationId>,
    which: InQuery<Which>,
) -> Result<Json<History>, Problem> {
    let Which { before_seq, after_seq, before, limit } = which.0;
    let limit = page_size(limit, PAGE_MESSAGES_DEFAULT, PAGE_MESSAGES)?;
    let from = match (before_seq, after_seq, before) {
        (None, None, None) => Page::Latest,
        (Some(Number(seq)), None, None) => Page::BeforeSeq(seq),
        (None, Some(Number(seq)), None) => Page::AfterSeq(seq),
        (None, None, Some(Timestamp(date))) => Page::Before(date),
        (Some(_), Some(_), _) => return Err(Failure::invalid("after_seq", "goes without before_seq").into()),
        (_, _, Some(_)) => return Err(Failure::invalid("before", "goes without before_seq and after_seq").into()),
    };
    let person = Person::new(&state.chat, &caller);
    let page = state.chat.run(async |conn| {
        let permission = members::permission(conn, person.project, conversation.0, person.id()).await?;
        permission.ok_or(Failure::NotFound("conversation"))?;
        let now = state.chat.now();
        Ok(messages::page(conn, person.project, conversation.0, person.id(), from, limit, now).await?)
    });
    let (mut items, more) = page.await?;
    // Cut is what is farthest from where the reader comes from.
    let backward = !matches!(from, Page::AfterSeq(_));
    if backward {
        items.reverse();
    }
    let (mut items, cut) = fit_into(state.chat.limits.server_frame_bytes, Format::Json, items);
    if backward {
        items.reverse();
    }
    Ok(Json(History { items, more: more || cut }))
}

/// Say something
///
/// It is stored when this is answered, and the members' sessions are told. Sent again with the same id and content it is stored once.
#[utoipa::path(
    tag = "messages",
    operation_id = "create_message",
    security(("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id")),
    request_body = NewText,
    responses(
        (status = 201, description = "Stored, now or before", body = Message),
        (status = 409, description = "`id_taken`: the id is another message's; `conflict`: the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/conversations/{conversation}/messages")]
pub async fn create(
    state: Data<HttpState>,
    caller: UserCaller,
    conversation: InPath<ConversationId>,
    body: Body<NewText>,
) -> Result<HttpResponse, Problem> {
    let NewText { id, body, reply_to, tone, attachments } = body.0;
    let files: Vec<MediaId> = attachments.into_iter().flatten().map(|file| file.id).collect();
    let mut checks = Checks::default();
    checks.note(text::body("body", &body)).optional(tone.as_deref(), |tone| text::tone("tone", tone));
    if files.len() > ATTACHMENTS {
        checks.note(Err(Failure::invalid("attachments", format!("must be at most {ATTACHMENTS}"))));
    }
    checks.done()?;
    let person = Person::new(&state.chat, &caller);
    let attachments = if files.is_empty() && reply_to.is_none() {
        Vec::new()
    } else {
        let place = (person.project, conversation.0);
        let check =
            state.chat.run(async |conn| messages::check_references(conn, place, person.id(), reply_to, &files).await);
        check.await?
    };
    let draft = Draft { id, kind: MessageKind::Text, body, reply_to, tone, attachments, game: None, by_app: None };
    let stored = person.say(conversation.0, draft).await?;
    Ok(HttpResponse::Created().json(stored))
}

/// A message
///
/// As the caller sees it. What somebody wrote whom the caller blocks is not there.
#[utoipa::path(
    tag = "messages",
    operation_id = "show_message",
    security(("user_token" = [])),
    params(
        ("conversation" = ConversationId, Path, description = "The conversation's id"),
        ("message" = MessageId, Path, description = "The message's id"),
    ),
    responses((status = 200, description = "The message", body = Message))
)]
#[get("/conversations/{conversation}/messages/{message}")]
pub async fn show(
    state: Data<HttpState>,
    caller: UserCaller,
    path: InPath<(ConversationId, MessageId)>,
) -> Result<Json<Message>, Problem> {
    let (conversation, message) = path.0;
    let person = Person::new(&state.chat, &caller);
    let found = state.chat.run(async |conn| {
        let permission = members::permission(conn, person.project, conversation, person.id()).await?;
        permission.ok_or(Failure::NotFound("conversation"))?;
        let now = state.chat.now();
        let found = messages::by_id(conn, person.project, conversation, message, Some(person.id()), now).await?;
        let found = found.ok_or(Failure::NotFound("message"))?;
        let blocked = contacts::blocked_by(conn, person.id()).await?;
        if blocked.contains(&found.author.id) { Err(Failure::NotFound("message")) } else { Ok(found) }
    });
    Ok(Json(found.await?))
}

/// Edit a text
///
/// One's own; as the event `message.edit`.
#[utoipa::path(
    tag = "messages",
    operation_id = "change_message",
    security(("user_token" = [])),
    params(
        ("conversation" = ConversationId, Path, description = "The conversation's id"),
        ("message" = MessageId, Path, description = "The message's id"),
    ),
    request_body = NewBody,
    responses(
        (status = 200, description = "The message as it is now", body = Message),
        (status = 409, description = "`conflict`: it was deleted, or is no text"),
    )
)]
#[patch("/conversations/{conversation}/messages/{message}")]
pub async fn change(
    state: Data<HttpState>,
    caller: UserCaller,
    path: InPath<(ConversationId, MessageId)>,
    body: Body<NewBody>,
) -> Result<Json<Arc<Message>>, Problem> {
    let NewBody { body } = body.0;
    text::body("body", &body)?;
    alter(&state, &caller, path.0, Alteration::Edit { body }).await
}

/// Take a message back
///
/// One's own, or with `a` anybody's. Its number stays.
#[utoipa::path(
    tag = "messages",
    operation_id = "delete_message",
    security(("user_token" = [])),
    params(
        ("conversation" = ConversationId, Path, description = "The conversation's id"),
        ("message" = MessageId, Path, description = "The message's id"),
    ),
    responses((status = 200, description = "What is left of it", body = Message))
)]
#[delete("/conversations/{conversation}/messages/{message}")]
pub async fn delete(
    state: Data<HttpState>,
    caller: UserCaller,
    path: InPath<(ConversationId, MessageId)>,
) -> Result<Json<Arc<Message>>, Problem> {
    alter(&state, &caller, path.0, Alteration::Delete).await
}

/// React to a message
///
/// With one emoji; others may stand beside it.
#[utoipa::path(
    tag = "messages",
    operation_id = "add_reaction",
    security(("user_token" = [])),
    params(
        ("conversation" = ConversationId, Path, description = "The conversation's id"),
        ("message" = MessageId, Path, description = "The message's id"),
        ("emoji" = String, Path, description = "The emoji", example = "👍"),
    ),
    responses(
        (status = 200, description = "The message as it is now", body = Message),
        (status = 409, description = "`conflict`: it was deleted, or has as many different reactions as it may have"),
    )
)]
#[put("/conversations/{conversation}/messages/{message}/reactions/{emoji}")]
pub async fn react(
    state: Data<HttpState>,
    caller: UserCaller,
    path: InPath<(ConversationId, MessageId, String)>,
) -> Result<Json<Arc<Message>>, Problem> {
    let (conversation, message, emoji) = path.0;
    text::emoji("emoji", &emoji)?;
    alter(&state, &caller, (conversation, message), Alteration::React { emoji, on: true }).await
}

/// Take a reaction back
///
/// One that is not there is taken back all the same.
#[utoipa::path(
    tag = "messages",
    operation_id = "remove_reaction",
    security(("user_token" = [])),
    params(
        ("conversation" = ConversationId, Path, description = "The conversation's id"),
        ("message" = MessageId, Path, description = "The message's id"),
        ("emoji" = String, Path, description = "The emoji", example = "👍"),
    ),
    responses(
        (status = 200, description = "The message as it is now", body = Message),
        (status = 409, description = "`conflict`: it was deleted"),
    )
)]
#[delete("/conversations/{conversation}/messages/{message}/reactions/{emoji}")]
pub async fn unreact(
    state: Data<HttpState>,
    caller: UserCaller,
    path: InPath<(ConversationId, MessageId, String)>,
) -> Result<Json<Arc<Message>>, Problem> {
    let (conversation, message, emoji) = path.0;
    text::emoji("emoji", &emoji)?;
    alter(&state, &caller, (conversation, message), Alteration::React { emoji, on: false }).await
}

/// Changes a message as the caller; the message as they see it then.
async fn alter(
    state: &HttpState,
    caller: &UserCaller,
    (conversation, message): (ConversationId, MessageId),
    alteration: Alteration,
) -> Result<Json<Arc<Message>>, Problem> {
    let person = Person::new(&state.chat, caller);
    let alter = Alter { reply: None, user: Arc::clone(&person.user), message, change: alteration };
    let altered = person.ask_room(conversation, alter).await?;
    Ok(Json(person.copy(altered).await?))
}
