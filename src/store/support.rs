//! Support sessions: which conversation carries the messages of one.

use super::schema::conversations;
use crate::model::{ConversationId, ProjectId};
use crate::wire::shapes::ConversationKind;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// The conversation of a support session. Whether somebody may see it is for the caller to check, and to answer alike.
///
/// # Errors
/// Those of the database.
pub async fn conversation_of_session(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    session: Uuid,
) -> QueryResult<Option<ConversationId>> {
    conversations::table
        .filter(conversations::project_id.eq(project))
        .filter(conversations::id.eq(ConversationId(session)))
        .filter(conversations::kind.eq(ConversationKind::Support))
        .select(conversations::id)
        .first(conn)
        .await
        .optional()
}
