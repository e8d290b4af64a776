/** The client: one connection, one state, and what an application does with them. */
import type {
  ClientEvents, Clock, ConnectionState, ConversationState, MessageWindow, Options, Outgoing, Palabre, PendingMessage, Stream, Topic,
} from './api.js'
import { Actions } from './actions.js'
import { isState } from './apply.js'
import { accountOf } from './claims.js'
import { type Deferred, deferred, systemClock } from './clock.js'
import type { Connection } from './connection.js'
import { Emitter } from './emitter.js'
import { PalabreError } from './errors.js'
import type { Contact, Conversation, Member, Message, Status, User } from './generated.js'
import { Link } from './link.js'
import { Streams, Typing } from './live.js'
import { Outbox } from './outbox.js'
import type { GameData, Pushes, Ready, RequestData, Target, TextData } from './protocol.js'
import { type Outcome, Receipts } from './receipts.js'
import { State } from './state.js'
import { indexedDbStore, memoryStore } from './stores.js'
import { Sync } from './sync.js'
import { onWaking } from './waking.js'

/** As long as a request takes at most, unless said otherwise. */
const TIMEOUT = 20_000
/** Messages held of a conversation after a reconnect, and of those that come by themselves, unless said otherwise. */
const HELD = 1_000
/** A page of history. */
const PAGE = 50
/** The server closes with it when it could not read several requests in a row. */
const UNREADABLE = 4202

const NOBODY: readonly User[] = []

const target = (to: string | Target): Target => (typeof to === 'string' ? { conversation: to } : to)

/** Makes a client. It connects when it is told to: {@link Palabre.connect}. */
export function createClient(options: Options): Palabre {
  return new Client(options)
}

class Client extends Actions implements Palabre {
  readonly #clock: Clock
  readonly #timeout: number
  readonly #emitter = new Emitter<ClientEvents>()
  readonly #watchers = new Emitter<Record<Topic, undefined>>()
  readonly #state: State
  readonly #link: Link
  readonly #sync: Sync
  readonly #outbox: Outbox
  readonly #receipts: Receipts
  readonly #typists: Typing
  readonly #streams: Streams
  /** The connection that is signed in. */
  #current: Connection | undefined
  #first: Deferred<Ready> | undefined
  /** Being away is the session's, so each new one is told again. */
  #isAway = false
  /** Whose client it is, as the tokens say; and whose outbox, if the application says otherwise. */
  #bearer: string | undefined
  readonly #account: string | undefined
  #unlisten = () => {}

  constructor(options: Options) {
    super()
    const clock = options.clock ?? systemClock
    const timeout = options.timeout ?? TIMEOUT
    this.#clock = clock
    this.#timeout = timeout
    const held = options.held ?? HELD
    const state = new State(held, (topics) => {
      for (const topic of topics) this.#watchers.emit(topic, undefined)
      this.#emitter.emit('change', topics)
    })
    this.#state = state
    this.#streams = new Streams(state)
    this.#typists = new Typing(state, clock, (conversation, typing) => {
      // Not worth waiting for a connection.
      this.#current?.request('typing.update', { conversation, typing }).catch(() => {})
    })
    const backoff = { first: options.backoff?.first ?? 500, longest: options.backoff?.longest ?? 30_000 }
    const isReady = () => this.#current !== undefined
    this.#receipts = new Receipts(state, clock, (kind, conversation, seq) => this.#sendReceipt(kind, conversation, seq), isReady, backoff)
    this.#link = new Link({ ...options, clock, timeout }, {
      token: (token) => this.#identify(token),
      state: (connection) => this.#connectionChanged(connection),
      ready: (ready, connection) => this.#signedIn(ready, connection),
      push: (type, data) => {
        this.#event(type, data)
        this.#emitter.emit(type as keyof Pushes, data as never)
      },
      // Pages are put into the state by those who asked for them.
      replied: (type, data) => {
        // To a member a group is told with what they may do in it. Who has left it is pushed nothing more, only answered.
        if (type === 'group.update' && (data as Conversation).permission === undefined) this.#event('group.delete', { conversation: (data as Conversation).id })
        else if (isState(type)) this.#event(type, data)
      },
      renewed: (ready) => {
        // Who it is has been told by pushes, which may be newer.
        if (state.session) state.session = { ...state.session, ...ready, user: state.session.user }
      },
      lost: () => {
        this.#current = undefined
        this.#sync.end()
      },
    })
    this.#sync = new Sync({
      state,
      held,
      ask: (connection, type, data) => this.#link.ask(connection, type, data, this.#until),
      inTime: (what) => this.#link.inTime(what),
      connection: (until) => this.#link.ready(until),
      now: () => clock.now(),
      later: (ms, run) => void clock.setTimeout(run, ms),
      synced: (connection) => {
        this.#link.online(connection)
        this.#outbox.locate(true)
        if (state.session) this.#first?.resolve(state.session)
      },
      broken: (connection, error) => connection.abandon(String(error)),
      arrived: (message, isNew) => this.#arrived(message, isNew),
      deleted: (conversation) => this.#receipts.forget(conversation),
      summarized: (id) => {
        this.#receipts.assume(id)
        const conversation = state.conversations.get(id)
        if (conversation && conversation.unread > 0) this.#receipts.delivered(id, conversation.last_seq)
      },
    })
    this.#outbox = new Outbox({
      store: options.store ?? (typeof indexedDB === 'undefined' ? memoryStore() : indexedDbStore()),
      backoff,
      clock,
      send: (entry) => this.#sendNow(entry),
      isReady,
      conversation: (to) => to.conversation ?? this.#contactNamed(to.to)?.conversation,
      isKnown: (id) => this.#held(id) !== undefined,
      changed: () => state.touch('outbox'),
      sent: (message) => this.#emitter.emit('sent', message),
      failed: (message) => this.#emitter.emit('failed', message),
    })
    this.#account = options.account
    if (typeof options.token === 'string') this.#identify(options.token)
    else if (options.account !== undefined) this.#outbox.identify(options.account)
  }

  get #until(): number {
    return this.#clock.now() + this.#timeout
  }

  // --- What happens ---

  #connectionChanged(connection: ConnectionState): void {
    this.#emitter.emit('connection', connection)
    this.#state.touch('connection')
    if (connection.phase !== 'closed') return
    this.#unlisten()
    this.#typists.clear()
    this.#receipts.stop()
    this.#first?.reject(connection.error ?? new PalabreError('closed', 'the client was closed'))
    this.#first = undefined
  }

  /** What one user wrote must not be sent as another. */
  #identify(token: string): void {
    const bearer = accountOf(token)
    this.#bearer ??= bearer
    if (bearer !== undefined && bearer !== this.#bearer) return this.#refuse()
    const account = this.#account ?? bearer
    if (account !== undefined) this.#outbox.identify(account)
  }

  #refuse(): void {
    this.#link.stop(new PalabreError('unauthorized', "the token is another user's", 401))
  }

  #signedIn(ready: Ready, connection: Connection): void {
    // Not every token can be read here.
    if (this.#state.me !== undefined && this.#state.me !== ready.user.id) return this.#refuse()
    this.#current = connection
    this.#state.session = ready
    this.#state.touch('user')
    this.#typists.clear()
    this.#streams.clear()
    this.#sync.begin(connection)
    if (this.#isAway) connection.request('status.update', { status: 'away' }).catch(() => {})
    this.#outbox.resume()
    this.#receipts.resume()
  }

  #event(type: string, data: unknown): void {
    // Newer servers may say something with its name alone.
    if (typeof data !== 'object' || data === null) return
    switch (type) {
      case 'typing.update':
        return this.#typists.push(data as Pushes['typing.update'])
      case 'llm.chunk':
        return this.#streams.chunk(data as Pushes['llm.chunk'])
      case 'llm.error':
        return this.#streams.error(data as Pushes['llm.error'])
      case 'llm.done':
        this.#streams.end((data as Pushes['llm.done']).conversation)
    }
    this.#sync.event(type, data)
    if (type === 'contact.update') this.#outbox.locate()
  }

  #arrived(message: Message, isNew: boolean): void {
    if (message.author.id === this.#state.me) this.#outbox.confirm(message)
    else if (isNew) this.#receipts.delivered(message.conversation, message.seq)
    if (!isNew) return
    this.#typists.wrote(message)
    this.#streams.wrote(message.conversation)
  }

  async #sendReceipt(kind: 'delivered' | 'read', conversation: string, seq: number): Promise<Outcome> {
    const connection = this.#current
    if (!connection) return 'again'
    try {
      // It goes in this very moment, which may be the last one.
      await this.#link.ask(connection, `message.${kind}`, { conversation, seq }, this.#until)
      return 'done'
    } catch (error) {
      if (!(error instanceof PalabreError)) return 'refused'
      // Signed out or closed, it goes with the next session.
      return error.isTransient || error.status === 0 || error.status === 401 || error.status >= 500 ? 'again' : 'refused'
    }
  }

  async #sendNow({ type, id, target: to, data }: Outgoing): Promise<Message> {
    const connection = await this.#link.ready(this.#until)
    try {
      return await this.#link.ask(connection, type, { ...to, ...data, id } as RequestData<'message.text'>, this.#until)
    } catch (error) {
      // Perhaps it is what the server could not read: then it would be so again and again.
      if (error instanceof PalabreError && error.code === 'disconnected' && this.connection.closeCode === UNREADABLE) {
        throw new PalabreError('invalid', 'the server could not read what was sent', 400)
      }
      throw error
    }
  }

  /** A message that is held. */
  #held(id: string): Message | undefined {
    for (const { items } of this.#state.windows.values()) {
      const message = items.find((message) => message.id === id)
      if (message) return message
    }
    return undefined
  }

  #contactNamed(name: string): Contact | undefined {
    return this.#state.contacts.get(name) ?? this.contacts.find(({ user }) => user.username === name)
  }

  // --- Connection ---

  connect(): Promise<Ready> {
    if (this.#first) return this.#first.promise
    const first = deferred<Ready>()
    this.#first = first
    this.#unlisten()
    this.#unlisten = onWaking(() => this.wake(), () => this.#receipts.flush())
    this.#link.start()
    return first.promise
  }

  async close(): Promise<void> {
    this.#receipts.flush()
    this.#link.stop()
    await this.#outbox.close()
  }

  wake(): void {
    this.#link.wake()
  }

  now(): number {
    return this.#link.now()
  }

  get connection(): ConnectionState {
    return this.#link.state
  }

  get session(): Ready | undefined {
    return this.#state.session
  }

  get user(): User | undefined {
    return this.#state.session?.user
  }

  readonly request: Palabre['request'] = (type, data, options) => this.#link.request(type, data, options)

  on<K extends keyof ClientEvents>(event: K, listener: (data: ClientEvents[K]) => void): () => void {
    return this.#emitter.on(event, listener)
  }

  watch(topic: Topic, listener: () => void): () => void {
    return this.#watchers.on(topic, listener)
  }

  // --- State ---

  get conversations(): readonly ConversationState[] {
    return this.#state.conversationList()
  }

  conversation(id: string): ConversationState | undefined {
    return this.#state.conversations.get(id)
  }

  get unread(): number {
    let unread = 0
    for (const conversation of this.#state.conversations.values()) unread += conversation.unread
    return unread
  }

  messages(conversation: string): MessageWindow | undefined {
    return this.#state.windows.get(conversation)
  }

  members(conversation: string): readonly Member[] | undefined {
    return this.#state.members.get(conversation)
  }

  peer(conversation: string): User | undefined {
    const other = this.#state.members.get(conversation)?.find(({ user }) => user.id !== this.#state.me)
    const isPrivate = this.#state.conversations.get(conversation)?.kind === 'private'
    return (isPrivate ? other?.user : undefined) ?? this.contacts.find((contact) => contact.conversation === conversation)?.user
  }

  get contacts(): readonly Contact[] {
    return this.#state.allContacts()
  }

  contact(user: string): Contact | undefined {
    return this.#state.contacts.get(user)
  }

  status(user: string): Status | undefined {
    return this.#state.statuses.get(user)
  }

  typing(conversation: string): readonly User[] {
    return this.#state.typing.get(conversation) ?? NOBODY
  }

  stream(conversation: string): Stream | undefined {
    return this.#state.streams.get(conversation)
  }

  pending(conversation?: string): readonly PendingMessage[] {
    return this.#outbox.pending(conversation)
  }

  get quotas(): ReadonlyArray<Pushes['quota.warning']> {
    return this.#state.quotas
  }

  // --- History ---

  open(conversation: string): Promise<MessageWindow> {
    return this.#sync.held.open(conversation, this.#until)
  }

  openAt(conversation: string, seq: number): Promise<MessageWindow> {
    return this.#sync.held.open(conversation, this.#until, seq)
  }

  loadOlder(conversation: string, limit = PAGE): Promise<boolean> {
    return this.#sync.held.extend(conversation, true, limit, this.#until)
  }

  loadNewer(conversation: string, limit = PAGE): Promise<boolean> {
    return this.#sync.held.extend(conversation, false, limit, this.#until)
  }

  release(conversation: string): void {
    this.#sync.held.release(conversation)
  }

  loadMembers(conversation: string): Promise<readonly Member[]> {
    return this.#sync.held.loadMembers(conversation, this.#until)
  }

  // --- Sending ---

  send(to: string | Target, text: string | TextData): PendingMessage {
    return this.#outbox.add({ type: 'message.text', target: target(to), data: typeof text === 'string' ? { body: text } : text })
  }

  sendGame(to: string | Target, game: GameData): PendingMessage {
    return this.#outbox.add({ type: 'message.game', target: target(to), data: game })
  }

  async sent(id: string): Promise<Message> {
    const fate = this.#outbox.fate(id)
    if (fate) return fate
    const message = this.#held(id)
    if (message) return message
    throw new PalabreError('not_found', 'no such message is waiting', 404)
  }

  retry(id: string): void {
    this.#outbox.retry(id)
  }

  discard(id: string): Promise<void> {
    return this.#outbox.discard(id)
  }

  countUnsent(): Promise<number> {
    return this.#outbox.count()
  }

  discardAll(): Promise<void> {
    return this.#outbox.discardAll()
  }

  visible(conversation: string, seq: number): void {
    this.#receipts.read(conversation, seq)
  }

  override setStatus(...[status, text]: Parameters<Actions['setStatus']>): Promise<Status> {
    this.#isAway = status === 'away'
    return super.setStatus(status, text)
  }

  setTyping(conversation: string, typing: boolean): void {
    this.#typists.own(conversation, typing)
  }
}
