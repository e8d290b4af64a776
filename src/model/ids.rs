//! Typed identifiers, so that a user's id can't stand where a conversation's belongs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new random identifier (UUID version 4).
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(/// A customer account that owns projects.
    OrganizationId);
id!(/// A namespace: nothing crosses from one project to another.
    ProjectId);
id!(/// A person in a project.
    UserId);
id!(/// One connection of a user.
    SessionId);
id!(/// A private, group, assistant or support conversation.
    ConversationId);
id!(/// A message, named by the client that wrote it; unique in its project.
    MessageId);
id!(/// A bot of a project.
    ChatbotId);
id!(/// An uploaded file.
    MediaId);
id!(/// A customer's request for support.
    RequestId);
id!(/// A talk about a request for support; not a connection, which is a [`SessionId`].
    SupportSessionId);
