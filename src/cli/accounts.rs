//! `create` of organizations, projects, users and apps.

use super::database::{on_blocking_pool, project};
use super::{CliError, out};
use crate::config::command::PasswordArgs;
use crate::model::account::{check_name, check_origin};
use crate::model::{Failure, OrganizationId, ProjectId, UserId, password, text};
use crate::store::accounts;
use crate::store::opening::Opened;
use crate::store::users::{self, NewUser};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::io::{self, BufRead};
use uuid::Uuid;

/// Bytes of randomness in an app's access key: as many as its hash has.
const KEY_BYTES: usize = 32;

/// Creates an organization and prints its id.
pub async fn create_organization(opened: &Opened, name: &str, password: PasswordArgs) -> Result<(), CliError> {
    check_name("name", name)?;
    let hash = hash(password).await?;
    let id = OrganizationId::random();
    accounts::create_organization(&mut *opened.database.get().await?, id, name, &hash).await?;
    out::line(id)
}

/// Creates a project and prints its id.
pub async fn create_project(
    opened: &Opened,
    name: &str,
    organization: &str,
    origins: &[String],
) -> Result<(), CliError> {
    text::project_name("name", name)?;
    for origin in origins {
        check_origin("origin", origin)?;
    }
    let mut conn = opened.database.get().await?;
    let owner = accounts::organization_by(&mut conn, organization).await?;
    let owner = owner.ok_or_else(|| CliError::Input(format!("there is no organization {organization}")))?;
    let id = ProjectId::random();
    accounts::create_project(&mut conn, id, owner.id, name, origins).await?;
    out::line(id)
}

/// Creates a user and prints their id.
pub async fn create_user(
    opened: &Opened,
    project_name: &str,
    username: &str,
    role: &str,
    name: Option<&str>,
    password: PasswordArgs,
) -> Result<(), CliError> {
    text::username("username", username)?;
    if let Some(name) = name {
        text::display_name("name", name)?;
    }
    let role = role.parse().map_err(|_| Failure::invalid("role", "must be user, agent or admin"))?;
    let project_id = project(&mut opened.database.get().await?, project_name).await?;
    let hash = hash(password).await?;
    let new = NewUser {
        id: UserId::random(),
        project_id,
        username,
        password_hash: Some(&hash),
        role,
        name,
        avatar: None,
        profile: None,
    };
    let user = users::create(&mut *opened.database.get().await?, &new).await?;
    out::line(user.id)
}

/// Creates an app and prints its key.
pub async fn create_app(opened: &Opened, project_name: &str, name: &str) -> Result<(), CliError> {
    check_name("name", name)?;
    let mut conn = opened.database.get().await?;
    let project = project(&mut conn, project_name).await?;
    let key = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; KEY_BYTES]>());
    accounts::create_app(&mut conn, Uuid::new_v4(), project, name, &key).await?;
    out::line(key)
}

/// The hash of the password that was given, or that standard input holds.
async fn hash(password: PasswordArgs) -> Result<String, CliError> {
    on_blocking_pool(move || {
        let password = match password.password {
            Some(password) => password.expose().to_owned(),
            None => first_line()?,
        };
        Ok(password::hash(&password, rand::random())?)
    })
    .await?
}

fn first_line() -> Result<String, CliError> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|source| CliError::File { what: "the password on standard input".to_owned(), source })?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
