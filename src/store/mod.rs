//! PostgreSQL through Diesel, one file an aggregate.

pub mod presence;
pub mod schema;
mod statement;
pub mod types;
pub mod users;

use crate::model::Failure;

impl From<diesel::result::Error> for Failure {
    fn from(_: diesel::result::Error) -> Self {
        Self::Internal
    }
}
