//! Tells an actor's owner that the actor failed.
//!
//! A panic ends an actor's task and nobody is told. A guard in the actor is dropped with it, and says so.

use std::thread;
use tokio::sync::oneshot;

/// Dropped with the actor that holds it; if that is because of a panic, the receiver hears of it.
#[derive(Debug)]
pub struct FailureGuard {
    who: String,
    failed: Option<oneshot::Sender<()>>,
}

impl FailureGuard {
    /// A guard for `who`. The receiver resolves to `Ok` when the actor panicked and to `Err` when it stopped as it should.
    #[must_use]
    pub fn new(who: String) -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        (Self { who, failed: Some(sender) }, receiver)
    }
}

impl Drop for FailureGuard {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        // The panic hook has logged the cause and its place.
        log::error!(target: "palabre::actors", "{} failed and is started anew", self.who);
        if let Some(failed) = self.failed.take() {
            let _ = failed.send(());
        }
    }
}
