//! Tells a database that is away from a mistake of ours, and turns both into a [`Failure`].

use std::fmt::Display;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::PoolError;

use crate::model::Failure;

/// How the messages of errors begin that pass when one tries again. Diesel does not hand out the SQLSTATE, so the text must
/// do; connections ask for messages in English ([`super::pool`]).
const PASSING: [&str; 5] = [
    "terminating connection",     // 57P01, 57P02: the server shuts down or restarts
    "the database system is",     // 57P03: it starts up or recovers
    "canceling statement due to", // 57014, 55P03: a time limit, or the operator
    "deadlock detected",          // 40P01
    "could not serialize access", // 40001
];

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if is_passing(&error) {
            report(&error);
            Self::Unavailable
        } else if matches!(error, Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) {
            // Somebody or something was deleted after this work had looked at it: tried again, it finds that out.
            log::warn!(target: "palabre::store", "a query refers to what is gone: {error}");
            Self::Unavailable
        } else {
            log::error!(target: "palabre::store", "a query failed: {error}");
            Self::Internal
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        report(&error);
        Self::Unavailable
    }
}

/// Whether the same work may succeed when tried again, because the fault was in the database's state and not in the query.
pub fn is_passing(error: &Error) -> bool {
    match error {
        Error::DatabaseError(kind, information) => match kind {
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::SerializationFailure => true,
            DatabaseErrorKind::Unknown => PASSING.iter().any(|start| information.message().starts_with(start)),
            _ => false,
        },
        // A transaction whose connection broke half-way: the connection is not used again.
        Error::BrokenTransactionManager => true,
        Error::RollbackErrorOnCommit { commit_error, .. } => is_passing(commit_error),
        _ => false,
    }
}

/// Logs why the database can't be used, at most once a second: under load an outage fails thousands of queries alike.
fn report(cause: &dyn Display) {
    static START: OnceLock<Instant> = OnceLock::new();
    /// The second after which the next line may be written, counted from `START`.
    static NEXT: AtomicU64 = AtomicU64::new(0);

    let now = START.get_or_init(Instant::now).elapsed().as_secs();
    let next = NEXT.load(Ordering::Relaxed);
    if now >= next && NEXT.compare_exchange(next, now + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        log::warn!(target: "palabre::store", "the database is not available: {cause}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database_error(kind: DatabaseErrorKind, message: &str) -> Error {
        Error::DatabaseError(kind, Box::new(message.to_owned()))
    }

    #[test]
    fn a_database_that_restarts_is_unavailable() {
        for error in [
            database_error(DatabaseErrorKind::Unknown, "terminating connection due to administrator command"),
            database_error(DatabaseErrorKind::Unknown, "the database system is starting up"),
            database_error(DatabaseErrorKind::Unknown, "deadlock detected"),
            database_error(DatabaseErrorKind::SerializationFailure, "whatever it says"),
            database_error(DatabaseErrorKind::UnableToSendCommand, "connection closed"),
            Error::BrokenTransactionManager,
        ] {
            assert_eq!(Failure::from(error), Failure::Unavailable);
        }
    }

    #[test]
    fn a_mistake_of_ours_is_internal() {
        for error in [
            database_error(DatabaseErrorKind::Unknown, "relation \"nothing\" does not exist"),
            database_error(DatabaseErrorKind::UniqueViolation, "duplicate key value violates unique constraint"),
            Error::NotFound,
        ] {
            assert_eq!(Failure::from(error), Failure::Internal);
        }
    }
}
