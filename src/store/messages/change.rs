//! What happens to a message after it was stored: edits, deletion, reactions.
//!
//! Each locks the message's row first, so changes of one message come one after the other. That the caller may write in the
//! conversation was checked before.

use super::super::callbacks::{self, Event};
use super::super::schema::{attachments, contacts, games, messages, reactions, users};
use super::super::users::{UserRow, shape as user_shape};
use super::MessageRow;
use super::shape::assemble_one;
use crate::model::game::State;
use crate::model::limits;
use crate::model::{ConversationId, Failure, MessageId, ProjectId, UserId};
use crate::wire::invitation::Happening;
use crate::wire::shapes::{Message, MessageKind};
use chrono::{DateTime, Utc};
use diesel::dsl::{count, count_star, exists};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::json;

const DELETED: Failure = Failure::Conflict("this message was deleted");

/// Reads a message and holds its row until the transaction ends.
///
/// # Errors
/// [`Failure::NotFound`] where the conversation has no such message.
pub(in crate::store) async fn lock(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    id: MessageId,
) -> Result<MessageRow, Failure> {
    messages::table
        .filter(messages::project_id.eq(project))
        .filter(messages::id.eq(id))
        .filter(messages::conversation_id.eq(conversation))
        // Not the strongest lock: rows that refer to the message (reactions) need not wait.
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?
        .ok_or(Failure::NotFound("message"))
}

/// Gives a text a new body and returns the message as it is then, with everybody's reactions. The body that it has already
/// changes nothing.
///
/// # Errors
/// [`Failure::Forbidden`] for a message of somebody else, [`Failure::Conflict`] for one that is deleted or no text.
pub async fn edit(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    id: MessageId,
    editor: UserId,
    body: &str,
    now: DateTime<Utc>,
) -> Result<Message, Failure> {
    conn.transaction(async |conn| {
        let mut row = lock(conn, project, conversation, id).await?;
        if row.author != Some(editor) {
            return Err(Failure::Forbidden("only its author may edit a message"));
        }
        if row.deleted_at.is_some() {
            return Err(DELETED);
        }
        if row.kind != MessageKind::Text {
            return Err(Failure::Conflict("only texts can be edited"));
        }
        if row.body != body {
            row = diesel::update(messages::table.find(row.key()))
                .set((messages::body.eq(body), messages::edited_at.eq(now)))
                .get_result(conn)
                .await?;
        }
        Ok(assemble_one(conn, row, None, now).await?)
    })
    .await
}

/// Deletes a message: its number stays, what it said goes, with its reactions, attachments and invitation. Returns what is
/// left of it; deleting twice confirms the first.
///
/// # Errors
/// [`Failure::Forbidden`] for a message of somebody else, unless `may_delete_any`.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    id: MessageId,
    actor: UserId,
    may_delete_any: bool,
    now: DateTime<Utc>,
) -> Result<Message, Failure> {
    conn.transaction(async |conn| {
        let mut row = lock(conn, project, conversation, id).await?;
        if row.author != Some(actor) && !may_delete_any {
            return Err(Failure::Forbidden("only its author may delete a message"));
        }
        if row.deleted_at.is_none() {
            if row.kind == MessageKind::Game {
                note_withdrawal(conn, &row, actor, now).await?;
            }
            erase_belongings(conn, &row).await?;
            let nothing = (
                messages::body.eq(""),
                messages::reply_to.eq(None::<MessageId>),
                messages::tone.eq(None::<&str>),
                messages::deleted_at.eq(now),
            );
            row = diesel::update(messages::table.find(row.key())).set(nothing).get_result(conn).await?;
        }
        Ok(assemble_one(conn, row, None, now).await?)
    })
    .await
}

/// Whoever deletes an invitation that stands takes it back: the app that made it is to be told.
async fn note_withdrawal(
    conn: &mut AsyncPgConnection,
    row: &MessageRow,
    actor: UserId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    // Nobody answers it, and no sweep ends it, before the deletion is done.
    games::table.find(row.key()).select(games::seq).for_update().first::<i64>(conn).await?;
    let mut message = assemble_one(conn, row.clone(), None, now).await?;
    let Some(game) = message.game.as_mut().filter(|game| game.state == State::Offered) else { return Ok(()) };
    game.state = State::Withdrawn;
    let user = users::table.find(actor).select(UserRow::as_select()).first(conn).await.optional()?;
    let event = Event { happening: Happening::Withdrawn, user: user.as_ref().map(user_shape), action: None };
    callbacks::note(conn, &message, event, now).await
}

/// Removes what hangs on a message. An invitation keeps its row, withdrawn and empty.
async fn erase_belongings(conn: &mut AsyncPgConnection, row: &MessageRow) -> QueryResult<()> {
    let (conversation, seq) = row.key();
    diesel::delete(reactions::table)
        .filter(reactions::conversation_id.eq(conversation))
        .filter(reactions::seq.eq(seq))
        .execute(conn)
        .await?;
    diesel::delete(attachments::table)
        .filter(attachments::conversation_id.eq(conversation))
        .filter(attachments::seq.eq(seq))
        .execute(conn)
        .await?;
    if row.kind == MessageKind::Game {
        let game = games::table.find((conversation, seq));
        diesel::update(game).set((games::name.eq(""), games::payload.eq(json!({})))).execute(conn).await?;
        diesel::update(game.filter(games::state.eq(State::Offered)))
            .set(games::state.eq(State::Withdrawn))
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// What a reaction did.
#[derive(Debug, Clone, PartialEq)]
pub struct Reacted {
    /// Whether anything is different now; otherwise it only confirmed what was.
    pub changed: bool,
    /// How many users have reacted with this emoji, whomever one blocks.
    pub count: i64,
    /// The message as the one who reacted may see it.
    pub message: Message,
}

/// Adds (`on`) or takes back a user's reaction; either twice confirms the first.
///
/// # Errors
/// [`Failure::NotFound`] where the user blocks its author, [`Failure::Conflict`] where the message is deleted, or would get more than
/// [`limits::EMOJI_PER_MESSAGE`] different emoji.
#[expect(
    clippy::too_many_arguments,
    reason = "a message is named by three ids, and each argument has a type of its own"
)]
pub async fn react(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    id: MessageId,
    user: UserId,
    emoji: &str,
    on: bool,
    now: DateTime<Utc>,
) -> Result<Reacted, Failure> {
    conn.transaction(async |conn| {
        let row = lock(conn, project, conversation, id).await?;
        refuse_hidden(conn, &row, user).await?;
        if row.deleted_at.is_some() {
            return Err(DELETED);
        }
        let changed = if on {
            check_room_for(conn, &row, emoji).await?;
            add_reaction(conn, &row, user, emoji, now).await?
        } else {
            let own = reactions::table.find((row.conversation, row.seq, emoji, user));
            diesel::delete(own).execute(conn).await? > 0
        };
        let count = reactions::table
            .filter(reactions::conversation_id.eq(row.conversation))
            .filter(reactions::seq.eq(row.seq))
            .filter(reactions::emoji.eq(emoji))
            .select(count_star())
            .first(conn)
            .await?;
        let message = assemble_one(conn, row, Some(user), now).await?;
        Ok(Reacted { changed, count, message })
    })
    .await
}

/// What somebody wrote whom one blocks is not there for one; the reply would show it.
pub(in crate::store) async fn refuse_hidden(
    conn: &mut AsyncPgConnection,
    row: &MessageRow,
    user: UserId,
) -> Result<(), Failure> {
    let Some(author) = row.author else { return Ok(()) };
    let blocks = contacts::table.find((user, author)).filter(contacts::blocked);
    let is_hidden: bool = diesel::select(exists(blocks)).get_result(conn).await?;
    if is_hidden { Err(Failure::NotFound("message")) } else { Ok(()) }
}

/// Checks that a message has this emoji already or may have one more.
async fn check_room_for(conn: &mut AsyncPgConnection, row: &MessageRow, emoji: &str) -> Result<(), Failure> {
    let others: i64 = reactions::table
        .filter(reactions::conversation_id.eq(row.conversation))
        .filter(reactions::seq.eq(row.seq))
        .filter(reactions::emoji.ne(emoji))
        .select(count(reactions::emoji).aggregate_distinct())
        .first(conn)
        .await?;
    if others >= limits::EMOJI_PER_MESSAGE {
        return Err(Failure::Conflict("this message has as many different reactions as it may have"));
    }
    Ok(())
}

async fn add_reaction(
    conn: &mut AsyncPgConnection,
    row: &MessageRow,
    user: UserId,
    emoji: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let values = (
        reactions::conversation_id.eq(row.conversation),
        reactions::seq.eq(row.seq),
        reactions::emoji.eq(emoji),
        reactions::user_id.eq(user),
        reactions::created_at.eq(now),
    );
    let added = diesel::insert_into(reactions::table).values(values).on_conflict_do_nothing().execute(conn).await?;
    Ok(added > 0)
}
