//! Who calls the assistant's API: a user of its project, by a token.

use super::answer;
use crate::http::HttpState;
use crate::http::caller::bearer;
use crate::model::Failure;
use crate::store::accounts;
use crate::store::users::UserRow;
use actix_web::{HttpRequest, HttpResponse};

/// The user whose token came with a request.
///
/// # Errors
/// The answer: 401 for no token, and for one that is not good here whatever is wrong with it.
pub async fn user(request: &HttpRequest, state: &HttpState) -> Result<UserRow, HttpResponse> {
    let token = bearer(request).ok_or_else(answer::invalid_token)?;
    let token = state.tokens.verify_user(token, state.chat.now()).map_err(|_| answer::invalid_token())?.bearer;
    let found = state
        .chat
        .run(async |conn| {
            let project = accounts::project_by(conn, &state.webhook_project).await?.ok_or(Failure::Unauthorized)?;
            Ok(accounts::session_user(conn, project.id, &token).await?)
        })
        .await;
    match found {
        Ok(Some(user)) => Ok(user),
        Ok(None) | Err(Failure::Unauthorized) => Err(answer::invalid_token()),
        Err(failure) => Err(answer::server_error(&failure)),
    }
}
