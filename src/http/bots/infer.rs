//! `/bots/create` and `/bots/infer`: conversations of a back end with its bot.

use super::own;
use crate::chat::exchange::{self, Answer, File, Question};
use crate::http::HttpState;
use crate::http::caller::BotCaller;
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, never_null};
use crate::http::v1::chatbots::read_text;
use crate::model::{ChatbotId, ConversationId, MediaId, Usage, text};
use crate::store::exchanges::pairs;
use crate::store::exchanges::turns::{Party, Seat};
use crate::store::media::Reader;
use actix_web::http::StatusCode;
use actix_web::post;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bytes of a text that comes with a question: as much as the assistant's front end may send.
const ATTACHMENT_BYTES: u64 = 1024 * 1024;

/// The bot of a new instance.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "chatbot": "b07b07b0-0000-4000-8000-000000000001" }))]
pub struct NewInstance {
    /// The key's own.
    chatbot: ChatbotId,
}

/// A conversation with a bot that nobody is a member of.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "instance": "0b5e55ed-0000-4000-8000-000000000001" }))]
pub struct Instance {
    /// The conversation's id.
    instance: ConversationId,
}

/// Something said to a bot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Inference {
    instance: ConversationId,
    #[schema(example = "How do I make a backup?", min_length = 1, max_length = 16384)]
    text: String,
    /// A text to answer with.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = InferenceAttachment, required = false)]
    attachment: Option<InferenceAttachment>,
}

/// A file of the project that apps may read: a text in UTF-8, at most 1 MiB.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InferenceAttachment {
    id: MediaId,
}

/// What a bot says.
#[derive(Serialize, ToSchema)]
pub struct Inferred {
    #[schema(example = "With pg_dump.")]
    answer: String,
    usage: Usage,
}

/// Begin a conversation with a bot
#[utoipa::path(
    tag = "bots",
    operation_id = "create_instance",
    security(("chatbot_key" = [])),
    request_body = NewInstance,
    responses(
        (status = 201, description = "Made", body = Instance),
        (status = 404, description = "`not_found`: the key is not that bot's"),
    )
)]
#[post("/create")]
pub async fn create(
    state: Data<HttpState>,
    caller: BotCaller,
    body: Body<NewInstance>,
) -> Result<HttpResponse, Problem> {
    let chatbot = own(&caller, body.0.chatbot)?;
    let (id, now) = (ConversationId::random(), state.chat.now());
    let project = caller.chatbot.project_id;
    state.chat.run(async |conn| pairs::create_instance(conn, project, chatbot, id, now).await).await?;
    Ok(HttpResponseBuilder::new(StatusCode::CREATED).json(Instance { instance: id }))
}

/// Say something to a bot
///
/// Answered when the model has said all. Both sides are stored then, or neither; the bot remembers the last messages. Of several
/// questions at once each is answered after the one before.
#[utoipa::path(
    tag = "bots",
    operation_id = "infer",
    security(("chatbot_key" = [])),
    request_body = Inference,
    responses(
        (status = 200, description = "What the bot says", body = Inferred),
        (status = 404, description = "`not_found`: the bot has no such instance"),
        (status = 409, description = "`conflict`: the conversation was changed meanwhile, or the `Idempotency-Key` was used otherwise"),
        (status = 413, description = "`too_large`: the body, or the attachment"),
        (status = 429, description = "`rate_limited`; `quota_exceeded`: the month's tokens or money are used up"),
        (status = 502, description = "`model_failed`: the model did not answer"),
    )
)]
#[post("/infer")]
pub async fn infer(
    state: Data<HttpState>,
    caller: BotCaller,
    body: Body<Inference>,
) -> Result<Json<Inferred>, Problem> {
    let Inference { instance, text, attachment } = body.0;
    Checks::default().note(text::body("text", &text)).done()?;
    let chatbot = &caller.chatbot;
    let files = match attachment {
        Some(InferenceAttachment { id }) => {
            let most = ATTACHMENT_BYTES;
            let (name, text) = read_text(&state, chatbot.project_id, Reader::App, id, "attachment.id", most).await?;
            vec![File { name, text }]
        }
        None => Vec::new(),
    };
    let question = Question {
        seat: Seat { project: chatbot.project_id, conversation: instance, party: Party::Instance(chatbot.id) },
        asker: String::new(),
        text,
        files,
    };
    let Answer { text, usage, .. } = exchange::ask(&state.chat, question).await?;
    Ok(Json(Inferred { answer: text, usage }))
}
