/** The events: what each request takes and is answered with, and what each push carries. */
import type { AnswerChunk, MessageList, Permission, ReceiptDigest, ServerPushes, ServerRequests, SessionReady, Timestamp } from './generated.js'

/** A JSON value, as a game's payload may be. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** The data of `session.ready`, and of the reply to `session.auth`. */
export type Ready = SessionReady

/** How far the members of a large conversation have come, as the author of a message is told. */
export type Digest = ReceiptDigest

/** A page of history, ascending. */
export type History = MessageList

/** A piece of a bot's answer. */
export type Chunk = AnswerChunk

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

/** Every request: its data, and the data of its reply. */
export type Requests = ServerRequests

/** Every push, by type. */
export type Pushes = ServerPushes

/** The name of a request. */
export type RequestType = keyof Requests
/** The data of a request. */
export type RequestData<T extends RequestType> = Requests[T][0]
/** The data of a request's reply. */
export type ReplyData<T extends RequestType> = Requests[T][1]
/** The name of a push. */
export type PushType = keyof Pushes
