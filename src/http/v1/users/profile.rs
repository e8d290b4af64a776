//! What can be changed of a user.

use crate::http::problem::{Checks, Problem};
use crate::http::read::or_null;
use crate::model::account::UserRole;
use crate::model::{MediaId, profile, text};
use crate::store::people::Changes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

/// What is to become of a user. What is left out stays, what is `null` is taken away.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The name to sign in with; for administrators and apps.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
    )]
    username: Option<String>,
    /// The name that is shown.
    #[serde(deserialize_with = "or_null")]
    #[schema(value_type = Option<String>, example = "Alice L.", min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    name: Option<Option<String>>,
    #[serde(deserialize_with = "or_null")]
    #[schema(value_type = Option<String>, example = "Alice", min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    first_name: Option<Option<String>>,
    #[serde(deserialize_with = "or_null")]
    #[schema(value_type = Option<String>, example = "Liddell", min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    last_name: Option<Option<String>>,
    #[serde(deserialize_with = "or_null")]
    #[schema(value_type = Option<String>, example = "alice@example.org", max_length = 254, pattern = "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+$")]
    email: Option<Option<String>>,
    /// A picture among the user's media.
    #[serde(deserialize_with = "or_null")]
    #[schema(value_type = Option<MediaId>)]
    avatar: Option<Option<MediaId>>,
    /// A language tag.
    #[serde(deserialize_with = "or_null")]
    #[schema(value_type = Option<String>, example = "en-GB", max_length = 35, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
    language: Option<Option<String>>,
    /// Where the user is at home in the application they come from: an http or https link.
    #[serde(deserialize_with = "or_null")]
    #[schema(value_type = Option<String>, example = "https://example.org/people/alice", max_length = 2048, pattern = "^https?://[^/?#\\s\\x00-\\x1f\\x7f-\\x9f][^\\s\\x00-\\x1f\\x7f-\\x9f]*$")]
    profile: Option<Option<String>>,
    /// For administrators and apps.
    role: Option<UserRole>,
    /// Closes the account or opens it again; for administrators and apps.
    deactivated: Option<bool>,
}

impl Profile {
    /// Looks at every field.
    ///
    /// # Errors
    /// 400 that names each at fault.
    pub fn check(&self) -> Result<(), Problem> {
        let text_of = |field: &Option<Option<String>>| field.clone().flatten();
        Checks::default()
            .optional(self.username.as_deref(), |name| text::username("username", name))
            .optional(text_of(&self.name).as_deref(), |name| text::display_name("name", name))
            .optional(text_of(&self.first_name).as_deref(), |name| text::display_name("first_name", name))
            .optional(text_of(&self.last_name).as_deref(), |name| text::display_name("last_name", name))
            .optional(text_of(&self.email).as_deref(), |email| profile::email("email", email))
            .optional(text_of(&self.language).as_deref(), |tag| profile::language("language", tag))
            .optional(text_of(&self.profile).as_deref(), |link| profile::link("profile", link))
            .done()
    }

    /// It changes what users may not change of themselves.
    #[must_use]
    pub fn is_for_admins(&self) -> bool {
        self.username.is_some() || self.role.is_some() || self.deactivated.is_some()
    }

    /// The picture that is asked for.
    #[must_use]
    pub fn avatar(&self) -> Option<Option<MediaId>> {
        self.avatar
    }

    /// As the database is to be told; an account that is closed already stays closed since then.
    #[must_use]
    pub fn into_changes(self, closed_since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Changes {
        let Self { username, name, first_name, last_name, email, avatar, language, profile, role, deactivated } = self;
        let deactivated_at = deactivated.map(|closed| closed.then_some(closed_since.unwrap_or(now)));
        Changes { username, name, first_name, last_name, email, avatar, language, profile, role, deactivated_at }
    }
}
