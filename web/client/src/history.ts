/** What is held of conversations beside their summaries: stretches of messages, and members. */
import type { MessageWindow } from './api.js'
import type { Connection } from './connection.js'
import type { Member, Message } from './generated.js'
import type { Pages } from './pages.js'
import type { History, RequestData } from './protocol.js'
import type { State } from './state.js'

/** What a page of messages holds at most. */
const PAGE = 200
/** The first page of a conversation. */
const FIRST_PAGE = 50
/** Members of conversations up to this size are known one by one. */
const SMALL = 50
/** Lists of members up to this size are kept up to date over a reconnect; longer ones are forgotten. */
const MEMBERS_KEPT = 200
/** Conversations that are read again at the same time. */
const AT_ONCE = 4

/** A place in a conversation: where it ends. */
const NEWEST = Number.POSITIVE_INFINITY

/** Held of a conversation that was released meanwhile. */
const NOTHING: MessageWindow = { items: [], hasOlder: false, hasNewer: false }

/** What the messages that are held need to know, and whom they tell. */
export interface Host {
  state: State
  /** How many messages of a conversation are held after a reconnect. */
  held: number
  /** Asks how users are seen. */
  statusesOf(users: readonly string[]): Promise<void>
  /** Its unread messages must be asked for. */
  recount(conversation: string): void
  arrived(message: Message, isNew: boolean): void
}

/** See the top of the file. */
export class Held {
  /** Counts how often the messages held of a conversation were begun anew. */
  readonly #begun = new Map<string, number>()
  /** The place of a conversation that was asked for last, until it is released. */
  readonly #wanted = new Map<string, number>()
  /** Conversations all of whose members were asked for, until they are released. */
  readonly #listed = new Set<string>()
  /** Conversations whose members are on their way to {@link Held.know}. */
  readonly #asked = new Set<string>()

  constructor(
    private readonly host: Host,
    private readonly pages: Pages,
  ) {}

  /** Reads everything again that is held. */
  async reread(connection: Connection): Promise<void> {
    const work: Array<() => Promise<unknown>> = []
    const { conversations, members, windows } = this.host.state
    for (const id of new Set([...members.keys(), ...windows.keys()])) {
      const conversation = conversations.get(id)
      if (!conversation) {
        this.host.state.removeConversation(id)
        continue
      }
      if (conversation.kind !== 'private') {
        const known = members.get(id)
        const most = known ? MEMBERS_KEPT : SMALL
        // Those of all groups that somebody looked at once would become more and more.
        const isShown = windows.has(id) || this.#listed.has(id)
        if (isShown && Math.max(conversation.member_count, known?.length ?? 0) <= most) work.push(() => this.#readMembers(connection, id))
        else if (members.delete(id)) this.host.state.touch(`members:${id}`)
      }
      if (windows.has(id)) work.push(() => this.#rereadWindow(connection, id))
    }
    const one = async () => {
      for (let next = work.shift(); next; next = work.shift()) await next()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
  }

  // --- Members ---

  #readMembers(connection: Connection, id: string): Promise<Member[]> {
    const all = async () => {
      const members: Member[] = []
      for (let more = true; more; ) {
        const after = members.at(-1)?.user.id
        const data = { conversation: id, limit: PAGE, ...(after !== undefined && { after }) }
        const page = await this.pages.ask(connection, 'group.members', data, () => {})
        members.push(...page.members)
        more = page.more && page.members.length > 0
      }
      return members
    }
    // As one page: what overtakes the first of them must not be lost with the last.
    return this.pages.put(connection, all(), (members) => {
      this.host.state.setMembers(id, members, members.length, true)
      this.host.state.raise(id)
    })
  }

  /** The members of a small conversation that is not open, for how far they have come. */
  async know(id: string): Promise<void> {
    const { connection } = this.pages
    if (!connection || this.#asked.has(id) || (this.host.state.conversations.get(id)?.member_count ?? 0) > SMALL) return
    this.#asked.add(id)
    await this.#readMembers(connection, id).finally(() => this.#asked.delete(id))
  }

  /** All members of a conversation. */
  async loadMembers(id: string, until: number): Promise<readonly Member[]> {
    this.#listed.add(id)
    const read = await this.pages.lasting(until, (connection) => this.#readMembers(connection, id))
    // What came meanwhile may have changed them, or made them forgotten.
    return this.host.state.members.get(id) ?? read
  }

  // --- Messages ---

  /** Reads again what is held of a conversation, and what came after it. */
  async #rereadWindow(connection: Connection, id: string): Promise<void> {
    const window = this.host.state.windows.get(id)
    const conversation = this.host.state.conversations.get(id)
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
        let held = this.host.state.windows.get(id)
        if (!held || this.#begun.get(id) !== begun) {
          // Released meanwhile, or shown elsewhere.
          more = false
          return
        }
        if (begin === from - 1 && from > first) held = { ...held, items: held.items.filter(({ seq }) => seq >= from), hasOlder: true }
        const before = page.more && last !== undefined ? last + 1 : Number.POSITIVE_INFINITY
        const kept = (side: (seq: number) => boolean) => held.items.filter(({ seq }) => side(seq))
        const items = [...kept((seq) => seq <= begin), ...page.messages, ...kept((seq) => seq >= before)]
        this.host.state.setWindow(id, { items, hasOlder: held.hasOlder, hasNewer: held.hasNewer && page.more })
        after = last ?? begin
      })
    }
    this.host.state.raise(id)
    // Where the last ones are missing (their author is blocked), nobody has counted since the window lost them.
    if (!this.host.state.recount(id) && this.host.state.windows.get(id)?.hasNewer === false) this.host.recount(id)
  }

  /** Reads one message again. */
  async refetch(id: string, seq: number): Promise<void> {
    const connection = this.pages.connection
    if (!connection) return
    await this.pages.ask(connection, 'message.fetch', { conversation: id, after_seq: seq - 1, limit: 1 }, ({ messages }) => {
      for (const message of messages) this.host.state.putMessage(message)
    })
  }

  #fetch(connection: Connection, data: RequestData<'message.fetch'>, put: (page: History) => void): Promise<History> {
    return this.pages.ask(connection, 'message.fetch', data, (page) => {
      put(page)
      // Among them may be what was sent without an answer.
      for (const message of page.messages) this.host.arrived(message, false)
    })
  }

  #beginWindow(id: string, window: MessageWindow): void {
    this.#begun.set(id, (this.#begun.get(id) ?? 0) + 1)
    this.host.state.setWindow(id, window)
  }

  /** Forgets what is held of a conversation. */
  release(id: string): void {
    this.#begun.set(id, (this.#begun.get(id) ?? 0) + 1)
    this.#wanted.delete(id)
    this.#listed.delete(id)
    if (this.host.state.windows.delete(id)) this.host.state.touch(`messages:${id}`)
  }

  #window(id: string): MessageWindow {
    return this.host.state.windows.get(id) ?? NOTHING
  }

  /** Holds a conversation's newest messages, or those around a number, unless another place is asked for before they come. */
  open(id: string, until: number, around = NEWEST): Promise<MessageWindow> {
    this.#wanted.set(id, around)
    const isOver = () => this.#wanted.get(id) !== around
    return this.pages.lasting(until, async (connection) => {
      if (isOver()) return this.#window(id)
      const known = this.host.state.windows.get(id)
      if (known && (around === NEWEST ? !known.hasNewer : known.items.some(({ seq }) => seq === around))) return known
      if (around === NEWEST) {
        await this.#fetch(connection, { conversation: id, limit: FIRST_PAGE }, ({ messages, more }) => {
          if (!isOver()) this.#beginWindow(id, { items: messages, hasOlder: more, hasNewer: false })
        })
      } else {
        const older = await this.#fetch(connection, { conversation: id, before_seq: around, limit: FIRST_PAGE / 2 }, () => {})
        if (isOver()) return this.#window(id)
        await this.#fetch(connection, { conversation: id, after_seq: around - 1, limit: FIRST_PAGE / 2 }, ({ messages, more }) => {
          if (!isOver()) this.#beginWindow(id, { items: [...older.messages, ...messages], hasOlder: older.more, hasNewer: more })
        })
        // What was changed in the older ones between the two pages.
        await this.#rereadWindow(connection, id)
      }
      if (isOver()) return this.#window(id)
      await this.#mates(connection, id)
      this.host.state.raise(id)
      this.host.state.recount(id)
      return this.#window(id)
    })
  }

  /** The members of a small conversation, for how far they have read, and how they are seen. */
  async #mates(connection: Connection, id: string): Promise<void> {
    const conversation = this.host.state.conversations.get(id)
    if (!conversation || conversation.member_count > SMALL) return
    if (!this.host.state.members.has(id)) await this.#readMembers(connection, id)
    const users = this.host.state.members.get(id)?.map(({ user }) => user.id) ?? []
    await this.host.statusesOf(users.filter((user) => !this.host.state.statuses.has(user)))
  }

  /** Adds a page at one end, and says whether there is more. */
  extend(id: string, older: boolean, limit: number, until: number): Promise<boolean> {
    if (!this.#wanted.has(id)) this.#wanted.set(id, NEWEST)
    return this.pages.lasting(until, async (connection) => {
      const place = this.#wanted.get(id)
      // Released meanwhile.
      if (place === undefined) return false
      const window = this.host.state.windows.get(id) ?? (await this.open(id, until, place))
      const edge = older ? window.items[0]?.seq : window.items.at(-1)?.seq
      if (edge === undefined || !(older ? window.hasOlder : window.hasNewer)) return false
      await this.#fetch(connection, { conversation: id, ...(older ? { before_seq: edge } : { after_seq: edge }), limit }, ({ messages, more }) => {
        const held = this.host.state.windows.get(id)
        // Somebody else was faster, or it was released.
        if (!held || (older ? held.items[0]?.seq : held.items.at(-1)?.seq) !== edge) return
        const items = older ? [...messages, ...held.items] : [...held.items, ...messages]
        this.host.state.setWindow(id, { ...held, items, ...(older ? { hasOlder: more } : { hasNewer: more }) })
      })
      const now = this.host.state.windows.get(id)
      this.host.state.recount(id)
      return (older ? now?.hasOlder : now?.hasNewer) ?? false
    })
  }
}
