//! Answers of bots under way, for who comes in the middle: what was said so far, and the index of the last piece.
//!
//! A room adds a piece here before it publishes it. Who subscribes to a conversation looks here right after that, so it has all up
//! to some index, and every later piece comes to it; earlier ones that are still on their way to its hub it leaves out.

use crate::model::{ConversationId, MessageId};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use utoipa::ToSchema;

/// A piece of an answer, or all of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnswerChunk)]
pub struct Chunk {
    pub conversation: ConversationId,
    /// The message that the answer becomes.
    pub message: MessageId,
    /// From 0.
    pub index: u32,
    pub text: String,
}

/// Where a piece stands in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkPlace {
    pub message: MessageId,
    pub index: u32,
}

impl Chunk {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> ChunkPlace {
        ChunkPlace { message: self.message, index: self.index }
    }
}

/// The answers under way.
#[derive(Debug, Default)]
pub struct Answers {
    /// So that who has nothing to hear need not ask for the lock.
    count: AtomicUsize,
    under_way: Mutex<HashMap<ConversationId, Chunk>>,
}

impl Answers {
    /// More of an answer was said: the piece to publish.
    #[must_use]
    pub fn add(&self, conversation: ConversationId, message: MessageId, text: String) -> Chunk {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match under_way.get_mut(&conversation).filter(|all| all.message == message) {
            Some(all) => {
                all.index += 1;
                all.text.push_str(&text);
                all.index
            }
            None => {
                under_way.insert(conversation, Chunk { conversation, message, index: 0, text: text.clone() });
                0
            }
        };
        self.count.store(under_way.len(), Ordering::Release);
        Chunk { conversation, message, index, text }
    }

    /// The answer is at its end.
    pub fn end(&self, conversation: ConversationId, message: MessageId) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.get(&conversation).is_some_and(|all| all.message == message) {
            under_way.remove(&conversation);
        }
        self.count.store(under_way.len(), Ordering::Release);
    }

    /// What was said so far of the answer in a conversation.
    #[must_use]
    pub fn so_far(&self, conversation: ConversationId) -> Option<Chunk> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).get(&conversation).cloned()
    }
}
