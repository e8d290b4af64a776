//! `/api/v1/support/sessions/{session}/transcript`: a talk as plain text.

use super::actor;
use crate::chat::Chat;
use crate::http::HttpState;
use crate::http::caller::UserCaller;
use crate::http::problem::Problem;
use crate::http::read::InPath;
use crate::model::{ConversationId, Failure, SupportSessionId};
use crate::store::messages::{self, Page};
use crate::store::support::{Actor, sessions};
use crate::wire::shapes::Message;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use chrono::SecondsFormat;
use futures_util::stream;
use std::fmt::Write;

/// Messages written at once: at their longest some megabytes.
const PART: i64 = 50;

/// A session as text
///
/// All that was said, a message a line: time, name, text; further lines of a text are indented, so that no text looks like somebody else's. For its
/// customer, the request's agent and administrators, each as far as they may see.
#[utoipa::path(
    tag = "support",
    operation_id = "show_support_transcript",
    security(("user_token" = [])),
    params(("session" = SupportSessionId, Path, description = "The session's id")),
    responses((status = 200, description = "The talk", body = String, content_type = "text/plain"))
)]
#[get("/support/sessions/{session}/transcript")]
pub async fn show(
    state: Data<HttpState>,
    caller: UserCaller,
    session: InPath<SupportSessionId>,
) -> Result<HttpResponse, Problem> {
    let (actor, id) = (actor(&caller), session.0);
    let (talk, _) = state.chat.run(async |conn| sessions::find(conn, actor, id).await).await?;
    let place = Place { chat: state.chat.clone(), actor, session: id, conversation: talk.conversation };
    // A page at a time: however long the talk was, no more of it is in memory. The first one comes before the answer's status.
    let first = part(&place, 0).await?;
    let parts = stream::unfold((place, Some(first)), |(place, ready)| async move {
        let (text, last) = match ready? {
            Part { text, next: None } => return Some((Ok::<_, Failure>(text), (place, None))),
            Part { text, next: Some(last) } => (text, last),
        };
        match part(&place, last).await {
            Ok(next) => Some((Ok(text), (place, Some(next)))),
            // Cut off rather than ended as if it were all.
            Err(failure) => Some((Err(failure), (place, None))),
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.txt\"")))
        .streaming(Box::pin(parts)))
}

/// Whose transcript of what.
struct Place {
    chat: Chat,
    actor: Actor,
    session: SupportSessionId,
    conversation: ConversationId,
}

/// Some of it, and the number behind which more follows.
struct Part {
    text: Bytes,
    next: Option<i64>,
}

async fn part(place: &Place, after: i64) -> Result<Part, Failure> {
    let Place { chat, actor, session, conversation } = place;
    let now = chat.now();
    let page = chat.run(async |conn| {
        // Who may read it no longer reads no more of it.
        sessions::find(conn, *actor, *session).await?;
        let from = Page::AfterSeq(after);
        Ok(messages::page(conn, actor.project, *conversation, actor.user, from, PART, now).await?)
    });
    let (items, more) = page.await?;
    let mut text = String::new();
    items.iter().for_each(|message| write_line(&mut text, message));
    Ok(Part { text: text.into(), next: items.last().filter(|_| more).map(|last| last.seq) })
}

fn write_line(text: &mut String, message: &Message) {
    let author = message.author.name.as_deref().unwrap_or(&message.author.username);
    let date = message.date.0.to_rfc3339_opts(SecondsFormat::Secs, true);
    let body = if message.deleted_at.is_some() { "(deleted)" } else { message.body.as_str() };
    // Writing to a `String` can't fail.
    let _ = write!(text, "[{date}] {}: ", author.replace(is_line_end, " "));
    for (index, line) in body.split(is_line_end).enumerate() {
        let _ = if index == 0 { writeln!(text, "{line}") } else { writeln!(text, "    {line}") };
    }
    for file in &message.attachments {
        let _ = writeln!(text, "    ({})", file.name.replace(is_line_end, " "));
    }
}

/// Whatever some reader may take for the end of a line.
fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageId, UserId};
    use crate::wire::shapes::{MessageKind, MessageStatus, Role, User};
    use chrono::DateTime;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn message(name: &str, body: &str) -> Message {
        let user = User {
            id: UserId::random(),
            username: "u".to_owned(),
            name: Some(name.to_owned()),
            avatar: None,
            profile: None,
        };
        Message {
            id: MessageId::random(),
            conversation: ConversationId::random(),
            seq: 1,
            author: Arc::new(user),
            kind: MessageKind::Text,
            role: Role::User,
            body: body.to_owned(),
            reply_to: None,
            tone: None,
            attachments: Vec::new(),
            game: None,
            reactions: BTreeMap::new(),
            reaction_counts: BTreeMap::new(),
            status: MessageStatus::Sent,
            date: DateTime::UNIX_EPOCH.into(),
            edited_at: None,
            deleted_at: None,
            ended: None,
        }
    }

    proptest! {
        #[test]
        fn nobody_writes_a_line_in_anothers_name(name in "\\PC{1,10}", body in "[\\r\\n\u{85}\u{2028}a\\[\\]: ]{1,40}") {
            let mut text = String::new();
            write_line(&mut text, &message(&name, &body));
            let lines: Vec<&str> = text.split(is_line_end).collect();
            let (last, rest) = lines.split_last().unwrap();
            prop_assert_eq!(*last, "");
            prop_assert!(rest[0].starts_with("[1970-01-01T00:00:00Z] "));
            prop_assert!(rest[1..].iter().all(|line| line.starts_with("    ")));
        }
    }
}
