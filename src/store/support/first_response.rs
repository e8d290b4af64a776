//! When an agent first answered a request: found in what was said until it is written down.

use crate::model::RequestId;
use crate::store::schema::support_requests;
use crate::store::statement::statement;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

statement! {
    /// When somebody else than the customer, and no bot, first said something about each of these requests, where that was not
    /// written down yet.
    struct FirstResponses<'a> { requests: &'a [RequestId] } -> (SqlUuid, Timestamptz);
    "SELECT r.id, min(m.created_at) FROM support_requests r \
     JOIN support_sessions s ON s.request_id = r.id \
     CROSS JOIN LATERAL (SELECT created_at FROM messages m WHERE m.conversation_id = s.conversation_id \
         AND m.chatbot_id IS NULL AND m.author_id <> r.customer_id ORDER BY m.seq LIMIT 1) m \
     WHERE r.id = ANY (" [requests as Array<SqlUuid>] ") AND r.first_response_at IS NULL GROUP BY r.id"
}

/// When an agent first answered these requests, as far as that is found in what was said.
pub(super) async fn first_responses(
    conn: &mut AsyncPgConnection,
    requests: &[RequestId],
) -> QueryResult<HashMap<RequestId, DateTime<Utc>>> {
    if requests.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(RequestId, DateTime<Utc>)> = FirstResponses { requests }.load(conn).await?;
    Ok(rows.into_iter().collect())
}

/// Writes down when an agent first answered, while who wrote what can still be told from the members of now.
pub(super) async fn note_first_response(conn: &mut AsyncPgConnection, id: RequestId) -> QueryResult<()> {
    if let Some(at) = first_responses(conn, &[id]).await?.remove(&id) {
        diesel::update(support_requests::table.find(id).filter(support_requests::first_response_at.is_null()))
            .set(support_requests::first_response_at.eq(at))
            .execute(conn)
            .await?;
    }
    Ok(())
}
