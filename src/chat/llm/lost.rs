//! What nodes that are gone have left: answers in the middle, and questions that nobody took.

use super::Desk;
use super::turn::conclude;
use crate::chat::llm::speaker::Speaker;
use crate::model::{ConversationId, Failure, ProjectId, Usage};
use crate::store::answers::{self, Ending, Orphan};
use crate::store::exchanges::turns;
use crate::wire::shapes::Ended;
use futures_util::future::join_all;
use std::collections::HashMap;

/// Answers ended in one look.
const ORPHANS: i64 = 64;
/// Questions found in one look.
const UNANSWERED: i64 = 256;
/// Looks in a row that find a question before this node takes it. Mostly the node that it was said on is just about to, and only that one
/// tells the answer to who is connected there.
const LOOKS: u8 = 3;

/// What a look has found.
pub struct Found {
    /// Conversations whose answer broke off, which was ended.
    pub ended: Vec<(ProjectId, ConversationId)>,
    /// Those in which something waits for an answer.
    pub waiting: Vec<(ProjectId, ConversationId)>,
}

/// Questions that the last look found, and how many in a row have.
#[derive(Debug, Default)]
pub struct Waiting(HashMap<ConversationId, u8>);

impl Waiting {
    /// Those that nobody took for long enough.
    pub fn due(&mut self, found: Vec<(ProjectId, ConversationId)>) -> Vec<(ProjectId, ConversationId)> {
        let before = std::mem::take(&mut self.0);
        let mut due = Vec::new();
        for (project, conversation) in found {
            match before.get(&conversation).map_or(1, |looks| looks + 1) {
                LOOKS.. => due.push((project, conversation)),
                looks => drop(self.0.insert(conversation, looks)),
            }
        }
        due
    }
}

/// Ends answers that broke off, but none of this node's `own`, and finds conversations in which something waits for an answer.
/// `None` if the database is away.
pub async fn look(desk: &Desk, own: &[ConversationId], may_take_over: bool) -> Option<Found> {
    let now = desk.chat.now();
    let found = desk.chat.run(async |connection| {
        turns::sweep(connection).await?;
        let orphans =
            if may_take_over { answers::take_over(connection, desk.holder, own, ORPHANS).await? } else { Vec::new() };
        Ok((orphans, answers::unanswered(connection, now, UNANSWERED).await?))
    });
    let (orphans, waiting) = found.await.ok()?;
    let ended = orphans.iter().map(|orphan| (orphan.project, orphan.conversation)).collect();
    // One whose room is slow holds up no other.
    join_all(orphans.into_iter().map(|orphan| end(desk, orphan))).await;
    Some(Found { ended, waiting })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_taken_when_nobody_else_did_for_some_looks() {
        let project = ProjectId::random();
        let [one, other] = [(project, ConversationId::random()), (project, ConversationId::random())];
        let mut waiting = Waiting::default();
        assert_eq!(waiting.due(vec![one]), []);
        assert_eq!(waiting.due(vec![one, other]), []);
        // Answered meanwhile, by the node that it was said on.
        assert_eq!(waiting.due(vec![one]), [one]);
        assert_eq!(waiting.due(vec![other]), []);
        assert_eq!(waiting.due(vec![other]), []);
        assert_eq!(waiting.due(vec![other]), [other]);
        assert_eq!(waiting.due(vec![]), []);
        assert!(waiting.0.is_empty());
    }
}
