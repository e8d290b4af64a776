//! `/api/v1/support`: the support desk, for customers, agents and administrators.

mod agents;
mod canned;
mod notes;
mod places;
mod queue;
mod requests;
mod search;
mod sessions;
mod steps;
mod transcript;

use super::caller::UserCaller;
use crate::store::support::Actor;
use utoipa_actix_web::service_config::ServiceConfig;

/// All of it.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(requests::list)
        .service(requests::create)
        .service(requests::show)
        .service(requests::tag)
        .service(requests::rate)
        .service(requests::audit)
        .service(queue::list)
        .service(steps::take)
        .service(steps::transfer)
        .service(steps::resolve)
        .service(steps::close)
        .service(steps::reopen)
        .service(sessions::list)
        .service(sessions::create)
        .service(sessions::show)
        .service(sessions::close)
        .service(sessions::list_messages)
        .service(transcript::show)
        .service(agents::list)
        .service(agents::show_own)
        .service(agents::set_own)
        .service(notes::list)
        .service(notes::create)
        .service(canned::list)
        .service(canned::create)
        .service(canned::change)
        .service(canned::delete)
        .service(search::search);
}

/// Who calls, as the desk knows them.
fn actor(caller: &UserCaller) -> Actor {
    Actor { project: caller.user.project_id, user: caller.user.id, role: caller.user.role }
}
