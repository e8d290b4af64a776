//! What nodes that are gone have left: answers in the middle, and questions that nobody took.

use super::Desk;
use super::turn::conclude;
use crate::chat::llm::speaker::Speaker;
use crate::model::{ConversationId, Failure, ProjectId, Usage};
use crate::store::answers::{self, Ending, Orphan};
use crate::store::exchanges::turns;
use crate::wire::shapes::Ended;

/// Answers ended in one look.
const ORPHANS: i64 = 64;
/// Questions found in one look.
const UNANSWERED: i64 = 256;

/// Ends answers that broke off, and finds conversations in which something waits for an answer.
pub async fn look(desk: &Desk) -> Vec<(ProjectId, ConversationId)> {
    let now = desk.chat.now();
    let found = desk.chat.run(async |connection| {
        turns::sweep(connection).await?;
        let orphans = answers::take_over(connection, desk.hold(), now, ORPHANS).await?;
        Ok((orphans, answers::unanswered(connection, now, UNANSWERED).await?))
    });
    // The database is away: the next look sees.
    let Ok((orphans, mut waiting)) = found.await else { return Vec::new() };
    for orphan in orphans {
        let place = (orphan.project, orphan.conversation);
        end(desk, orphan).await;
        waiting.push(place);
    }
    waiting
}

async fn end(desk: &Desk, orphan: Orphan) {
    let Orphan { conversation, id, project, body, input_characters, .. } = orphan;
    let characters = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    // The model had been asked: nobody says any more what that took.
    let usage = match u64::try_from(input_characters) {
        Ok(asked) if asked > 0 => Usage::estimate(asked, characters(body.chars().count())),
        _ => Usage::default(),
    };
    let ending = Ending { id, body, ended: Some(Ended::BrokenOff), usage };
    let failure = Failure::ModelFailed("the answer broke off: the server that worked on it is gone");
    conclude(&mut Speaker::new(&desk.chat, project, conversation), &ending, Some(failure)).await;
}
