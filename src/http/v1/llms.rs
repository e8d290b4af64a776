//! `/api/v1/llms`: the language models of this server.

use crate::assistant::models::Llm;
use crate::http::HttpState;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::model::Failure;
use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// All models that the server knows.
#[derive(Serialize, ToSchema)]
pub struct Llms {
    llms: Vec<Llm>,
}

/// The language models
///
/// Only those that are available can be chosen for a chatbot: the server has what their provider asks for. `offline` always is.
#[utoipa::path(
    tag = "chatbots",
    operation_id = "list_llms",
    security(("access_key" = []), ("user_token" = [])),
    responses((status = 200, description = "All of them", body = Llms))
)]
#[get("/llms")]
pub async fn list(state: Data<HttpState>, _caller: Caller) -> Result<Json<Llms>, Problem> {
    let llm = state.chat.llm().ok_or(Failure::Unavailable)?;
    Ok(Json(Llms { llms: llm.models.all().to_vec() }))
}
