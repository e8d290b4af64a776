/** Keeps the state true: what the opening of a connection tells, all that must be read again then, and what is not known yet. */
import type { Own } from './api.js'
import { apply, type Effects, isState } from './apply.js'
import { deferred } from './clock.js'
import type { Connection } from './connection.js'
import { PalabreError } from './errors.js'
import type { Contact, Conversation, Status } from './generated.js'
import { Held, type Host as HeldHost } from './history.js'
import { type Asking, Pages } from './pages.js'
import type { ReplyData } from './protocol.js'
import type { State } from './state.js'

/** Whose presence is asked for at once. */
const STATUSES = 400
/** How often the newest conversations are read again for those that moved between pages. */
const ROUNDS = 5
/** Conversations whose unread messages changed in ways that can't be counted are asked for after so long. */
const RECOUNT_AFTER = 300

/** What the synchronisation needs of the client. */
export interface Host extends Asking, Omit<HeldHost, 'statusesOf' | 'recount'> {
  later(ms: number, run: () => void): void
  /** Rejects when it does not come in time. */
  inTime<T>(what: Promise<T>): Promise<T>
  /** Everything is up to date. */
  synced(connection: Connection): void
  deleted: Effects['deleted']
  /** A summary was read: what is under way may change it. */
  summarized(conversation: string): void
}

/** See the top of the file. */
export class Sync {
  readonly #pages: Pages
  /** Messages and members. */
  readonly held: Held
  /** Conversations that were read on this connection. */
  #fresh = new Set<string>()
  /** Conversations of which something was heard before they were read. */
  #heard = new Set<string>()
  /** Users whose relation changed while the contacts were read. */
  #met = new Set<string>()
  readonly #uncounted = new Set<string>()
  #recounting = false
  #topping = false
  /** Resolves the opening's first pages. */
  #opened: { groups(page: ReplyData<'group.summary'>): void; contacts(page: ReplyData<'contact.summary'>): void; end(): void } | undefined
  #again = false
  #running = false

  constructor(private readonly host: Host) {
    this.#pages = new Pages(host, (type, data) => apply(host.state, type, data, this.#effects))
    const recount = (conversation: string) => this.#recountLater(conversation)
    this.held = new Held({ ...host, statusesOf: (users) => this.#statusesOf(users), recount }, this.#pages)
  }

  get #state(): State {
    return this.host.state
  }

  get #connection(): Connection | undefined {
    return this.#pages.connection
  }

  readonly #effects: Effects = {
    unknown: (conversation) => {
      this.#heard.add(conversation)
      this.#top()
    },
    recount: (conversation) => this.#recountLater(conversation),
    refetch: (conversation, seq) => void this.held.refetch(conversation, seq).catch(() => {}),
    blocks: () => this.#restart(),
    unseen: (users) => void this.#statusesOf(users).catch(() => {}),
    members: (conversation) => void this.held.know(conversation).catch(() => {}),
    arrived: (message, isNew) => this.host.arrived(message, isNew),
    deleted: (conversation) => {
      this.#fresh.delete(conversation)
      this.#heard.delete(conversation)
      this.host.deleted(conversation)
    },
  }

  // --- What comes in ---

  /** A connection is signed in: its opening follows. */
  begin(connection: Connection): void {
    this.#pages.begin(connection)
    this.#forget()
    const groups = deferred<ReplyData<'group.summary'>>()
    const contacts = deferred<ReplyData<'contact.summary'>>()
    this.#opened = {
      groups: groups.resolve,
      contacts: contacts.resolve,
      end() {
        const error = new PalabreError('disconnected', 'the connection went before the opening was over')
        groups.reject(error)
        contacts.reject(error)
      },
    }
    this.#run(connection, () => this.host.inTime(groups.promise), () => this.host.inTime(contacts.promise))
  }

  /** The connection is gone. */
  end(): void {
    this.#pages.begin(undefined)
    this.#opened?.end()
    this.#opened = undefined
    this.#forget()
  }

  #forget(): void {
    this.#fresh = new Set()
    this.#heard = new Set()
    this.#met = new Set()
    this.#again = false
    this.#running = false
    this.#topping = false
  }

  /** A push, or a reply that tells a state. */
  event(type: string, data: unknown): void {
    if (type === 'group.summary') return this.#opened?.groups(data as ReplyData<'group.summary'>)
    if (type === 'contact.summary') return this.#opened?.contacts(data as ReplyData<'contact.summary'>)
    this.#pages.keep(type, data)
    this.#touched(type, data)
    apply(this.#state, type, data, this.#effects)
  }

  /** Notes conversations of which something is heard while they are not read yet. */
  #touched(type: string, data: unknown): void {
    const { conversation, id, permission } = data as { conversation?: string; id?: string; permission?: string }
    if (type === 'contact.update') this.#met.add((data as Contact).user.id)
    else if (type === 'group.update' || type === 'conversation.mode') {
      if (id !== undefined && permission !== undefined) this.#fresh.add(id)
      else if (id !== undefined && !this.#fresh.has(id)) this.#heard.add(id)
    } else if (conversation !== undefined && isState(type) && !this.#fresh.has(conversation)) {
      this.#heard.add(conversation)
    }
  }

  // --- Pages ---

  #putSummary({ conversations }: { conversations: Conversation[] }): void {
    for (const conversation of conversations) {
      this.#fresh.add(conversation.id)
      this.#heard.delete(conversation.id)
      this.#state.setConversation(conversation as Conversation & Own)
      this.host.summarized(conversation.id)
    }
  }

  // --- All of it ---

  /** Reads everything again: blocks have changed. */
  #restart(): void {
    const connection = this.#connection
    if (!connection) return
    if (this.#running) {
      this.#again = true
      return
    }
    this.#fresh = new Set()
    this.#met = new Set()
    this.#run(connection, () => this.host.ask(connection, 'group.summary', {}), () => this.host.ask(connection, 'contact.summary', {}))
  }

  #run(
    connection: Connection,
    groups: () => Promise<ReplyData<'group.summary'>>,
    contacts: () => Promise<ReplyData<'contact.summary'>>,
  ): void {
    this.#running = true
    const over = () => this.#connection !== connection
    Promise.all([this.#conversations(connection, groups), this.#people(connection, contacts)])
      .then(() => this.held.reread(connection))
      .then(() => (over() ? undefined : this.#presence()))
      .then(() => {
        if (over()) return
        this.#running = false
        if (this.#again) {
          this.#again = false
          this.#restart()
          return
        }
        this.#top()
        this.host.synced(connection)
      })
      .catch((error: unknown) => {
        if (!over()) this.host.broken(connection, error)
      })
  }

  async #conversations(connection: Connection, first: () => Promise<ReplyData<'group.summary'>>): Promise<void> {
    const put = (page: ReplyData<'group.summary'>) => this.#putSummary(page)
    let page = await this.#pages.put(connection, first(), put)
    for (let last = page.conversations.at(-1); page.more && last; last = page.conversations.at(-1)) {
      page = await this.#pages.ask(connection, 'group.summary', { before: last.updated_at }, put)
    }
    await this.#moved(connection)
    for (const id of [...this.#state.conversations.keys()]) {
      if (this.#fresh.has(id)) continue
      this.#state.removeConversation(id)
      this.host.deleted(id)
    }
  }

  /** Conversations that came to the top while the pages below were read: something was heard of each of them. */
  async #moved(connection: Connection): Promise<void> {
    for (let round = 0; this.#heard.size > 0 && round < ROUNDS; round++) {
      let page = await this.#pages.ask(connection, 'group.summary', {}, (page) => this.#putSummary(page))
      for (let last = page.conversations.at(-1); this.#heard.size > 0 && page.more && last; last = page.conversations.at(-1)) {
        page = await this.#pages.ask(connection, 'group.summary', { before: last.updated_at }, (page) => this.#putSummary(page))
      }
      // Whatever is on no page is none of this user's.
      if (!page.more) this.#heard.clear()
    }
  }

  /** Reads the newest conversations, for one that is not known. */
  #top(): void {
    const connection = this.#connection
    if (!connection || this.#running || this.#topping || this.#heard.size === 0) return
    this.#topping = true
    this.#moved(connection)
      .catch((error: unknown) => {
        if (this.#connection === connection) this.host.broken(connection, error)
      })
      .finally(() => {
        if (this.#connection !== connection) return
        this.#topping = false
        this.#top()
      })
  }

  async #people(connection: Connection, first: () => Promise<ReplyData<'contact.summary'>>): Promise<void> {
    const known = new Set<string>()
    const put = ({ contacts }: { contacts: Contact[] }) => {
      for (const contact of contacts) {
        known.add(contact.user.id)
        this.#state.setContact(contact)
      }
    }
    let page = await this.#pages.put(connection, first(), put)
    for (let last = page.contacts.at(-1); page.more && last; last = page.contacts.at(-1)) {
      page = await this.#pages.ask(connection, 'contact.summary', { after: last.user.id }, put)
    }
    for (const id of [...this.#state.contacts.keys()]) {
      // One that came by a push in between is not on a page that was read before it.
      if (known.has(id) || this.#met.has(id)) continue
      this.#state.contacts.delete(id)
      this.#state.touch('contacts')
    }
  }

  /** How everybody is seen: contacts, and the members as they are by now. */
  #presence(): Promise<void> {
    const accepted = [...this.#state.contacts.values()].filter(({ status }) => status === 'accepted').map(({ user }) => user.id)
    const mates = [...this.#state.members.values()].flat().map(({ user }) => user.id)
    return this.#statusesOf([...new Set([...accepted, ...mates])], true)
  }

  /** Asks how users are seen; who is not told of is not seen. `only`: nobody else is either. */
  async #statusesOf(users: readonly string[], only = false): Promise<void> {
    const connection = this.#connection
    if (!connection) return
    const me = this.#state.me
    const others = users.filter((id) => id !== me)
    if (only) {
      const wanted = new Set(others)
      for (const id of [...this.#state.statuses.keys()]) if (id !== me && !wanted.has(id)) this.#state.statuses.delete(id)
      this.#state.touch('statuses')
    }
    for (let at = 0; at < others.length; at += STATUSES) {
      const named = others.slice(at, at + STATUSES)
      await this.#pages.ask(connection, 'status.fetch', { users: named }, ({ statuses }: { statuses: Status[] }) => {
        for (const id of named) this.#state.statuses.delete(id)
        for (const status of statuses) this.#state.statuses.set(status.user.id, status)
        this.#state.touch('statuses')
      })
    }
  }

  // --- Unread ---

  #recountLater(id: string): void {
    this.#uncounted.add(id)
    if (this.#recounting) return
    this.#recounting = true
    this.host.later(RECOUNT_AFTER, () => {
      this.#recounting = false
      const ids = [...this.#uncounted]
      this.#uncounted.clear()
      const connection = this.#connection
      if (!connection) return
      for (const id of ids) void this.#resummarize(connection, id).catch(() => {})
    })
  }

  /** Reads a conversation's summary again: it is the first one of the page that begins with it. */
  async #resummarize(connection: Connection, id: string): Promise<void> {
    const conversation = this.#state.conversations.get(id)
    if (!conversation) return
    const before = new Date(Date.parse(conversation.updated_at) + 1).toISOString()
    await this.#pages.ask(connection, 'group.summary', { before }, ({ conversations }) => {
      const found = conversations.filter((other) => other.id === id)
      this.#putSummary({ conversations: found })
      // Something was said in it just now: it stands above that page.
      if (found.length === 0) this.#heard.add(id)
    })
    this.#top()
  }
}
