//! Who calls. A handler takes as an argument whom it serves: [`UserCaller`], [`AppCaller`], [`AdminCaller`], [`OrganizationCaller`],
//! [`BotCaller`], or [`Caller`] for users and apps alike; who is none of these never reaches it.
//!
//! An app that names a user ([`super::behalf`]) acts for them: whatever asks for a user gets that one, and rights are the user's, not
//! the app's. Only what is for apps alone still sees the app, and what is for those who signed in themselves
//! ([`SignedInCaller`]) sees nobody.
//!
//! A request is looked at once: what is found stays with it. Tokens are checked against the database as sessions are, and every
//! request counts against the limit of its caller, that of the address where nobody is known.
//!
//! The caller comes first: what else a handler takes waits until it is known who calls ([`admitted`]), so that nobody learns from a
//! path, query or body what they may not even ask for.

use super::HttpState;
use super::behalf;
use super::problem::Problem;
use super::rate::CallerKey;
use crate::model::account::UserRole;
use crate::model::{Failure, ProjectId, UserId};
use crate::session::identity;
use crate::store::accounts::{self, AppRow, OrganizationRow};
use crate::store::chatbots::{self, ChatbotRow};
use crate::store::users::UserRow;
use crate::wire::foreign::Claimed;
use crate::wire::token::{Bearer, Verified};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use chrono::{DateTime, Utc};
use futures_util::future::LocalBoxFuture;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::time::Instant;
use tokio::sync::watch;

/// The header that names the project for which a token of an issuer is meant, where more than one trusts that issuer.
pub const PROJECT: &str = "X-Project";
/// The header that an app's access key comes in.
pub const APP_KEY: &str = "X-App-Key";
/// The header that a bot's access key comes in, and the paths where it counts.
pub const BOT_KEY: &str = "X-Access-Key";
const BOT_PATHS: &str = "/bots/";
/// Bytes of the longest access key that is looked at; ours have 43.
const KEY_BYTES: usize = 256;

/// A user, with a token or by an app that acts for them.
#[derive(Debug, Clone)]
pub struct UserCaller {
    pub user: UserRow,
}

/// A user with a token of their own.
#[derive(Debug, Clone)]
pub struct SignedInCaller {
    pub user: UserRow,
    /// When the token ends.
    pub expires_at: DateTime<Utc>,
}

/// Another program, with an access key.
#[derive(Debug, Clone)]
pub struct AppCaller {
    pub app: AppRow,
    /// Whom it acts for.
    pub on_behalf: Option<UserRow>,
}

/// An organization with a token.
#[derive(Debug, Clone)]
pub struct OrganizationCaller {
    pub organization: OrganizationRow,
}

/// Another back end, with the access key of a bot.
#[derive(Debug, Clone)]
pub struct BotCaller {
    pub chatbot: ChatbotRow,
}

/// A user or an app: somebody of a project. With both a key and a token it is the app that calls.
#[derive(Debug, Clone)]
pub enum Caller {
    User(UserCaller),
    App(AppCaller),
}

impl Caller {
    /// The project in which all of this caller's doings are.
    #[must_use]
    pub fn project(&self) -> ProjectId {
        match self {
            Self::User(caller) => caller.user.project_id,
            Self::App(caller) => caller.app.project_id,
        }
    }

    /// May do in the project what its administrators may.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        match self {
            Self::User(caller) => caller.user.role == UserRole::Admin,
            Self::App(_) => true,
        }
    }

    /// Is this very user.
    #[must_use]
    pub fn is(&self, user: UserId) -> bool {
        matches!(self, Self::User(caller) if caller.user.id == user)
    }
}

/// Who runs a project: one of its administrators, or an app.
#[derive(Debug, Clone)]
pub struct AdminCaller {
    pub project: ProjectId,
}

/// Somebody of whom nothing is known but the address.
#[derive(Debug, Clone, Copy)]
pub struct Stranger {
    pub address: Option<IpAddr>,
}

/// Who may make organizations: an operator, or anybody where the server is open to all.
#[derive(Debug, Clone, Copy)]
pub struct Founder;

/// Who a request says it comes from.
#[derive(Debug, Clone)]
pub enum Identity {
    User(SignedInCaller),
    App(AppCaller),
    Organization(OrganizationCaller),
    Bot(BotCaller),
}

impl Identity {
    /// Under which the caller's requests are counted.
    #[must_use]
    pub fn key(&self) -> CallerKey {
        match self {
            Self::User(caller) => CallerKey::User(caller.user.id),
            Self::App(caller) => CallerKey::App(caller.app.id),
            Self::Organization(caller) => CallerKey::Organization(caller.organization.id),
            Self::Bot(caller) => CallerKey::Bot(caller.chatbot.id),
        }
    }

    /// Whose names for requests it has: an app that acts for several users is several callers.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::App(AppCaller { on_behalf: Some(user), .. }) => format!("{} for {}", self.key(), user.id),
            _ => self.key().to_string(),
        }
    }
}

/// What was found out about a request, kept with it.
#[derive(Clone)]
struct Known(Result<Identity, Problem>);

/// Finds out who calls; only the first time costs anything.
///
/// # Errors
/// 401 without credentials or with bad ones, 429 for too many requests, 503 when the database is away.
pub async fn identify(request: &HttpRequest) -> Result<Identity, Problem> {
    if let Some(Known(known)) = request.extensions().get::<Known>() {
        return known.clone();
    }
    let found = look(request).await;
    request.extensions_mut().insert(Known(found.clone()));
    found
}

async fn look(request: &HttpRequest) -> Result<Identity, Problem> {
    let rates = &HttpState::of(request)?.rates;
    let found = authenticate(request).await;
    let key = match &found {
        Ok(identity) => identity.key(),
        // Whoever tries keys and tokens is counted too.
        Err(_) => CallerKey::stranger(address(request)),
    };
    rates.take(key, Instant::now())?;
    let mut identity = found?;
    if let Identity::App(caller) = &mut identity {
        caller.on_behalf = behalf::user(request, &caller.app).await?;
    }
    Ok(identity)
}

async fn authenticate(request: &HttpRequest) -> Result<Identity, Failure> {
    let state = HttpState::of(request)?;
    Credentials::of(request)?.identity(state).await
}

/// What a caller brings to say who they are. A feed looks at it again and again.
pub enum Credentials {
    Key(String),
    /// A bot's.
    BotKey(String),
    /// With the project that is named beside it.
    Token(String, Option<String>),
}

impl Credentials {
    /// What came with a request.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`] if nothing did, or what can't be good.
    pub fn of(request: &HttpRequest) -> Result<Self, Failure> {
        let key = |header| {
            let key = request.headers().get(header)?;
            let key = key.to_str().ok().filter(|key| key.len() <= KEY_BYTES);
            Some(key.map(str::to_owned).ok_or(Failure::Unauthorized))
        };
        if request.path().starts_with(BOT_PATHS)
            && let Some(key) = key(BOT_KEY)
        {
            return Ok(Self::BotKey(key?));
        }
        if let Some(key) = key(APP_KEY) {
            return Ok(Self::Key(key?));
        }
        let project = request.headers().get(PROJECT).and_then(|project| project.to_str().ok()).map(str::to_owned);
        Ok(Self::Token(bearer(request).ok_or(Failure::Unauthorized)?.to_owned(), project))
    }

    /// Who runs a project, as of now.
    ///
    /// # Errors
    /// As for a request that brings them.
    pub async fn admin(&self, state: &HttpState) -> Result<AdminCaller, Failure> {
        AdminCaller::from_identity(self.identity(state).await?)
    }

    async fn identity(&self, state: &HttpState) -> Result<Identity, Failure> {
        match self {
            Self::Key(key) => {
                let app = state.chat.run(async |conn| Ok(accounts::app_by_key(conn, key).await?)).await?;
                Ok(Identity::App(AppCaller { app: app.ok_or(Failure::Unauthorized)?, on_behalf: None }))
            }
            Self::BotKey(key) => {
                let chatbot = state.chat.run(async |conn| Ok(chatbots::by_key(conn, key).await?)).await?;
                Ok(Identity::Bot(BotCaller { chatbot: chatbot.ok_or(Failure::Unauthorized)? }))
            }
            Self::Token(token, project) => bearer_of(state, token, project.as_deref()).await,
        }
    }
}

async fn bearer_of(state: &HttpState, token: &str, project: Option<&str>) -> Result<Identity, Failure> {
    let identities = &state.identities;
    let identity::Known { user, expires_at } = match Claimed::read(token) {
        Some(claimed) => identities.foreign(&claimed, token, project).await?,
        None => {
            let Verified { bearer, expires_at } =
                state.tokens.verify(token, state.chat.now()).map_err(identity::failure)?;
            match bearer {
                Bearer::User(token) => identities.own(&token, expires_at).await?,
                Bearer::Organization(token) => {
                    let found = state.chat.run(async |conn| Ok(accounts::session_organization(conn, &token).await?));
                    let organization = found.await?.ok_or(Failure::Unauthorized)?;
                    return Ok(Identity::Organization(OrganizationCaller { organization }));
                }
            }
        }
    };
    Ok(Identity::User(SignedInCaller { user, expires_at }))
}

/// The token of an `Authorization: Bearer` header.
#[must_use]
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Where a request comes from. Behind a reverse proxy that is the proxy.
#[must_use]
pub fn address(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| peer.ip())
}

/// What an [`Identity`] is to a handler that wants it.
trait FromIdentity: Sized + 'static {
    fn from_identity(identity: Identity) -> Result<Self, Failure>;
}

impl FromIdentity for UserCaller {
    fn from_identity(identity: Identity) -> Result<Self, Failure> {
        match identity {
            Identity::User(SignedInCaller { user, .. }) | Identity::App(AppCaller { on_behalf: Some(user), .. }) => {
                Ok(Self { user })
            }
            Identity::App(_) => Err(Failure::Forbidden("this is for users: an app names one in X-Palabre-User")),
            Identity::Organization(_) | Identity::Bot(_) => {
                Err(Failure::Forbidden("this is for users: it needs a user's token"))
            }
        }
    }
}

impl FromIdentity for SignedInCaller {
    fn from_identity(identity: Identity) -> Result<Self, Failure> {
        match identity {
            Identity::User(caller) => Ok(caller),
            _ => Err(Failure::Forbidden("this is for users themselves: it needs a user's token")),
        }
    }
}

impl FromIdentity for AppCaller {
    fn from_identity(identity: Identity) -> Result<Self, Failure> {
        match identity {
            Identity::App(caller) => Ok(caller),
            _ => Err(Failure::Forbidden("this is for apps: it needs an access key")),
        }
    }
}

impl FromIdentity for OrganizationCaller {
    fn from_identity(identity: Identity) -> Result<Self, Failure> {
        match identity {
            Identity::Organization(caller) => Ok(caller),
            _ => Err(Failure::Forbidden("this is for organizations: it needs an organization's token")),
        }
    }
}

impl FromIdentity for BotCaller {
    fn from_identity(identity: Identity) -> Result<Self, Failure> {
        match identity {
            Identity::Bot(caller) => Ok(caller),
            _ => Err(Failure::Forbidden("this is for the back end of a bot: it needs the bot's access key")),
        }
    }
}

impl FromIdentity for Caller {
    fn from_identity(identity: Identity) -> Result<Self, Failure> {
        match identity {
            Identity::User(SignedInCaller { user, .. }) | Identity::App(AppCaller { on_behalf: Some(user), .. }) => {
                Ok(Self::User(UserCaller { user }))
            }
            Identity::App(caller) => Ok(Self::App(caller)),
            Identity::Organization(_) | Identity::Bot(_) => {
                Err(Failure::Forbidden("this is for users and apps of a project"))
            }
        }
    }
}

impl FromIdentity for AdminCaller {
    fn from_identity(identity: Identity) -> Result<Self, Failure> {
        let caller = Caller::from_identity(identity)?;
        if !caller.is_admin() {
            return Err(Failure::Forbidden("this is for administrators and apps of the project"));
        }
        Ok(Self { project: caller.project() })
    }
}

/// Open while it is not yet known whether a request's caller is the one that its handler serves.
#[derive(Clone)]
struct Judgement(watch::Receiver<()>);

/// Waits until the caller that a handler takes is known. Where the caller is refused, that is the answer, whatever comes of this: of a
/// handler's arguments the first that fails decides. Handlers that take no caller wait for nothing.
pub fn admitted(request: &HttpRequest) -> impl Future<Output = ()> + use<> {
    // Looked up now: all arguments begin, in their order, before the first of them goes on.
    let judgement = request.extensions().get::<Judgement>().cloned();
    async move {
        if let Some(Judgement(mut open)) = judgement {
            // Nothing is ever sent: it ends when the other side is dropped.
            while open.changed().await.is_ok() {}
        }
    }
}

macro_rules! callers {
    ($($caller:ty),* $(,)?) => {$(
        impl FromRequest for $caller {
            type Error = Problem;
            type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                let (judging, judgement) = watch::channel(());
                request.extensions_mut().insert(Judgement(judgement));
                Box::pin(async move {
                    let caller = Self::from_identity(identify(&request).await?)?;
                    drop(judging);
                    Ok(caller)
                })
            }
        }
    )*};
}

callers!(UserCaller, SignedInCaller, AppCaller, OrganizationCaller, BotCaller, Caller, AdminCaller);

impl FromRequest for Stranger {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let address = address(request);
        let counted =
            HttpState::of(request).and_then(|state| state.rates.take(CallerKey::stranger(address), Instant::now()));
        std::future::ready(counted.map(|()| Self { address }).map_err(Problem::from))
    }
}

impl FromRequest for Founder {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let counted = Stranger::from_request(request, payload).into_inner();
        let founder = counted.and_then(|_| {
            let state = HttpState::of(request)?;
            let given = bearer(request).map(|token| <[u8; 32]>::from(Sha256::digest(token)));
            let is_operator = state.admin_token.is_some() && given == state.admin_token;
            if state.open_organizations || is_operator { Ok(Self) } else { Err(Failure::Unauthorized.into()) }
        });
        std::future::ready(founder)
    }
}
