//! `/api/v1`: the server's own API, one file a resource.
//!
//! A handler carries its method and path, and the description that goes into the document; [`scope`] lists them all.

mod apps;
mod auth;
pub(super) mod chatbots;
mod contacts;
mod conversations;
mod games;
pub mod health;
mod issuers;
mod live;
mod llms;
mod media;
mod openapi;
mod organizations;
mod projects;
mod quotas;
mod search;
pub(super) mod shapes;
mod status;
mod usage;
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
        .service(live::show)
        .service(auth::login)
        .service(auth::register)
        .service(auth::refresh)
        .service(auth::show_me)
        .service(auth::change_password)
        .service(organizations::create)
        .service(organizations::login)
        .service(organizations::show_me)
        .service(organizations::change_password)
        .service(projects::list)
        .service(projects::create)
        .service(projects::show)
        .service(projects::change)
        .service(projects::delete)
        .service(issuers::show)
        .service(issuers::set)
        .service(issuers::remove)
        .service(apps::list)
        .service(apps::create)
        .service(apps::rotate_key)
        .service(apps::rotate_callback_secret)
        .service(apps::delete)
        .service(users::list)
        .service(users::create)
        .service(users::show)
        .service(users::rename)
        .service(users::change)
        .service(users::delete)
        .service(users::relate)
        .service(conversations::list)
        .service(conversations::create)
        .service(conversations::show)
        .service(conversations::change)
        .service(conversations::delete)
        .service(conversations::members::list)
        .service(conversations::members::set)
        .service(conversations::members::remove)
        .service(conversations::receipts::create)
        .service(conversations::messages::list)
        .service(conversations::messages::create)
        .service(conversations::messages::show)
        .service(conversations::messages::change)
        .service(conversations::messages::delete)
        .service(conversations::messages::react)
        .service(conversations::messages::unreact)
        .service(llms::list)
        .service(chatbots::list)
        .service(chatbots::create)
        .service(chatbots::show)
        .service(chatbots::change)
        .service(chatbots::delete)
        .service(search::search)
        .service(media::create)
        .service(media::show)
        .service(media::show_content)
        .service(media::show_thumbnail)
        .service(media::delete)
        .service(contacts::list)
        .service(contacts::relate)
        .service(games::create)
        .service(games::list)
        .service(games::show)
        .service(games::withdraw)
        .service(games::rotate_secret)
        .service(status::show_own)
        .service(status::show)
        .service(status::set)
        .service(usage::show_own)
        .service(usage::report)
        .service(quotas::show_of_user)
        .service(quotas::set_of_user)
        .service(quotas::show_of_conversation)
        .service(quotas::set_of_conversation)
        .service(quotas::show_own)
        .service(quotas::set_own)
        .service(quotas::show_of_project)
        .service(quotas::set_of_project)
        .service(quotas::show_of_organization)
        .service(quotas::set_of_organization)
        .configure(super::support::configure)
}
