//! Every event with the types of its data: one line an event. The description of the protocol ([`crate::session::description`]) is made
//! from it, and the tests hold all that goes over sockets against that.

use super::{
    contact_summary, contact_update, conversation_mode, group_delete, group_members, group_summary, group_update,
    llm_stop, message_delete, message_edit, message_fetch, message_game, message_react, message_receipt, message_text,
    status_fetch, status_update, typing_update,
};
use crate::chat::channel::vigil::Expiring;
use crate::chat::room::answer::Failed;
use crate::chat::room::edit::ReactionPush;
use crate::chat::room::govern::Gone;
use crate::chat::room::marks::{Digest, ReceiptPush};
use crate::chat::room::tell::Done;
use crate::chat::room::typing::TypingPush;
use crate::cluster::Chunk;
use crate::session::actor::Auth;
use crate::session::opening::Ready;
use crate::session::pages::{Contacts, History, Members, Statuses, Summary};
use crate::wire::schema::{self, Form, Schemas, reference};
use crate::wire::shapes::{Contact, Conversation, Message, QuotaWarning, Status, User};
use crate::wire::support;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An event: what it is, and the data of its request, its reply and its pushes, as far as it has them.
#[derive(Debug)]
pub struct Event {
    pub name: &'static str,
    pub summary: &'static str,
    pub request: Option<Value>,
    pub reply: Option<Value>,
    /// What else than the first a push may be.
    pub pushes: Vec<Value>,
    /// All that these refer to.
    pub schemas: Schemas,
}

/// All events.
#[must_use]
#[rustfmt::skip]
pub fn events() -> Vec<Event> {
    vec![
        Event::new("session.auth", "Sign in, or go on with a fresh token").asks::<Auth>().replies::<Ready>(),
        Event::new("session.ready", "The session is open").pushes::<Ready>(),
        Event::new("session.expiring", "The token's time is over in a minute").pushes::<Expiring>(),
        Event::new("group.summary", "One's conversations").asks::<group_summary::Data>().replies::<Summary>().pushes::<Summary>(),
        Event::new("group.members", "Who is in a conversation").asks::<group_members::Data>().replies::<Members>(),
        Event::new("group.update", "Make or change a group").asks::<group_update::Data>().replies::<Conversation>().pushes::<Conversation>(),
        Event::new("group.delete", "End a group").asks::<group_delete::Data>().replies::<Gone>().pushes::<Gone>(),
        Event::new("contact.summary", "One's contacts").asks::<contact_summary::Data>().replies::<Contacts>().pushes::<Contacts>(),
        Event::new("contact.update", "Do something about a contact").asks::<contact_update::Data>().replies::<Contact>().pushes::<Contact>(),
        Event::new("status.update", "What one looks like to others").asks::<status_update::Data>().replies::<Status>().pushes::<Status>(),
        Event::new("status.fetch", "How others look").asks::<status_fetch::Data>().replies::<Statuses>(),
        Event::new("user.update", "A user's profile changed").pushes::<User>(),
        Event::new("quota.warning", "Most of a quota of language models is used up").pushes::<QuotaWarning>(),
        Event::new("message.text", "Say something").asks_one_of::<message_text::Data>(SAID).replies::<Message>().pushes::<Message>(),
        Event::new("message.game", "Invite to a game, or answer an invitation").asks_one_of::<message_game::Data>(PLAYED).replies::<Message>().pushes::<Message>(),
        Event::new("message.fetch", "A page of history").asks_one_of::<message_fetch::Data>(FETCHED).replies::<History>(),
        Event::new("message.edit", "Give a text another body").asks::<message_edit::Data>().replies::<Message>().pushes::<Message>(),
        Event::new("message.delete", "Take a message back").asks::<message_delete::Data>().replies::<Message>().pushes::<Message>(),
        Event::new("message.react", "React to a message, or take it back").asks::<message_react::Data>().replies::<Message>().pushes::<ReactionPush>(),
        Event::new("message.delivered", "Messages have arrived").asks::<message_receipt::Data>().replies::<ReceiptPush>().pushes::<ReceiptPush>().pushes::<Digest>(),
        Event::new("message.read", "Messages were read").asks::<message_receipt::Data>().replies::<ReceiptPush>().pushes::<ReceiptPush>().pushes::<Digest>(),
        Event::new("typing.update", "Somebody types, or no longer").asks::<typing_update::Data>().replies::<typing_update::Data>().pushes::<TypingPush>(),
        Event::new("conversation.mode", "Who answers in a conversation").asks::<conversation_mode::Data>().replies::<Conversation>().pushes::<Conversation>(),
        Event::new("llm.chunk", "A bot says more").pushes::<Chunk>(),
        Event::new("llm.stop", "End the bot's answer under way").asks::<llm_stop::Data>().replies::<llm_stop::Data>(),
        Event::new("llm.done", "A bot's answer is at its end").pushes::<Done>(),
        Event::new("llm.error", "A bot could not answer, or not to the end").pushes::<Failed>(),
        Event::new("support.request", "A request for support is new or changed").pushes::<support::Request>(),
        Event::new("support.queue", "Where one stands who waits for support").pushes::<support::Place>(),
        Event::new("support.session", "A talk about a request begins or is over").pushes::<support::Session>(),
        Event::new("support.agent", "Whether an agent is there").pushes::<support::AgentPush>(),
    ]
}

const SAID: &[Form] = &[
    (&["conversation", "id", "body"], &["reply_to", "tone", "attachments"]),
    (&["to", "id", "body"], &["reply_to", "tone", "attachments"]),
];
const PLAYED: &[Form] = &[
    (&["conversation", "id", "game", "payload"], &["capacity", "expires_at"]),
    (&["to", "id", "game", "payload"], &["capacity", "expires_at"]),
    (&["message", "action"], &[]),
];
const FETCHED: &[Form] = &[
    (&["conversation"], &["limit", "before_seq"]),
    (&["conversation"], &["limit", "after_seq"]),
    (&["conversation"], &["limit", "before"]),
];

impl Event {
    /// An event that nothing is said of yet but its name and, in a few words, what it is.
    #[must_use]
    pub fn new(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, request: None, reply: None, pushes: Vec::new(), schemas: Map::new() }
    }

    /// Clients send it as a request with this data.
    #[must_use]
    pub fn asks<T: ToSchema>(mut self) -> Self {
        self.request = Some(self.request_of::<T>());
        self
    }

    /// As [`Self::asks`], for data whose fields go together in several ways.
    #[must_use]
    fn asks_one_of<T: ToSchema>(mut self, forms: &[Form]) -> Self {
        let whole = self.request_of::<T>();
        self.request = Some(schema::in_forms(&whole, forms));
        self
    }

    /// A request is answered with this data.
    #[must_use]
    pub fn replies<T: ToSchema>(mut self) -> Self {
        self.reply = Some(self.named::<T>());
        self
    }

    /// The server pushes it with this data; with more than one it may be either.
    #[must_use]
    pub fn pushes<T: ToSchema>(mut self) -> Self {
        let push = self.named::<T>();
        self.pushes.push(push);
        self
    }

    /// The data of requests has no name of its own: each event has its own type.
    fn request_of<T: ToSchema>(&mut self) -> Value {
        let (schema, schemas) = schema::of::<T>();
        self.schemas.extend(schemas);
        schema
    }

    fn named<T: ToSchema>(&mut self) -> Value {
        let (schema, schemas) = schema::of::<T>();
        self.schemas.extend(schemas);
        let name = T::name();
        self.schemas.insert(name.clone().into_owned(), schema);
        reference(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_field_of_a_request_is_in_one_of_its_forms() {
        let fields = |schema: &Value| -> BTreeSet<String> {
            schema["properties"].as_object().unwrap().keys().cloned().collect()
        };
        for (forms, (whole, _)) in [
            (SAID, schema::of::<message_text::Data>()),
            (PLAYED, schema::of::<message_game::Data>()),
            (FETCHED, schema::of::<message_fetch::Data>()),
        ] {
            let named: BTreeSet<String> =
                forms.iter().flat_map(|(must, may)| must.iter().chain(*may)).map(|name| (*name).to_owned()).collect();
            assert_eq!(named, fields(&whole));
        }
    }
}
