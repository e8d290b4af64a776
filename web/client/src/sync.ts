/**
 * Keeps the state true: what the opening of a connection tells, and the pages that are asked for.
 *
 * A page shows how things were when the server read it; pushes may overtake it. So the pushes that come while a page is awaited
 * are kept, and applied again on top of it. They tell states, not steps, and a later one follows for every change.
 */
import type { MessageWindow, Own } from './api.js'
import { apply, type Effects, isState } from './apply.js'
import { deferred } from './clock.js'
import type { Connection } from './connection.js'
import { PalabreError } from './errors.js'
import type { Contact, Conversation, Member, Status } from './generated.js'
import type { History, ReplyData, RequestData, RequestType } from './protocol.js'
import type { State } from './state.js'

/** What a page of messages holds at most. */
const PAGE = 200
/** The first page of a conversation. */
const FIRST_PAGE = 50
/** Members of conversations up to this size are known one by one. */
export const SMALL = 50
/** Lists of members up to this size are kept up to date over a reconnect; longer ones are forgotten. */
const MEMBERS_KEPT = 200
/** Whose presence is asked for at once. */
const STATUSES = 400
/** Pages that are asked for at the same time. */
const AT_ONCE = 4
/** Pushes kept while pages are awaited; more means that something is wrong, and all is read anew. */
const JOURNAL = 20_000
/** How often the newest conversations are read again for those that moved between pages. */
const ROUNDS = 5
/** Conversations whose unread messages changed in ways that can't be counted are asked for after so long. */
const RECOUNT_AFTER = 300

/** What the synchronisation needs of the client. */
export interface Host {
  state: State
  /** How many messages of a conversation are held after a reconnect. */
  held: number
  /** Asks on this connection only. */
  ask<T extends RequestType>(connection: Connection, type: T, data: RequestData<T>): Promise<ReplyData<T>>
  /** The next connection that is signed in. */
  connection(until: number): Promise<Connection>
  now(): number
  later(ms: number, run: () => void): void
  /** Everything is up to date. */
  synced(connection: Connection): void
  /** It can't be brought up to date on this connection. */
  broken(connection: Connection, error: unknown): void
  arrived: Effects['arrived']
  deleted: Effects['deleted']
  /** A summary was read: what is under way may change it. */
  summarized(conversation: string): void
}

/** See the top of the file. */
export class Sync {
  #connection: Connection | undefined
  #journal: Array<{ type: string; data: unknown }> = []
  #awaited = 0
  /** Conversations that were read on this connection. */
  #fresh = new Set<string>()
  /** Conversations of which something was heard before they were read. */
  #heard = new Set<string>()
  /** Users whose relation changed while the contacts were read. */
  #met = new Set<string>()
  /** Counts how often the messages held of a conversation were begun anew. */
  readonly #begun = new Map<string, number>()
  readonly #uncounted = new Set<string>()
  #recounting = false
  #topping = false
  /** Resolves the opening's first pages. */
  #opened: { groups(page: ReplyData<'group.summary'>): void; contacts(page: ReplyData<'contact.summary'>): void; end(): void } | undefined
  #again = false
  #running = false

  constructor(private readonly host: Host) {}

  get #state(): State {
    return this.host.state
  }

  readonly #effects: Effects = {
    unknown: (conversation) => {
      this.#heard.add(conversation)
      this.#top()
    },
    recount: (conversation) => this.#recountLater(conversation),
    refetch: (conversation, seq) => void this.#refetch(conversation, seq).catch(() => {}),
    blocks: () => this.#restart(),
    unseen: (user) => void this.#statusesOf([user]).catch(() => {}),
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
    this.#connection = connection
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
    this.#run(connection, () => groups.promise, () => contacts.promise)
  }

  /** The connection is gone. */
  end(): void {
    this.#connection = undefined
    this.#opened?.end()
    this.#opened = undefined
    this.#forget()
  }

  #forget(): void {
    this.#journal = []
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
    this.#keep(type, data)
    this.#touched(type, data)
    apply(this.#state, type, data, this.#effects)
  }

  #keep(type: string, data: unknown): void {
    if (this.#awaited === 0 || !isState(type)) return
    this.#journal.push({ type, data })
    if (this.#journal.length > JOURNAL && this.#connection) {
      this.host.broken(this.#connection, new Error('too much happened while a page was awaited'))
    }
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

  /** Awaits a page, puts it into the state, and then again what came meanwhile. */
  async #page<T>(connection: Connection, ask: Promise<T>, put: (page: T) => void): Promise<T> {
    const from = this.#journal.length
    this.#awaited++
    try {
      const page = await ask
      if (this.#connection !== connection) throw new PalabreError('disconnected', 'the connection is gone')
      put(page)
      for (const { type, data } of this.#journal.slice(from)) apply(this.#state, type, data, this.#effects)
      return page
    } finally {
      if (--this.#awaited === 0) this.#journal = []
    }
  }

  /** As {@link Sync.page}, on this connection or, if it goes, on the next. */
  async #lasting<T>(until: number, work: (connection: Connection) => Promise<T>): Promise<T> {
    for (;;) {
      const connection = await this.host.connection(until)
      try {
        return await work(connection)
      } catch (error) {
        const isOver = error instanceof PalabreError && error.code === 'disconnected'
        if (!isOver || this.host.now() >= until) throw error
      }
    }
  }

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
      .then(() => this.#held(connection))
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
    let page = await this.#page(connection, first(), put)
    for (let last = page.conversations.at(-1); page.more && last; last = page.conversations.at(-1)) {
      page = await this.#page(connection, this.host.ask(connection, 'group.summary', { before: last.updated_at }), put)
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
      let page = await this.#page(connection, this.host.ask(connection, 'group.summary', {}), (page) => this.#putSummary(page))
      for (let last = page.conversations.at(-1); this.#heard.size > 0 && page.more && last; last = page.conversations.at(-1)) {
        page = await this.#page(connection, this.host.ask(connection, 'group.summary', { before: last.updated_at }), (page) => this.#putSummary(page))
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
    let page = await this.#page(connection, first(), put)
    for (let last = page.contacts.at(-1); page.more && last; last = page.contacts.at(-1)) {
      page = await this.#page(connection, this.host.ask(connection, 'contact.summary', { after: last.user.id }), put)
    }
    for (const id of [...this.#state.contacts.keys()]) {
      // One that came by a push in between is not on a page that was read before it.
      if (known.has(id) || this.#met.has(id)) continue
      this.#state.contacts.delete(id)
      this.#state.touch('contacts')
    }
    const accepted = [...this.#state.contacts.values()].filter(({ status }) => status === 'accepted').map(({ user }) => user.id)
    const mates = [...this.#state.members.values()].flat().map(({ user }) => user.id)
    await this.#statusesOf([...new Set([...accepted, ...mates])], true)
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
      await this.#page(connection, this.host.ask(connection, 'status.fetch', { users: named }), ({ statuses }: { statuses: Status[] }) => {
        for (const id of named) this.#state.statuses.delete(id)
        for (const status of statuses) this.#state.statuses.set(status.user.id, status)
        this.#state.touch('statuses')
      })
    }
  }

  /** Everything that is held of conversations: messages and members. */
  async #held(connection: Connection): Promise<void> {
    const work: Array<() => Promise<void>> = []
    for (const [id, members] of this.#state.members) {
      const conversation = this.#state.conversations.get(id)
      if (!conversation) this.#state.members.delete(id)
      else if (conversation.kind !== 'private') {
        if (Math.max(conversation.member_count, members.length) > MEMBERS_KEPT) this.#state.members.delete(id)
        else work.push(() => this.#readMembers(connection, id))
        this.#state.touch(`members:${id}`)
      }
    }
    for (const id of this.#state.windows.keys()) {
      if (this.#state.conversations.has(id)) work.push(() => this.#rereadWindow(connection, id))
      else this.#state.removeConversation(id)
    }
    const one = async () => {
      for (let next = work.shift(); next; next = work.shift()) await next()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
  }

  // --- Members ---

  async #readMembers(connection: Connection, id: string): Promise<void> {
    const members: Member[] = []
    for (let more = true; more; ) {
      const after = members.at(-1)?.user.id
      const ask = this.host.ask(connection, 'group.members', { conversation: id, limit: PAGE, ...(after !== undefined && { after }) })
      await this.#page(connection, ask, (page) => {
        members.push(...page.members)
        more = page.more && page.members.length > 0
        if (more) return
        this.#state.setMembers(id, members, members.length)
        this.#state.raise(id)
      })
    }
  }

  /** All members of a conversation. */
  async loadMembers(id: string, until: number): Promise<readonly Member[]> {
    await this.#lasting(until, (connection) => this.#readMembers(connection, id))
    return this.#state.members.get(id) ?? []
  }

  // --- Messages ---

  /** Reads again what is held of a conversation, and what came after it. */
  async #rereadWindow(connection: Connection, id: string): Promise<void> {
    const window = this.#state.windows.get(id)
    const conversation = this.#state.conversations.get(id)
    if (!window || !conversation) return
    const end = window.hasNewer ? (window.items.at(-1)?.seq ?? 0) : conversation.last_seq
    const first = window.hasOlder ? (window.items[0]?.seq ?? end + 1) : 1
    // What is left out at the beginning is read again when somebody asks for it.
    const from = Math.max(first, end - this.host.held + 1)
    const begun = this.#begun.get(id)
    let after = from - 1
    for (let more = true; more; ) {
      const begin = after
      const limit = window.hasNewer ? Math.min(PAGE, Math.max(1, end - begin)) : PAGE
      await this.#fetch(connection, { conversation: id, after_seq: begin, limit }, (page) => {
        const last = page.messages.at(-1)?.seq
        more = page.more && last !== undefined && !(window.hasNewer && last >= end)
        let held = this.#state.windows.get(id)
        if (!held || this.#begun.get(id) !== begun) {
          // Released meanwhile, or shown elsewhere.
          more = false
          return
        }
        if (begin === from - 1 && from > first) held = { ...held, items: held.items.filter(({ seq }) => seq >= from), hasOlder: true }
        const before = page.more && last !== undefined ? last + 1 : Number.POSITIVE_INFINITY
        const kept = (side: (seq: number) => boolean) => held.items.filter(({ seq }) => side(seq))
        const items = [...kept((seq) => seq <= begin), ...page.messages, ...kept((seq) => seq >= before)]
        this.#state.setWindow(id, { items, hasOlder: held.hasOlder, hasNewer: held.hasNewer && page.more })
        after = last ?? begin
      })
    }
    this.#state.raise(id)
    this.#state.recount(id)
  }

  async #refetch(id: string, seq: number): Promise<void> {
    const connection = this.#connection
    if (!connection) return
    await this.#page(connection, this.host.ask(connection, 'message.fetch', { conversation: id, after_seq: seq - 1, limit: 1 }), ({ messages }) => {
      for (const message of messages) this.#state.putMessage(message)
    })
  }

  #fetch(connection: Connection, data: RequestData<'message.fetch'>, put: (page: History) => void): Promise<History> {
    return this.#page(connection, this.host.ask(connection, 'message.fetch', data), (page) => {
      put(page)
      // Among them may be what was sent without an answer.
      for (const message of page.messages) this.host.arrived(message, false)
    })
  }

  #beginWindow(id: string, window: MessageWindow): void {
    this.#begun.set(id, (this.#begun.get(id) ?? 0) + 1)
    this.#state.setWindow(id, window)
  }

  /** Forgets what is held of a conversation. */
  release(id: string): void {
    this.#begun.set(id, (this.#begun.get(id) ?? 0) + 1)
    if (this.#state.windows.delete(id)) this.#state.touch(`messages:${id}`)
  }

  /** Holds a conversation's newest messages, or those around a number. */
  open(id: string, until: number, around?: number): Promise<MessageWindow> {
    return this.#lasting(until, async (connection) => {
      const known = this.#state.windows.get(id)
      if (known && (around === undefined ? !known.hasNewer : known.items.some(({ seq }) => seq === around))) return known
      if (around === undefined) {
        await this.#fetch(connection, { conversation: id, limit: FIRST_PAGE }, ({ messages, more }) => {
          this.#beginWindow(id, { items: messages, hasOlder: more, hasNewer: false })
        })
      } else {
        const older = await this.#fetch(connection, { conversation: id, before_seq: around, limit: FIRST_PAGE / 2 }, () => {})
        await this.#fetch(connection, { conversation: id, after_seq: around - 1, limit: FIRST_PAGE / 2 }, ({ messages, more }) => {
          this.#beginWindow(id, { items: [...older.messages, ...messages], hasOlder: older.more, hasNewer: more })
        })
        // What was changed in the older ones between the two pages.
        await this.#rereadWindow(connection, id)
      }
      await this.#mates(connection, id)
      this.#state.raise(id)
      this.#state.recount(id)
      return this.#state.windows.get(id) ?? { items: [], hasOlder: false, hasNewer: false }
    })
  }

  /** The members of a small conversation, for how far they have read, and how they are seen. */
  async #mates(connection: Connection, id: string): Promise<void> {
    const conversation = this.#state.conversations.get(id)
    if (!conversation || conversation.member_count > SMALL) return
    if (!this.#state.members.has(id)) await this.#readMembers(connection, id)
    const users = this.#state.members.get(id)?.map(({ user }) => user.id) ?? []
    await this.#statusesOf(users.filter((user) => !this.#state.statuses.has(user)))
  }

  /** Adds a page at one end, and says whether there is more. */
  extend(id: string, older: boolean, limit: number, until: number): Promise<boolean> {
    return this.#lasting(until, async (connection) => {
      const window = this.#state.windows.get(id) ?? (await this.open(id, until))
      const edge = older ? window.items[0]?.seq : window.items.at(-1)?.seq
      if (edge === undefined || !(older ? window.hasOlder : window.hasNewer)) return false
      await this.#fetch(connection, { conversation: id, ...(older ? { before_seq: edge } : { after_seq: edge }), limit }, ({ messages, more }) => {
        const held = this.#state.windows.get(id)
        // Somebody else was faster, or it was released.
        if (!held || (older ? held.items[0]?.seq : held.items.at(-1)?.seq) !== edge) return
        const items = older ? [...messages, ...held.items] : [...held.items, ...messages]
        this.#state.setWindow(id, { ...held, items, ...(older ? { hasOlder: more } : { hasNewer: more }) })
      })
      const now = this.#state.windows.get(id)
      this.#state.recount(id)
      return (older ? now?.hasOlder : now?.hasNewer) ?? false
    })
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
    await this.#page(connection, this.host.ask(connection, 'group.summary', { before }), ({ conversations }) => {
      const found = conversations.filter((other) => other.id === id)
      this.#putSummary({ conversations: found })
      // Something was said in it just now: it stands above that page.
      if (found.length === 0) this.#heard.add(id)
    })
    this.#top()
  }
}
