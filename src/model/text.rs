//! Checks of texts that people give: names, bodies, tones, emoji.
