//! Conversations of one person with a bot, as the assistant's front end shows them; and questions whose asker waits for the answer.
//!
//! - [`turns`]: one such question at a time in a conversation, and none beside a bot's answer, on whichever node.
//! - [`pairs`]: question and answer, stored together.

pub(super) mod held;
pub mod pairs;
pub mod turns;

use super::paging::truncate;
use super::schema::{conversations, members, messages as message_table};
use crate::model::permission::Permission;
use crate::model::{ConversationId, ProjectId, UserId};
use crate::wire::shapes::{ConversationKind, MessageKind, Role};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// To whom a conversation belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// There is no such conversation yet.
    Nobody,
    /// It is this user's, with a bot.
    Theirs,
    /// It is somebody else's, or of another kind.
    Other,
}

/// To whom a conversation belongs, as a user may know.
///
/// # Errors
/// Those of the database.
pub async fn owner(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    user: UserId,
    id: ConversationId,
) -> QueryResult<Owner> {
    let known: Option<(ProjectId, ConversationKind)> = conversations::table
        .find(id)
        .select((conversations::project_id, conversations::kind))
        .first(conn)
        .await
        .optional()?;
    let Some((of, kind)) = known else { return Ok(Owner::Nobody) };
    let own: Option<Permission> =
        members::table.find((id, user)).select(members::permission).first(conn).await.optional()?;
    let theirs = of == project && kind == ConversationKind::Assistant && own >= Some(Permission::Write);
    Ok(if theirs { Owner::Theirs } else { Owner::Other })
}

/// A conversation in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: ConversationId,
    pub title: Option<String>,
    pub updated_at: DateTime<Utc>,
    pub messages: i64,
}

/// A user's conversations with bots, latest activity first.
///
/// # Errors
/// Those of the database.
pub async fn list(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    user: UserId,
    limit: i64,
) -> QueryResult<Vec<Listed>> {
    let rows: Vec<(ConversationId, Option<String>, DateTime<Utc>)> = conversations::table
        .inner_join(members::table)
        .filter(conversations::project_id.eq(project).and(members::user_id.eq(user)))
        .filter(conversations::kind.eq(ConversationKind::Assistant))
        .order((conversations::updated_at.desc(), conversations::id.desc()))
        .limit(limit)
        .select((conversations::id, conversations::title, conversations::updated_at))
        .load(conn)
        .await?;
    let ids: Vec<ConversationId> = rows.iter().map(|row| row.0).collect();
    let counts: Vec<(ConversationId, i64)> = message_table::table
        .filter(message_table::conversation_id.eq_any(ids))
        .filter(message_table::kind.eq(MessageKind::Text).and(message_table::deleted_at.is_null()))
        .group_by(message_table::conversation_id)
        .select((message_table::conversation_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    let count = |id| counts.iter().find(|(of, _)| *of == id).map_or(0, |(_, count)| *count);
    let listed = |(id, title, updated_at)| Listed { id, title, updated_at, messages: count(id) };
    Ok(rows.into_iter().map(listed).collect())
}

/// A message: its number in the conversation, who said it, what, and when.
pub type Said = (i64, Role, String, DateTime<Utc>);

/// Messages of a conversation behind a number, oldest first, and whether more follow.
///
/// # Errors
/// Those of the database.
pub async fn said(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ConversationId,
    after: i64,
    limit: i64,
) -> QueryResult<(Vec<Said>, bool)> {
    let mut rows: Vec<Said> = message_table::table
        .filter(message_table::project_id.eq(project).and(message_table::conversation_id.eq(id)))
        .filter(message_table::seq.gt(after))
        .filter(message_table::kind.eq(MessageKind::Text).and(message_table::deleted_at.is_null()))
        .order(message_table::seq)
        .limit(limit.saturating_add(1))
        .select((message_table::seq, message_table::role, message_table::body, message_table::created_at))
        .load(conn)
        .await?;
    let more = truncate(&mut rows, limit);
    Ok((rows, more))
}
