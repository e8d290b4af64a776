//! Looks after quotas, and tells people when most of one is used up.
//!
//! A user hears of their own; the members of a conversation of its; the administrators of the project in which it was reached of the
//! project's and the organization's.

use super::Chat;
use crate::cluster::{Audience, Delivery, Publication};
use crate::model::quota::{Alarm, Level};
use crate::model::{ConversationId, Failure, UserId};
use crate::store::quotas;
use crate::store::usage::Warning;
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::QuotaWarning;
use tokio::task::JoinHandle;

/// Administrators who are told.
const ADMINISTRATORS: i64 = 1_000;

/// Looks after them on the current arbiter, until the task is aborted.
pub fn start(chat: &Chat) -> JoinHandle<()> {
    let chat = chat.clone();
    actix::spawn(async move {
        let told = chat.clone();
        let tell = move |warning| {
            let chat = told.clone();
            // Beside: leases must be renewed meanwhile. There is one a month and level.
            actix::spawn(async move {
                if let Err(failure) = tell(&chat, warning).await {
                    log::warn!(target: "palabre::chat", "a warning about a quota could not be told: {failure}");
                }
            });
        };
        chat.quota.keep(tell).await;
    })
}

async fn tell(chat: &Chat, warning: Warning) -> Result<(), Failure> {
    let Warning { project, level, subject, alarm } = warning;
    let conversation = (level == Level::Conversation).then_some(ConversationId(subject));
    let audience = match level {
        Level::User => Audience::Users(vec![UserId(subject)]),
        Level::Conversation => Audience::Conversation(ConversationId(subject)),
        Level::Project | Level::Organization => Audience::Users(
            chat.run(async |conn| Ok(quotas::administrators(conn, project, ADMINISTRATORS).await?)).await?,
        ),
    };
    let Alarm { used, quota, is_money } = alarm;
    let currency = is_money.then(|| chat.limits.currency.to_string());
    let data = QuotaWarning { level: level.as_str(), used, quota, currency, conversation };
    let publication = Publication::new(audience, Outgoing::new("quota.warning", data));
    if let Some(backlog) = chat.bus.deliver(Delivery::Publish(publication)) {
        backlog.await;
    }
    Ok(())
}
