//! `/api/v1/conversations/{conversation}/receipts`: how far the user has come.

use crate::chat::room::marks::{Receipt, ReceiptKind, ReceiptPush};
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::person::Person;
use crate::http::problem::Problem;
use crate::http::read::{Body, InPath};
use crate::model::{ConversationId, Failure, SessionId};
use actix_web::post;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Up to which message everything has arrived or was read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReceipt {
    kind: ReceiptKind,
    /// Beyond the newest message it means that one.
    #[schema(minimum = 0)]
    seq: i64,
}

/// Say how far one has come
///
/// As the events `message.delivered` and `message.read`. It never goes back.
#[utoipa::path(
    tag = "conversations",
    operation_id = "create_receipt",
    security(("user_token" = [])),
    params(("conversation" = ConversationId, Path, description = "The conversation's id")),
    request_body = NewReceipt,
    responses((status = 200, description = "Where the user is now", body = ReceiptPush))
)]
#[post("/conversations/{conversation}/receipts")]
pub async fn create(
    state: Data<HttpState>,
    caller: UserCaller,
    conversation: InPath<ConversationId>,
    body: Body<NewReceipt>,
) -> Result<Json<ReceiptPush>, Problem> {
    let NewReceipt { kind, seq } = body.0;
    if seq < 0 {
        return Err(Failure::invalid("seq", "must not be negative").into());
    }
    let person = Person::new(&state.chat, &caller);
    let (user, blocked) = (Arc::clone(&person.user), person.blocked().await?);
    let receipt = Receipt { session: SessionId::random(), user: Arc::clone(&user), kind, seq, blocked };
    let seq = person.ask_room(conversation.0, receipt).await?;
    Ok(Json(ReceiptPush { conversation: conversation.0, user, seq }))
}
