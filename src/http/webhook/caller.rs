//! Who calls the assistant's API: a user of its project, by a token.

use super::answer;
use crate::http::HttpState;
use crate::http::caller::bearer;
use crate::model::Failure;
use crate::store::users::UserRow;
use actix_web::{HttpRequest, HttpResponse};

/// The user whose token came with a request.
///
/// # Errors
/// The answer: 401 for no token, and for one that is not good here whatever is wrong with it.
pub async fn user(request: &HttpRequest, state: &HttpState) -> Result<UserRow, HttpResponse> {
    let token = bearer(request).ok_or_else(answer::invalid_token)?;
    match state.identities.in_project(&state.webhook_project, token).await {
        Ok(known) => Ok(known.user),
        Err(Failure::Unauthorized | Failure::TokenExpired) => Err(answer::invalid_token()),
        Err(failure) => Err(answer::server_error(&failure)),
    }
}
