//! `GET /api/v1/health`: whether this server can do its work.

use crate::http::HttpState;
use crate::store::Database;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;

/// Time that the database has to answer; whoever asks for health has a time-out of some seconds.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    database: &'static str,
    version: &'static str,
}

/// 200 when all is well, 503 when the database is away.
pub async fn show(state: web::Data<HttpState>) -> HttpResponse {
    answer(&state.database).await
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
