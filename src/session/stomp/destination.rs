//! Where frames go, and where subscriptions listen.

use crate::chat::channel::stomp::Topic;
use crate::model::{ConversationId, Failure, SupportSessionId};
use crate::session::who::Who;
use crate::store::{members, support};
use uuid::Uuid;

/// A destination of `SEND` or `SUBSCRIBE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    Conversation(ConversationId),
    /// A support session, which has a conversation.
    Support(SupportSessionId),
    /// The session itself: to prolong it.
    Session,
    /// The user's own events.
    Events,
}

/// The same whether there is none of this name or none for this user.
const UNKNOWN: Failure = Failure::NotFound("destination");

impl Destination {
    /// Where a `SEND` goes.
    ///
    /// # Errors
    /// [`Failure::NotFound`].
    pub fn to_send(text: &str) -> Result<Self, Failure> {
        match text.strip_prefix("/app/") {
            Some("session") => Ok(Self::Session),
            Some(rest) => Self::named(rest),
            None => Err(UNKNOWN),
        }
    }

    /// Where a `SUBSCRIBE` listens.
    ///
    /// # Errors
    /// [`Failure::NotFound`].
    pub fn to_hear(text: &str) -> Result<Self, Failure> {
        match text.strip_prefix("/topic/") {
            Some(rest) => Self::named(rest),
            None if text == "/user/queue/events" => Ok(Self::Events),
            None => Err(UNKNOWN),
        }
    }

    fn named(rest: &str) -> Result<Self, Failure> {
        let id = |text: &str| Uuid::try_parse(text).map_err(|_| UNKNOWN);
        match rest.split_once('/') {
            Some(("conversations", text)) => Ok(Self::Conversation(ConversationId(id(text)?))),
            Some(("support", text)) => Ok(Self::Support(SupportSessionId(id(text)?))),
            _ => Err(UNKNOWN),
        }
    }

    /// What a subscription hears, and up to where its user's messages were delivered. A stranger learns nothing.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for who is no member, [`Failure::Unavailable`].
    pub async fn listen(self, who: &Who) -> Result<(Topic, i64), Failure> {
        if self == Self::Events {
            return Ok((Topic::Events, 0));
        }
        let (conversation, delivered) = self.look_up(who).await?;
        Ok((Topic::Conversation(conversation), delivered))
    }

    /// The conversation that a text is for, of which the user is a member.
    ///
    /// # Errors
    /// As [`Self::listen`].
    pub async fn conversation(self, who: &Who) -> Result<ConversationId, Failure> {
        match self {
            Self::Conversation(conversation) if who.channel.hears(conversation) => Ok(conversation),
            _ => Ok(self.look_up(who).await?.0),
        }
    }

    async fn look_up(self, who: &Who) -> Result<(ConversationId, i64), Failure> {
        who.chat
            .run(async |conn| {
                let conversation = match self {
                    Self::Conversation(conversation) => Some(conversation),
                    Self::Support(session) => {
                        support::conversation_of_session(conn, who.project, who.id(), session).await?
                    }
                    Self::Session | Self::Events => None,
                };
                let conversation = conversation.ok_or(UNKNOWN)?;
                let delivered = members::delivered(conn, who.project, conversation, who.id()).await?;
                Ok((conversation, delivered.ok_or(UNKNOWN)?))
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_these_and_no_others() {
        let id = Uuid::from_u128(7);
        assert_eq!(
            Destination::to_send(&format!("/app/conversations/{id}")),
            Ok(Destination::Conversation(ConversationId(id)))
        );
        assert_eq!(Destination::to_send(&format!("/app/support/{id}")), Ok(Destination::Support(SupportSessionId(id))));
        assert_eq!(Destination::to_send("/app/session"), Ok(Destination::Session));
        assert_eq!(
            Destination::to_hear(&format!("/topic/support/{id}")),
            Ok(Destination::Support(SupportSessionId(id)))
        );
        assert_eq!(Destination::to_hear("/user/queue/events"), Ok(Destination::Events));
        for text in ["", "/", "/app/", "/app/support/", "/app/rooms/1", "/app/conversations/x", "/topic/session"] {
            assert_eq!(Destination::to_send(text), Err(UNKNOWN), "{text}");
            assert_eq!(Destination::to_hear(text), Err(UNKNOWN), "{text}");
        }
        assert_eq!(Destination::to_hear(&format!("/app/conversations/{id}")), Err(UNKNOWN));
        assert_eq!(Destination::to_send(&format!("/topic/conversations/{id}")), Err(UNKNOWN));
    }
}
