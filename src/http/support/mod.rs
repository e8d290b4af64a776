//! `/api/v1/support`: the support desk, for customers, agents and administrators.

mod agents;
mod canned;
mod notes;
mod queue;
mod requests;
mod search;
mod sessions;
mod steps;
mod transcript;

use super::caller::UserCaller;
use super::read::{mark, unmark};
use crate::model::Failure;
use crate::store::support::Actor;
use chrono::{DateTime, Datelike, Utc};
use std::str::FromStr;
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

/// Where a page ended that is in the order of moments.
fn mark_moment(moment: DateTime<Utc>, id: impl std::fmt::Display) -> String {
    mark(&format!("{}.{id}", moment.timestamp_micros()))
}

/// What [`mark_moment`] made.
fn unmark_moment<T: FromStr>(after: Option<&str>) -> Result<Option<(DateTime<Utc>, T)>, Failure> {
    let refused = || Failure::invalid("after", "must be the `next` of a page before");
    unmark(after)?.map(|text| moment(&text).ok_or_else(refused)).transpose()
}

fn moment<T: FromStr>(text: &str) -> Option<(DateTime<Utc>, T)> {
    let (moment, id) = text.split_once('.')?;
    let moment = DateTime::from_timestamp_micros(moment.parse().ok()?)?;
    // Beyond these years the database knows none.
    (1970..=9999).contains(&moment.year()).then_some(())?;
    Some((moment, id.parse().ok()?))
}
