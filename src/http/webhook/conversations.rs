//! `GET /webhook/wibot/conversations` and `GET /webhook/wibot/conversations/{id}/messages`: what a user and the assistant have said.

use super::{answer, caller};
use crate::chat::Chat;
use crate::http::HttpState;
use crate::model::{ConversationId, Failure};
use crate::store::exchanges::{self, Listed, Owner};
use crate::store::users::UserRow;
use crate::wire::shapes::Role;
use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{Stream, stream};
use serde::Serialize;
use uuid::Uuid;

/// Conversations in the list.
const LISTED: i64 = 50;
/// Messages written at once: at their longest some megabytes. The front end has no pages, so all of them follow.
const PART: i64 = 100;

#[derive(Debug, Serialize)]
struct Conversations {
    conversations: Vec<Conversation>,
}

#[derive(Debug, Serialize)]
struct Conversation {
    conversation_id: ConversationId,
    title: String,
    updated_at: String,
    message_count: i64,
}

#[derive(Debug, Serialize)]
struct Message {
    message_id: i64,
    role: Role,
    content: String,
    created_at: String,
}

/// A time as the front end reads it.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The user's conversations, newest first.
pub async fn list(request: HttpRequest, state: web::Data<HttpState>) -> HttpResponse {
    let user = match caller::user(&request, &state).await {
        Ok(user) => user,
        Err(refused) => return refused,
    };
    let listed = state.chat.run(async |conn| Ok(exchanges::list(conn, user.project_id, user.id, LISTED).await?));
    let show = |Listed { id, title, updated_at, messages }| Conversation {
        conversation_id: id,
        title: title.unwrap_or_default(),
        updated_at: time(updated_at),
        message_count: messages,
    };
    match listed.await {
        Ok(listed) => HttpResponse::Ok().json(Conversations { conversations: listed.into_iter().map(show).collect() }),
        Err(failure) => answer::server_error(&failure),
    }
}

/// What was said in one of them, oldest first.
pub async fn messages(request: HttpRequest, state: web::Data<HttpState>, id: web::Path<String>) -> HttpResponse {
    let user = match caller::user(&request, &state).await {
        Ok(user) => user,
        Err(refused) => return refused,
    };
    let Some(id) = conversation_id(&id) else { return answer::bad_request("conversation_id doit être un UUID") };
    let place = Place { chat: state.chat.clone(), user, conversation: id };
    match part(&place, 0).await {
        Ok(first) => HttpResponse::Ok().content_type(ContentType::json()).streaming(Box::pin(written(place, first))),
        Err(Failure::NotFound(_)) => answer::unknown_conversation(),
        Err(Failure::Forbidden(_)) => answer::foreign_conversation(),
        Err(failure) => answer::server_error(&failure),
    }
}

/// Who reads what.
struct Place {
    chat: Chat,
    user: UserRow,
    conversation: ConversationId,
}

/// Some messages, separated, and the number behind which more follow.
struct Part {
    text: String,
    next: Option<i64>,
}

/// A part at a time: however long the conversation is, no more of it is in memory.
fn written(place: Place, mut first: Part) -> impl Stream<Item = Result<Bytes, Failure>> {
    first.text.insert_str(0, r#"{"messages":["#);
    stream::unfold((place, Some(Ok(first))), |(place, ready)| async move {
        let Part { text, next } = match ready? {
            Ok(part) => part,
            // Cut off rather than ended as if it were all.
            Err(failure) => return Some((Err(failure), (place, None))),
        };
        let Some(last) = next else { return Some((Ok((text + "]}").into()), (place, None))) };
        let mut next = part(&place, last).await;
        if let Ok(Part { text, .. }) = &mut next
            && !text.is_empty()
        {
            text.insert(0, ',');
        }
        Some((Ok(text.into()), (place, Some(next))))
    })
}

async fn part(place: &Place, after: i64) -> Result<Part, Failure> {
    let Place { chat, user, conversation } = place;
    let read = chat.run(async |conn| match exchanges::owner(conn, user.project_id, user.id, *conversation).await? {
        Owner::Nobody => Err(Failure::NotFound("conversation")),
        Owner::Other => Err(Failure::Forbidden("this conversation is somebody else's")),
        Owner::Theirs => Ok(exchanges::said(conn, user.project_id, *conversation, after, PART).await?),
    });
    let (said, more) = read.await?;
    let next = said.last().filter(|_| more).map(|(seq, ..)| *seq);
    let show = |(seq, role, content, at)| Message { message_id: seq, role, content, created_at: time(at) };
    let text = serde_json::to_string(&said.into_iter().map(show).collect::<Vec<_>>()).map_err(|_| Failure::Internal)?;
    // Without the brackets: what the next part has stands in the same list.
    let text = text.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Part { text, next })
}

/// A conversation's id in the usual form of a UUID.
#[must_use]
pub fn conversation_id(text: &str) -> Option<ConversationId> {
    // Other forms (braces, no dashes) are those of the library, not of the front end.
    (text.len() == 36).then(|| Uuid::parse_str(text).ok().map(ConversationId))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_with_dashes() {
        assert!(conversation_id("550e8400-e29b-41d4-a716-446655440000").is_some());
        // The identifier of the original's fifth example.
        for bad in ["770f9622-g4bd-63f6-c938-668877662222", "550e8400e29b41d4a716446655440000", "", "1"] {
            assert_eq!(conversation_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_have_seconds_and_a_z() {
        assert_eq!(time("2024-12-25T14:30:00.999Z".parse().unwrap()), "2024-12-25T14:30:00Z");
    }
}
