//! Limits of the wire, each with its reason. Those that an operator may change are defaults of settings in `config.rs`.

pub use crate::model::limits::{BODY_BYTES, BODY_CHARS};

/// Bytes of a frame from a client, on every transport: a message of the longest body with room for its attachments.
pub const FRAME_BYTES: usize = 65_536;
/// Bytes of a frame from the server: lists end before it with `more: true`.
pub const SERVER_FRAME_BYTES: usize = 262_144;
/// Levels of arrays and maps in a document, the outermost included; our own events need five, a game's payload gets the rest.
pub const NESTING: usize = 32;
/// Bytes of a game's payload, as compact JSON.
pub const GAME_PAYLOAD_BYTES: usize = 4_096;
/// Fragments of one WebSocket message: enough for any streaming client, few enough that bookkeeping stays small.
pub const FRAGMENTS: usize = 1_024;
/// Frames in a row that can't be parsed before the connection is closed.
pub const UNPARSABLE_FRAMES: u32 = 3;
/// Attachments of a message.
pub const ATTACHMENTS: usize = 10;
/// Messages in a page of history.
pub const PAGE_MESSAGES: i64 = 200;
/// Messages in a page of history when the request names no limit.
pub const PAGE_MESSAGES_DEFAULT: i64 = 50;
/// Conversations in a summary.
pub const SUMMARY_CONVERSATIONS: i64 = 100;
/// Contacts in a page.
pub const PAGE_CONTACTS: i64 = 200;
/// Members in a page, and at most that many in a Conversation.
pub const PAGE_MEMBERS: i64 = 200;
/// Members listed in a Conversation itself.
pub const LISTED_MEMBERS: i64 = 50;
/// Up to this many members receipts are pushed one by one and presence is shown; above it would be a message per pair.
pub const SMALL_CONVERSATION: usize = 50;
/// Users added, removed or given a permission in one request.
pub const MEMBERS_PER_REQUEST: usize = 500;
/// Users named in one `status.fetch`.
pub const STATUSES_PER_REQUEST: usize = 500;
/// Users listed for one emoji, and emoji listed for one message.
pub const REACTIONS_LISTED: usize = 20;
/// Different emoji on one message: more would let a page of history outgrow its frame.
pub const EMOJI_PER_MESSAGE: i64 = 100;
/// Characters of the last message's body in a summary.
pub const SUMMARY_BODY_CHARS: usize = 200;
