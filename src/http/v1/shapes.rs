//! What the API shows of people and things, beside the shapes that it shares with the events.

use crate::model::account::UserRole;
use crate::model::{MediaId, ProjectId, UserId};
use crate::store::users::AccountRow;
use crate::wire::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// All that is kept of a user, for themselves and for those who run the project.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    pub id: UserId,
    pub project: ProjectId,
    /// The name to sign in with, and by which others address the user.
    #[schema(example = "alice")]
    pub username: String,
    /// The name that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Alice L.")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Alice")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Liddell")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "alice@example.org")]
    pub email: Option<String>,
    /// A picture among the project's media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<MediaId>,
    /// A language tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "en-GB")]
    pub language: Option<String>,
    /// Where the user is at home in the application they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://example.org/people/alice")]
    pub profile: Option<String>,
    pub role: UserRole,
    /// The account is closed: nobody can sign in to it.
    pub deactivated: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        let AccountRow { user, first_name, last_name, email, language, created_at, updated_at } = row;
        Self {
            id: user.id,
            project: user.project_id,
            username: user.username,
            name: user.name,
            first_name,
            last_name,
            email,
            avatar: user.avatar,
            language,
            profile: user.profile,
            role: user.role,
            deactivated: user.deactivated_at.is_some(),
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}
