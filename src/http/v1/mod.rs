//! `/api/v1`: the server's own API, one file a resource.
//!
//! A handler carries its method and path, and the description that goes into the document; [`scope`] lists them all.

mod auth;
pub mod health;
mod openapi;
mod shapes;
mod users;

use actix_web::Error;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use utoipa_actix_web::scope::Scope;

/// All of it, without what is wrapped around.
pub fn scope()
-> Scope<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    utoipa_actix_web::scope("/api/v1")
        .service(health::show)
        .service(openapi::show)
        .service(auth::login)
        .service(auth::register)
        .service(auth::refresh)
        .service(auth::show_me)
        .service(auth::change_password)
        .service(users::list)
        .service(users::create)
        .service(users::show)
        .service(users::rename)
        .service(users::change)
        .service(users::delete)
        .service(users::relate)
}
