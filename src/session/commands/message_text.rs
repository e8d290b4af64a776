//! `message.text`: something said in a conversation.

use super::{Command, Lane, Reply};
use crate::chat::room::say::{Draft, Say};
use crate::chat::room::tell::Said;
use crate::model::{ConversationId, Failure, MediaId, MessageId, text};
use crate::session::who::{self, Who, said};
use crate::store::{contacts, messages};
use crate::wire::limits::ATTACHMENTS;
use crate::wire::shapes::{Attachment, MessageKind};
use futures_util::future::ready;
use serde::Deserialize;
use serde_json::Value;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: Option<ConversationId>,
    to: Option<String>,
    id: MessageId,
    #[schema(min_length = 1, max_length = 16384)]
    body: String,
    reply_to: Option<MessageId>,
    #[schema(pattern = "^/[a-z]{1,15}$")]
    tone: Option<String>,
    #[schema(max_items = 10)]
    attachments: Option<Vec<Attached>>,
}

impl Data {
    /// A text and nothing more.
    pub fn plain(conversation: ConversationId, id: MessageId, body: String) -> Self {
        Self { conversation: Some(conversation), to: None, id, body, reply_to: None, tone: None, attachments: None }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Attached {
    id: MediaId,
}

/// Plain messages for a conversation whose room is at hand need nothing before it.
pub fn lane(who: &Who, data: &Value) -> Lane {
    let needs_nothing = ["to", "reply_to", "attachments"].iter().all(|field| data.get(field).is_none());
    match data.get("conversation").and_then(Value::as_str).and_then(|id| id.parse().ok()) {
        Some(conversation) if needs_nothing && who.knows_room(conversation) => Lane::Say(conversation),
        _ => Lane::Alone,
    }
}

/// Says it. A plain message for a room at hand is in the room's mailbox when this returns.
pub fn run(who: Rc<Who>, re: u32, data: Data) -> Command {
    if let Err(failure) = check(&data) {
        return Box::pin(ready(Err(failure)));
    }
    let is_plain = data.to.is_none() && data.reply_to.is_none() && data.attachments.is_none();
    let Some(conversation) = data.conversation.filter(|&conversation| is_plain && who.knows_room(conversation)) else {
        return Box::pin(look_up_and_say(who, re, data));
    };
    let outcome =
        who.with_known_room(conversation, |room| who::say(room, |done| say(&who, re, data, Vec::new(), done)));
    Box::pin(async move {
        said(outcome.ok_or(Failure::Unavailable)?).await?;
        Ok(Reply::InHub)
    })
}

fn check(data: &Data) -> Result<(), Failure> {
    text::body("body", &data.body)?;
    if let Some(tone) = &data.tone {
        text::tone("tone", tone)?;
    }
    if data.attachments.as_ref().is_some_and(|attachments| attachments.len() > ATTACHMENTS) {
        return Err(Failure::invalid("attachments", format!("must be at most {ATTACHMENTS}")));
    }
    Ok(())
}

async fn look_up_and_say(who: Rc<Who>, re: u32, data: Data) -> Result<Reply, Failure> {
    let conversation = address(&who, data.conversation, data.to.as_deref()).await?;
    let media: Vec<MediaId> = data.attachments.iter().flatten().map(|media| media.id).collect();
    let attachments = if media.is_empty() && data.reply_to.is_none() {
        Vec::new()
    } else {
        who.chat
            .run(async |connection| {
                let place = (who.project, conversation);
                messages::check_references(connection, place, who.id(), data.reply_to, &media).await
            })
            .await?
    };
    who.say(conversation, |done| say(&who, re, data, attachments, done)).await?;
    Ok(Reply::InHub)
}

fn say(who: &Who, re: u32, data: Data, attachments: Vec<Attachment>, done: Said) -> Say {
    let draft = Draft {
        id: data.id,
        kind: MessageKind::Text,
        body: data.body,
        reply_to: data.reply_to,
        tone: data.tone,
        attachments,
        game: None,
        by_app: None,
    };
    Say { reply: who.reply_to(re), author: who.user(), draft, done }
}

/// The conversation that a message is for: the one named, or the private one with an accepted contact.
pub(super) async fn address(
    who: &Who,
    conversation: Option<ConversationId>,
    to: Option<&str>,
) -> Result<ConversationId, Failure> {
    match (conversation, to) {
        (Some(conversation), None) => Ok(conversation),
        (None, Some(to)) => {
            let private = who.chat.run(async |connection| {
                let peer = who.resolve(connection, to).await?;
                Ok(contacts::accepted_conversation(connection, who.id(), peer.id).await?)
            });
            private.await?.ok_or(Failure::Forbidden("this user is no accepted contact of yours"))
        }
        (Some(_), Some(_)) => Err(Failure::invalid("to", "goes without conversation")),
        (None, None) => Err(Failure::invalid("conversation", "is required, or to")),
    }
}
