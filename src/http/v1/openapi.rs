//! `GET /api/v1/openapi.json`: the description of this API.

use crate::http::document::document;
use actix_web::{HttpResponse, get};

/// This description
#[utoipa::path(
    tag = "server",
    operation_id = "show_description",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
#[get("/openapi.json")]
pub async fn show() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document().json.as_str())
}
