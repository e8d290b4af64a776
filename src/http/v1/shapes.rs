//! What the API shows of people and things, beside the shapes that it shares with the events.

use crate::model::account::UserRole;
use crate::model::contact::Action;
use crate::model::{MediaId, ProjectId, UserId};
use crate::store::people::AccountRow;
use crate::store::users::UserRow;
use crate::wire::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user. For themselves and those who run the project all that is kept; others see `id`, `username`, `name`, `avatar` and `profile`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    pub id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<UserRole>,
    /// The account is closed: nobody can sign in to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deactivated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        let AccountRow { user, first_name, last_name, email, language, created_at, updated_at } = row;
        Self {
            id: user.id,
            project: Some(user.project_id),
            username: user.username,
            name: user.name,
            first_name,
            last_name,
            email,
            avatar: user.avatar,
            language,
            profile: user.profile,
            role: Some(user.role),
            deactivated: Some(user.deactivated_at.is_some()),
            created_at: Some(created_at.into()),
            updated_at: Some(updated_at.into()),
        }
    }
}

impl Account {
    /// What others see of a user.
    #[must_use]
    pub fn public(user: UserRow) -> Self {
        Self {
            id: user.id,
            project: None,
            username: user.username,
            name: user.name,
            first_name: None,
            last_name: None,
            email: None,
            avatar: user.avatar,
            language: None,
            profile: user.profile,
            role: None,
            deactivated: None,
            created_at: None,
            updated_at: None,
        }
    }
}

/// What one user does about another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// The other user, by id or username.
    #[schema(example = "bob")]
    pub user: String,
    pub action: Action,
}
