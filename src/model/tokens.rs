//! What an answer of a language model takes.

use serde::Serialize;
use utoipa::ToSchema;

/// Tokens of one answer, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnswerUsage)]
pub struct Usage {
    /// What the model was told.
    pub input_tokens: u64,
    /// What it wrote.
    pub output_tokens: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// About what an answer took of which nobody counted the tokens: four characters each, rounded up once.
    #[must_use]
    pub const fn estimate(characters_in: u64, characters_out: u64) -> Self {
        let total = characters_in.saturating_add(characters_out).div_ceil(4);
        let input = characters_in.div_ceil(4);
        Self { input_tokens: input, output_tokens: total.saturating_sub(input) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_estimate_rounds_up_once(input in 0..1_000_000u64, output in 0..1_000_000u64) {
            let usage = Usage::estimate(input, output);
            prop_assert_eq!(usage.total(), (input + output).div_ceil(4));
        }
    }
}
