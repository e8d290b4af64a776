//! Messages of one author that are stored all or none, whatever conversations they are for.

use super::super::members;
use super::super::schema::conversations;
use super::batch::{ATTEMPTS, NewMessage, Outcome, is_conflict, store_carefully};
use super::digest;
use crate::model::permission::check_write;
use crate::model::{ConversationId, Failure, MessageId, ProjectId, UserId};
use crate::wire::shapes::{MessageKind, Role};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::collections::{BTreeSet, HashMap};

/// A text as its author wrote it, checked but for the right to write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub conversation: ConversationId,
    pub id: MessageId,
    pub body: String,
}

/// Stores texts in one transaction, numbered in their order, and says how many were new. Holding the conversations' rows from the
/// first to the last, it needs no room to check the right to write.
///
/// # Errors
/// [`Failure::NotFound`] and [`Failure::ReadOnly`] for who may not write in one of the conversations, [`Failure::IdTaken`]; nothing
/// is stored then.
pub async fn store_together(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    author: UserId,
    drafts: &[Draft],
    now: DateTime<Utc>,
) -> Result<usize, Failure> {
    conn.transaction(async |conn| {
        let named: BTreeSet<ConversationId> = drafts.iter().map(|draft| draft.conversation).collect();
        let locked: Vec<(ConversationId, i64)> = conversations::table
            .filter(conversations::project_id.eq(project).and(conversations::id.eq_any(&named)))
            .order(conversations::id)
            .select((conversations::id, conversations::version))
            .for_update()
            .load(conn)
            .await?;
        let versions: HashMap<ConversationId, i64> = locked.into_iter().collect();
        for conversation in named {
            let permission = members::permission(conn, project, conversation, author).await?;
            check_write(permission.ok_or(Failure::NotFound("conversation"))?)?;
        }
        let batch: Vec<NewMessage> = drafts
            .iter()
            .map(|draft| NewMessage {
                conversation: draft.conversation,
                version: versions.get(&draft.conversation).copied().unwrap_or_default(),
                project,
                id: draft.id,
                author,
                kind: MessageKind::Text,
                role: Role::User,
                chatbot: None,
                body: draft.body.clone(),
                reply_to: None,
                tone: None,
                digest: digest(MessageKind::Text, &draft.body, None, None, &[], None),
                attachments: Vec::new(),
                game: None,
                created_at: now,
            })
            .collect();
        let mut attempts = 1;
        let outcomes = loop {
            // A transaction within this one: what it leaves undone can be tried again.
            match store_carefully(conn, &batch).await {
                Err(error) if is_conflict(&error) && attempts < ATTEMPTS => attempts += 1,
                result => break result?,
            }
        };
        let mut new = 0;
        for outcome in outcomes {
            match outcome {
                Outcome::Stored { .. } => new += 1,
                Outcome::Confirmed(_) => {}
                Outcome::IdTaken => return Err(Failure::IdTaken),
                Outcome::Gone => return Err(Failure::NotFound("conversation")),
                // With the rows held only an author that is deleted leads here.
                Outcome::Stale => return Err(Failure::Unauthorized),
            }
        }
        Ok(new)
    })
    .await
}
