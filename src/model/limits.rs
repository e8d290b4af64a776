//! Limits that are rules of the domain, each with its reason: every way in obeys the same ones.

use std::ops::RangeInclusive;

/// Characters of a username, and of the name shown beside it.
pub const USERNAME_CHARS: usize = 100;
/// Characters of a group's unique name: it is typed and said aloud; a title has room for more.
pub const GROUP_NAME_CHARS: usize = 64;
/// Characters of a group's title.
pub const TITLE_CHARS: usize = 255;
/// Characters of a message's body.
pub const BODY_CHARS: usize = 16_384;
/// Bytes of UTF-8 of a message's body: three a character, and the frame still has room for the rest.
pub const BODY_BYTES: usize = 49_152;
/// Letters of a tone indicator after its slash: the longest in common use have five, some communities make longer ones.
pub const TONE_LETTERS: usize = 15;
/// Bytes of an emoji: the longest that keyboards offer, families and flags with their joiners, take 35.
pub const EMOJI_BYTES: usize = 64;
/// Characters of the text beside a presence: one line under a name.
pub const STATUS_TEXT_CHARS: usize = 200;
/// Bytes of a password: bcrypt looks at the first 72 only, so a longer one would be weaker than it seems.
pub const PASSWORD_BYTES: RangeInclusive<usize> = 6..=72;
/// Characters of a project's name, which stands in addresses.
pub const PROJECT_NAME_CHARS: usize = 64;
/// Characters of a game's name.
pub const GAME_NAME_CHARS: usize = 64;
/// Bytes of a game's payload, as compact JSON: enough for a position on a board, and no place to store things in.
pub const GAME_PAYLOAD_BYTES: usize = 4_096;
/// Attachments of a message.
pub const ATTACHMENTS: usize = 10;
/// Characters of a file's name: what most file systems take, in any language, and a page of messages still fits its frame.
pub const FILE_NAME_CHARS: usize = 120;
/// Different emoji on one message: more would let a page of history outgrow its frame.
pub const EMOJI_PER_MESSAGE: i64 = 100;
/// Up to this many members receipts are pushed one by one and presence is shown; above it would be a message per pair.
pub const SMALL_CONVERSATION: usize = 50;
/// Seats of a game's invitation, the author's not among them; a message lists them all.
pub const GAME_SEATS: i32 = 100;
/// Characters of an e-mail address: the longest that mail servers pass on.
pub const EMAIL_CHARS: usize = 254;
/// Characters of a language tag: enough for every registered one.
pub const LANGUAGE_CHARS: usize = 35;
/// Characters of a link: browsers and proxies take that much.
pub const LINK_CHARS: usize = 2_048;
/// Web origins of a project: its sites and those of its developers.
pub const ORIGINS: usize = 100;
/// Projects of an organization: room for a product a customer, and few enough to be listed and counted.
pub const PROJECTS: i64 = 10_000;
/// Apps of a project: each is a program that somebody runs.
pub const APPS: i64 = 200;
/// Chatbots of a project: one for each thing that it does.
pub const CHATBOTS: i64 = 200;
/// Characters of a chatbot's instructions: some ten pages, which every question repeats.
pub const PROMPT_CHARS: usize = 32_768;
/// Files that a chatbot knows.
pub const CHATBOT_ATTACHMENTS: usize = 50;
/// Characters of what is said of such a file.
pub const COMMENT_CHARS: usize = 1_000;
/// Seconds without a word after which a session of support ends: a talk needs a minute at least, and nobody waits a week.
pub const SUPPORT_TIMEOUT_S: std::ops::RangeInclusive<i32> = 60..=604_800;
/// Requests that an agent may take at once.
pub const SUPPORT_CAPACITY: std::ops::RangeInclusive<i32> = 1..=100;
/// Characters of the comment beside a rating.
pub const SUPPORT_COMMENT_CHARS: usize = 2_000;
/// Characters of a note among agents.
pub const SUPPORT_NOTE_CHARS: usize = 10_000;
/// Tags of a request, and the characters of each: few words that can be seen at a glance.
pub const SUPPORT_TAGS: usize = 20;
pub const SUPPORT_TAG_CHARS: usize = 50;
/// Callbacks of one invitation that may wait to be delivered: one for each member of a large conversation. Beyond that
/// answers wait until the app is back.
pub const CALLBACKS_WAITING: i64 = 10_000;
