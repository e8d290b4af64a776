//! `GET /api/v1/health`: whether this server can do its work.

use crate::http::HttpState;
use crate::store::Database;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Time that the database has to answer; whoever asks for health has a time-out of some seconds.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    #[schema(example = "ok")]
    database: &'static str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Whether the server can do its work
#[utoipa::path(
    tag = "server",
    operation_id = "show_health",
    responses(
        (status = 200, description = "All is well", body = Health),
        (status = 503, description = "The database is away", body = Health),
    )
)]
#[get("/health")]
pub async fn show(state: web::Data<HttpState>) -> HttpResponse {
    answer(&state.chat.database).await
}

/// The same answer for any listener.
pub async fn answer(database: &Database) -> HttpResponse {
    let up = matches!(tokio::time::timeout(DATABASE_TIMEOUT, ask(database)).await, Ok(true));
    let (code, status, database) =
        if up { (StatusCode::OK, "ok", "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "unavailable") };
    HttpResponse::build(code).json(Health { status, database, version: env!("CARGO_PKG_VERSION") })
}

async fn ask(database: &Database) -> bool {
    let Ok(mut conn) = database.get().await else { return false };
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1")).execute(&mut conn).await.is_ok()
}
