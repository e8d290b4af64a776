//! What hangs on messages, from columns to the shapes of the wire.

use crate::model::{ChatbotId, MediaId, UserId};
use crate::wire::shapes::{Attachment, User};

/// `id, username, name, avatar, profile` of `users`.
pub(super) type UserColumns = (UserId, String, Option<String>, Option<MediaId>, Option<String>);

pub(super) fn user((id, username, name, avatar, profile): UserColumns) -> User {
    User { id, username, name, avatar, profile }
}

/// A bot in the place of a person.
pub(super) fn chatbot(id: ChatbotId, name: String) -> User {
    User { id: UserId(id.0), username: name, name: None, avatar: None, profile: None }
}

/// `id, name, mime, size, width, height` of `media`.
pub(super) type MediaColumns = (MediaId, String, String, i64, Option<i32>, Option<i32>);

pub(super) fn attachment((id, name, mime, size, width, height): MediaColumns) -> Attachment {
    Attachment { id, name, mime, size, width, height }
}
