//! The provider that needs neither key nor network: it says plainly that no model is configured, and what was found.

use super::provider::{Delta, Deltas, Passage, Prompt, Provider};
use futures_util::{StreamExt, stream};

/// What it says when there is nothing to show.
const NOTHING: &str = "No language model is configured on this server, and nothing was found in the bot's attachments that \
                       fits the question. (Aucun modèle de langage n'est configuré.)";
/// What it says before what it found.
const FOUND: &str = "No language model is configured on this server (aucun modèle de langage n'est configuré). This was found in the bot's attachments:";
/// Characters of a passage that are shown.
const SHOWN: usize = 600;

/// The provider.
#[derive(Debug, Clone, Copy)]
pub struct Offline;

impl Provider for Offline {
    fn ask(&self, prompt: &Prompt) -> Deltas {
        let answer = answer(&prompt.passages);
        // Word by word, as a model would.
        let words: Vec<_> = answer.split_inclusive(' ').map(|word| Ok(Delta::Text(word.to_owned()))).collect();
        stream::iter(words.into_iter().chain([Ok(Delta::End { usage: None })])).boxed()
    }
}

fn answer(passages: &[Passage]) -> String {
    if passages.is_empty() {
        return NOTHING.to_owned();
    }
    let mut text = FOUND.to_owned();
    for Passage { source, text: passage } in passages {
        let shown: String = passage.chars().take(SHOWN).collect();
        let dots = if shown.len() < passage.len() { "…" } else { "" };
        text.push_str(&format!("\n\n[{source}] {}{dots}", shown.trim()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_found_and_that_there_is_no_model() {
        assert!(answer(&[]).starts_with("No language model is configured"));
        let passage = Passage { source: "opening.txt".to_owned(), text: "We open at nine.".to_owned() };
        let said = answer(&[passage]);
        assert!(said.starts_with("No language model is configured"), "{said}");
        assert!(said.ends_with("[opening.txt] We open at nine."), "{said}");
    }
}
