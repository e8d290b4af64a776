//! PostgreSQL through Diesel, one file an aggregate.

pub mod games;
pub mod messages;
pub mod schema;
mod statement;
pub mod types;

use crate::model::Failure;

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        log::error!(target: "palabre::store", "{error:?}");
        Self::Internal
    }
}
