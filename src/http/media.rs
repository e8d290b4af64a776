//! Files: how they come in, what is made of pictures, how they go out, and what takes old ones away. The handlers are in
//! [`super::v1`].

pub mod download;
pub mod range;
pub mod sweep;
pub mod thumbnail;
pub mod upload;

use super::problem::Problem;
use super::rate::CallerKey;
use crate::model::Failure;
use crate::store::objects::Objects;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thumbnail::Studio;

/// Uploads at once on this node: each holds a piece of its file, with S3 5 MiB.
const UPLOADS: usize = 32;
/// Uploads at once of one caller: a page that sends several pictures, and nobody takes the places of all.
const UPLOADS_PER_CALLER: usize = 4;
/// When a place may be free again.
const SOON: Duration = Duration::from_secs(1);
/// Bytes a second of the slowest network that is waited for.
const SLOWEST: u64 = 16 * 1024;

/// What an operator may set about files.
#[derive(Debug, Clone)]
pub struct MediaSettings {
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Bytes of all files of a user.
    pub user_bytes: u64,
    /// Bytes of all files of a project.
    pub project_bytes: u64,
    /// Which types may come.
    pub types: Vec<String>,
    /// How long an upload may stand still.
    pub patience: Duration,
    /// How long a file is kept that nothing refers to.
    pub orphans_after: Duration,
    /// Between two looks for those.
    pub sweep: Duration,
}

impl MediaSettings {
    /// How long an upload may take that has brought so many bytes.
    fn time_for(&self, bytes: u64) -> Duration {
        self.patience.saturating_add(Duration::from_secs(bytes / SLOWEST))
    }

    /// After which an upload is taken for lost with the node that had it: twice the longest that one may take, storing included.
    fn lost_after(&self) -> Duration {
        self.time_for(self.file_bytes).saturating_add(Duration::from_secs(60)).saturating_mul(2)
    }
}

/// What the handlers of files share.
pub struct Media {
    pub objects: Arc<Objects>,
    pub settings: MediaSettings,
    pub studio: Studio,
    under_way: Arc<Mutex<HashMap<CallerKey, usize>>>,
}

impl Media {
    /// Over a store.
    #[must_use]
    pub fn new(objects: Objects, settings: MediaSettings) -> Self {
        Self { objects: Arc::new(objects), settings, studio: Studio::default(), under_way: Arc::default() }
    }

    /// A place for an upload of this caller.
    ///
    /// # Errors
    /// 429 when the caller has too many under way, 503 when all together have.
    fn place(&self, caller: CallerKey) -> Result<UploadPlace, Problem> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.get(&caller).is_some_and(|count| *count >= UPLOADS_PER_CALLER) {
            return Err(Failure::RateLimited { retry_after: SOON }.into());
        }
        if under_way.values().sum::<usize>() >= UPLOADS {
            return Err(Failure::Unavailable.into());
        }
        *under_way.entry(caller).or_default() += 1;
        Ok(UploadPlace { caller, under_way: Arc::clone(&self.under_way) })
    }
}

/// The right to one upload.
struct UploadPlace {
    caller: CallerKey,
    under_way: Arc<Mutex<HashMap<CallerKey, usize>>>,
}

impl Drop for UploadPlace {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.caller);
            }
        }
    }
}
