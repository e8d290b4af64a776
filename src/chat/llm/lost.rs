//! What nodes that are gone have left: answers in the middle, and questions that nobody took.

use super::Desk;
use super::turn::conclude;
use crate::chat::llm::speaker::Speaker;
use crate::model::{ConversationId, Failure, ProjectId, Usage};
use crate::store::answers::{self, Ending, Orphan};
use crate::store::exchanges::turns;
use crate::wire::shapes::Ended;
use futures_util::future::join_all;

/// Answers ended in one look.
const ORPHANS: i64 = 64;
/// Questions found in one look.
const UNANSWERED: i64 = 256;

/// Ends answers that broke off, but none of this node's `own`, and finds conversations in which something waits for an answer.
/// `None` if the database is away.
pub async fn look(
    desk: &Desk,
    own: &[ConversationId],
    may_take_over: bool,
) -> Option<Vec<(ProjectId, ConversationId)>> {
    let now = desk.chat.now();
    let found = desk.chat.run(async |connection| {
        turns::sweep(connection).await?;
        let orphans =
            if may_take_over { answers::take_over(connection, desk.holder, own, ORPHANS).await? } else { Vec::new() };
        Ok((orphans, answers::unanswered(connection, now, UNANSWERED).await?))
    });
    let (orphans, mut waiting) = found.await.ok()?;
    waiting.extend(orphans.iter().map(|orphan| (orphan.project, orphan.conversation)));
    // One whose room is slow holds up no other.
    join_all(orphans.into_iter().map(|orphan| end(desk, orphan))).await;
    Some(waiting)
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
    // What can't be ended now is found again.
    conclude(&mut Speaker::new(&desk.chat, project, conversation), &ending, Some(failure), 1).await;
}
