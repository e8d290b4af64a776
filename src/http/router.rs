//! The table of contents: every path of the client listener that is answered by REST. Those of `/api/v1` are in [`v1::scope`].

use super::document::document;
use super::problem::Problem;
use super::web as app;
use super::{HttpState, bots, cors, described, docs, entrance, idempotency, v1, webhook};
use actix_web::http::header;
use actix_web::middleware::{DefaultHeaders, NormalizePath, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

/// Adds all routes.
pub fn configure(config: &mut ServiceConfig, state: &web::Data<HttpState>) {
    // The last that is wrapped around it comes first.
    let api = v1::scope()
        .map(|scope| scope.default_service(web::to(elsewhere)))
        .wrap(from_fn(idempotency::once))
        .wrap(NormalizePath::trim())
        .wrap(cors::layer(state))
        .wrap(from_fn(cors::refresh))
        .wrap(from_fn(entrance::pass))
        .wrap(plain_answers());
    // Back ends call these, no pages: without origins.
    let of_bots = bots::scope()
        .map(|scope| scope.default_service(web::to(elsewhere)))
        .wrap(from_fn(idempotency::once))
        .wrap(NormalizePath::trim())
        .wrap(from_fn(entrance::pass))
        .wrap(plain_answers());
    // Made of all that is here, so that no handler could make it.
    let description = web::Data::new(described::Described::new(&document().json));
    config
        .app_data(state.clone())
        .app_data(description)
        .service(api)
        .service(of_bots)
        .service(
            web::scope("/webhook")
                .wrap(cors::layer(state))
                .wrap(from_fn(cors::refresh))
                .wrap(plain_answers())
                .service(
                    web::resource("/auth/login")
                        .post(webhook::login::create)
                        .default_service(web::to(async || webhook::answer::method_not_allowed("POST"))),
                )
                .service(
                    web::resource("/wibot/chat")
                        .post(webhook::chat::create)
                        .default_service(web::to(async || webhook::answer::method_not_allowed("POST"))),
                )
                .service(
                    web::resource("/wibot/conversations")
                        .get(webhook::conversations::list)
                        .default_service(web::to(async || webhook::answer::method_not_allowed("GET"))),
                )
                .service(
                    web::resource("/wibot/conversations/{id}/messages")
                        .get(webhook::conversations::messages)
                        .default_service(web::to(async || webhook::answer::method_not_allowed("GET"))),
                )
                .default_service(web::to(async || webhook::answer::not_found())),
        )
        .configure(docs::configure)
        .configure(described::configure)
        .configure(app::configure);
}

/// What no handler of the API takes: a path that is none, or another method than its own.
async fn elsewhere(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(document().methods_of(request.path()).map_or_else(Problem::no_such_path, Problem::method_not_allowed))
}

/// Answers are data, never a page, and nobody keeps them.
fn plain_answers() -> DefaultHeaders {
    DefaultHeaders::new().add((header::X_CONTENT_TYPE_OPTIONS, "nosniff")).add((header::CACHE_CONTROL, "no-store"))
}
