// Written by scripts/generate.mjs from the descriptions that the server serves. Not to be changed by hand.

/** Every request: its data, and the data of its reply. */
export interface ServerRequests {
  /** One's contacts */
  'contact.summary': [data: ContactSummaryRequest, reply: ContactList]
  /** Do something about a contact */
  'contact.update': [data: ContactUpdateRequest, reply: Contact]
  /** Who answers in a conversation */
  'conversation.mode': [data: ConversationModeRequest, reply: Conversation]
  /** End a group */
  'group.delete': [data: GroupDeleteRequest, reply: ConversationGone]
  /** Who is in a conversation */
  'group.members': [data: GroupMembersRequest, reply: MemberList]
  /** One's conversations */
  'group.summary': [data: GroupSummaryRequest, reply: ConversationList]
  /** Make or change a group */
  'group.update': [data: GroupUpdateRequest, reply: Conversation]
  /** End the bot's answer under way */
  'llm.stop': [data: LlmStopRequest, reply: AnswerStop]
  /** Take a message back */
  'message.delete': [data: MessageDeleteRequest, reply: Message]
  /** Messages have arrived */
  'message.delivered': [data: MessageDeliveredRequest, reply: Receipt]
  /** Give a text another body */
  'message.edit': [data: MessageEditRequest, reply: Message]
  /** A page of history */
  'message.fetch': [data: MessageFetchRequest, reply: MessageList]
  /** Invite to a game, or answer an invitation */
  'message.game': [data: MessageGameRequest, reply: Message]
  /** React to a message, or take it back */
  'message.react': [data: MessageReactRequest, reply: Message]
  /** Messages were read */
  'message.read': [data: MessageReadRequest, reply: Receipt]
  /** Say something */
  'message.text': [data: MessageTextRequest, reply: Message]
  /** Sign in, or go on with a fresh token */
  'session.auth': [data: SessionAuthRequest, reply: SessionReady]
  /** How others look */
  'status.fetch': [data: StatusFetchRequest, reply: StatusList]
  /** What one looks like to others */
  'status.update': [data: StatusUpdateRequest, reply: Status]
  /** Somebody types, or no longer */
  'typing.update': [data: TypingUpdateRequest, reply: TypingState]
}

/** Every push, by type. */
export interface ServerPushes {
  /** One's contacts */
  'contact.summary': ContactList
  /** Do something about a contact */
  'contact.update': Contact
  /** Who answers in a conversation */
  'conversation.mode': Conversation
  /** End a group */
  'group.delete': ConversationGone
  /** One's conversations */
  'group.summary': ConversationList
  /** Make or change a group */
  'group.update': Conversation
  /** A bot says more */
  'llm.chunk': AnswerChunk
  /** A bot's answer is at its end */
  'llm.done': AnswerDone
  /** A bot could not answer, or not to the end */
  'llm.error': AnswerFailed
  /** Take a message back */
  'message.delete': Message
  /** Messages have arrived */
  'message.delivered': Receipt | ReceiptDigest
  /** Give a text another body */
  'message.edit': Message
  /** Invite to a game, or answer an invitation */
  'message.game': Message
  /** React to a message, or take it back */
  'message.react': Reaction
  /** Messages were read */
  'message.read': Receipt | ReceiptDigest
  /** Say something */
  'message.text': Message
  /** Most of a quota of language models is used up */
  'quota.warning': QuotaWarning
  /** The token's time is over in a minute */
  'session.expiring': SessionExpiring
  /** The session is open */
  'session.ready': SessionReady
  /** What one looks like to others */
  'status.update': Status
  /** Whether an agent is there */
  'support.agent': SupportAgentStatus
  /** Where one stands who waits for support */
  'support.queue': SupportPlace
  /** A request for support is new or changed */
  'support.request': SupportRequest
  /** A talk about a request begins or is over */
  'support.session': SupportSession
  /** Somebody types, or no longer */
  'typing.update': Typing
  /** A user's profile changed */
  'user.update': User
}

/** A user. For themselves and those who run the project all that is kept; others see `id`, `username`, `name`, `avatar` and `profile`. */
export interface Account {
  /** A picture among the project's media. */
  avatar?: MediaId
  created_at?: Timestamp
  /** The account is closed: nobody can sign in to it. */
  deactivated?: boolean
  email?: string
  first_name?: string
  id: UserId
  /** A language tag. */
  language?: string
  last_name?: string
  /** The name that is shown. */
  name?: string
  /** Where the user is at home in the application they come from. */
  profile?: string
  project?: ProjectId
  role?: UserRole
  updated_at?: Timestamp
  /** The name to sign in with, and by which others address the user. */
  username: string
}

/** Whether an agent is there for more. */
export type AgentStatus = "available" | "busy" | "away"

/** A piece of an answer, or all of it so far. */
export interface AnswerChunk {
  conversation: ConversationId
  /** From 0. */
  index: number
  /** The message that the answer becomes. */
  message: MessageId
  text: string
}

/** The data of `llm.done`. */
export interface AnswerDone {
  conversation: ConversationId
  message: Message
  usage: AnswerUsage
}

/** The data of `llm.error`. */
export interface AnswerFailed {
  code: ErrorCode
  conversation: ConversationId
  message: string
}

export interface AnswerStop {
  conversation: ConversationId
}

/** Tokens of one answer, or of many. */
export interface AnswerUsage {
  /** What the model was told. */
  input_tokens: number
  /** What it wrote. */
  output_tokens: number
}

export interface Attached {
  id: MediaId
}

export interface Attachment {
  height?: number
  id: MediaId
  mime: string
  name: string
  size: number
  width?: number
}

/** A bot of a project. */
export type ChatbotId = string

/** One user's relation to another, as the one knows it. */
export interface Contact {
  conversation?: ConversationId
  status: ContactStatus
  user: User
}

/** What a user may do about another. */
export type ContactAction = "invite" | "accept" | "decline" | "remove" | "block" | "unblock"

/** The data of `contact.summary`. */
export interface ContactList {
  contacts: Contact[]
  more: boolean
}

/** A relation as the wire shows it to its owner. */
export type ContactStatus = "invited" | "pending" | "accepted" | "blocked" | "removed"

/** One's contacts */
export interface ContactSummaryRequest {
  after?: string
}

/** Do something about a contact */
export interface ContactUpdateRequest {
  action: ContactAction
  user: string
}

/** A conversation. `own` is left out of pushes, except to a member just added or whose own permission changed. */
export interface Conversation {
  chatbot?: string
  created_at: Timestamp
  id: ConversationId
  kind: ConversationKind
  last_message?: Message
  last_seq: number
  member_count: number
  members?: Member[]
  mode: Mode
  name?: string
  permission?: Permission
  read_seq?: number
  title?: string
  unread?: number
  updated_at: Timestamp
}

/** What is told of a conversation that is gone, for all or for who was removed. */
export interface ConversationGone {
  conversation: ConversationId
}

/** A private, group, assistant or support conversation. */
export type ConversationId = string

export type ConversationKind = "private" | "group" | "assistant" | "support"

/** The data of `group.summary`. */
export interface ConversationList {
  conversations: Conversation[]
  more: boolean
}

/** Who answers in a conversation */
export interface ConversationModeRequest {
  chatbot?: ChatbotId
  conversation: ConversationId
  mode: Mode
}

/** How a bot's message ended, where that was not by itself. */
export type Ended = "stopped" | "broken_off"

/** The codes of error replies; each has one status. */
export type ErrorCode = "bad_envelope" | "unknown_type" | "invalid" | "unauthorized" | "token_expired" | "forbidden" | "read_only" | "not_found" | "conflict" | "id_taken" | "name_taken" | "full" | "too_large" | "rate_limited" | "quota_exceeded" | "internal" | "model_failed" | "unavailable"

/** A field that holds what it must not. */
export interface FieldError {
  /** Its path in the body, such as `origins[1]`, or the name of a parameter or header. */
  field: string
  /** What is wrong with it, for people. */
  message: string
}

export interface Game {
  capacity: number
  declined: User[]
  expires_at?: Timestamp
  name: string
  payload: unknown
  seats: User[]
  state: GameState
}

/** An answer to an invitation. */
export type GameAnswer = "accept" | "decline" | "withdraw"

/** Where an invitation stands. Every state but the first is final. */
export type GameState = "offered" | "accepted" | "declined" | "withdrawn" | "expired" | "full"

/** End a group */
export interface GroupDeleteRequest {
  conversation: ConversationId
}

/** Who is in a conversation */
export interface GroupMembersRequest {
  after?: string
  conversation: ConversationId
  limit?: number
}

/** One's conversations */
export interface GroupSummaryRequest {
  before?: Timestamp
}

/** Make or change a group */
export interface GroupUpdateRequest {
  add?: string[]
  conversation?: ConversationId
  name?: string
  permissions?: Record<string, Permission>
  remove?: string[]
  title?: string
}

/** End the bot's answer under way */
export interface LlmStopRequest {
  conversation: ConversationId
}

/** A name and a password. */
export interface Login {
  password: string
  /** The project, by name or id. */
  project: string
  username: string
}

/** Whose a token is. */
export interface Me {
  expires_at: Timestamp
  user: Account
}

/** A file. */
export interface Media {
  created_at: Timestamp
  height?: number
  id: MediaId
  /** Its type, by what is in it. */
  mime: string
  /** Its name, as it may be shown: without folders and what can't be seen. */
  name: string
  /** Its bytes. */
  size: number
  /** Where its contents are, on this server; reading them needs a token or key too. */
  url: string
  /** Pixels of a picture, as it is shown. */
  width?: number
}

/** An uploaded file. */
export type MediaId = string

export interface Member {
  delivered_seq: number
  joined_at: Timestamp
  permission: Permission
  read_seq: number
  user: User
}

/** The data of `group.members`. */
export interface MemberList {
  conversation: ConversationId
  members: Member[]
  more: boolean
}

export interface Message {
  attachments: Attachment[]
  author: User
  body: string
  conversation: ConversationId
  date: Timestamp
  deleted_at?: Timestamp
  edited_at?: Timestamp
  /** A bot's message that did not come to its own end. */
  ended?: Ended
  game?: Game
  id: MessageId
  kind: MessageKind
  reaction_counts: Record<string, number>
  /** At most 20 users an emoji and 20 emoji; `reaction_counts` has them all. */
  reactions: Record<string, User[]>
  reply_to?: MessageId
  role: Role
  seq: number
  status: MessageStatus
  tone?: string
}

/** Take a message back */
export interface MessageDeleteRequest {
  conversation: ConversationId
  message: MessageId
}

/** Messages have arrived */
export interface MessageDeliveredRequest {
  conversation: ConversationId
  seq: number
}

/** Give a text another body */
export interface MessageEditRequest {
  body: string
  conversation: ConversationId
  message: MessageId
}

/** A page of history */
export type MessageFetchRequest = {
  before_seq?: number
  conversation: ConversationId
  limit?: number
} | {
  after_seq?: number
  conversation: ConversationId
  limit?: number
} | {
  before?: Timestamp
  conversation: ConversationId
  limit?: number
}

/** Invite to a game, or answer an invitation */
export type MessageGameRequest = {
  capacity?: number
  conversation: ConversationId
  expires_at?: Timestamp
  game: string
  id: MessageId
  payload: unknown
} | {
  capacity?: number
  expires_at?: Timestamp
  game: string
  id: MessageId
  payload: unknown
  to: string
} | {
  action: GameAnswer
  message: MessageId
}

/** A message, named by the client that wrote it; unique in its project. */
export type MessageId = string

export type MessageKind = "text" | "game" | "system"

/** The data of `message.fetch`. */
export interface MessageList {
  conversation: ConversationId
  messages: Message[]
  more: boolean
}

/** React to a message, or take it back */
export interface MessageReactRequest {
  conversation: ConversationId
  emoji: string
  message: MessageId
  on: boolean
}

/** Messages were read */
export interface MessageReadRequest {
  conversation: ConversationId
  seq: number
}

/** How far a message has come, as its author sees it. It never goes back. */
export type MessageStatus = "SENT" | "DELIVERED" | "READ"

/** Say something */
export type MessageTextRequest = {
  attachments?: Attached[]
  body: string
  conversation: ConversationId
  id: MessageId
  reply_to?: MessageId
  tone?: string
} | {
  attachments?: Attached[]
  body: string
  id: MessageId
  reply_to?: MessageId
  to: string
  tone?: string
}

export type Mode = "human" | "bot"

/** A member's permission; each includes those before it. */
export type Permission = "r" | "w" | "a" | "o"

/** A presence as the wire shows it. */
export type Presence = "online" | "away" | "busy" | "invisible" | "offline"

/** What an answer says that went wrong. */
export interface Problem {
  /** What went wrong, for programs. */
  code: ErrorCode
  /** What went wrong, for people. */
  detail: string
  /** The fields at fault, with `invalid`. */
  errors?: FieldError[]
  /** The status of the answer. */
  status: number
  /** The status in words. */
  title: string
  /** Always `about:blank`: `code` says which problem it is. */
  type: string
}

/** A namespace: nothing crosses from one project to another. */
export type ProjectId = string

/** The data of `quota.warning`: most of a month's quota is used up. */
export interface QuotaWarning {
  /** Which one, at the level of conversations. */
  conversation?: ConversationId
  /** Three letters, where the quota is one in money. */
  currency?: string
  level: string
  quota: number
  /** Tokens, or with `currency` millionths of it. */
  used: number
}

/** What the members are told of a reaction. */
export interface Reaction {
  conversation: ConversationId
  count: number
  emoji: string
  message: MessageId
  on: boolean
  user: User
}

/** What the other members are told, and who asked is answered. */
export interface Receipt {
  conversation: ConversationId
  seq: number
  user: User
}

/** What an author is told in a large conversation: how many have come up to a message of theirs. */
export interface ReceiptDigest {
  conversation: ConversationId
  delivered: number
  of: number
  read: number
  seq: number
}

/** A new account. */
export interface Register {
  /** The name to show. */
  name?: string
  /** 6 to 72 bytes. */
  password: string
  /** The project, by name or id. */
  project: string
  /** 1 to 100 characters, not the form of a UUID. */
  username: string
}

/** A customer's request for support. */
export type RequestId = string

export type Role = "user" | "assistant"

/** The data of `session.auth`. */
export interface SessionAuthRequest {
  project?: string
  token: string
}

/** The data of `session.expiring`. */
export interface SessionExpiring {
  expires_at: Timestamp
}

/** One connection of a user. */
export type SessionId = string

export interface SessionLimits {
  events_per_second: number
  frame_bytes: number
  outstanding_bytes: number
  outstanding_frames: number
}

/** The data of `session.ready`, and of the reply to `session.auth`. */
export interface SessionReady {
  expires_at: Timestamp
  limits: SessionLimits
  project: ProjectId
  role: UserRole
  server_time: Timestamp
  session: SessionId
  user: User
}

/** Somebody who signed in. */
export interface SignedIn {
  expires_at: Timestamp
  /** For `Authorization: Bearer`, and for the sockets. */
  token: string
  user: Account
}

/** A user's presence, as others may see it. */
export interface Status {
  last_seen?: Timestamp
  status: Presence
  text?: string
  user: User
}

/** How others look */
export interface StatusFetchRequest {
  users?: string[]
}

/** The data of `status.fetch`. It has no further pages: who asks for that many names them in several requests. */
export interface StatusList {
  statuses: Status[]
}

/** What one looks like to others */
export interface StatusUpdateRequest {
  status: Presence
  text?: string
}

/** `support.agent`: an agent's status, for the others. */
export interface SupportAgentStatus {
  status: AgentStatus
  user: User
}

/** `support.queue`: where a customer who waits stands. */
export interface SupportPlace {
  place: number
  request: RequestId
  /** Seconds that the customer may expect to wait, where that can be told. */
  wait_s?: number
}

/** How urgent a request is; the most urgent one is the least. */
export type SupportPriority = "HIGH" | "MEDIUM" | "LOW"

/** What a customer said of how it went. */
export interface SupportRating {
  comment?: string
  stars: number
}

/** A customer's request. */
export interface SupportRequest {
  /** Who looks after it, or did at last. */
  agent?: User
  created_at: Timestamp
  customer: User
  /** Seconds from the beginning to the first word of an agent. */
  first_response_s?: number
  id: RequestId
  /** The customer's place in the queue; in answers about one request that waits. */
  place?: number
  priority: SupportPriority
  /** What the customer said of it. */
  rating?: SupportRating
  /** Seconds from the beginning to the end. */
  resolution_s?: number
  resolved_at?: Timestamp
  status: SupportStatus
  subject: string
  tags?: string[]
  type: SupportType
  updated_at: Timestamp
  /** Seconds that the customer may expect to wait, where that can be told. */
  wait_s?: number
}

/** A talk about a request, in a conversation of its own. */
export interface SupportSession {
  conversation: ConversationId
  created_at: Timestamp
  id: SupportSessionId
  request: RequestId
  status: SupportSessionStatus
  /** The last thing that happened in it. */
  updated_at: Timestamp
}

/** A talk about a request for support; not a connection, which is a [`SessionId`]. */
export type SupportSessionId = string

/** Whether a talk goes on. */
export type SupportSessionStatus = "ACTIVE" | "CLOSED" | "TIMEOUT"

/** How far a request is: `NEW` → `IN_PROGRESS` → `RESOLVED` → `CLOSED`. */
export type SupportStatus = "NEW" | "IN_PROGRESS" | "RESOLVED" | "CLOSED"

/** How a customer came. */
export type SupportType = "CHAT" | "CONTACT_FORM"

/** A moment, written with milliseconds and `Z`, and read in any form of RFC 3339. */
export type Timestamp = string

/** What the other members are told. */
export interface Typing {
  conversation: ConversationId
  typing: boolean
  user: User
}

export interface TypingState {
  conversation: ConversationId
  typing: boolean
}

/** Somebody types, or no longer */
export interface TypingUpdateRequest {
  conversation: ConversationId
  typing: boolean
}

/** A person, or the bot or deleted author of a message. */
export interface User {
  avatar?: MediaId
  id: UserId
  name?: string
  profile?: string
  username: string
}

/** A person in a project. */
export type UserId = string

/** What a user is in the project, apart from any conversation. */
export type UserRole = "user" | "agent" | "admin"
