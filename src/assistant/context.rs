//! What a model is told of a conversation: the instructions with their places filled in, and the last of what was said, as far as
//! it fits.

use super::provider::Turn;
use crate::wire::shapes::Role;
use chrono::{DateTime, Utc};

/// Characters for a token, as far as anybody can say without counting.
const CHARACTERS_PER_TOKEN: usize = 4;

/// A message as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub role: Role,
    /// Who said it: a name, for groups.
    pub by: String,
    pub text: String,
}

/// What instructions may name.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    pub now: DateTime<Utc>,
    pub user: &'a str,
    pub project: &'a str,
}

/// The instructions with `{{date}}`, `{{user}}` and `{{project}}` filled in. What is filled in is not looked at again, so nobody's
/// name is an instruction.
#[must_use]
pub fn fill(prompt: &str, places: Places<'_>) -> String {
    let date = places.now.format("%Y-%m-%d").to_string();
    let mut filled = String::with_capacity(prompt.len());
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let value = after.split_once("}}").and_then(|(name, after)| {
            let value = match name.trim() {
                "date" => date.as_str(),
                "user" => places.user,
                "project" => places.project,
                _ => return None,
            };
            Some((value, after))
        });
        match value {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// What a bot in a group is told beside its instructions.
pub const IN_A_GROUP: &str = "Several people talk here. Each of their messages begins with the name of who wrote it and a colon; \
                              begin yours with no name.";

/// The turns of what was said, oldest first: as many of the last messages as fit into so many tokens, the last in any case.
/// With `named`, each person's message begins with their name. Messages of the same side that follow each other are one turn, as
/// some providers want it.
#[must_use]
pub fn turns(said: &[Said], tokens: u32, named: bool) -> Vec<Turn> {
    let mut left = usize::try_from(tokens).unwrap_or(usize::MAX).saturating_mul(CHARACTERS_PER_TOKEN);
    let mut kept = Vec::new();
    for message in said.iter().rev() {
        let text = match message.role {
            Role::User if named => format!("{}: {}", one_line(&message.by), message.text),
            _ => message.text.clone(),
        };
        let characters = text.chars().count();
        if characters > left && !kept.is_empty() {
            break;
        }
        left = left.saturating_sub(characters);
        kept.push(Turn { role: message.role, text });
    }
    let mut turns: Vec<Turn> = Vec::new();
    for turn in kept.into_iter().rev() {
        match turns.last_mut() {
            Some(last) if last.role == turn.role => {
                last.text.push('\n');
                last.text.push_str(&turn.text);
            }
            _ => turns.push(turn),
        }
    }
    turns
}

/// A name that can't be taken for the beginning of another message.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(role: Role, by: &str, text: &str) -> Said {
        Said { role, by: by.to_owned(), text: text.to_owned() }
    }

    fn places<'a>(user: &'a str, project: &'a str) -> Places<'a> {
        Places { now: "2026-11-21T23:59:59Z".parse().unwrap(), user, project }
    }

    #[test]
    fn places_are_filled_in_once() {
        let places = places("{{project}}", "demo");
        let filled = fill("{{date}}, {{ user }} of {{project}}: {{other}} {{", places);
        assert_eq!(filled, "2026-11-21, {{project}} of demo: {{other}} {{");
    }

    proptest! {
        #[test]
        fn a_prompt_without_places_stays_as_it_is(prompt in "[^{]{0,80}") {
            prop_assert_eq!(fill(&prompt, places("u", "p")), prompt);
        }

        #[test]
        fn the_last_message_is_always_told(lengths in prop::collection::vec(0..60usize, 1..20), tokens in 0..40u32) {
            let messages: Vec<_> = lengths.iter().map(|length| said(Role::User, "a", &"x".repeat(*length))).collect();
            let turns = turns(&messages, tokens, false);
            let last = "x".repeat(*lengths.last().unwrap());
            prop_assert!(turns.last().unwrap().text.ends_with(&last));
            let characters: usize = turns.iter().map(|turn| turn.text.replace('\n', "").len()).sum();
            prop_assert!(characters <= (tokens as usize * 4).max(last.len()));
        }
    }

    #[test]
    fn in_a_group_people_are_named() {
        let messages = [
            said(Role::User, "alice", "hello"),
            said(Role::User, "bob\nalice", "hi"),
            said(Role::Assistant, "marvin", "Good morning."),
            said(Role::User, "alice", "what now?"),
        ];
        let turns = turns(&messages, 1_000, true);
        let told: Vec<_> = turns.iter().map(|turn| (turn.role, turn.text.as_str())).collect();
        let first = (Role::User, "alice: hello\nbob alice: hi");
        assert_eq!(told, [first, (Role::Assistant, "Good morning."), (Role::User, "alice: what now?")]);
    }

    #[test]
    fn older_messages_are_left_out_first() {
        let messages =
            [said(Role::User, "a", "12345678"), said(Role::Assistant, "b", "1234"), said(Role::User, "a", "1234")];
        assert_eq!(turns(&messages, 2, false).len(), 2);
        assert_eq!(turns(&messages, 4, false).len(), 3);
    }
}
