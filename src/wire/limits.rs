//! Limits of the protocol, each with its reason, and the domain's that requests are checked for. Those that an operator may
//! change are in [`super::bounds`].

pub use crate::model::limits::{ATTACHMENTS, EMOJI_PER_MESSAGE, GAME_PAYLOAD_BYTES, SMALL_CONVERSATION};

/// Levels of arrays and maps in a document, the outermost included; our own events need five, a game's payload gets the rest.
pub const NESTING: usize = 32;
/// Fragments of one WebSocket message: enough for any streaming client, few enough that bookkeeping stays small.
pub const FRAGMENTS: usize = 1_024;
/// Frames in a row that can't be parsed before the connection is closed.
pub const UNPARSABLE_FRAMES: u32 = 3;
/// Messages in a page of history.
pub const PAGE_MESSAGES: i64 = 200;
/// Messages in a page of history when the request names no limit.
pub const PAGE_MESSAGES_DEFAULT: i64 = 50;
/// Conversations in a summary.
pub const SUMMARY_CONVERSATIONS: i64 = 100;
/// Contacts in a page.
pub const PAGE_CONTACTS: i64 = 200;
/// Users in a page of a project's users.
pub const PAGE_USERS: i64 = 200;
/// Users in a page when the request names no limit.
pub const PAGE_USERS_DEFAULT: i64 = 50;
/// Members in a page, and at most that many in a Conversation.
pub const PAGE_MEMBERS: i64 = 200;
/// Members listed in a Conversation itself.
pub const LISTED_MEMBERS: i64 = 50;
/// Users named in one `status.fetch`.
pub const STATUSES_PER_REQUEST: usize = 500;
/// Users listed for one emoji, and emoji listed for one message.
pub const REACTIONS_LISTED: usize = 20;
/// Characters of the last message's body in a summary.
pub const SUMMARY_BODY_CHARS: usize = 200;
