// Written by scripts/generate.mjs from the descriptions that the server serves. Not to be changed by hand.

/** A user. For themselves and those who run the project all that is kept; others see `id`, `username`, `name`, `avatar` and `profile`. */
export interface Account {
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

export interface Attachment {
  height?: number
  id: MediaId
  mime: string
  name: string
  size: number
  width?: number
}

/** One user's relation to another, as the one knows it. */
export interface Contact {
  conversation?: ConversationId
  status: ContactStatus
  user: User
}

/** What a user may do about another. */
export type ContactAction = "invite" | "accept" | "decline" | "remove" | "block" | "unblock"

/** A relation as the wire shows it to its owner. */
export type ContactStatus = "invited" | "pending" | "accepted" | "blocked" | "removed"

/** A conversation. `own` is left out of pushes, except to a member just added or whose own permission changed. */
export type Conversation = Partial<Own> & {
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
  title?: string
  updated_at: Timestamp
}

/** A private, group, assistant or support conversation. */
export type ConversationId = string

export type ConversationKind = "private" | "group" | "assistant" | "support"

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

/** Where an invitation stands. Every state but the first is final. */
export type GameState = "offered" | "accepted" | "declined" | "withdrawn" | "expired" | "full"

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

/** An uploaded file. */
export type MediaId = string

export interface Member {
  delivered_seq: number
  joined_at: Timestamp
  permission: Permission
  read_seq: number
  user: User
}

export interface Message {
  attachments: Attachment[]
  author: User
  body: string
  conversation: ConversationId
  date: Timestamp
  deleted_at?: Timestamp
  edited_at?: Timestamp
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

/** A message, named by the client that wrote it; unique in its project. */
export type MessageId = string

export type MessageKind = "text" | "game" | "system"

/** How far a message has come, as its author sees it. It never goes back. */
export type MessageStatus = "SENT" | "DELIVERED" | "READ"

export type Mode = "human" | "bot"

/** What a conversation is to the one who asks. */
export interface Own {
  permission: Permission
  read_seq: number
  unread: number
}

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

export type Role = "user" | "assistant"

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

/** A moment, written with milliseconds and `Z`, and read in any form of RFC 3339. */
export type Timestamp = string

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
