//! Whom PostgreSQL runs as. It refuses root, so a server started as root gives it another user's identity.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::Error;

/// The users that PostgreSQL may run as when the server is root, best first.
const STAND_INS: [&str; 2] = ["postgres", "nobody"];

/// The user that PostgreSQL and its files belong to.
#[derive(Debug, Clone)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Whether this process is root and must change identity for PostgreSQL.
    stand_in: bool,
}

pub(super) fn is_root() -> bool {
    effective_uid() == 0
}

fn effective_uid() -> u32 {
    // SAFETY: geteuid has no preconditions and can't fail.
    unsafe { libc::geteuid() }
}

impl Account {
    /// This process's own user, or for root one of the stand-ins.
    pub(super) fn choose() -> Result<Self, Error> {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let uid = effective_uid();
        if uid != 0 {
            // SAFETY: getegid has no preconditions and can't fail.
            let gid = unsafe { libc::getegid() };
            return Ok(Self { name: format!("uid {uid}"), uid, gid, stand_in: false });
        }
        STAND_INS.iter().find_map(|name| Self::from_passwd(&passwd, name)).ok_or(Error::NoAccount)
    }

    /// The stand-in of this name. Both are users of the system itself, so the file is enough: no directory service is asked.
    fn from_passwd(passwd: &str, name: &str) -> Option<Self> {
        let mut fields = passwd.lines().map(|line| line.split(':')).find_map(|mut fields| {
            let is_it = fields.next() == Some(name);
            is_it.then_some(fields)
        })?;
        let _password = fields.next()?;
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { name: name.to_owned(), uid, gid, stand_in: true })
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Lets a program run as this user. std drops root's supplementary groups along with the rest.
    pub(super) fn apply(&self, command: &mut Command) {
        if self.stand_in {
            command.gid(self.gid).uid(self.uid);
        }
    }

    /// Makes a directory that only this user may use, if it is not there.
    pub(super) fn make_private_dir(&self, path: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(path).map_err(Error::file("can't make the directory", path))?;
        if self.stand_in {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
                .map_err(Error::file("can't hand over the directory", path))?;
        }
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(Error::file("can't make private", path))
    }

    /// Whether this user gets to a directory: it must have the right to pass through each one on the way.
    pub(super) fn check_reach(&self, path: &Path) -> Result<(), Error> {
        if !self.stand_in {
            return Ok(());
        }
        let path = path.canonicalize().map_err(Error::file("can't find", path))?;
        for directory in path.ancestors() {
            let metadata = directory.metadata().map_err(Error::file("can't look at", directory))?;
            let mode = metadata.mode();
            let may_pass = if metadata.uid() == self.uid {
                mode & 0o100
            } else if metadata.gid() == self.gid {
                mode & 0o010
            } else {
                mode & 0o001
            };
            if may_pass == 0 {
                return Err(Error::Unreachable { user: self.name.clone(), barrier: directory.to_owned() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_read_from_the_users_file() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:/bin/sh\nnobody:x:65534:65533:nobody:/:/bin/false\n";
        let account = Account::from_passwd(passwd, "nobody").unwrap();
        assert_eq!((account.uid, account.gid), (65534, 65533));
        assert!(Account::from_passwd(passwd, "postgres").is_none());
    }
}
