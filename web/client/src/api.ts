/** What applications see of the library: options, state, and the client itself. */
import type { PalabreError } from './errors.js'
import type { Contact, ContactAction, Conversation, Member, Message, Mode, Status, User } from './generated.js'
import type { GameData, GroupData, Pushes, PushType, Ready, ReplyData, RequestData, RequestType, Target, TextData } from './protocol.js'

/** Why a token is wanted: to connect, because the last one was refused as expired, or because it is about to expire. */
export type TokenReason = 'connect' | 'expired' | 'expiring'

/**
 * A token, or where to get one. A getter is asked on every connection, and for a fresh one (`expiring`) when half of the token's life is
 * over. It throws a {@link PalabreError} with status 401 or 403 to give up, which ends the session, too; whatever else it throws, and when it
 * does not answer in time ({@link Options.timeout}), it is asked again, later and later.
 */
export type TokenSource = string | ((reason: TokenReason) => string | Promise<string>)

/** The part of `WebSocket` that the library uses; browsers, Node 22 and the package `ws` have it. */
export interface SocketLike {
  binaryType: string
  readonly readyState: number
  readonly bufferedAmount: number
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  onopen: ((event: any) => void) | null
  onmessage: ((event: any) => void) | null
  onclose: ((event: any) => void) | null
  onerror: ((event: any) => void) | null
}

/** A constructor such as `WebSocket`. */
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike

/** Where time and chance come from; tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970, for what lasts: they do not go back when the device's clock is set. */
  now(): number
  /** What the device's clock shows, where that is something else. */
  date?(): number
  /** Between 0 and 1. */
  random(): number
  setTimeout(run: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** A message that waits to be sent, as it is kept. */
export interface Outgoing {
  /** The message's id, which the server knows it by: sent twice it is stored once. */
  id: string
  type: 'message.text' | 'message.game'
  target: Target
  data: TextData | GameData
  /** When it was written, in milliseconds since 1970. */
  created: number
  /** It was refused, and waits for {@link Palabre.retry} or {@link Palabre.discard}. */
  failed?: { code: string; message: string; status: number }
}

/**
 * Where unsent messages are kept. An account is one user of one project on one server. Several clients of a user may share a store:
 * each looks into it when its session begins and before it sends what has waited; what another one removed is gone there too.
 */
export interface OutboxStore {
  load(account: string): Promise<Outgoing[]>
  put(account: string, entry: Outgoing): Promise<void>
  remove(account: string, id: string): Promise<void>
  /**
   * Names the contents of the last `load` as a whole, if the store can. Another name than before says that they were lost, as when a
   * browser clears a site's data: what is missing was not removed by a client then, and is put again.
   */
  epoch?(): string | undefined
  /** Calls when somebody else changes what is kept, if the store can tell; returns what ends that. Without it others' changes show a little later. */
  watch?(account: string, changed: () => void): () => void
}

/** How a client is made. */
export interface Options {
  /** The server, such as `https://chat.example.org`; in browsers by default the page's own origin. */
  url?: string
  /** The project, by name or id. */
  project: string
  token: TokenSource
  /** `json` (the default) is easier to look at; `binary` is smaller. */
  encoding?: 'json' | 'binary'
  /** Needed in Node 20, which has no WebSocket of its own: the package `ws` has one. */
  WebSocket?: SocketConstructor
  /** Where unsent messages are kept: by default IndexedDB in browsers, else memory. */
  store?: OutboxStore
  /** Names whose outbox it is; by default read from the token. */
  account?: string
  /** How long a request may take, waiting for a connection included, and a token: 20 000 ms by default. */
  timeout?: number
  /** Reconnecting: the first pause (500 ms) and the longest (30 000 ms). */
  backoff?: { first?: number; longest?: number }
  /** After how long a silence the connection is probed (25 000 ms), and how long the answer may take (10 000 ms). */
  heartbeat?: { silence?: number; answer?: number }
  /** How many messages of a conversation are held at most after a reconnect, and half of what may gather while online: 1 000 by default. */
  held?: number
  clock?: Clock
}

/**
 * Where the connection stands: `idle` before {@link Palabre.connect}; `connecting`; `syncing`, it is open and the state is being brought up to
 * date; `online`; `waiting` for the next attempt; `closed` by {@link Palabre.close} or for good, then with an error.
 */
export interface ConnectionState {
  readonly phase: 'idle' | 'connecting' | 'syncing' | 'online' | 'waiting' | 'closed'
  /** Of the connection before, while there is none. */
  readonly closeCode?: number
  /** What was said with it. */
  readonly reason?: string
  /** When the next attempt is made, while waiting, in milliseconds since 1970. */
  readonly retryAt?: number
  /** Why it is closed for good, or why no token was to be had. */
  readonly error?: PalabreError
}

/** What a conversation is to oneself. */
export type Own = Required<Pick<Conversation, 'permission' | 'read_seq' | 'unread'>>

/** A conversation, with what it is to oneself. Its members are in {@link Palabre.members}. */
export type ConversationState = Omit<Conversation, 'members' | keyof Own> & Own

/** The messages of a conversation that are held: a stretch without gaps, apart from what somebody wrote whom one blocks. */
export interface MessageWindow {
  /** Ascending by `seq`. */
  readonly items: readonly Message[]
  /** There are older ones: {@link Palabre.loadOlder}. */
  readonly hasOlder: boolean
  /** There are newer ones, which is so only after {@link Palabre.openAt}: {@link Palabre.loadNewer}. */
  readonly hasNewer: boolean
}

/** A message of one's own that the server has not confirmed. */
export interface PendingMessage extends Outgoing {
  /** Where it will be; missing while the private conversation is not known. */
  readonly conversation?: string
  readonly state: 'queued' | 'sending' | 'failed'
  readonly error?: PalabreError
}

/** An answer that a bot is giving. */
export interface Stream {
  readonly conversation: string
  /** The id of the message it will be. */
  readonly message: string
  readonly text: string
  /** It broke off; the conversation goes on. */
  readonly error?: { code: string; message: string }
}

/** What changed, for {@link Palabre.watch}; `messages:…`, `members:…`, `typing:…` and `stream:…` end in a conversation's id. */
export type Topic =
  | 'connection' | 'user' | 'conversations' | 'contacts' | 'statuses' | 'outbox' | 'quota'
  | `messages:${string}` | `members:${string}` | `typing:${string}` | `stream:${string}`

/** What the client tells beside the server's pushes. */
export interface ClientEvents extends Pushes {
  /** The connection's state changed. */
  connection: ConnectionState
  /** A message of one's own was confirmed. */
  sent: Message
  /** A message of one's own was refused. */
  failed: PendingMessage
  /** Parts of the state changed; told once for all changes of a moment. */
  change: ReadonlySet<Topic>
}

/** How one request is made. */
export interface RequestOptions {
  /** In place of the client's, in milliseconds. */
  timeout?: number
  signal?: AbortSignal
  /** When the connection goes before the answer is there, ask again on the next one. Only for what may be done twice. */
  repeat?: boolean
}

/**
 * A connection to a project and the state that is kept of it.
 *
 * What its getters and functions return is never changed in place: a change makes new objects, so `===` tells whether
 * something did change. {@link Palabre.watch} tells when.
 */
export interface Palabre {
  // --- Connection ---

  /**
   * Connects, and stays connected until {@link Palabre.close}. Resolves when the state is complete for the first time. Rejects when the
   * client is closed before, the server refuses it for good, or no connection can be made at all (no WebSocket, a bad address or token).
   */
  connect(): Promise<Ready>
  /** Ends the connection. Unsent messages stay in the store. */
  close(): Promise<void>
  /** Tries to connect now instead of at the end of a pause; probes a connection that may be dead. */
  wake(): void
  /**
   * The server's time in milliseconds since 1970, for countdowns to what it says, such as a game's `expires_at`: the device's own clock,
   * corrected by what the server told when the session began. Before that it is the device's own.
   */
  now(): number
  readonly connection: ConnectionState
  /** Oneself, and what the session may do; `undefined` before the first connection. */
  readonly session: Ready | undefined
  readonly user: User | undefined
  /** Any request, typed by its name. */
  request<T extends RequestType>(type: T, data: RequestData<T>, options?: RequestOptions): Promise<ReplyData<T>>
  /** Hears an event; returns what ends that. */
  on<K extends keyof ClientEvents>(event: K, listener: (data: ClientEvents[K]) => void): () => void
  /** Is called after something of a topic changed; returns what ends that. */
  watch(topic: Topic, listener: () => void): () => void

  // --- State ---

  /** Latest activity first. */
  readonly conversations: readonly ConversationState[]
  conversation(id: string): ConversationState | undefined
  /** Unread messages of all conversations. */
  readonly unread: number
  /** The messages held of a conversation; `undefined` until {@link Palabre.open}. */
  messages(conversation: string): MessageWindow | undefined
  /** The members, if they are known: always in private conversations, else after {@link Palabre.open} (up to 50) or {@link Palabre.loadMembers}. */
  members(conversation: string): readonly Member[] | undefined
  /** The other one of a private conversation. */
  peer(conversation: string): User | undefined
  readonly contacts: readonly Contact[]
  contact(user: string): Contact | undefined
  /** How a user is seen; `undefined` when nothing is known. */
  status(user: string): Status | undefined
  /** Who is typing, oneself never. */
  typing(conversation: string): readonly User[]
  /** The answer a bot is giving. */
  stream(conversation: string): Stream | undefined
  /** Unconfirmed messages in the order of sending: of one conversation, or all. */
  pending(conversation?: string): readonly PendingMessage[]
  /** The last warning about each quota of bots that is nearly used up, the newest at the end. */
  readonly quotas: ReadonlyArray<Pushes['quota.warning']>

  // --- History ---

  /**
   * Holds the newest messages of a conversation from now on, and its members if they are few. Where another place of it is asked for before
   * they come, that one counts: then it resolves with what is held by then.
   */
  open(conversation: string): Promise<MessageWindow>
  /** As {@link Palabre.open}, around a message's number: {@link Palabre.loadNewer} leads back to the newest. */
  openAt(conversation: string, seq: number): Promise<MessageWindow>
  /** Adds a page of older messages, and says whether there are still more. */
  loadOlder(conversation: string, limit?: number): Promise<boolean>
  /** Adds a page of newer messages, and says whether there are still more. */
  loadNewer(conversation: string, limit?: number): Promise<boolean>
  /** Forgets the messages of a conversation that is no longer shown, those that are still on their way too; members of a group at the next break. */
  release(conversation: string): void
  /** All members, however many. */
  loadMembers(conversation: string): Promise<readonly Member[]>

  // --- Sending ---

  /** Queues a text; it is sent as soon as that is possible, also after a restart, and stored once. */
  send(target: string | Target, text: string | TextData): PendingMessage
  /** Queues a game invitation. */
  sendGame(target: string | Target, game: GameData): PendingMessage
  /**
   * Resolves with the confirmed message; rejects when it is refused or discarded. Of the last 500 that were confirmed, and those that are
   * held, it may be asked afterwards, too.
   */
  sent(id: string): Promise<Message>
  /** Tries a refused message again. */
  retry(id: string): void
  /**
   * Gives up a message that is not confirmed, here and in the user's other clients that share the store. One that is under way may arrive
   * nevertheless. Resolves when the store has it removed; rejects when the store fails or does not answer (that need not be handled).
   */
  discard(id: string): Promise<void>
  /**
   * How many messages of the user are not confirmed, also those that only the store knows of: what {@link Palabre.discardAll} would give up.
   * A store that fails or does not answer counts for nothing.
   */
  countUnsent(): Promise<number>
  /**
   * As {@link Palabre.discard} for every unsent message of the user in all conversations, also what only the store knows of: for
   * signing out on a device that others use too. To be called before {@link Palabre.close}.
   */
  discardAll(): Promise<void>
  edit(conversation: string, message: string, body: string): Promise<Message>
  delete(conversation: string, message: string): Promise<Message>
  react(conversation: string, message: string, emoji: string, on: boolean): Promise<Message>
  answerGame(message: string, action: 'accept' | 'decline' | 'withdraw'): Promise<Message>
  /** Says that messages up to this number are on the screen: sends receipts, gathered. Also what has arrived is acknowledged by itself. */
  visible(conversation: string, seq: number): void
  /** To be called on every key press, and with `false` when the text is given up. */
  setTyping(conversation: string, typing: boolean): void

  // --- People and groups ---

  /** Makes a group. */
  createGroup(data: GroupData): Promise<Conversation>
  /** Changes a group. */
  updateGroup(conversation: string, data: GroupData): Promise<Conversation>
  deleteGroup(conversation: string): Promise<void>
  /** Leaves a group. */
  leave(conversation: string): Promise<void>
  /** Invites, accepts, declines, removes, blocks or unblocks a user, by id or username. */
  updateContact(user: string, action: ContactAction): Promise<Contact>
  setStatus(status: 'online' | 'away' | 'busy' | 'invisible', text?: string): Promise<Status>
  setMode(conversation: string, mode: Mode, chatbot?: string): Promise<Conversation>
  /** Ends the answer that a bot is giving. */
  stop(conversation: string): Promise<void>
}

/** The type of a push, for generic listeners. */
export type { PushType }
