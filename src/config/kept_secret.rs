//! The signing secret of a demo: made up once, kept in the data directory, for its owner's eyes only.

use super::Secret;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use uuid::Uuid;

/// Its name in the data directory.
const FILE: &str = "jwt-secret";

/// The secret kept in `data_dir`, if there is one.
///
/// # Errors
/// When there is one that can't be read.
pub fn read(data_dir: &Path) -> io::Result<Option<Secret>> {
    match fs::read_to_string(data_dir.join(FILE)) {
        Ok(secret) => Ok(Some(Secret::from(secret))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The secret kept in `data_dir`; if there is none, one is made of `random` and kept. When several processes do this at once,
/// all get the same.
///
/// # Errors
/// When it can't be read or written.
pub fn read_or_make(data_dir: &Path, random: [u8; 32]) -> io::Result<Secret> {
    if let Some(secret) = read(data_dir)? {
        return Ok(secret);
    }
    // Others may pass through it: PostgreSQL, under its own user, keeps its files in there.
    DirBuilder::new().recursive(true).mode(0o711).create(data_dir)?;
    let secret = BASE64_URL_SAFE_NO_PAD.encode(random);
    // Written whole under another name first: whoever finds the file finds all of it.
    let draft = data_dir.join(format!(".{FILE}.{}", Uuid::new_v4()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()))
        // Unlike a renaming, a link never takes the place of what another process has put there.
        .and_then(|()| fs::hard_link(&draft, data_dir.join(FILE)));
    // What is left of a draft is of no use to anybody; when it can't be removed, the error above tells why.
    fs::remove_file(&draft).ok();
    match written {
        Ok(()) => Ok(Secret::from(secret)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(data_dir)?.ok_or(error),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_made_once_and_only_its_owner_reads_it() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = &temporary.path().join("new");
        assert_eq!(read(dir).unwrap(), None);
        let first = read_or_make(dir, [1; 32]).unwrap();
        assert!(first.expose().len() >= crate::wire::token::SECRET_BYTES);
        assert_eq!(read_or_make(dir, [2; 32]).unwrap(), first);
        assert_eq!(read(dir).unwrap(), Some(first));
        assert_eq!(fs::metadata(dir.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir).unwrap().count(), 1);
    }
}
