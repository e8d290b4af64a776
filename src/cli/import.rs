//! `palabre user import`: the users of a CSV file, all or none.
//!
//! The whole file is checked before anything is written, and before the slow part: a hash takes some 50 ms of a core.

use super::database::{file_error, on_blocking_pool, open_migrated, project};
use super::{CliError, out};
use crate::config;
use crate::model::account::UserRole;
use crate::model::{Failure, ProjectId, UserId, password, text};
use crate::store::import;
use crate::store::opening::Opened;
use crate::store::users::NewUser;
use serde::Deserialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Problems that are told; who has more will look at the file anyway.
const PROBLEMS_TOLD: usize = 20;
/// Hashes between two lines that tell how far it is.
const PROGRESS: usize = 1_000;

/// A line of the file, as it comes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    username: String,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    role: Option<String>,
}

/// A user of the file, checked.
struct Imported {
    line: u64,
    username: String,
    password: Password,
    name: Option<String>,
    role: UserRole,
}

enum Password {
    Plain(String),
    Hashed(String),
}

/// Imports the file into the project and prints how many users it made.
pub async fn run(
    settings: &config::Database,
    file: &Path,
    project_name: &str,
    threads: Option<NonZeroUsize>,
) -> Result<(), CliError> {
    let path = file.to_owned();
    let imported = on_blocking_pool(move || read(&path)).await??;
    let opened = open_migrated(settings).await?;
    let project = project(&mut opened.database.get().await?, project_name).await?;
    refuse_taken(&opened, project, &imported).await?;

    let threads = threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let (imported, hashes) = on_blocking_pool(move || {
        let hashes = hash_all(&imported, threads);
        (imported, hashes)
    })
    .await?;
    let hashes = hashes?;
    let new: Vec<NewUser<'_>> = imported
        .iter()
        .zip(&hashes)
        .map(|(user, hash)| NewUser {
            id: UserId::random(),
            project_id: project,
            username: &user.username,
            password_hash: Some(hash),
            role: user.role,
            name: user.name.as_deref(),
            avatar: None,
            profile: None,
        })
        .collect();
    import::create_all(&mut *opened.database.get().await?, &new).await?;
    out::line(new.len())
}

/// Reads and checks the whole file.
fn read(path: &Path) -> Result<Vec<Imported>, CliError> {
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(file_error(path))?)
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(input);
    let headers = reader.headers().map_err(|error| CliError::Input(format!("{}: {error}", path.display())))?.clone();

    let (mut imported, mut problems) = (Vec::new(), Problems::default());
    let mut first_line_of: HashMap<String, u64> = HashMap::new();
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            // A line that is no CSV or no UTF-8; the reader goes on with the next.
            Err(error) if !error.is_io_error() => {
                problems.add(error.position().map_or(0, csv::Position::line), &without_position(&error));
                continue;
            }
            Err(error) => return Err(CliError::Input(format!("{}: {error}", path.display()))),
        }
        let line = record.position().map_or(0, csv::Position::line);
        let checked = record
            .deserialize::<Line>(Some(&headers))
            .map_err(|error| without_position(&error))
            .and_then(|fields| check(line, fields));
        match checked {
            Ok(user) => match first_line_of.entry(user.username.clone()) {
                Entry::Occupied(first) => {
                    problems.add(line, &format!("username: {} is on line {} too", user.username, first.get()));
                }
                Entry::Vacant(entry) => {
                    entry.insert(line);
                    imported.push(user);
                }
            },
            Err(problem) => problems.add(line, &problem),
        }
    }
    problems.into_result()?;
    Ok(imported)
}

/// A user of these fields, or what is wrong with them. Passwords are never repeated.
fn check(line: u64, fields: Line) -> Result<Imported, String> {
    let problem = |failure: Failure| failure.to_string();
    text::username("username", &fields.username).map_err(problem)?;
    let present = |field: Option<String>| field.filter(|text| !text.is_empty());
    let password = match (present(fields.password), present(fields.password_hash)) {
        (Some(plain), None) => {
            text::password("password", &plain).map_err(problem)?;
            Password::Plain(plain)
        }
        (None, Some(hash)) if password::is_hash(&hash) => Password::Hashed(hash),
        (None, Some(_)) => return Err("password_hash: must be a bcrypt hash of cost 10 to 12".to_owned()),
        (None, None) => return Err("password: is missing, and password_hash too".to_owned()),
        (Some(_), Some(_)) => return Err("password: there is a password_hash as well".to_owned()),
    };
    let name = present(fields.name);
    if let Some(name) = &name {
        text::display_name("name", name).map_err(problem)?;
    }
    let role = match present(fields.role) {
        None => UserRole::User,
        Some(role) => role.parse().map_err(|_| "role: must be user, agent or admin".to_owned())?,
    };
    Ok(Imported { line, username: fields.username, password, name, role })
}

/// The reader's error without its own account of where; some of its texts hold a field, but never a password's: those are
/// taken as they come.
fn without_position(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} fields, the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        _ => "is no CSV".to_owned(),
    }
}

async fn refuse_taken(opened: &Opened, project: ProjectId, imported: &[Imported]) -> Result<(), CliError> {
    let names: Vec<&str> = imported.iter().map(|user| user.username.as_str()).collect();
    let taken = import::taken(&mut *opened.database.get().await?, project, &names).await?;
    let mut problems = Problems::default();
    for user in imported.iter().filter(|user| taken.contains(&user.username)) {
        problems.add(user.line, &format!("username: the project has a user {}", user.username));
    }
    problems.into_result()
}

/// The hash of each password, in order, made by so many threads.
fn hash_all(imported: &[Imported], threads: NonZeroUsize) -> Result<Vec<String>, CliError> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || -> Result<Vec<(usize, String)>, Failure> {
        let mut hashes = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(user) = imported.get(index) else { return Ok(hashes) };
            let hash = match &user.password {
                Password::Plain(password) => password::hash(password, rand::random())?,
                Password::Hashed(hash) => hash.clone(),
            };
            hashes.push((index, hash));
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(PROGRESS) {
                log::info!(target: "palabre::cli", "hashed {done} of {} passwords", imported.len());
            }
        }
    };
    let mut hashes: Vec<(usize, String)> = Vec::with_capacity(imported.len());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get().min(imported.len())).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let some = worker.join().map_err(|_| CliError::Input("a thread that hashed passwords died".to_owned()))?;
            hashes.extend(some?);
        }
        Ok::<(), CliError>(())
    })?;
    hashes.sort_unstable_by_key(|(index, _)| *index);
    Ok(hashes.into_iter().map(|(_, hash)| hash).collect())
}

/// What is wrong with the file, by line.
#[derive(Default)]
struct Problems {
    told: Vec<String>,
    count: usize,
}

impl Problems {
    fn add(&mut self, line: u64, problem: &str) {
        self.count += 1;
        if self.told.len() < PROBLEMS_TOLD {
            self.told.push(format!("line {line}: {problem}"));
        }
    }

    fn into_result(mut self) -> Result<(), CliError> {
        if self.count == 0 {
            return Ok(());
        }
        let untold = self.count - self.told.len();
        if untold > 0 {
            self.told.push(format!("and {untold} more"));
        }
        self.told.push("nothing was imported".to_owned());
        Err(CliError::Input(self.told.join("\n")))
    }
}
