//! What is where in the data directory.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Error;
use super::account::{Account, is_root};

/// The name of the superuser and of the database.
pub(super) const NAME: &str = "palabre";
/// What PostgreSQL calls its socket when it keeps its usual port number.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Bytes of a Unix socket's path: `sun_path` holds 108 with the final zero.
const SOCKET_PATH_BYTES: usize = 107;

/// The paths of a data directory, all absolute.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The data directory itself.
    pub(super) data_dir: PathBuf,
    /// PostgreSQL's own files.
    pub(super) cluster: PathBuf,
    /// Where its socket is.
    pub(super) socket_dir: PathBuf,
    /// What it says.
    pub(super) log: PathBuf,
    /// The owner's lock.
    pub(super) lock: PathBuf,
}

impl Layout {
    /// Makes the data directory and finds the places in it.
    pub(super) fn prepare(data_dir: &Path, account: &Account) -> Result<Self, Error> {
        if !data_dir.exists() {
            std::fs::create_dir_all(data_dir).map_err(Error::file("can't make the data directory", data_dir))?;
            // Root's PostgreSQL is another user that must pass through, but need not look around.
            let mode = if is_root() { 0o711 } else { 0o700 };
            std::fs::set_permissions(data_dir, PermissionsExt::from_mode(mode))
                .map_err(Error::file("can't set the rights of", data_dir))?;
        }
        let data_dir = data_dir.canonicalize().map_err(Error::file("can't find", data_dir))?;
        let socket_dir = socket_dir(&data_dir, account)?;
        Ok(Self {
            cluster: data_dir.join("database"),
            socket_dir,
            log: data_dir.join("postgresql.log"),
            lock: data_dir.join("postgresql.lock"),
            data_dir,
        })
    }

    /// Where an operator may put PostgreSQL's programs for this data directory alone.
    pub(super) fn own_binaries(&self) -> PathBuf {
        self.data_dir.join("postgresql/bin")
    }

    /// The major version that the cluster was made by, if there is one.
    pub(super) fn cluster_version(&self) -> Option<u32> {
        std::fs::read_to_string(self.cluster.join("PG_VERSION")).ok()?.trim().parse().ok()
    }
}

/// The address of the database behind a socket directory.
pub(super) fn url(socket_dir: &Path) -> Result<String, Error> {
    let path = socket_dir.to_str().ok_or_else(|| Error::Path(socket_dir.to_owned()))?;
    Ok(format!("postgres://{NAME}@/{NAME}?host={}", percent_encoded(path)))
}

fn percent_encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A directory that only PostgreSQL's user may use: who reaches the socket is trusted. In the data directory, or, as the
/// path of a socket is short, one elsewhere that is named after it.
fn socket_dir(data_dir: &Path, account: &Account) -> Result<PathBuf, Error> {
    let inside = data_dir.join("run");
    if inside.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_BYTES {
        account.make_private_dir(&inside)?;
        return Ok(inside);
    }
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let base = if is_root() { "/run" } else { "/tmp" };
    let outside = Path::new(base).join(format!("palabre-{name}"));
    make_unshared(&outside, account)?;
    Ok(outside)
}

/// Makes a private directory where others may write too: one that is there already must be a directory of PostgreSQL's user,
/// not a link or a directory that somebody else prepared.
fn make_unshared(path: &Path, account: &Account) -> Result<(), Error> {
    if let Ok(metadata) = path.symlink_metadata()
        && !(metadata.is_dir() && metadata.uid() == account.uid())
    {
        return Err(Error::Foreign(path.to_owned()));
    }
    account.make_private_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_carries_any_path() {
        let url = url(Path::new("/srv/a b&c%/run")).unwrap();
        assert_eq!(url, "postgres://palabre@/palabre?host=/srv/a%20b%26c%25/run");
        let config: tokio_postgres::Config = url.parse().unwrap();
        assert_eq!(config.get_hosts(), [tokio_postgres::config::Host::Unix("/srv/a b&c%/run".into())]);
    }

    #[test]
    fn a_path_too_long_for_a_socket_gets_a_short_one() {
        let deep = Path::new("/srv").join("x".repeat(100));
        let account = Account::choose().unwrap();
        let directory = socket_dir(&deep, &account).unwrap();
        assert!(directory.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_BYTES);
        assert_eq!(directory.metadata().unwrap().mode() & 0o777, 0o700);
        std::fs::remove_dir(directory).unwrap();
    }
}
