//! `palabre token`: access tokens for users, without their passwords.

use super::database::{open_migrated, project};
use super::{CliError, out};
use crate::chat::Clock;
use crate::config::command::TokenArgs;
use crate::store::{accounts, users};
use crate::wire::token::Tokens;

/// Prints a token for each user, in the order in which they are named.
pub async fn run(args: &TokenArgs) -> Result<(), CliError> {
    let secret = args.auth.server_secret(&args.database.data_dir()?)?;
    let tokens = Tokens::new(secret.expose().as_bytes());
    let opened = open_migrated(&args.database).await?;
    let mut conn = opened.database.get().await?;
    let project = project(&mut conn, &args.project.project).await?;
    let found = users::resolve(&mut conn, project, &args.users).await?;

    let now = Clock::system().now();
    let mut issued = Vec::with_capacity(found.len());
    for (name, user) in args.users.iter().zip(found) {
        let user = user.ok_or_else(|| CliError::Input(format!("the project has no active user {name}")))?;
        let token = tokens.issue_user(&accounts::token_of(&user), now, args.auth.token_lifetime());
        issued.push(token.map_err(|error| CliError::Input(format!("no token for {name}: {error}")))?);
    }
    out::lines(issued)
}
