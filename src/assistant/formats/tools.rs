//! Tools that a model wants used, whose arguments come in pieces.

use crate::assistant::provider::{Delta, ModelError, ToolCall};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// Tools in one answer: more than that no model asks for at once.
const TOOLS: usize = 64;

/// The tools asked for so far, by their place in the answer.
#[derive(Debug, Default)]
pub struct Tools(BTreeMap<u64, Piece>);

#[derive(Debug, Default)]
struct Piece {
    id: String,
    name: String,
    arguments: String,
}

impl Tools {
    /// A piece of the tool at a place: its name and id come once, its arguments bit by bit.
    ///
    /// # Errors
    /// [`ModelError::TooLarge`] for too many of them.
    pub fn add(&mut self, place: u64, id: &str, name: &str, arguments: &str) -> Result<(), ModelError> {
        if self.0.len() >= TOOLS && !self.0.contains_key(&place) {
            return Err(ModelError::TooLarge);
        }
        let piece = self.0.entry(place).or_default();
        piece.id.push_str(id);
        piece.name.push_str(name);
        piece.arguments.push_str(arguments);
        Ok(())
    }

    /// The answer is complete: hands on all of them.
    ///
    /// # Errors
    /// [`ModelError::Garbled`] where the arguments are no document.
    pub fn finish(&mut self, deltas: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        for Piece { id, name, arguments } in std::mem::take(&mut self.0).into_values() {
            let arguments = if arguments.trim().is_empty() {
                Value::Object(serde_json::Map::new())
            } else {
                serde_json::from_str(&arguments).map_err(|_| ModelError::Garbled)?
            };
            deltas.push_back(Delta::ToolCall(ToolCall { id, name, arguments }));
        }
        Ok(())
    }
}
