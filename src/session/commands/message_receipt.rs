//! `message.delivered` and `message.read`: one's own watermarks.

use super::Reply;
use crate::chat::room::marks::{Receipt, ReceiptKind, ReceiptPush};
use crate::model::{ConversationId, Failure};
use crate::session::who::Who;
use serde::Deserialize;
use std::rc::Rc;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: ConversationId,
    #[schema(minimum = 0)]
    seq: i64,
}

pub async fn run(who: Rc<Who>, kind: ReceiptKind, Data { conversation, seq }: Data) -> Result<Reply, Failure> {
    if seq < 0 {
        return Err(Failure::invalid("seq", "must not be negative"));
    }
    let user = who.user();
    let receipt = Receipt { session: who.session, user: Arc::clone(&user), kind, seq, blocked: who.blocked() };
    let seq = who.ask_room(conversation, receipt).await?;
    Ok(Reply::event(kind.event(), ReceiptPush { conversation, user, seq }))
}
