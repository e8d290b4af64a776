//! Where in a document something is, as error replies name it: `add[1]`, `permissions.alice`.

use std::fmt;

/// Characters of a path in a reply. Keys are the client's: a long one must not come back at full length, and escaped.
const PATH_CHARS: usize = 200;

/// The way from the root of a document to a place in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    /// Innermost first: a path is built while an error travels outward.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// Whether this is the root itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The same place, seen from the map that has its root at `key`.
    #[must_use]
    pub fn under_key(mut self, key: &str) -> Self {
        self.steps.push(Step::Key(key.chars().take(PATH_CHARS).collect()));
        self
    }

    /// The same place, seen from the list that has its root at `index`.
    #[must_use]
    pub fn under_index(mut self, index: usize) -> Self {
        self.steps.push(Step::Index(index));
        self
    }

    /// The same place, seen from what the outermost map has at `key`; none if it is elsewhere.
    #[must_use]
    pub fn within(mut self, key: &str) -> Option<Self> {
        match self.steps.pop() {
            Some(Step::Key(outermost)) if outermost == key => Some(self),
            _ => None,
        }
    }
}

/// At most [`PATH_CHARS`] characters; U+0000, which no string may hold, is shown as its symbol `␀`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.extend([".", key]),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text.chars()
            .take(PATH_CHARS)
            .map(|c| if c == '\0' { '␀' } else { c })
            .try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_from_the_outside_in() {
        let path = Path::default().under_index(1).under_key("add").under_key("data");
        assert_eq!(path.to_string(), "data.add[1]");
        assert_eq!(path.clone().within("data").unwrap().to_string(), "add[1]");
        assert_eq!(path.within("id"), None);
        assert!(Path::default().is_root());
    }

    #[test]
    fn long_keys_come_back_cut_and_without_nul() {
        let path = Path::default().under_key(&"\0".repeat(PATH_CHARS + 1)).under_key("data");
        assert_eq!(path.to_string(), format!("data.{}", "␀".repeat(PATH_CHARS - 5)));
    }
}
