//! What clients can ask for: one file an event, with its data, its check, and what it does.
//!
//! To add an event: a file here with its data and a `run`, a line in [`run`] and one in [`catalogue::events`], and its examples in
//! `docs/protocol.md`.

pub mod catalogue;
mod contact_summary;
mod contact_update;
mod conversation_mode;
mod group_delete;
mod group_members;
mod group_summary;
mod group_update;
mod llm_stop;
mod message_delete;
mod message_edit;
mod message_fetch;
mod message_game;
mod message_react;
mod message_receipt;
pub mod message_text;
mod status_fetch;
mod status_update;
mod typing_update;

use super::who::Who;
use crate::chat::room::marks::ReceiptKind;
use crate::model::{ConversationId, Failure};
use crate::wire::envelope::Request;
use crate::wire::field;
use crate::wire::outgoing::Outgoing;
use futures_util::future::{LocalBoxFuture, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::rc::Rc;

/// How a request that was carried out is answered.
pub enum Reply {
    /// With this.
    Event(Box<Outgoing>),
    /// By the hub, in its place among the pushes.
    InHub,
}

/// Which requests may follow each other without waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Nothing else may be under way.
    Alone,
    /// Messages for one conversation that need nothing looked up first: each is handed to the room as it is begun, so their
    /// order doesn't depend on which is polled first.
    Say(ConversationId),
}

impl Reply {
    /// An event of this kind with its data.
    fn event<T: Serialize + Send + Sync + 'static>(kind: &'static str, data: T) -> Self {
        Self::Event(Box::new(Outgoing::new(kind, data)))
    }
}

/// A request under way.
pub type Command = LocalBoxFuture<'static, Result<Reply, Failure>>;

/// Which lane a request takes.
pub fn lane(who: &Who, request: &Request) -> Lane {
    match request.kind.as_str() {
        "message.text" => message_text::lane(who, &request.data),
        _ => Lane::Alone,
    }
}

/// Begins what a request asks for; `None` if there is no such event.
pub fn run(who: Rc<Who>, request: Request) -> Option<Command> {
    let Request { id, kind, data } = request;
    Some(match kind.as_str() {
        "group.summary" => begin(data, |data| group_summary::run(who, data)),
        "group.members" => begin(data, |data| group_members::run(who, data)),
        "group.update" => begin(data, |data| group_update::run(who, data)),
        "group.delete" => begin(data, |data| group_delete::run(who, data)),
        "contact.summary" => begin(data, |data| contact_summary::run(who, data)),
        "contact.update" => begin(data, |data| contact_update::run(who, data)),
        "status.update" => begin(data, |data| status_update::run(who, data)),
        "status.fetch" => begin(data, |data| status_fetch::run(who, data)),
        "message.text" => match field::from_value(data) {
            Ok(data) => message_text::run(who, id, data),
            Err(failure) => Box::pin(ready(Err(failure))),
        },
        "message.game" => begin(data, move |data| message_game::run(who, id, data)),
        "message.fetch" => begin(data, |data| message_fetch::run(who, data)),
        "message.edit" => begin(data, move |data| message_edit::run(who, id, data)),
        "message.delete" => begin(data, move |data| message_delete::run(who, id, data)),
        "message.react" => begin(data, move |data| message_react::run(who, id, data)),
        "message.delivered" => begin(data, |data| message_receipt::run(who, ReceiptKind::Delivered, data)),
        "message.read" => begin(data, |data| message_receipt::run(who, ReceiptKind::Read, data)),
        "typing.update" => begin(data, |data| typing_update::run(who, data)),
        "llm.stop" => begin(data, |data| llm_stop::run(who, data)),
        "conversation.mode" => begin(data, |data| conversation_mode::run(who, data)),
        _ => return None,
    })
}

fn begin<T, F>(data: Value, command: impl FnOnce(T) -> F) -> Command
where
    T: DeserializeOwned,
    F: Future<Output = Result<Reply, Failure>> + 'static,
{
    match field::from_value(data) {
        Ok(data) => Box::pin(command(data)),
        Err(failure) => Box::pin(ready(Err(failure))),
    }
}

/// A number of items to ask for, from 1 to `most`.
fn page_size(limit: Option<i64>, default: i64, most: i64) -> Result<i64, Failure> {
    match limit {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Failure::invalid("limit", format!("must be from 1 to {most}"))),
    }
}
