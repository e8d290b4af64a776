//! `GET /api/v1/openapi.json`: the description of this API.

use crate::http::described::Described;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};

/// This description
///
/// It changes with the program only: keep it, and ask with its `ETag` in `If-None-Match`.
#[utoipa::path(
    tag = "server",
    operation_id = "show_description",
    params(("If-None-Match" = Option<String>, Header, description = "Tags of what the caller has")),
    responses(
        (status = 200, description = "OpenAPI 3.1", body = serde_json::Value, headers(("ETag" = String, description = "Names this content"))),
        (status = 304, description = "The caller has it"),
    )
)]
#[get("/openapi.json")]
pub async fn show(request: HttpRequest, described: Data<Described>) -> HttpResponse {
    described.answer(&request)
}
