//! The reactions of messages, as one viewer may see them.

use super::super::statement::statement;
use super::Key;
use super::columns::{UserColumns, user};
use crate::model::{ConversationId, UserId};
use crate::wire::limits;
use crate::wire::shapes::User;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::{BTreeMap, HashMap};

statement! {
    /// The first users of each emoji with the number of all, the most frequent emoji of a message first, without the users
    /// whom the viewer blocks.
    struct Listed<'a> {
        conversations: &'a [ConversationId],
        seqs: &'a [i64],
        viewer: Option<UserId>,
        listed: i64,
    } -> ((SqlUuid, BigInt, Text, BigInt), (SqlUuid, Text, Nullable<Text>, Nullable<SqlUuid>, Nullable<Text>));
    "WITH placed AS (\
         SELECT r.conversation_id, r.seq, r.emoji, r.user_id, count(*) OVER emoji AS total, \
             row_number() OVER (emoji ORDER BY r.created_at, r.user_id) AS place \
         FROM unnest(" [conversations as Array<SqlUuid>] ", " [seqs as Array<BigInt>]
         ") AS k (conversation_id, seq) JOIN reactions r USING (conversation_id, seq) \
         WHERE NOT EXISTS (SELECT FROM contacts c WHERE c.peer_id = r.user_id AND c.blocked AND c.user_id = "
         [viewer as Nullable<SqlUuid>] ") WINDOW emoji AS (PARTITION BY r.conversation_id, r.seq, r.emoji)) \
     SELECT p.conversation_id, p.seq, p.emoji, p.total, u.id, u.username, u.name, u.avatar, u.profile \
     FROM placed p JOIN users u ON u.id = p.user_id WHERE p.place <= " [listed as BigInt]
         " ORDER BY p.conversation_id, p.seq, p.total DESC, p.emoji, p.place"
}

/// The reactions of one message.
#[derive(Debug, Default)]
pub(super) struct Reactions {
    /// The first users of the most frequent emoji.
    pub(super) users: BTreeMap<String, Vec<User>>,
    /// How many there are of every emoji.
    pub(super) counts: BTreeMap<String, i64>,
}

/// The reactions of these messages, without those of users whom the viewer blocks; messages without any are left out.
pub(super) async fn of(
    conn: &mut AsyncPgConnection,
    keys: &[Key],
    viewer: Option<UserId>,
) -> QueryResult<HashMap<Key, Reactions>> {
    let listed = i64::try_from(limits::REACTIONS_LISTED).unwrap_or(i64::MAX);
    let (conversations, seqs): (Vec<_>, Vec<_>) = keys.iter().copied().unzip();
    let rows = Listed { conversations: &conversations, seqs: &seqs, viewer, listed }
        .load::<((ConversationId, i64, String, i64), UserColumns)>(conn)
        .await?;
    let mut found: HashMap<Key, Reactions> = HashMap::new();
    for ((conversation, seq, emoji, total), columns) in rows {
        let reactions = found.entry((conversation, seq)).or_default();
        if reactions.users.len() < limits::REACTIONS_LISTED || reactions.users.contains_key(&emoji) {
            reactions.users.entry(emoji.clone()).or_default().push(user(columns));
        }
        reactions.counts.insert(emoji, total);
    }
    Ok(found)
}
