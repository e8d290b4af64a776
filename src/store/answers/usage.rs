//! What answers took, kept beside their messages.

use crate::model::{ConversationId, MessageId, Usage};
use crate::store::schema::answer_usage;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

/// Keeps what an answer took, beside its message.
pub(in crate::store) async fn keep_usage(
    conn: &mut AsyncPgConnection,
    conversation: ConversationId,
    answer: MessageId,
    usage: Usage,
) -> QueryResult<()> {
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    diesel::insert_into(answer_usage::table)
        .values((
            answer_usage::message_id.eq(answer),
            answer_usage::conversation_id.eq(conversation),
            answer_usage::input_tokens.eq(count(usage.input_tokens)),
            answer_usage::output_tokens.eq(count(usage.output_tokens)),
        ))
        .execute(conn)
        .await
        .map(|_| ())
}

/// What the answers of these messages took; those of which nobody noted it are left out.
///
/// # Errors
/// Those of the database.
pub async fn usage_of(conn: &mut AsyncPgConnection, ids: &[MessageId]) -> QueryResult<HashMap<MessageId, Usage>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(MessageId, i64, i64)> = answer_usage::table
        .filter(answer_usage::message_id.eq_any(ids))
        .select((answer_usage::message_id, answer_usage::input_tokens, answer_usage::output_tokens))
        .load(conn)
        .await?;
    let count = |tokens: i64| u64::try_from(tokens).unwrap_or(0);
    let usage = |(id, input, output)| (id, Usage { input_tokens: count(input), output_tokens: count(output) });
    Ok(rows.into_iter().map(usage).collect())
}
