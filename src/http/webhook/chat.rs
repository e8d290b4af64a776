//! `POST /webhook/wibot/chat`: a message to the assistant, and its answer.

use super::conversations::conversation_id;
use super::{answer, body, caller};
use crate::chat::exchange::{self, Answer, File, Question};
use crate::http::HttpState;
use crate::model::limits::{BODY_BYTES, BODY_CHARS};
use crate::model::{ConversationId, Failure};
use crate::store::exchanges::turns::{Party, Seat};
use crate::store::users::UserRow;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::GeneralPurposeConfig;
use serde::Serialize;
use serde_json::{Map, Value};

/// Bytes of a request: a message with some logs.
const REQUEST_BYTES: usize = 1024 * 1024;
/// Files of a message.
const FILES: usize = 50;
/// Characters of a file's name.
const NAME_CHARS: usize = 255;
/// Base64 with or without the `=` at its end, as browsers take it in `data:` addresses.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

#[derive(Debug, Serialize)]
struct Answered<'a> {
    success: bool,
    response: String,
    tokens_used: u64,
    tokens_remaining: u64,
    conversation_id: &'a str,
}

/// A request that can be asked.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    id: ConversationId,
    /// As the client wrote it.
    named: String,
    message: String,
    files: Vec<File>,
}

/// Answers a message.
pub async fn create(request: HttpRequest, state: web::Data<HttpState>, body: web::Payload) -> HttpResponse {
    let user = match caller::user(&request, &state).await {
        Ok(user) => user,
        // A message that is not answered is 500, whatever the reason.
        Err(refused) if refused.status().is_server_error() => return answer::failed(),
        Err(refused) => return refused,
    };
    let body = match body::read(body, REQUEST_BYTES).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    if request.content_type() != "application/json" {
        return answer::bad_request("Content-Type attendu : application/json");
    }
    let Asked { id, named, message, files } = match parse(&body) {
        Ok(asked) => asked,
        Err(problem) => return answer::bad_request(problem),
    };
    drop(body);
    let question = Question {
        seat: Seat { project: user.project_id, conversation: id, party: Party::Person(user.id) },
        asker: user.name.clone().unwrap_or_else(|| user.username.clone()),
        text: message,
        files,
    };
    match exchange::ask(&state.chat, question).await {
        Ok(Answer { text, usage, remaining }) => HttpResponse::Ok().json(Answered {
            success: true,
            response: text,
            tokens_used: usage.total(),
            tokens_remaining: remaining.unwrap_or_default(),
            conversation_id: &named,
        }),
        Err(Failure::Forbidden(_)) => answer::foreign_conversation(),
        Err(Failure::QuotaExceeded(_)) => quota_exceeded(&state, &user).await,
        Err(failure) => {
            log::warn!(target: "palabre::webhook", "a message to the assistant was not answered: {failure}");
            answer::failed()
        }
    }
}

/// 429 with the user's own quota, whichever it was.
async fn quota_exceeded(state: &HttpState, user: &UserRow) -> HttpResponse {
    match state.chat.quota.of_user(user.id).await {
        Ok(standing) => answer::quota_exceeded(standing.limit.tokens.unwrap_or_default()),
        Err(_) => answer::failed(),
    }
}

/// What is asked, or what is wrong with the body.
fn parse(body: &[u8]) -> Result<Asked, &'static str> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else {
        return Err("Requête invalide : objet JSON attendu");
    };
    let named = text(&mut fields, "conversation_id", "conversation_id requis")?;
    let id = conversation_id(&named).ok_or("conversation_id doit être un UUID")?;
    let message = text(&mut fields, "message", "Message requis")?;
    if message.trim().is_empty() {
        return Err("Message requis");
    }
    if message.len() > BODY_BYTES || message.chars().count() > BODY_CHARS {
        return Err("Message trop long : 16384 caractères au plus");
    }
    let files = match fields.remove("files") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(files)) if files.len() > FILES => return Err("Trop de fichiers : 50 au plus"),
        Some(Value::Array(files)) => files.into_iter().map(file).collect::<Result<_, _>>()?,
        Some(_) => return Err("files doit être un tableau"),
    };
    Ok(Asked { id, named, message, files })
}

fn file(value: Value) -> Result<File, &'static str> {
    let Value::Object(mut fields) = value else { return Err("files doit contenir des objets {name, content}") };
    let name = text(&mut fields, "name", "Nom de fichier requis")?;
    if name.chars().count() > NAME_CHARS {
        return Err("Nom de fichier trop long : 255 caractères au plus");
    }
    let content = match fields.remove("content") {
        Some(Value::String(content)) => content,
        _ => return Err("Contenu de fichier requis"),
    };
    let text = decode(content)?;
    if text.contains('\0') {
        return Err("Caractère U+0000 interdit");
    }
    Ok(File { name, text })
}

/// A file's content as text: what begins with `data:…;base64,` is decoded.
fn decode(content: String) -> Result<String, &'static str> {
    let Some(rest) = content.strip_prefix("data:") else { return Ok(content) };
    // Parameters before it may have commas, in quotes.
    let Some(at) = rest.to_ascii_lowercase().find(BASE64_MARK) else { return Ok(content) };
    let data = rest.get(at + BASE64_MARK.len()..).unwrap_or_default();
    let bytes = BASE64.decode(data).map_err(|_| "Contenu de fichier illisible : base64 attendu")?;
    String::from_utf8(bytes).map_err(|_| "Contenu de fichier illisible : texte UTF-8 attendu")
}

/// What stands before the data of such an address.
const BASE64_MARK: &str = ";base64,";

/// A text that has to be there.
fn text(fields: &mut Map<String, Value>, field: &str, missing: &'static str) -> Result<String, &'static str> {
    match fields.remove(field) {
        Some(Value::String(text)) if text.contains('\0') => Err("Caractère U+0000 interdit"),
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const ID: &str = "550e8400-e29b-41d4-a716-446655440000";

    fn parsed(body: &Value) -> Result<Asked, &'static str> {
        parse(body.to_string().as_bytes())
    }

    #[test]
    fn a_message_with_files() {
        let data = format!("data:text/plain;charset=utf-8;name=\"a, b\";BASE64,{}", STANDARD.encode("é\n"));
        let files = json!([{ "name": "a", "content": "plain, data:" }, { "name": "b", "content": data }, { "name": "c", "content": "" }]);
        let asked =
            parsed(&json!({ "conversation_id": ID, "message": " Bonjour ", "files": files, "more": 1 })).unwrap();
        assert_eq!((asked.message.as_str(), asked.named.as_str()), (" Bonjour ", ID));
        let texts: Vec<_> = asked.files.iter().map(|file| file.text.as_str()).collect();
        assert_eq!(texts, ["plain, data:", "é\n", ""]);
        for files in [json!(null), json!([])] {
            assert_eq!(parsed(&json!({ "conversation_id": ID, "message": "x", "files": files })).unwrap().files, []);
        }
        // Not base64, so it is text as it stands.
        assert_eq!(decode("data:,hello".to_owned()), Ok("data:,hello".to_owned()));
        // Without the signs at the end, as some write it.
        assert_eq!(decode("data:;base64,YQ".to_owned()), Ok("a".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let binary = format!("data:;base64,{}", STANDARD.encode([0xff, 0xfe]));
        let nul = format!("data:;base64,{}", STANDARD.encode("a\0"));
        let file = |content: &str| json!({ "conversation_id": ID, "message": "x", "files": [{ "name": "a", "content": content }] });
        for (body, problem) in [
            (json!({}), "conversation_id requis"),
            (json!({ "conversation_id": 1, "message": "x" }), "conversation_id requis"),
            (
                json!({ "conversation_id": "770f9622-g4bd-63f6-c938-668877662222", "message": "x" }),
                "conversation_id doit être un UUID",
            ),
            (json!({ "conversation_id": ID }), "Message requis"),
            (json!({ "conversation_id": ID, "message": "" }), "Message requis"),
            (json!({ "conversation_id": ID, "message": " \n" }), "Message requis"),
            (json!({ "conversation_id": ID, "message": "a\u{0}" }), "Caractère U+0000 interdit"),
            (
                json!({ "conversation_id": ID, "message": "é".repeat(16_385) }),
                "Message trop long : 16384 caractères au plus",
            ),
            (json!({ "conversation_id": ID, "message": "x", "files": {} }), "files doit être un tableau"),
            (
                json!({ "conversation_id": ID, "message": "x", "files": [1] }),
                "files doit contenir des objets {name, content}",
            ),
            (json!({ "conversation_id": ID, "message": "x", "files": [{ "content": "x" }] }), "Nom de fichier requis"),
            (json!({ "conversation_id": ID, "message": "x", "files": [{ "name": "x" }] }), "Contenu de fichier requis"),
            (
                json!({ "conversation_id": ID, "message": "x", "files": vec![json!({ "name": "x", "content": "" }); 51] }),
                "Trop de fichiers : 50 au plus",
            ),
            (file("a\u{0}"), "Caractère U+0000 interdit"),
            (file(&nul), "Caractère U+0000 interdit"),
            (file(&binary), "Contenu de fichier illisible : texte UTF-8 attendu"),
            (file("data:;base64,!"), "Contenu de fichier illisible : base64 attendu"),
        ] {
            assert_eq!(parsed(&body), Err(problem), "{body}");
        }
        for body in ["", "[]", "nonsense", "\"x\""] {
            assert_eq!(parse(body.as_bytes()), Err("Requête invalide : objet JSON attendu"));
        }
    }
}
