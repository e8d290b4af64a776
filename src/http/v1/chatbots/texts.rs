//! The texts that a bot knows: files that were uploaded before, read and cut into passages.

use crate::assistant::passages;
use crate::http::HttpState;
use crate::http::read::never_null;
use crate::model::limits::{CHATBOT_ATTACHMENTS, COMMENT_CHARS};
use crate::model::{Failure, MediaId, ProjectId};
use crate::store::chatbots;
use crate::store::media::{self, Reader};
use crate::store::objects::Part;
use serde::Deserialize;
use utoipa::ToSchema;

/// Bytes of the texts that a bot knows, all together: they are read within one request.
const ATTACHMENT_BYTES: u64 = 4 * 1024 * 1024;

/// A text for a bot to know: a file that was uploaded before.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAttachment {
    /// The file's.
    pub id: MediaId,
    /// What it is, at most 1000 characters: searched like the file.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = String, required = false, max_length = 1000)]
    pub comment: Option<String>,
}

/// Files with what is said of them.
///
/// # Errors
/// [`Failure::Invalid`] for too many, or too long a comment.
pub fn check_attachments(attachments: &[NewAttachment]) -> Result<(), Failure> {
    if attachments.len() > CHATBOT_ATTACHMENTS {
        return Err(Failure::invalid("attachments", format!("must be at most {CHATBOT_ATTACHMENTS}")));
    }
    for (place, attachment) in attachments.iter().enumerate() {
        if attachment.comment.as_ref().is_some_and(|comment| comment.chars().count() > COMMENT_CHARS) {
            let field = format!("attachments[{place}].comment");
            return Err(Failure::invalid(field, format!("must have at most {COMMENT_CHARS} characters")));
        }
    }
    Ok(())
}

/// Reads the files that a bot is to know, as texts.
///
/// # Errors
/// [`Failure::Invalid`] for a file named twice, one that does not exist for the reader, and one that can't be read as text;
/// [`Failure::TooLarge`] for too much of it.
pub async fn read_files(
    state: &HttpState,
    project: ProjectId,
    reader: Reader,
    attachments: Vec<NewAttachment>,
) -> Result<Vec<chatbots::NewAttachment>, Failure> {
    let mut read: Vec<chatbots::NewAttachment> = Vec::with_capacity(attachments.len());
    let mut left = ATTACHMENT_BYTES;
    for (place, NewAttachment { id, comment }) in attachments.into_iter().enumerate() {
        let refused = |why: &str| Failure::invalid(format!("attachments[{place}].id"), why);
        if read.iter().any(|before| before.media == id) {
            return Err(refused("is named twice"));
        }
        let field = format!("attachments[{place}].id");
        let (name, text) =
            read_text(state, project, reader, id, &field, left).await.map_err(|failure| match failure {
                Failure::TooLarge(_) => {
                    Failure::TooLarge(format!("the attachments of a bot may have {ATTACHMENT_BYTES} bytes in all"))
                }
                other => other,
            })?;
        left = left.saturating_sub(u64::try_from(text.len()).unwrap_or(u64::MAX));
        let comment = comment.unwrap_or_default();
        let mut passages = vec![format!("{name}\n{comment}")];
        passages.extend(passages::cut(&text));
        read.push(chatbots::NewAttachment { media: id, comment, passages });
    }
    Ok(read)
}

/// Name and content of a file that is a text of at most so many bytes. U+0000, which PostgreSQL takes in no text, is a space.
///
/// # Errors
/// [`Failure::Invalid`] for one that does not exist for the reader, and one that can't be read as text; [`Failure::TooLarge`].
pub async fn read_text(
    state: &HttpState,
    project: ProjectId,
    reader: Reader,
    id: MediaId,
    field: &str,
    most: u64,
) -> Result<(String, String), Failure> {
    let refused = |why: &str| Failure::invalid(field, why);
    let file = state.chat.run(async |conn| Ok(media::read(conn, project, reader, id).await?)).await?;
    let file = file.ok_or_else(|| refused("there is no such file"))?;
    if !chatbots::is_text(&file.mime) {
        return Err(refused("can't be read: only texts can"));
    }
    let size = u64::try_from(file.size).unwrap_or(u64::MAX);
    if size > most {
        return Err(Failure::TooLarge(format!("{field}: the file may have at most {most} bytes")));
    }
    let bytes = state.media.objects.read_all(project, id, Part::Original, size).await?;
    let bytes = bytes.ok_or_else(|| refused("there is no such file"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| refused("can't be read: it is no UTF-8"))?;
    Ok((file.name, text.replace('\0', " ")))
}
