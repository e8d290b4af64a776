/** The events: what each request takes and is answered with, and what each push carries. */
import type {
  Contact, ContactAction, Conversation, ErrorCode, Member, Message, Mode, Permission, Presence, Status, Timestamp, User, UserRole,
} from './generated.js'

/** A JSON value, as a game's payload may be. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** The data of `session.ready`, and of the reply to `session.auth`. */
export interface Ready {
  session: string
  user: User
  role: UserRole
  project: string
  server_time: Timestamp
  expires_at: Timestamp
  limits: { frame_bytes: number; outstanding_bytes: number; outstanding_frames: number; events_per_second: number }
}

/** How far one member has come. */
export interface Receipt {
  conversation: string
  user: User
  seq: number
}

/** How far the members of a large conversation have come, as the author of a message is told. */
export interface Digest {
  conversation: string
  seq: number
  read: number
  delivered: number
  of: number
}

/** What changed in a message's reactions. */
export interface Reaction {
  conversation: string
  message: string
  user: User
  emoji: string
  on: boolean
  count: number
}

/** A page of history, ascending. */
export interface History {
  conversation: string
  messages: Message[]
  more: boolean
}

/** A piece of a bot's answer. */
export interface Chunk {
  conversation: string
  /** The id that the finished message will have. */
  message: string
  index: number
  text: string
}

/** Where a message goes: a conversation by id, or an accepted contact by id or username. */
export type Target = { conversation: string; to?: never } | { to: string; conversation?: never }

/** What a text is sent with. */
export interface TextData {
  body: string
  reply_to?: string
  /** A tone indicator such as `/j`. */
  tone?: string
  attachments?: Array<{ id: string }>
}

/** What a game invitation is sent with. */
export interface GameData {
  game: string
  payload: Json
  capacity?: number
  expires_at?: Timestamp
}

/** What a group is made or changed with. */
export interface GroupData {
  name?: string
  title?: string
  add?: string[]
  remove?: string[]
  permissions?: Record<string, Permission>
}

/** The bounds of a page of history; at most one of the first three. */
export interface FetchData {
  conversation: string
  before_seq?: number
  after_seq?: number
  before?: Timestamp
  limit?: number
}

/** Every request: its data, and the data of its reply. */
export interface Requests {
  'session.auth': [data: { token: string; project?: string }, reply: Ready]
  'group.summary': [data: { before?: Timestamp }, reply: { conversations: Conversation[]; more: boolean }]
  'group.members': [
    data: { conversation: string; after?: string; limit?: number },
    reply: { conversation: string; members: Member[]; more: boolean },
  ]
  'group.update': [data: GroupData & { conversation?: string }, reply: Conversation]
  'group.delete': [data: { conversation: string }, reply: { conversation: string }]
  'contact.summary': [data: { after?: string }, reply: { contacts: Contact[]; more: boolean }]
  'contact.update': [data: { user: string; action: ContactAction }, reply: Contact]
  'status.update': [data: { status: Exclude<Presence, 'offline'>; text?: string }, reply: Status]
  'status.fetch': [data: { users?: string[] }, reply: { statuses: Status[] }]
  'message.text': [data: Target & TextData & { id: string }, reply: Message]
  'message.game': [
    data: (Target & GameData & { id: string }) | { message: string; action: 'accept' | 'decline' | 'withdraw' },
    reply: Message,
  ]
  'message.fetch': [data: FetchData, reply: History]
  'message.edit': [data: { conversation: string; message: string; body: string }, reply: Message]
  'message.delete': [data: { conversation: string; message: string }, reply: Message]
  'message.react': [data: { conversation: string; message: string; emoji: string; on: boolean }, reply: Message]
  'message.delivered': [data: { conversation: string; seq: number }, reply: Receipt]
  'message.read': [data: { conversation: string; seq: number }, reply: Receipt]
  'typing.update': [data: { conversation: string; typing: boolean }, reply: { conversation: string; typing: boolean }]
  'conversation.mode': [data: { conversation: string; mode: Mode; chatbot?: string }, reply: Conversation]
  'llm.stop': [data: { conversation: string }, reply: { conversation: string }]
}

/** Every push, by type. */
export interface Pushes {
  'session.ready': Ready
  'session.expiring': { expires_at: Timestamp }
  'group.summary': { conversations: Conversation[]; more: boolean }
  'group.update': Conversation
  'group.delete': { conversation: string }
  'contact.summary': { contacts: Contact[]; more: boolean }
  'contact.update': Contact
  'status.update': Status
  'user.update': User
  'message.text': Message
  'message.game': Message
  'message.edit': Message
  'message.delete': Message
  'message.react': Reaction
  'message.delivered': Receipt | Digest
  'message.read': Receipt | Digest
  'typing.update': { conversation: string; user: User; typing: boolean }
  'conversation.mode': Conversation
  'llm.chunk': Chunk
  'llm.done': { conversation: string; message: Message; usage: { input_tokens: number; output_tokens: number } }
  'llm.error': { conversation: string; code: ErrorCode; message: string }
  'quota.warning': { level: string; used: number; quota: number }
}

/** The name of a request. */
export type RequestType = keyof Requests
/** The data of a request. */
export type RequestData<T extends RequestType> = Requests[T][0]
/** The data of a request's reply. */
export type ReplyData<T extends RequestType> = Requests[T][1]
/** The name of a push. */
export type PushType = keyof Pushes
