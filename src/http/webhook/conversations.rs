//! `GET /webhook/wibot/conversations` and `GET /webhook/wibot/conversations/{id}/messages`: what a user and the assistant have said.

use super::{answer, caller};
use crate::http::HttpState;
use crate::model::{ConversationId, Failure};
use crate::store::exchanges::{self, Listed, Owner};
use crate::wire::shapes::Role;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use uuid::Uuid;

/// Conversations in the list.
const LISTED: i64 = 50;
/// Messages of a conversation that are shown: the newest. The front end has no pages.
const SHOWN: i64 = 2_000;

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
struct Messages {
    messages: Vec<Message>,
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
    let said = state.chat.run(async |conn| match exchanges::owner(conn, user.project_id, user.id, id).await? {
        Owner::Nobody => Err(Failure::NotFound("conversation")),
        Owner::Other => Err(Failure::Forbidden("this conversation is somebody else's")),
        Owner::Theirs => Ok(exchanges::said(conn, user.project_id, id, SHOWN).await?),
    });
    let show = |(seq, role, content, at)| Message { message_id: seq, role, content, created_at: time(at) };
    match said.await {
        Ok(said) => HttpResponse::Ok().json(Messages { messages: said.into_iter().map(show).collect() }),
        Err(Failure::NotFound(_)) => answer::unknown_conversation(),
        Err(Failure::Forbidden(_)) => answer::foreign_conversation(),
        Err(failure) => answer::server_error(&failure),
    }
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
