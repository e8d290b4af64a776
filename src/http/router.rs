//! The table of contents: every path of the client listener that is answered by REST.

use super::{problem, v1, webhook};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};

/// Adds all routes. They need a `web::Data<HttpState>`.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::scope("/api/v1")
                .wrap(plain_answers())
                .service(
                    web::resource("/health")
                        .get(v1::health::show)
                        .route(web::head().to(v1::health::show))
                        .default_service(web::to(async || problem::method_not_allowed("GET, HEAD"))),
                )
                .default_service(web::to(async || problem::status(StatusCode::NOT_FOUND))),
        )
        .service(
            web::scope("/webhook")
                .wrap(plain_answers())
                .app_data(web::PayloadConfig::new(webhook::REQUEST_BYTES))
                .service(
                    web::resource("/auth/login")
                        .post(webhook::login::create)
                        .default_service(web::to(async || webhook::answer::method_not_allowed("POST"))),
                )
                .default_service(web::to(async || webhook::answer::not_found())),
        )
        .default_service(web::to(async || problem::status(StatusCode::NOT_FOUND)));
}

/// Answers are data, never a page, and nobody keeps them.
fn plain_answers() -> DefaultHeaders {
    DefaultHeaders::new().add((header::X_CONTENT_TYPE_OPTIONS, "nosniff")).add((header::CACHE_CONTROL, "no-store"))
}
