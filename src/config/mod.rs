//! Settings. Each is a flag and an environment variable; one struct a concern.
//!
//! A setting that is absent has its default; one that is there but makes no sense is an error that names it. What depends on
//! more than one setting is checked by [`Settings::validate`], before anything is opened.

pub mod command;
mod door;
mod kept_secret;
mod media;
mod validate;

pub use crate::assistant::ModelSettings;
pub use crate::model::Secret;
pub use crate::wire::bounds::Limits;
pub use door::Door;
pub use media::Media;

use crate::cluster::MAX_LOOPS;
use crate::model::account::check_origin;
use crate::model::address::Allowed;
use crate::model::{Failure, duration};
use crate::store::embedded::default_data_dir;
use crate::store::opening::Place;
use crate::wire::token::SECRET_BYTES;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that `palabre serve` can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Settings {
    /// Load the demo data once, and make up a signing secret (kept in the data directory) if none is given
    #[arg(long, env = "PALABRE_DEMO", value_parser = clap::builder::BoolishValueParser::new())]
    pub demo: bool,
    #[command(flatten)]
    pub listen: Listen,
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub auth: Auth,
    #[command(flatten)]
    pub rest: Rest,
    #[command(flatten)]
    pub models: ModelSettings,
    #[command(flatten)]
    pub media: Media,
    #[command(flatten)]
    pub callbacks: Callbacks,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub engine: Engine,
}

/// Where clients and operators come in.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Listeners")]
pub struct Listen {
    /// Address and port of REST and WebSocket; port 0 takes a free one
    #[arg(long = "listen", env = "PALABRE_LISTEN", value_name = "ADDRESS:PORT", default_value_t = Listen::HTTP)]
    pub http: SocketAddr,
    /// Address and port of the binary protocol over plain TCP, or `none`
    #[arg(long, env = "PALABRE_TCP", value_name = "ADDRESS:PORT", default_value_t = Door::At(Listen::TCP))]
    pub tcp: Door,
    /// Address and port of the operators' health, metrics and live feed, or `none`; beyond loopback it needs an admin token
    #[arg(long, env = "PALABRE_ADMIN", value_name = "ADDRESS:PORT", default_value_t = Door::At(Listen::ADMIN))]
    pub admin: Door,
    /// Token that the admin listener asks for, as `Authorization: Bearer`; at least 16 bytes
    #[arg(long, env = "PALABRE_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub admin_token: Option<Secret>,
    /// Certificate chain for TLS on both client listeners, PEM; read again when the file changes
    #[arg(long, env = "PALABRE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, env = "PALABRE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl Listen {
    const HTTP: SocketAddr = loopback(8080);
    const TCP: SocketAddr = loopback(7070);
    const ADMIN: SocketAddr = loopback(9090);
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            http: Self::HTTP,
            tcp: Door::At(Self::TCP),
            admin: Door::At(Self::ADMIN),
            admin_token: None,
            tls_cert: None,
            tls_key: None,
        }
    }
}

/// Which PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// PostgreSQL to use, postgres://user:password@host/name; without it Palabre runs its own in the data directory
    #[arg(long = "database-url", env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub url: Option<Secret>,
    /// Where Palabre keeps its own PostgreSQL [default: /var/lib/palabre as root, else palabre in the XDG data home]
    #[arg(long, env = "PALABRE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Folder of PostgreSQL's programs, 15 or newer, for its own PostgreSQL [default: looked for in the usual places]
    #[arg(long, env = "PALABRE_POSTGRES_BIN", value_name = "DIR")]
    pub postgres_bin: Option<PathBuf>,
    /// Connections to the database; more than it has cores for helps little
    #[arg(long, env = "PALABRE_POOL_SIZE", value_name = "COUNT", default_value_t = Database::POOL_SIZE)]
    pub pool_size: NonZeroUsize,
}

impl Database {
    const POOL_SIZE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

    /// The data directory: as set, else the default of whoever runs this.
    ///
    /// # Errors
    /// [`ConfigError`] when none is set and there is no home to have one in.
    pub fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        if let Some(dir) = &self.data_dir {
            return Ok(dir.clone());
        }
        default_data_dir().ok_or_else(|| {
            ConfigError::new("--data-dir", "PALABRE_DATA_DIR", "is needed: there is no home to put it in")
        })
    }

    /// Where the database is.
    ///
    /// # Errors
    /// As [`Database::data_dir`], where it is in the data directory.
    pub fn place(&self) -> Result<Place, ConfigError> {
        match &self.url {
            Some(url) => Ok(Place::Address(url.expose().to_owned())),
            None => Ok(Place::Own { data_dir: self.data_dir()?, binaries: self.postgres_bin.clone() }),
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let Some(url) = &self.url else { return Ok(()) };
        // libpq's other form is `key=value`. The value may hold a password, so it is not repeated.
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme));
        if known || url.expose().contains('=') {
            return Ok(());
        }
        Err(ConfigError::new("--database-url", "DATABASE_URL", "must begin with postgres://"))
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: None, data_dir: None, postgres_bin: None, pool_size: Self::POOL_SIZE }
    }
}

/// Who may come in.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Access")]
pub struct Auth {
    /// Secret that signs tokens, at least 32 bytes; the same on every node
    #[arg(long, env = "PALABRE_JWT_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub jwt_secret: Option<Secret>,
    /// Hours that a token is good for
    #[arg(long, env = "PALABRE_TOKEN_HOURS", value_name = "HOURS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=8760))]
    pub token_hours: u16,
    /// Project whose users and conversations the assistant webhook API (/webhook) serves
    #[arg(long, env = "PALABRE_WEBHOOK_PROJECT", value_name = "NAME", default_value = "default")]
    pub webhook_project: String,
    /// Network, address or host that a project may have its issuer's keys fetched from although it is not of the public internet,
    /// such as 10.1.0.0/16 or id.internal, by http too; may be given again, or several with commas
    #[arg(long = "issuer-allow", env = "PALABRE_ISSUER_ALLOW", value_name = "NETWORK", value_delimiter = ',')]
    pub issuer_allow: Vec<String>,
}

impl Auth {
    /// Where keys of issuers may be fetched from beside the public internet.
    ///
    /// # Errors
    /// [`ConfigError`] for an entry that is no network, address or host name.
    pub fn allowed_issuers(&self) -> Result<Allowed, ConfigError> {
        Allowed::parse(&self.issuer_allow).map_err(|entry| {
            let problem = format!("{entry} is no network (as 10.1.0.0/16), address or host name");
            ConfigError::new("--issuer-allow", "PALABRE_ISSUER_ALLOW", problem)
        })
    }

    /// How long a token is good for.
    #[must_use]
    pub fn token_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.token_hours) * 3600)
    }

    /// The secret that a server beside us signs with: as set, else the one that a demo keeps in `data_dir`.
    ///
    /// # Errors
    /// [`ConfigError`] when there is neither, or it is too short.
    pub fn server_secret(&self, data_dir: &Path) -> Result<Secret, ConfigError> {
        self.validate()?;
        match &self.jwt_secret {
            Some(secret) => Ok(secret.clone()),
            None => kept_secret::read(data_dir).map_err(unreadable_secret)?.ok_or_else(|| {
                let problem = "is needed: the secret of the server (the data directory holds none of a demo)";
                ConfigError::new("--jwt-secret", "PALABRE_JWT_SECRET", problem)
            }),
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        match &self.jwt_secret {
            Some(secret) if secret.expose().len() < SECRET_BYTES => Err(ConfigError::new(
                "--jwt-secret",
                "PALABRE_JWT_SECRET",
                format!("needs at least {SECRET_BYTES} bytes, this one has {}", secret.expose().len()),
            )),
            _ => Ok(()),
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self { jwt_secret: None, token_hours: 8, webhook_project: "default".to_owned(), issuer_allow: Vec::new() }
    }
}

/// Who may call REST.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "REST")]
pub struct Rest {
    /// Web origin whose pages may call REST, beside those of each project, such as https://example.org; may be given again, or
    /// several with commas
    #[arg(long = "cors-origin", env = "PALABRE_CORS_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Let anybody make an organization over REST; else that takes the admin token
    #[arg(long, env = "PALABRE_OPEN_ORGANIZATIONS", value_parser = clap::builder::BoolishValueParser::new())]
    pub open_organizations: bool,
}

impl Rest {
    fn validate(&self) -> Result<(), ConfigError> {
        for origin in &self.cors_origins {
            check_origin("origin", origin).map_err(|failure| {
                let problem = match failure {
                    Failure::Invalid { message, .. } => message,
                    other => other.to_string(),
                };
                ConfigError::new("--cors-origin", "PALABRE_CORS_ORIGINS", problem)
            })?;
        }
        Ok(())
    }
}

/// How apps are called back.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Callbacks")]
pub struct Callbacks {
    /// Network, address or host that apps may be called back at although it is not of the public internet, such as 10.1.0.0/16 or
    /// games.internal; may be given again, or several with commas
    #[arg(long = "callback-allow", env = "PALABRE_CALLBACK_ALLOW", value_name = "NETWORK", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Time after which a callback that its app never took is given up
    #[arg(long = "callback-expiry", env = "PALABRE_CALLBACK_EXPIRY", value_name = "TIME", default_value = "72h", value_parser = duration::parse)]
    pub expiry: Duration,
}

impl Callbacks {
    /// What apps may be called at beside the public internet.
    ///
    /// # Errors
    /// [`ConfigError`] for an entry that is no network, address or host name.
    pub fn allowed(&self) -> Result<Allowed, ConfigError> {
        Allowed::parse(&self.allow).map_err(|entry| {
            let problem = format!("{entry} is no network (as 10.1.0.0/16), address or host name");
            ConfigError::new("--callback-allow", "PALABRE_CALLBACK_ALLOW", problem)
        })
    }
}

impl Default for Callbacks {
    fn default() -> Self {
        Self { allow: Vec::new(), expiry: Duration::from_secs(72 * 3600) }
    }
}

/// How the work is spread, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Engine")]
pub struct Engine {
    /// Event loops, each on a thread of its own; at most 64 [default: one a core]
    #[arg(long, env = "PALABRE_WORKERS", value_name = "COUNT")]
    pub workers: Option<NonZeroUsize>,
    /// Actors that store messages; a second helps while one waits for the disk, more add little
    #[arg(long, env = "PALABRE_SCRIBES", value_name = "COUNT", default_value_t = Engine::SCRIBES)]
    pub scribes: NonZeroUsize,
    /// Offer WebSocket compression (permessage-deflate); off, as it costs processor time for each connection
    #[arg(long, env = "PALABRE_COMPRESSION", value_parser = clap::builder::BoolishValueParser::new())]
    pub compression: bool,
    /// Time that a shutdown may take before what is left is cut off
    #[arg(long, env = "PALABRE_SHUTDOWN_GRACE", value_name = "TIME", default_value = "8s", value_parser = duration::parse)]
    pub shutdown_grace: Duration,
}

impl Engine {
    const SCRIBES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

    /// The number of event loops: as set, else one a core; at most as many as there can be.
    #[must_use]
    pub fn worker_count(&self) -> NonZeroUsize {
        let wanted = self.workers.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        NonZeroUsize::new(MAX_LOOPS).map_or(wanted, |most| wanted.min(most))
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self { workers: None, scribes: Self::SCRIBES, compression: false, shutdown_grace: Duration::from_secs(8) }
    }
}

/// A setting that makes no sense, by its flag and its variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    flag: &'static str,
    variable: &'static str,
    problem: String,
}

impl ConfigError {
    /// A problem with one setting; never its value if that is secret.
    pub fn new(flag: &'static str, variable: &'static str, problem: impl Into<String>) -> Self {
        Self { flag, variable, problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) {}", self.flag, self.variable, self.problem)
    }
}

impl std::error::Error for ConfigError {}

impl Settings {
    /// The secret that signs tokens: as set, or for a demo the one kept in the data directory, where one is made up
    /// the first time.
    ///
    /// # Errors
    /// [`ConfigError`] when there is none to be had.
    pub fn signing_secret(&self) -> Result<Secret, ConfigError> {
        self.auth.validate()?;
        self.validate_secret()?;
        match &self.auth.jwt_secret {
            Some(secret) => Ok(secret.clone()),
            None => kept_secret::read_or_make(&self.database.data_dir()?, rand::random()).map_err(unreadable_secret),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unreadable_secret(error: std::io::Error) -> ConfigError {
    ConfigError::new("--data-dir", "PALABRE_DATA_DIR", format!("can't keep the demo's signing secret: {error}"))
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests;
