//! `/bots/init` and `/bots/update/llm`: how a bot answers.

use super::own;
use crate::http::HttpState;
use crate::http::caller::BotCaller;
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, never_null};
use crate::http::v1::chatbots::{
    Chatbot, NewAttachment, check_attachments, check_llm, check_prompt, models, read, read_files, shape,
};
use crate::model::{ChatbotId, Failure};
use crate::store::chatbots::{self, Changes};
use crate::store::media::Reader;
use actix_web::post;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// How a bot is to answer. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BotConfiguration {
    /// The key's own.
    chatbot: ChatbotId,
    /// An available one of `llms`.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100, example = "offline")]
    llm: Option<String>,
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 32768)]
    prompt: Option<String>,
    /// All of them, in place of those before.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Vec<NewAttachment>, required = false, max_items = 50)]
    attachments: Option<Vec<NewAttachment>>,
}

/// Another model for a bot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BotModel {
    /// The key's own.
    chatbot: ChatbotId,
    /// An available one of `llms`.
    #[schema(min_length = 1, max_length = 100, example = "offline")]
    llm: String,
}

/// Configure a bot
///
/// Its model, its instructions, and the texts that it knows: files that an app of the project brought.
#[utoipa::path(
    tag = "bots",
    operation_id = "init_bot",
    security(("chatbot_key" = [])),
    request_body = BotConfiguration,
    responses(
        (status = 200, description = "The bot as it is now", body = Chatbot),
        (status = 404, description = "`not_found`: the key is not that bot's"),
        (status = 413, description = "`too_large`: the body, or the attachments together"),
    )
)]
#[post("/init")]
pub async fn init(
    state: Data<HttpState>,
    caller: BotCaller,
    body: Body<BotConfiguration>,
) -> Result<Json<Chatbot>, Problem> {
    let BotConfiguration { chatbot, llm, prompt, attachments } = body.0;
    let id = own(&caller, chatbot)?;
    let models = models(&state)?;
    let mut checks = Checks::default();
    checks.optional(llm.as_deref(), |llm| check_llm(models, llm)).optional(prompt.as_deref(), check_prompt);
    checks.optional(attachments.as_deref(), check_attachments).done()?;
    let attachments = match attachments {
        Some(attachments) => Some(read_files(&state, caller.chatbot.project_id, Reader::App, attachments).await?),
        None => None,
    };
    change(&state, &caller, id, Changes { llm, prompt, attachments, ..Changes::default() }).await
}

/// Change a bot's model
///
/// Its instances go on with the new one.
#[utoipa::path(
    tag = "bots",
    operation_id = "update_bot_llm",
    security(("chatbot_key" = [])),
    request_body = BotModel,
    responses(
        (status = 200, description = "The bot as it is now", body = Chatbot),
        (status = 404, description = "`not_found`: the key is not that bot's"),
    )
)]
#[post("/update/llm")]
pub async fn update_llm(
    state: Data<HttpState>,
    caller: BotCaller,
    body: Body<BotModel>,
) -> Result<Json<Chatbot>, Problem> {
    let BotModel { chatbot, llm } = body.0;
    let id = own(&caller, chatbot)?;
    check_llm(models(&state)?, &llm)?;
    change(&state, &caller, id, Changes { llm: Some(llm), ..Changes::default() }).await
}

async fn change(
    state: &HttpState,
    caller: &BotCaller,
    id: ChatbotId,
    changes: Changes,
) -> Result<Json<Chatbot>, Problem> {
    let (project, now) = (caller.chatbot.project_id, state.chat.now());
    let changed = state.chat.run(async |conn| {
        if !chatbots::change(conn, project, id, &changes, now).await? {
            return Err(Failure::NotFound("chatbot"));
        }
        read(conn, project, id).await
    });
    let (row, attachments) = changed.await?;
    Ok(Json(shape(row, attachments, None)))
}
