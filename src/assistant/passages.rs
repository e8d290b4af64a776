//! Cuts a text into passages that can be found and shown.

/// Characters of a passage: some paragraphs, a few of which fit into what a model is told.
const CHARACTERS: usize = 1_200;
/// Passages of one file; what comes after them is not found.
const PASSAGES: usize = 2_000;

/// The passages of a text: whole paragraphs as long as they fit, else whole lines, else cut at a space.
#[must_use]
pub fn cut(text: &str) -> Vec<String> {
    let mut passages = Vec::new();
    let mut passage = String::new();
    let mut length = 0;
    for line in text.lines() {
        let mut line = line.trim_end();
        let ends_paragraph = line.is_empty();
        if ends_paragraph && length > CHARACTERS / 2 {
            finish(&mut passages, &mut passage, &mut length);
            continue;
        }
        loop {
            let characters = line.chars().count();
            if length + characters <= CHARACTERS {
                passage.push_str(line);
                passage.push('\n');
                length += characters + 1;
                break;
            }
            if length > 0 {
                finish(&mut passages, &mut passage, &mut length);
                continue;
            }
            let (head, rest) = split(line);
            passages.push(head.trim().to_owned());
            line = rest.trim_start();
        }
        if passages.len() >= PASSAGES {
            break;
        }
    }
    finish(&mut passages, &mut passage, &mut length);
    passages.retain(|passage| !passage.is_empty());
    passages.truncate(PASSAGES);
    passages
}

fn finish(passages: &mut Vec<String>, passage: &mut String, length: &mut usize) {
    passages.push(std::mem::take(passage).trim().to_owned());
    *length = 0;
}

/// The longest beginning of a line that is a passage, up to its last space if it has one.
fn split(line: &str) -> (&str, &str) {
    let end = line.char_indices().nth(CHARACTERS).map_or(line.len(), |(at, _)| at);
    let (head, _) = line.split_at(end);
    let at = head.rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(end);
    line.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_too_long(text in "([a-zé]{1,12}[ \n]{0,3}){0,600}") {
            let passages = cut(&text);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<String>();
            prop_assert_eq!(words(&passages.join(" ")), words(&text));
            prop_assert!(passages.iter().all(|passage| (1..=CHARACTERS).contains(&passage.chars().count())));
        }
    }

    #[test]
    fn one_long_word_is_cut() {
        let passages = cut(&"é".repeat(CHARACTERS * 2 + 1));
        assert_eq!(passages.iter().map(|passage| passage.chars().count()).collect::<Vec<_>>(), [1_200, 1_200, 1]);
    }
}
