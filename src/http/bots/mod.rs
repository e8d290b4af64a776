//! `/bots`: the bot service, for other back ends. Each bot has a key of its own, in `X-Access-Key`, which reaches that bot, the
//! conversations that were made with it here (its instances), and the files that apps of the project have.
//!
//! Errors, limits and names for requests are those of `/api/v1`, and so is the description.

mod configure;
mod infer;

use super::caller::BotCaller;
use crate::model::{ChatbotId, Failure};
use actix_web::Error;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use utoipa_actix_web::scope::Scope;

/// All of it, without what is wrapped around.
pub fn scope()
-> Scope<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    utoipa_actix_web::scope("/bots")
        .service(configure::init)
        .service(configure::update_llm)
        .service(infer::create)
        .service(infer::infer)
}

/// The bot that a request names, if the key is its own. Of others nothing is told, not even whether there are any.
fn own(caller: &BotCaller, named: ChatbotId) -> Result<ChatbotId, Failure> {
    if caller.chatbot.id == named { Ok(named) } else { Err(Failure::NotFound("chatbot")) }
}
