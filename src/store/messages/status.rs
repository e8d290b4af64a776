//! How far messages have come, from the watermarks of the members.

use super::super::statement::statement;
use crate::model::{ConversationId, UserId};
use crate::wire::shapes::MessageStatus;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

statement! {
    /// Of each conversation the two members who were least far in reading and the two in receiving.
    ///
    /// Two, because an author's own watermark says nothing about what the author wrote.
    struct Hindmost<'a> { conversations: &'a [ConversationId] } -> (SqlUuid, SqlUuid, BigInt, BigInt);
    "SELECT c.id, m.user_id, m.told_delivered_seq, m.told_read_seq FROM unnest(" [conversations as Array<SqlUuid>]
         ") AS c (id) CROSS JOIN LATERAL (\
         (SELECT user_id, told_delivered_seq, told_read_seq FROM members WHERE conversation_id = c.id \
             ORDER BY told_delivered_seq LIMIT 2) \
         UNION \
         (SELECT user_id, told_delivered_seq, told_read_seq FROM members WHERE conversation_id = c.id \
             ORDER BY told_read_seq LIMIT 2)\
     ) m"
}

/// What the others of a member were told.
struct Watermarks {
    member: UserId,
    delivered: i64,
    read: i64,
}

/// The members of some conversations who were least far.
pub(super) struct Statuses(HashMap<ConversationId, Vec<Watermarks>>);

impl Statuses {
    pub(super) async fn load(conn: &mut AsyncPgConnection, conversations: &[ConversationId]) -> QueryResult<Self> {
        let rows = Hindmost { conversations }.load::<(ConversationId, UserId, i64, i64)>(conn).await?;
        let mut statuses = Self(HashMap::new());
        for (conversation, member, delivered, read) in rows {
            statuses.0.entry(conversation).or_default().push(Watermarks { member, delivered, read });
        }
        Ok(statuses)
    }

    /// How far a message has come: as far as the last of all members but its author.
    pub(super) fn of(&self, conversation: ConversationId, seq: i64, author: Option<UserId>) -> MessageStatus {
        let others = || {
            let members = self.0.get(&conversation).map(Vec::as_slice).unwrap_or_default();
            members.iter().filter(|member| Some(member.member) != author)
        };
        let reached = |mark: Option<i64>| mark.is_some_and(|mark| mark >= seq);
        if reached(others().map(|member| member.read).min()) {
            MessageStatus::Read
        } else if reached(others().map(|member| member.delivered).min()) {
            MessageStatus::Delivered
        } else {
            MessageStatus::Sent
        }
    }
}
