//! Messages and what hangs on them: reactions, attachments, and the shapes that go out.
//!
//! Rows are locked in one order everywhere: conversations by id, then a message, then what belongs to it.

mod batch;
mod change;
mod columns;
mod digest;
mod history;
mod insert;
mod invitations;
mod reactions;
mod search;
mod shape;
mod status;
mod together;

pub use batch::{ByApp, NewGame, NewMessage, Outcome, confirm, store_batch};
pub use change::{Reacted, delete, edit, react};
pub use digest::digest;
pub use history::{Page, by_id, last_of, page, range};
pub use search::{Copied, Question, RANKED, behind, copy, mend, search};
pub use together::{Draft as DraftOfMany, store_together};

pub(in crate::store) use change::{lock, refuse_hidden};
pub(in crate::store) use shape::{assemble, assemble_one};

use super::schema::{media, members, messages};
use crate::model::{ChatbotId, ConversationId, Failure, MediaId, MessageId, ProjectId, UserId};
use crate::wire::shapes::{Attachment, Ended, MessageKind, Role};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::{HashMap, HashSet};

/// Where a message stands: its conversation and its number there.
type Key = (ConversationId, i64);

/// A row of `messages`, its columns in the table's order.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct MessageRow {
    pub conversation: ConversationId,
    pub seq: i64,
    pub project: ProjectId,
    pub id: MessageId,
    /// `None`: a bot's, or of a user deleted since.
    pub author: Option<UserId>,
    pub chatbot: Option<ChatbotId>,
    pub kind: MessageKind,
    pub role: Role,
    pub body: String,
    pub reply_to: Option<MessageId>,
    pub tone: Option<String>,
    pub digest: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub ended: Option<Ended>,
}

impl MessageRow {
    fn key(&self) -> Key {
        (self.conversation, self.seq)
    }
}

/// The message of this id in this conversation; a deleted one too.
pub async fn find(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    id: MessageId,
) -> QueryResult<Option<MessageRow>> {
    messages::table
        .filter(messages::project_id.eq(project))
        .filter(messages::id.eq(id))
        .filter(messages::conversation_id.eq(conversation))
        .first(conn)
        .await
        .optional()
}

/// Checks that a message may be replied to: it is in the conversation, deleted or not.
pub async fn exists_in(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    message: MessageId,
) -> Result<(), Failure> {
    match find(conn, project, conversation, message).await? {
        Some(_) => Ok(()),
        None => Err(Failure::NotFound("message")),
    }
}

/// The conversation in which a user can see this message.
///
/// # Errors
/// [`Failure::NotFound`] if there is none of which the user is a member.
pub async fn conversation_of(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    user: UserId,
    message: MessageId,
) -> Result<ConversationId, Failure> {
    let found = messages::table
        .inner_join(members::table.on(members::conversation_id.eq(messages::conversation_id)))
        .filter(messages::project_id.eq(project).and(messages::id.eq(message)))
        .filter(members::user_id.eq(user))
        .select(messages::conversation_id)
        .first(conn)
        .await
        .optional()?;
    found.ok_or(Failure::NotFound("message"))
}

/// Checks what a new message refers to, and gives its attachments as it will show them. Who is no member must not learn which
/// messages there are.
///
/// # Errors
/// [`Failure::NotFound`] if the author is no member of the conversation, it has no message `reply_to`, or a file is none that
/// the author may read.
pub async fn check_references(
    conn: &mut AsyncPgConnection,
    (project, conversation): (ProjectId, ConversationId),
    author: UserId,
    reply_to: Option<MessageId>,
    files: &[MediaId],
) -> Result<Vec<Attachment>, Failure> {
    let permission = super::members::permission(conn, project, conversation, author).await?;
    permission.ok_or(Failure::NotFound("conversation"))?;
    if let Some(message) = reply_to {
        exists_in(conn, project, conversation, message).await?;
    }
    check_attachments(conn, project, author, files).await
}

/// Checks that the sender may attach these files, and gives them as the message will show them.
///
/// Each must be one that the sender may read, as [`super::media::readable`] says; otherwise it is "not found". None may be
/// named twice.
pub async fn check_attachments(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    sender: UserId,
    files: &[MediaId],
) -> Result<Vec<Attachment>, Failure> {
    let mut seen = HashSet::new();
    if let Some(place) = files.iter().position(|file| !seen.insert(*file)) {
        return Err(Failure::invalid(format!("attachments[{place}].id"), "this file is attached twice"));
    }
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: HashMap<MediaId, Attachment> = media::table
        .filter(media::id.eq_any(super::media::readable(conn, project, sender, files).await?))
        .select((media::id, media::name, media::mime, media::size, media::width, media::height))
        .load::<columns::MediaColumns>(conn)
        .await?
        .into_iter()
        .map(|columns| (columns.0, columns::attachment(columns)))
        .collect();
    files.iter().map(|file| found.remove(file).ok_or(Failure::NotFound("attachment"))).collect()
}
