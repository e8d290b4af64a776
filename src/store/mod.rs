//! PostgreSQL through Diesel, one file an aggregate.

pub mod contacts;
pub mod conversations;
pub mod groups;
pub mod members;
mod prepared;
pub mod presence;
pub mod schema;
pub mod types;
pub mod users;

use crate::model::Failure;

impl From<diesel::result::Error> for Failure {
    fn from(_: diesel::result::Error) -> Self {
        Self::Internal
    }
}
