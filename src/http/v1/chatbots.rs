//! `/api/v1/chatbots`: the bots of a project, for those who run it.
//!
//! A bot's access key is for `/bots`; it is shown when the bot is made and when it gets another.

mod texts;

pub use texts::{NewAttachment, check_attachments, read_files, read_text};

use crate::assistant::Models;
use crate::chat::room::Invalidate;
use crate::http::HttpState;
use crate::http::caller::{AdminCaller, Caller};
use crate::http::idempotency::Secret;
use crate::http::paging::Page;
use crate::http::paging::{Name, Paging, page};
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath, never_null};
use crate::model::account::check_name;
use crate::model::limits::{CHATBOTS, PROMPT_CHARS};
use crate::model::{ChatbotId, ConversationId, Failure, MediaId, ProjectId};
use crate::store::chatbots::{self, AttachmentRow, Changes, ChatbotRow};
use crate::store::media::Reader;
use crate::wire::time::Timestamp;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Bots in a page.
const PAGE: i64 = 100;

/// A bot.
#[derive(Serialize, ToSchema)]
pub struct Chatbot {
    id: ChatbotId,
    project: ProjectId,
    #[schema(example = "WIBOT")]
    name: String,
    /// The model that answers. Where it is not available any more, `offline` does.
    #[schema(example = "mistral-large-latest")]
    llm: String,
    /// Its instructions, with `{{date}}`, `{{user}}` and `{{project}}` where these belong.
    prompt: String,
    /// The texts that it knows.
    attachments: Vec<BotAttachment>,
    /// For `X-Access-Key`: only when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A text that a bot knows.
#[derive(Serialize, ToSchema)]
pub struct BotAttachment {
    id: MediaId,
    /// Where the file is.
    path: String,
    mime: String,
    comment: String,
}

impl From<AttachmentRow> for BotAttachment {
    fn from(row: AttachmentRow) -> Self {
        Self { id: row.id, path: format!("/api/v1/media/{}/content", row.id), mime: row.mime, comment: row.comment }
    }
}

/// A new bot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChatbot {
    /// 1 to 255 characters, unique in the project.
    #[schema(
        example = "WIBOT",
        min_length = 1,
        max_length = 255,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    name: String,
    /// An available one of `llms`.
    #[schema(example = "offline", min_length = 1, max_length = 100)]
    llm: String,
    #[schema(min_length = 1, max_length = 32768)]
    prompt: String,
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Vec<NewAttachment>, required = false, max_items = 50)]
    attachments: Option<Vec<NewAttachment>>,
}

/// What is to become of a bot. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatbotChange {
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = String, required = false, example = "WIBOT", min_length = 1, max_length = 255, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$")]
    name: Option<String>,
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = String, required = false, example = "offline", min_length = 1, max_length = 100)]
    llm: Option<String>,
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 32768)]
    prompt: Option<String>,
    /// All of them, in place of those before.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Vec<NewAttachment>, required = false, max_items = 50)]
    attachments: Option<Vec<NewAttachment>>,
    /// Give it another access key; the one before is good no longer.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = bool, required = false)]
    rotate_key: Option<bool>,
}

/// A bot as it is shown.
pub fn shape(row: ChatbotRow, attachments: Vec<AttachmentRow>, access_key: Option<Uuid>) -> Chatbot {
    Chatbot {
        id: row.id,
        project: row.project_id,
        name: row.name,
        llm: row.llm,
        prompt: row.prompt,
        attachments: attachments.into_iter().map(BotAttachment::from).collect(),
        access_key,
        created_at: row.created_at.into(),
        updated_at: row.updated_at.into(),
    }
}

/// The models that bots may have.
///
/// # Errors
/// [`Failure::Unavailable`] where no bots answer.
pub fn models(state: &HttpState) -> Result<&Models, Failure> {
    Ok(&state.chat.llm().ok_or(Failure::Unavailable)?.models)
}

/// A model that can be chosen.
///
/// # Errors
/// [`Failure::Invalid`] for any other.
pub fn check_llm(models: &Models, llm: &str) -> Result<(), Failure> {
    if models.is_available(llm) {
        return Ok(());
    }
    let known = models.all().iter().any(|known| known.id == llm);
    Err(Failure::invalid("llm", if known { "is not available here" } else { "there is no such model" }))
}

/// Instructions that say something.
///
/// # Errors
/// [`Failure::Invalid`] for empty or too long ones.
pub fn check_prompt(prompt: &str) -> Result<(), Failure> {
    if prompt.trim().is_empty() || prompt.chars().count() > PROMPT_CHARS {
        return Err(Failure::invalid("prompt", format!("must have 1 to {PROMPT_CHARS} characters")));
    }
    Ok(())
}

fn reader(caller: &Caller) -> Reader {
    match caller {
        Caller::User(user) => Reader::User { id: user.user.id, admin: caller.is_admin() },
        Caller::App(_) => Reader::App,
    }
}

/// The caller, if they run the project.
fn admin(caller: &Caller) -> Result<ProjectId, Failure> {
    if caller.is_admin() {
        return Ok(caller.project());
    }
    Err(Failure::Forbidden("this is for administrators and apps of the project"))
}

/// The bots of the project
#[utoipa::path(
    tag = "chatbots",
    operation_id = "list_chatbots",
    security(("access_key" = []), ("user_token" = [])),
    params(Paging<Name, PAGE>),
    responses((status = 200, description = "A page, by name", body = Page<Chatbot>))
)]
#[get("/chatbots")]
pub async fn list(
    state: Data<HttpState>,
    caller: AdminCaller,
    Paging { after, limit }: Paging<Name, PAGE>,
) -> Result<Json<Page<Chatbot>>, Problem> {
    let ((rows, more), mut attachments) = state
        .chat
        .run(async |conn| {
            let (rows, more) =
                chatbots::page(conn, caller.project, after.as_ref().map(|Name(name)| name.as_str()), limit).await?;
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            Ok(((rows, more), chatbots::attachments_of(conn, &ids).await?))
        })
        .await?;
    let shown = |row: ChatbotRow| {
        let attachments = attachments.remove(&row.id).unwrap_or_default();
        shape(row, attachments, None)
    };
    Ok(Json(page(rows, more, |row| Name(row.name.clone()), shown)))
}

/// Make a bot
///
/// The answer holds its access key, which can't be had again.
#[utoipa::path(
    tag = "chatbots",
    operation_id = "create_chatbot",
    security(("access_key" = []), ("user_token" = [])),
    request_body = NewChatbot,
    responses(
        (status = 201, description = "Made", body = Chatbot),
        (status = 413, description = "`too_large`: the body, or the attachments together"),
        (status = 409, description = "`name_taken`; `conflict`: the project has as many bots as it may, or the `Idempotency-Key` was used before"),
    )
)]
#[post("/chatbots")]
pub async fn create(state: Data<HttpState>, caller: Caller, body: Body<NewChatbot>) -> Result<HttpResponse, Problem> {
    let project = admin(&caller)?;
    let NewChatbot { name, llm, prompt, attachments } = body.0;
    let models = models(&state)?;
    let mut checks = Checks::default();
    checks.note(check_name("name", &name)).note(check_llm(models, &llm)).note(check_prompt(&prompt));
    checks.optional(attachments.as_deref(), check_attachments).done()?;
    let (id, key) = (ChatbotId::random(), Uuid::new_v4());
    let changes = Changes {
        name: Some(name),
        llm: Some(llm),
        prompt: Some(prompt),
        attachments: match attachments {
            Some(attachments) => Some(read_files(&state, project, reader(&caller), attachments).await?),
            None => None,
        },
        key: Some(key.to_string()),
    };
    let made = state.chat.run(async |conn| {
        chatbots::create(conn, project, id, &changes, CHATBOTS).await?;
        read(conn, project, id).await
    });
    let (row, attachments) = made.await?;
    Ok(with_key(StatusCode::CREATED, shape(row, attachments, Some(key))))
}

/// A bot
#[utoipa::path(
    tag = "chatbots",
    operation_id = "show_chatbot",
    security(("access_key" = []), ("user_token" = [])),
    params(("chatbot" = ChatbotId, Path, description = "The bot's id")),
    responses((status = 200, description = "The bot", body = Chatbot))
)]
#[get("/chatbots/{chatbot}")]
pub async fn show(
    state: Data<HttpState>,
    caller: AdminCaller,
    chatbot: InPath<ChatbotId>,
) -> Result<Json<Chatbot>, Problem> {
    let found = state.chat.run(async |conn| read(conn, caller.project, chatbot.0).await);
    let (row, attachments) = found.await?;
    Ok(Json(shape(row, attachments, None)))
}

/// Change a bot
///
/// What it answers from now on it answers so; an answer under way goes on as it was begun. With `rotate_key` the answer holds its
/// new access key.
#[utoipa::path(
    tag = "chatbots",
    operation_id = "change_chatbot",
    security(("access_key" = []), ("user_token" = [])),
    params(("chatbot" = ChatbotId, Path, description = "The bot's id")),
    request_body = ChatbotChange,
    responses(
        (status = 200, description = "Changed", body = Chatbot),
        (status = 409, description = "`name_taken`"),
        (status = 413, description = "`too_large`: the body, or the attachments together"),
    )
)]
#[patch("/chatbots/{chatbot}")]
pub async fn change(
    state: Data<HttpState>,
    caller: Caller,
    chatbot: InPath<ChatbotId>,
    body: Body<ChatbotChange>,
) -> Result<HttpResponse, Problem> {
    let project = admin(&caller)?;
    let ChatbotChange { name, llm, prompt, attachments, rotate_key } = body.0;
    let models = models(&state)?;
    let mut checks = Checks::default();
    checks.optional(name.as_deref(), |name| check_name("name", name));
    checks.optional(llm.as_deref(), |llm| check_llm(models, llm)).optional(prompt.as_deref(), check_prompt);
    checks.optional(attachments.as_deref(), check_attachments).done()?;
    let key = rotate_key.unwrap_or(false).then(Uuid::new_v4);
    let attachments = match attachments {
        Some(attachments) => Some(read_files(&state, project, reader(&caller), attachments).await?),
        None => None,
    };
    let changes = Changes { name, llm, prompt, attachments, key: key.map(|key| key.to_string()) };
    let now = state.chat.now();
    let changed = state.chat.run(async |conn| {
        if !chatbots::change(conn, project, chatbot.0, &changes, now).await? {
            return Err(Failure::NotFound("chatbot"));
        }
        read(conn, project, chatbot.0).await
    });
    let (row, attachments) = changed.await?;
    Ok(with_key(StatusCode::OK, shape(row, attachments, key)))
}

/// Delete a bot
///
/// Where it answered, people do from now on. What it wrote stays, by nobody.
#[utoipa::path(
    tag = "chatbots",
    operation_id = "delete_chatbot",
    security(("access_key" = []), ("user_token" = [])),
    params(("chatbot" = ChatbotId, Path, description = "The bot's id")),
    responses((status = 204, description = "Gone"))
)]
#[delete("/chatbots/{chatbot}")]
pub async fn delete(
    state: Data<HttpState>,
    caller: AdminCaller,
    chatbot: InPath<ChatbotId>,
) -> Result<HttpResponse, Problem> {
    let gone = state.chat.run(async |conn| chatbots::delete(conn, caller.project, chatbot.0).await).await?;
    let held = gone.ok_or(Failure::NotFound("chatbot"))?;
    tell_rooms(&state, caller.project, held).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Rooms that are awake read their conversation anew. It only saves them a refusal.
async fn tell_rooms(state: &HttpState, project: ProjectId, conversations: Vec<ConversationId>) {
    let Some(namespace) = state.chat.namespace_if_awake(project) else { return };
    for conversation in conversations {
        if let Some(llm) = state.chat.llm() {
            llm.turn_is_over(conversation);
        }
        let room = namespace.send(crate::chat::namespace::IfAwake(conversation)).await;
        if let Ok(Some(room)) = room {
            let _ = room.try_send(Invalidate);
        }
    }
}

/// A bot with its files.
///
/// # Errors
/// [`Failure::NotFound`].
pub async fn read(
    conn: &mut diesel_async::AsyncPgConnection,
    project: ProjectId,
    id: ChatbotId,
) -> Result<(ChatbotRow, Vec<AttachmentRow>), Failure> {
    let row = chatbots::find(conn, project, id).await?.ok_or(Failure::NotFound("chatbot"))?;
    let attachments = chatbots::attachments_of(conn, &[id]).await?.remove(&id).unwrap_or_default();
    Ok((row, attachments))
}

fn with_key(status: StatusCode, chatbot: Chatbot) -> HttpResponse {
    let has_key = chatbot.access_key.is_some();
    let mut response = HttpResponse::build(status).json(chatbot);
    if has_key {
        response.extensions_mut().insert(Secret);
    }
    response
}
