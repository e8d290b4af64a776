//! Answers to invitations, and their end by time.

use super::callbacks::{self, Event};
use super::messages::{assemble_one, lock, refuse_hidden};
use super::schema::{app_invitations, conversations, game_answers, games, members, users};
use super::statement::statement;
use super::users::{UserRow, shape};
use crate::model::game::{Answer, Invitation, State};
use crate::model::{ConversationId, Failure, MessageId, ProjectId, UserId};
use crate::wire::invitation::Happening;
use crate::wire::shapes::{ConversationKind, Message, MessageKind};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Answers the invitation of a message; says whether anything is different now, and how the message is then, with everybody's
/// answers.
///
/// Answers to one invitation come one after the other, so a seat goes to one user however many ask at once. That the user is
/// a member was checked before.
///
/// # Errors
/// Those of [`Invitation::answer`]; [`Failure::NotFound`] where the user blocks its author, [`Failure::Conflict`] too where the message is deleted or no invitation.
pub async fn answer(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    message: MessageId,
    user: UserId,
    answer: Answer,
    now: DateTime<Utc>,
) -> Result<(bool, Message), Failure> {
    conn.transaction(async |conn| {
        let row = lock(conn, project, conversation, message).await?;
        refuse_hidden(conn, &row, user).await?;
        if row.deleted_at.is_some() {
            return Err(Failure::Conflict("this message was deleted"));
        }
        if row.kind != MessageKind::Game {
            return Err(Failure::Conflict("this message is no invitation"));
        }
        // Of an author deleted since, nobody has the id.
        let author = row.author.unwrap_or(UserId(Uuid::nil()));
        let mut invitation = load(conn, conversation, row.seq, author).await?;
        let other_members: i64 = members::table
            .filter(members::conversation_id.eq(conversation))
            .filter(members::user_id.ne(author))
            .count()
            .get_result(conn)
            .await?;
        // An expiry that this finds is not stored here: the sweep does it, and tells the members.
        let change = invitation.answer(user, answer, now, usize::try_from(other_members).unwrap_or(usize::MAX))?;
        if change.changed {
            diesel::update(games::table.find((conversation, row.seq)))
                .set(games::state.eq(invitation.state))
                .execute(conn)
                .await?;
            if answer != Answer::Withdraw {
                store_answer(conn, conversation, row.seq, user, answer == Answer::Accept, now).await?;
            }
        }
        let message = assemble_one(conn, row, None, now).await?;
        if change.changed {
            let user = users::table.find(user).select(UserRow::as_select()).first(conn).await.optional()?;
            let user = user.as_ref().map(shape);
            let event = Event { happening: answer.into(), user, action: Some(answer) };
            callbacks::note(conn, &message, event, now).await?;
        }
        Ok((change.changed, message))
    })
    .await
}

/// Takes back an invitation as the app that made it; otherwise as [`answer`]. Whether its author may still write does not count.
///
/// # Errors
/// [`Failure::NotFound`] if the app made no such invitation, [`Failure::Conflict`] if it has ended otherwise.
pub async fn withdraw(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    conversation: ConversationId,
    message: MessageId,
    app: Uuid,
    now: DateTime<Utc>,
) -> Result<(bool, Message), Failure> {
    conn.transaction(async |conn| {
        let row = lock(conn, project, conversation, message).await?;
        let made_by = app_invitations::table
            .find((conversation, row.seq))
            .select(app_invitations::app_id)
            .first::<Uuid>(conn)
            .await
            .optional()?;
        if made_by != Some(app) || row.deleted_at.is_some() {
            return Err(Failure::NotFound("invitation"));
        }
        let author = row.author.unwrap_or(UserId(Uuid::nil()));
        let mut invitation = load(conn, conversation, row.seq, author).await?;
        // As its author would: the app stands for them.
        let change = invitation.answer(author, Answer::Withdraw, now, 0)?;
        if change.changed {
            diesel::update(games::table.find((conversation, row.seq)))
                .set(games::state.eq(invitation.state))
                .execute(conn)
                .await?;
        }
        let message = assemble_one(conn, row, None, now).await?;
        if change.changed {
            let event = Event { happening: Answer::Withdraw.into(), user: None, action: None };
            callbacks::note(conn, &message, event, now).await?;
        }
        Ok((change.changed, message))
    })
    .await
}

/// Reads an invitation and holds its row until the transaction ends.
async fn load(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    seq: i64,
    author: UserId,
) -> QueryResult<Invitation> {
    let (state, capacity, expires_at): (State, i32, Option<DateTime<Utc>>) = games::table
        .find((conversation, seq))
        .select((games::state, games::capacity, games::expires_at))
        .for_update()
        .first(conn)
        .await?;
    let kind: ConversationKind =
        conversations::table.find(conversation).select(conversations::kind).first(conn).await?;
    let answers = game_answers::table
        .filter(game_answers::conversation_id.eq(conversation))
        .filter(game_answers::seq.eq(seq))
        .order((game_answers::created_at, game_answers::user_id));
    let seats = answers.filter(game_answers::accepted).select(game_answers::user_id).load(conn).await?;
    let still_members = members::table.filter(members::conversation_id.eq(conversation)).select(members::user_id);
    let declined = answers
        .filter(diesel::dsl::not(game_answers::accepted))
        .filter(game_answers::user_id.eq_any(still_members))
        .select(game_answers::user_id)
        .load(conn)
        .await?;
    Ok(Invitation {
        state,
        capacity: usize::try_from(capacity).unwrap_or(0),
        author,
        seats,
        declined,
        expires_at,
        private: kind == ConversationKind::Private,
    })
}

async fn store_answer(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    seq: i64,
    user: UserId,
    accepted: bool,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let changes = (game_answers::accepted.eq(accepted), game_answers::created_at.eq(now));
    diesel::insert_into(game_answers::table)
        .values((
            game_answers::conversation_id.eq(conversation),
            game_answers::seq.eq(seq),
            game_answers::user_id.eq(user),
            changes,
        ))
        .on_conflict((game_answers::conversation_id, game_answers::seq, game_answers::user_id))
        .do_update()
        .set(changes)
        .execute(conn)
        .await?;
    Ok(())
}

statement! {
    /// Ends invitations whose time is over; leaves alone those that somebody answers at this moment.
    struct Expire<'a> { now: &'a DateTime<Utc>, limit: i64 } -> (SqlUuid, SqlUuid, SqlUuid, BigInt);
    "WITH due AS MATERIALIZED (\
         SELECT conversation_id, seq FROM games WHERE state = 'offered' AND expires_at <= " [now as Timestamptz]
         " ORDER BY expires_at LIMIT " [limit as BigInt] " FOR UPDATE SKIP LOCKED\
     ) \
     UPDATE games g SET state = 'expired' FROM due d JOIN messages m USING (conversation_id, seq) \
     WHERE g.conversation_id = d.conversation_id AND g.seq = d.seq \
     RETURNING m.project_id, m.conversation_id, m.id, m.seq"
}

/// Ends up to `limit` invitations whose time is over at `now`, and says which, for their members to be told. Every invitation
/// is returned once, however many nodes sweep. Apps that made some are to be told, by [`callbacks`].
///
/// # Errors
/// Those of the database.
pub async fn expire(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(ProjectId, ConversationId, MessageId, i64)>, Failure> {
    conn.transaction(async |conn| {
        let expired: Vec<(ProjectId, ConversationId, MessageId, i64)> = Expire { now: &now, limit }.load(conn).await?;
        for (project, conversation, message, _) in &expired {
            let event = Event { happening: Happening::Expired, user: None, action: None };
            if let Some(row) = super::messages::find(conn, *project, *conversation, *message).await? {
                let message = assemble_one(conn, row, None, now).await?;
                callbacks::note(conn, &message, event, now).await?;
            }
        }
        Ok(expired)
    })
    .await
}
