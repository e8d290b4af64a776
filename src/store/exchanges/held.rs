//! Whether somebody has the turn to ask in a conversation.

use crate::model::ConversationId;
use crate::store::schema::exchange_turns;
use diesel::dsl::{exists, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Somebody asks in this conversation and waits for the answer: no bot is to begin one beside.
///
/// # Errors
/// Those of the database.
pub(in crate::store) async fn is_held(conn: &mut AsyncPgConnection, conversation: ConversationId) -> QueryResult<bool> {
    is_taken(conn, conversation, Uuid::nil()).await
}

/// Whose turn it is by now: true if it is somebody else's.
pub(super) async fn is_taken(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    by_others_than: Uuid,
) -> QueryResult<bool> {
    let held = exchange_turns::table
        .find(conversation)
        .filter(exchange_turns::holder.ne(by_others_than))
        .filter(exchange_turns::held_until.gt(now_by_database()));
    diesel::select(exists(held)).get_result(conn).await
}

fn now_by_database() -> SqlLiteral<Timestamptz> {
    sql("clock_timestamp()")
}
