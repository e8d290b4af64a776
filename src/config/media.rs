//! Files: where they are kept, how large they may be, and for how long.

use super::{ConfigError, Secret, Settings};
use crate::http::MediaSettings;
use crate::model::{duration, file_type};
use crate::store::objects::{Place, S3};
use std::path::PathBuf;
use std::time::Duration;

/// Files that people send.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Files")]
pub struct Media {
    /// Folder for files that people send [default: media in the data directory]
    #[arg(long = "media-dir", env = "PALABRE_MEDIA_DIR", value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Bucket of an S3-compatible store, to keep files there instead
    #[arg(long, env = "PALABRE_S3_BUCKET", value_name = "NAME")]
    pub s3_bucket: Option<String>,
    /// Address of the store where it is not Amazon's, such as https://s3.example.org
    #[arg(long, env = "PALABRE_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Region of the bucket
    #[arg(long, env = "PALABRE_S3_REGION", value_name = "NAME", default_value = "us-east-1")]
    pub s3_region: String,
    /// Id of the key to the bucket
    #[arg(long, env = "PALABRE_S3_KEY_ID", value_name = "ID")]
    pub s3_key_id: Option<String>,
    /// The key to the bucket
    #[arg(long, env = "PALABRE_S3_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub s3_secret: Option<Secret>,
    /// What all names in the bucket begin with; what is below belongs to one database, and is deleted where that knows nothing of it
    #[arg(long, env = "PALABRE_S3_PREFIX", value_name = "NAME", default_value = "palabre")]
    pub s3_prefix: String,
    /// Bytes of a file
    #[arg(long = "media-bytes", env = "PALABRE_MEDIA_BYTES", value_name = "BYTES", default_value_t = Media::FILE_BYTES)]
    pub file_bytes: u64,
    /// Bytes of all files of a user
    #[arg(long = "media-user-bytes", env = "PALABRE_MEDIA_USER_BYTES", value_name = "BYTES", default_value_t = Media::USER_BYTES)]
    pub user_bytes: u64,
    /// Bytes of all files of a project
    #[arg(long = "media-project-bytes", env = "PALABRE_MEDIA_PROJECT_BYTES", value_name = "BYTES", default_value_t = Media::PROJECT_BYTES)]
    pub project_bytes: u64,
    /// Types of files that may come, by what is in them, such as image/* or application/pdf; several with commas
    #[arg(
        long = "media-types",
        env = "PALABRE_MEDIA_TYPES",
        value_name = "TYPES",
        value_delimiter = ',',
        default_value = "*/*"
    )]
    pub types: Vec<String>,
    /// How long an upload may stand still before it is ended
    #[arg(long = "media-patience", env = "PALABRE_MEDIA_PATIENCE", value_name = "TIME", default_value = "20s", value_parser = duration::parse)]
    pub patience: Duration,
    /// Age from which a file is deleted that no message and no avatar refers to
    #[arg(long = "media-orphans-after", env = "PALABRE_MEDIA_ORPHANS_AFTER", value_name = "TIME", default_value = "24h", value_parser = duration::parse)]
    pub orphans_after: Duration,
    /// Time between two looks for such files
    #[arg(long = "media-sweep", env = "PALABRE_MEDIA_SWEEP", value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    pub sweep: Duration,
}

impl Media {
    /// What mail takes; a photograph of a good camera has less.
    const FILE_BYTES: u64 = 25 * 1024 * 1024;
    const USER_BYTES: u64 = 1024 * 1024 * 1024;
    const PROJECT_BYTES: u64 = 100 * 1024 * 1024 * 1024;

    /// What REST is told.
    #[must_use]
    pub fn settings(&self) -> MediaSettings {
        MediaSettings {
            file_bytes: self.file_bytes,
            user_bytes: self.user_bytes,
            project_bytes: self.project_bytes,
            types: self.types.clone(),
            patience: self.patience,
            orphans_after: self.orphans_after,
            sweep: self.sweep,
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |flag, variable, problem: &str| Err(ConfigError::new(flag, variable, problem));
        if let Some(bucket) = &self.s3_bucket {
            if self.dir.is_some() {
                return refuse("--media-dir", "PALABRE_MEDIA_DIR", "goes without --s3-bucket");
            }
            if bucket.is_empty() {
                return refuse("--s3-bucket", "PALABRE_S3_BUCKET", "must not be empty");
            }
            if self.s3_key_id.as_ref().is_none_or(String::is_empty) {
                return refuse("--s3-key-id", "PALABRE_S3_KEY_ID", "is needed with --s3-bucket");
            }
            if self.s3_secret.as_ref().is_none_or(|secret| secret.expose().is_empty()) {
                return refuse("--s3-secret", "PALABRE_S3_SECRET", "is needed with --s3-bucket");
            }
        }
        let is_address = |endpoint: &String| endpoint.starts_with("http://") || endpoint.starts_with("https://");
        if self.s3_endpoint.as_ref().is_some_and(|endpoint| !is_address(endpoint)) {
            return refuse("--s3-endpoint", "PALABRE_S3_ENDPOINT", "must begin with https:// or http://");
        }
        if self.s3_prefix.is_empty() {
            return refuse("--s3-prefix", "PALABRE_S3_PREFIX", "must not be empty");
        }
        for (bytes, flag, variable) in [
            (self.file_bytes, "--media-bytes", "PALABRE_MEDIA_BYTES"),
            (self.user_bytes, "--media-user-bytes", "PALABRE_MEDIA_USER_BYTES"),
            (self.project_bytes, "--media-project-bytes", "PALABRE_MEDIA_PROJECT_BYTES"),
        ] {
            if bytes == 0 || i64::try_from(bytes).is_err() {
                return refuse(flag, variable, "must be at least 1, and below 8 EiB");
            }
        }
        // S3 takes 10 000 pieces.
        if self.s3_bucket.is_some() && self.file_bytes > Self::S3_FILE_BYTES {
            return refuse("--media-bytes", "PALABRE_MEDIA_BYTES", "must be below 48 GiB with --s3-bucket");
        }
        if self.types.is_empty() || !self.types.iter().all(|pattern| file_type::is_pattern(pattern)) {
            return refuse("--media-types", "PALABRE_MEDIA_TYPES", "must be types such as image/png, image/* or */*");
        }
        for (time, flag, variable) in [
            (self.patience, "--media-patience", "PALABRE_MEDIA_PATIENCE"),
            (self.orphans_after, "--media-orphans-after", "PALABRE_MEDIA_ORPHANS_AFTER"),
            (self.sweep, "--media-sweep", "PALABRE_MEDIA_SWEEP"),
        ] {
            if time.is_zero() {
                return refuse(flag, variable, "must be more than nothing");
            }
        }
        Ok(())
    }

    const S3_FILE_BYTES: u64 = 48 * 1024 * 1024 * 1024;
}

impl Default for Media {
    fn default() -> Self {
        Self {
            dir: None,
            s3_bucket: None,
            s3_endpoint: None,
            s3_region: "us-east-1".to_owned(),
            s3_key_id: None,
            s3_secret: None,
            s3_prefix: "palabre".to_owned(),
            file_bytes: Self::FILE_BYTES,
            user_bytes: Self::USER_BYTES,
            project_bytes: Self::PROJECT_BYTES,
            types: vec!["*/*".to_owned()],
            patience: Duration::from_secs(20),
            orphans_after: Duration::from_secs(24 * 3600),
            sweep: Duration::from_secs(600),
        }
    }
}

impl Settings {
    /// Where files are kept.
    ///
    /// # Errors
    /// [`ConfigError`] when no folder is set and there is no home to have one in.
    pub fn media_place(&self) -> Result<Place, ConfigError> {
        let media = &self.media;
        match (&media.s3_bucket, &media.dir) {
            (Some(bucket), _) => Ok(Place::S3(S3 {
                bucket: bucket.clone(),
                endpoint: media.s3_endpoint.clone(),
                region: media.s3_region.clone(),
                key_id: media.s3_key_id.clone().unwrap_or_default(),
                secret: media.s3_secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default(),
                prefix: media.s3_prefix.clone(),
            })),
            (None, Some(dir)) => Ok(Place::Folder(dir.clone())),
            (None, None) => Ok(Place::Folder(self.database.data_dir()?.join("media"))),
        }
    }
}
