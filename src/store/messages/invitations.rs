//! The invitations that messages carry, as one viewer may see them.

use super::super::statement::statement;
use super::Key;
use super::columns::{UserColumns, user};
use crate::model::game::State;
use crate::model::{ConversationId, UserId};
use crate::wire::shapes::Game;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use std::collections::HashMap;

/// Answers of each sort listed in an invitation. As many as it may have seats; of those who decline, of whom a large group may
/// have thousands, it names the first, so that the frame stays small.
const ANSWERS_LISTED: i64 = 100;

statement! {
    struct Offers<'a> {
        conversations: &'a [ConversationId],
        seqs: &'a [i64],
    } -> ((SqlUuid, BigInt), Text, Jsonb, Integer, Text, Nullable<Timestamptz>);
    "SELECT g.conversation_id, g.seq, g.name, g.payload, g.capacity, g.state, g.expires_at FROM unnest("
         [conversations as Array<SqlUuid>] ", " [seqs as Array<BigInt>]
         ") AS k (conversation_id, seq) JOIN games g USING (conversation_id, seq)"
}

statement! {
    /// The first answers of each sort, without those of users whom the viewer blocks.
    struct Answers<'a> {
        conversations: &'a [ConversationId],
        seqs: &'a [i64],
        viewer: Option<UserId>,
        listed: i64,
    } -> ((SqlUuid, BigInt), Bool, (SqlUuid, Text, Nullable<Text>, Nullable<SqlUuid>, Nullable<Text>));
    "WITH placed AS (\
         SELECT a.conversation_id, a.seq, a.accepted, a.user_id, row_number() OVER (\
             PARTITION BY a.conversation_id, a.seq, a.accepted ORDER BY a.created_at, a.user_id) AS place \
         FROM unnest(" [conversations as Array<SqlUuid>] ", " [seqs as Array<BigInt>]
         ") AS k (conversation_id, seq) JOIN game_answers a USING (conversation_id, seq) \
         WHERE NOT EXISTS (SELECT FROM contacts c WHERE c.peer_id = a.user_id AND c.blocked AND c.user_id = "
         [viewer as Nullable<SqlUuid>] ")) \
     SELECT p.conversation_id, p.seq, p.accepted, u.id, u.username, u.name, u.avatar, u.profile \
     FROM placed p JOIN users u ON u.id = p.user_id WHERE p.place <= " [listed as BigInt]
         " ORDER BY p.conversation_id, p.seq, p.accepted, p.place"
}

/// The invitations of these messages as they stand at `now`, without answers of users whom the viewer blocks.
pub(super) async fn of(
    conn: &mut AsyncPgConnection,
    keys: &[Key],
    viewer: Option<UserId>,
    now: DateTime<Utc>,
) -> QueryResult<HashMap<Key, Game>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (conversations, seqs): (Vec<_>, Vec<_>) = keys.iter().copied().unzip();
    let mut games: HashMap<Key, Game> = Offers { conversations: &conversations, seqs: &seqs }
        .load::<(Key, String, Value, i32, State, Option<DateTime<Utc>>)>(conn)
        .await?
        .into_iter()
        .map(|(key, name, payload, capacity, state, expires_at)| {
            let (seats, declined) = (Vec::new(), Vec::new());
            let state = state.at(expires_at, now);
            (key, Game { name, payload, capacity, seats, declined, state, expires_at: expires_at.map(Into::into) })
        })
        .collect();
    let answers = Answers { conversations: &conversations, seqs: &seqs, viewer, listed: ANSWERS_LISTED }
        .load::<(Key, bool, UserColumns)>(conn)
        .await?;
    for (key, accepted, columns) in answers {
        if let Some(game) = games.get_mut(&key) {
            if accepted { &mut game.seats } else { &mut game.declined }.push(user(columns));
        }
    }
    Ok(games)
}
