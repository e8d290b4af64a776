//! The contents of files, by project and id: in a folder, or in an S3-compatible store.
//!
//! Reading goes by pieces, each asked for when the one before was taken: a client that reads slowly holds neither a file nor a
//! connection.

use crate::model::{Failure, MediaId, ProjectId};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, ClientOptions, Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// How long the store may take for one piece, tries and all: beyond it clients are better told to try again.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to answer once.
const ANSWER: Duration = Duration::from_secs(8);
/// Tries beside the first.
const RETRIES: usize = 2;
/// Bytes of a piece that is written to a folder.
const FOLDER_PIECE: usize = 1024 * 1024;
/// Bytes of a piece that is written to S3: the least it takes for any but the last.
const S3_PIECE: usize = 5 * 1024 * 1024;
/// Bytes of a piece that is read: what a download holds in memory.
pub const READ_PIECE: u64 = 512 * 1024;
/// Objects of a listing that are handed on together.
const LISTED: usize = 500;

/// Where the contents of files are kept.
#[derive(Clone)]
pub enum Place {
    /// In a folder, made when the first file comes.
    Folder(PathBuf),
    S3(S3),
}

/// An S3-compatible store. It holds a secret, so it can't be printed.
#[derive(Clone)]
pub struct S3 {
    pub bucket: String,
    /// Its address where it is not Amazon's.
    pub endpoint: Option<String>,
    pub region: String,
    pub key_id: String,
    pub secret: String,
    /// What all names in the bucket begin with.
    pub prefix: String,
}

/// What of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Original,
    Thumbnail,
}

/// The contents of all files.
pub struct Objects {
    place: Place,
    store: OnceCell<Arc<dyn ObjectStore>>,
}

/// A file that is being written, piece by piece. Unless it is finished nobody sees any of it.
pub struct Writing {
    store: Arc<dyn ObjectStore>,
    key: Key,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Objects {
    /// At a place. Nothing is opened yet.
    #[must_use]
    pub fn at(place: Place) -> Self {
        Self { place, store: OnceCell::new() }
    }

    /// Bytes of a piece to write; only the last may have fewer.
    #[must_use]
    pub fn piece(&self) -> usize {
        match self.place {
            Place::Folder(_) => FOLDER_PIECE,
            Place::S3(_) => S3_PIECE,
        }
    }

    /// Begins to write a file.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is away.
    pub async fn write(&self, project: ProjectId, id: MediaId, part: Part) -> Result<Writing, Failure> {
        Ok(Writing { store: self.store().await?, key: self.key(project, id, part), upload: None })
    }

    /// Bytes of a file from one to another; `None` when it is not there, or is shorter.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is away.
    pub async fn read(
        &self,
        project: ProjectId,
        id: MediaId,
        part: Part,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, Failure> {
        let (store, key) = (self.store().await?, self.key(project, id, part));
        present(patiently(store.get_range(&key, range)).await)
    }

    /// A whole file of at most so many bytes; `None` when it is not there or is larger.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is away.
    pub async fn read_all(
        &self,
        project: ProjectId,
        id: MediaId,
        part: Part,
        most: u64,
    ) -> Result<Option<Bytes>, Failure> {
        let (store, key) = (self.store().await?, self.key(project, id, part));
        let Some(meta) = present(patiently(store.head(&key)).await)? else { return Ok(None) };
        match meta.size {
            0 => Ok(Some(Bytes::new())),
            size if size <= most => present(patiently(store.get_range(&key, 0..size)).await),
            _ => Ok(None),
        }
    }

    /// Takes a file away with all that belongs to it; also when there is none.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is away.
    pub async fn delete(&self, project: ProjectId, id: MediaId) -> Result<(), Failure> {
        if !self.exists() {
            return Ok(());
        }
        let store = self.store().await?;
        for part in [Part::Original, Part::Thumbnail] {
            present(patiently(store.delete(&self.key(project, id, part))).await)?;
        }
        Ok(())
    }

    /// What there is, by project and id, some at a time; of one project or of all. A file may be there twice: with its small
    /// picture.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is away.
    pub async fn list(
        &self,
        project: Option<ProjectId>,
    ) -> Result<BoxStream<'static, Result<Vec<(ProjectId, MediaId)>, Failure>>, Failure> {
        if !self.exists() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let prefix = project.map_or_else(|| self.root(), |project| self.root().join(project.to_string()));
        let listing = self.store().await?.list(Some(&prefix)).chunks(LISTED);
        Ok(listing
            .map(|objects| {
                let keys: Result<Vec<Key>, Error> =
                    objects.into_iter().map(|object| object.map(|meta| meta.location)).collect();
                // What has another form of name is not ours.
                let named = present(keys)?.unwrap_or_default();
                Ok(named.iter().filter_map(parse).collect())
            })
            .boxed())
    }

    /// Removes from a folder what writing left there when the process ended in the middle, if it is that old. How many there were.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the folder can't be read.
    pub async fn remove_remains(&self, age: Duration) -> Result<usize, Failure> {
        let Place::Folder(folder) = &self.place else { return Ok(0) };
        let folder = folder.clone();
        let removed = tokio::task::spawn_blocking(move || remains(&folder, age)).await;
        removed.map_err(|_| Failure::Internal)?.map_err(|error| away(&error))
    }

    /// Takes away all that a project has.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is away; the rest is found by the sweep.
    pub async fn delete_project(&self, project: ProjectId) -> Result<(), Failure> {
        let mut listing = self.list(Some(project)).await?;
        while let Some(some) = listing.next().await {
            for (project, id) in some? {
                self.delete(project, id).await?;
            }
        }
        if let Place::Folder(folder) = &self.place {
            // Empty now, or another node is still writing, and then the sweep comes by.
            let _ = tokio::fs::remove_dir(folder.join(project.to_string())).await;
        }
        Ok(())
    }

    /// There can be something: a folder is made with the first file.
    fn exists(&self) -> bool {
        match &self.place {
            Place::Folder(folder) => self.store.initialized() || folder.exists(),
            Place::S3(_) => true,
        }
    }

    async fn store(&self) -> Result<Arc<dyn ObjectStore>, Failure> {
        let opened = self.store.get_or_try_init(async || match &self.place {
            Place::Folder(folder) => {
                let folder = folder.clone();
                let opened = tokio::task::spawn_blocking(move || open_folder(&folder)).await;
                opened.map_err(|_| Failure::Internal)?.map_err(|error| away(&error))
            }
            Place::S3(s3) => open_s3(s3).map_err(|error| away(&error)),
        });
        opened.await.cloned()
    }

    fn root(&self) -> Key {
        match &self.place {
            Place::Folder(_) => Key::default(),
            Place::S3(s3) => Key::from(s3.prefix.as_str()),
        }
    }

    fn key(&self, project: ProjectId, id: MediaId, part: Part) -> Key {
        let name = match part {
            Part::Original => id.to_string(),
            Part::Thumbnail => format!("{id}.thumbnail"),
        };
        self.root().join(project.to_string()).join(name)
    }
}

impl Writing {
    /// Writes a piece, not the last one.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is away.
    pub async fn piece(&mut self, piece: Bytes) -> Result<(), Failure> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            begun => begun.insert(done(patiently(self.store.put_multipart(&self.key)).await)?),
        };
        done(patiently(upload.put_part(PutPayload::from_bytes(piece))).await)
    }

    /// Writes the last piece: now the file is there.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is away.
    pub async fn finish(mut self, last: Bytes) -> Result<(), Failure> {
        if self.upload.is_none() {
            return done(patiently(self.store.put(&self.key, PutPayload::from_bytes(last))).await).map(drop);
        }
        let finished = async {
            if !last.is_empty() {
                self.piece(last).await?;
            }
            match &mut self.upload {
                Some(upload) => done(patiently(upload.complete()).await).map(drop),
                None => Ok(()),
            }
        };
        let finished = finished.await;
        if finished.is_err() {
            self.give_up().await;
        }
        finished
    }

    /// Leaves nothing of it.
    pub async fn give_up(mut self) {
        if let Some(upload) = &mut self.upload
            && patiently(upload.abort()).await.is_err()
        {
            log::debug!(target: "palabre::store", "pieces of a file that did not arrive are left in the store");
        }
    }
}

fn open_folder(folder: &Path) -> std::io::Result<Arc<dyn ObjectStore>> {
    use std::os::unix::fs::DirBuilderExt;
    // Nobody else's to read.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let opened = LocalFileSystem::new_with_prefix(folder).map_err(std::io::Error::other)?;
    Ok(Arc::new(opened.with_fsync(true)))
}

fn open_s3(s3: &S3) -> Result<Arc<dyn ObjectStore>, Error> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: RETRIES,
        retry_timeout: PATIENCE,
    };
    let plain = s3.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let client = ClientOptions::new().with_connect_timeout(ANSWER).with_timeout(ANSWER).with_allow_http(plain);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&s3.bucket)
        .with_region(&s3.region)
        .with_access_key_id(&s3.key_id)
        .with_secret_access_key(&s3.secret)
        .with_retry(retry)
        .with_client_options(client);
    if let Some(endpoint) = &s3.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

/// The project and id that a key names; `None` for one of another form.
fn parse(key: &Key) -> Option<(ProjectId, MediaId)> {
    let mut parts: Vec<_> = key.parts().collect();
    let (name, project) = (parts.pop()?, parts.pop()?);
    let id = name.as_ref().strip_suffix(".thumbnail").unwrap_or(name.as_ref());
    Some((project.as_ref().parse().ok()?, id.parse().ok()?))
}

/// Unfinished files have `#` in their names, which no key has.
fn remains(folder: &Path, age: Duration) -> std::io::Result<usize> {
    let mut removed = 0;
    let projects = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    for project in projects {
        let project = project?;
        if !project.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(project.path())? {
            let file = file?;
            if !file.file_name().to_string_lossy().contains('#') {
                continue;
            }
            let modified = file.metadata().and_then(|metadata| metadata.modified());
            let is_old = modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|past| past >= age));
            if is_old && std::fs::remove_file(file.path()).is_ok() {
                removed += 1;
            }
        }
    }
    Ok(removed)
}

async fn patiently<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || Error::Generic { store: "any", source: "no answer in time".into() };
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(late()))
}

/// What was there; `None` for what is not.
fn present<T>(result: Result<T, Error>) -> Result<Option<T>, Failure> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(away(&error)),
    }
}

fn done<T>(result: Result<T, Error>) -> Result<T, Failure> {
    result.map_err(|error| away(&error))
}

/// Whatever it is, clients can only try again; the operator finds the cause in the log.
fn away(error: &dyn std::error::Error) -> Failure {
    log::warn!(target: "palabre::store", "the store of files: {}", super::pool::with_causes(error));
    Failure::Unavailable
}
