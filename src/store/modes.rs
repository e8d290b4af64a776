//! Who answers in a conversation: people, or a bot.

use super::groups::{NOT_FOUND, insert_members, lock};
use super::schema::{chatbots, conversations, members, projects};
use super::support;
use crate::model::permission::Permission;
use crate::model::{ChatbotId, ConversationId, Failure, ProjectId, UserId};
use crate::wire::shapes::{ConversationKind, Mode};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;

/// What did change in a conversation's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedMode {
    pub mode: Mode,
    /// The chatbot that answers in mode `bot`, now or when it is switched on again.
    pub chatbot: Option<ChatbotId>,
    /// Whether anything changed at all.
    pub changed: bool,
}

/// Sets who answers in a conversation: people, or a bot. The bot is the one named, else the conversation's, else the
/// project's assistant.
///
/// # Errors
/// - [`Failure::NotFound`] if the actor is no member of such a conversation, or the project has no such chatbot.
/// - [`Failure::Forbidden`] without `a`, which nobody has in a private conversation; in one of support `w` is enough for `human`.
/// - [`Failure::Invalid`] if mode `bot` finds no chatbot.
pub async fn set_mode(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ConversationId,
    actor: UserId,
    mode: Mode,
    chatbot: Option<ChatbotId>,
) -> Result<ChangedMode, Failure> {
    conn.transaction(async |conn| {
        // Before the conversation, as everywhere.
        let request = support::lock_request_of(conn, id).await?;
        let conversation = lock(conn, project, id).await?;
        let own: Option<Permission> =
            members::table.find((id, actor)).select(members::permission).first(conn).await.optional()?;
        let own = own.ok_or(NOT_FOUND)?;
        // Whoever came for support may ask for a person, but not send the agent away.
        let asks_for_person = conversation.kind == ConversationKind::Support && mode == Mode::Human && own.may_write();
        if !own.may_administer() && !asks_for_person {
            return Err(Failure::Forbidden("only administrators and owners may set the mode"));
        }
        let chatbot = match chatbot {
            Some(named) => Some(check_chatbot(conn, project, named).await?),
            None if mode == Mode::Bot => Some(default_chatbot(conn, project, conversation.chatbot_id).await?),
            None => conversation.chatbot_id,
        };
        let changed = mode != conversation.mode || chatbot != conversation.chatbot_id;
        if changed {
            diesel::update(conversations::table.find(id))
                .set((
                    conversations::mode.eq(mode),
                    conversations::chatbot_id.eq(chatbot),
                    conversations::turn.eq(conversations::turn + 1),
                    // What was said to people is not for the bot to answer.
                    conversations::answered_seq.eq(conversations::last_seq),
                    conversations::version.eq(conversations::version + 1),
                    conversations::updated_at.eq(now),
                ))
                .execute(conn)
                .await?;
            if let Some(request) = request {
                support::note_mode(conn, request, actor, mode).await?;
            }
        }
        Ok(ChangedMode { mode, chatbot, changed })
    })
    .await
}

/// Makes a conversation of one person, who owns it, with a bot: the one named, else the project's assistant.
///
/// # Errors
/// - [`Failure::NotFound`] if the project has no such chatbot.
/// - [`Failure::Invalid`] if none is named and the project has no assistant.
pub async fn create_assistant(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    person: UserId,
    id: ConversationId,
    chatbot: Option<ChatbotId>,
    title: Option<&str>,
) -> Result<(), Failure> {
    conn.transaction(async |conn| {
        let chatbot = match chatbot {
            Some(named) => check_chatbot(conn, project, named).await?,
            None => default_chatbot(conn, project, None).await?,
        };
        diesel::insert_into(conversations::table)
            .values((
                conversations::id.eq(id),
                conversations::project_id.eq(project),
                conversations::kind.eq(ConversationKind::Assistant),
                conversations::title.eq(title),
                conversations::mode.eq(Mode::Bot),
                conversations::chatbot_id.eq(chatbot),
                conversations::member_count.eq(1),
            ))
            .execute(conn)
            .await?;
        insert_members(conn, id, &[person], &HashMap::from([(person, Permission::Own)]), 0).await?;
        Ok(())
    })
    .await
}

async fn check_chatbot(conn: &mut AsyncPgConnection, project: ProjectId, id: ChatbotId) -> Result<ChatbotId, Failure> {
    chatbots::table
        .filter(chatbots::project_id.eq(project).and(chatbots::id.eq(id)))
        .select(chatbots::id)
        .first(conn)
        .await
        .optional()?
        .ok_or(Failure::NotFound("chatbot"))
}

async fn default_chatbot(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    of_conversation: Option<ChatbotId>,
) -> Result<ChatbotId, Failure> {
    if let Some(chatbot) = of_conversation {
        return Ok(chatbot);
    }
    let assistant: Option<ChatbotId> = projects::table.find(project).select(projects::assistant_id).first(conn).await?;
    assistant.ok_or_else(|| Failure::invalid("chatbot", "name one: neither the conversation nor the project has any"))
}

/// The chatbot that answers where none is named.
///
/// # Errors
/// [`Failure::Invalid`] if the project has none.
pub(super) async fn assistant(conn: &mut AsyncPgConnection, project: ProjectId) -> Result<ChatbotId, Failure> {
    let assistant: Option<ChatbotId> = projects::table.find(project).select(projects::assistant_id).first(conn).await?;
    assistant.ok_or_else(|| Failure::invalid("bot", "the project has no chatbot that answers"))
}
