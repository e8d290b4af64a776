/** What is known, and who is told that it changed. Nothing in it is changed in place: what changes is replaced. */
import type { ConversationState, MessageWindow, Own, Stream, Topic } from './api.js'
import type { Contact, Conversation, Member, Message, Status, User } from './generated.js'
import type { Pushes, Ready } from './protocol.js'

/** As in the server's summaries. */
const SUMMARY_CHARACTERS = 200
/** More unread messages than this are not counted, as by the server. */
const MOST_UNREAD = 1_000

const RANK = { SENT: 0, DELIVERED: 1, READ: 2 } as const

/** A message with its body as summaries have it. */
export function cut(message: Message): Message {
  if (message.body.length <= SUMMARY_CHARACTERS) return message
  const characters = [...message.body]
  return characters.length <= SUMMARY_CHARACTERS ? message : { ...message, body: characters.slice(0, SUMMARY_CHARACTERS).join('') }
}

/** Whether a message was edited or deleted since it was as it is told: a confirmation may be read before that, and told after it. */
const isOlder = (message: Message, known: Message): boolean =>
  !message.deleted_at && (known.deleted_at !== undefined || (known.edited_at ?? '') > (message.edited_at ?? ''))

/** What a message is now, given what was known of it: neither its text nor its status goes back. */
export function newer(known: Message | undefined, message: Message): Message {
  const latest = known && isOlder(message, known) ? known : message
  return known && RANK[known.status] > RANK[latest.status] ? { ...latest, status: known.status } : latest
}

/** How far members other than the author have come, by author. */
function reach(members: readonly Member[]): (author: string) => { delivered: number; read: number } {
  const known = new Map<string, { delivered: number; read: number }>()
  return (author) => {
    let marks = known.get(author)
    if (!marks) {
      const others = members.filter(({ user }) => user.id !== author)
      const least = (of: (member: Member) => number) => (others.length === 0 ? 0 : Math.min(...others.map(of)))
      marks = { delivered: least((member) => member.delivered_seq), read: least((member) => member.read_seq) }
      known.set(author, marks)
    }
    return marks
  }
}

/** Replaces a user wherever they appear in a value; the same value when they don't. */
function replaceUser<T>(value: T, user: User): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => replaceUser(item, user))
    return items.some((item, index) => item !== value[index]) ? (items as T) : value
  }
  const object = value as Record<string, unknown>
  if (object['id'] === user.id && typeof object['username'] === 'string') return user as T
  let changed: Record<string, unknown> | undefined
  for (const [key, field] of Object.entries(object)) {
    // What games carry is theirs.
    if (key === 'payload') continue
    const replaced = replaceUser(field, user)
    if (replaced !== field) (changed ??= { ...object })[key] = replaced
  }
  return (changed as T | undefined) ?? value
}

/** See the top of the file. */
export class State {
  session: Ready | undefined
  quotas: ReadonlyArray<Pushes['quota.warning']> = []
  readonly conversations = new Map<string, ConversationState>()
  readonly windows = new Map<string, MessageWindow>()
  readonly members = new Map<string, readonly Member[]>()
  readonly contacts = new Map<string, Contact>()
  readonly statuses = new Map<string, Status>()
  readonly typing = new Map<string, readonly User[]>()
  readonly streams = new Map<string, Stream>()
  /** How many messages came to the end of a window since it was begun or something was put before its beginning. */
  readonly #grown = new Map<string, number>()
  #changed = new Set<Topic>()
  #sorted: readonly ConversationState[] | undefined
  #contactList: readonly Contact[] | undefined

  constructor(
    /** How many messages of a conversation are held of those that came by themselves. */
    private readonly held: number,
    private readonly tell: (topics: ReadonlySet<Topic>) => void,
  ) {}

  get me(): string | undefined {
    return this.session?.user.id
  }

  /** Something changed: told once for all changes of a moment. */
  touch(...topics: Topic[]): void {
    if (this.#changed.size === 0) {
      queueMicrotask(() => {
        const told = this.#changed
        this.#changed = new Set()
        this.tell(told)
      })
    }
    for (const topic of topics) {
      this.#changed.add(topic)
      if (topic === 'conversations') this.#sorted = undefined
      if (topic === 'contacts') this.#contactList = undefined
    }
  }

  /** Latest activity first. */
  conversationList(): readonly ConversationState[] {
    const latest = (a: ConversationState, b: ConversationState) =>
      b.updated_at < a.updated_at ? -1 : b.updated_at > a.updated_at ? 1 : b.id < a.id ? -1 : 1
    return (this.#sorted ??= [...this.conversations.values()].sort(latest))
  }

  allContacts(): readonly Contact[] {
    return (this.#contactList ??= [...this.contacts.values()])
  }

  // --- Conversations ---

  /** Changes some fields of a conversation that is known. */
  patch(id: string, fields: Partial<ConversationState>): void {
    const known = this.conversations.get(id)
    if (!known) return
    const changed = Object.entries(fields).some(([key, value]) => known[key as keyof ConversationState] !== value)
    if (!changed) return
    this.conversations.set(id, { ...known, ...fields })
    this.touch('conversations')
  }

  /** A conversation as the server describes it to this user: replaces what is known. */
  setConversation({ members, ...conversation }: Conversation & Own): void {
    if (members) this.setMembers(conversation.id, members, conversation.member_count, true)
    this.conversations.set(conversation.id, conversation)
    this.touch('conversations')
  }

  /** What a change of a conversation tells; without what it is to oneself that stays. Says whether the conversation is known. */
  changeConversation({ members, ...change }: Conversation): boolean {
    const known = this.conversations.get(change.id)
    if (!known && change.permission === undefined) return false
    // It may be older than receipts that were heard already: where there was nobody to note them at, they would be lost.
    const isFollowed = !known || this.members.has(change.id) || this.windows.has(change.id)
    if (members && isFollowed) this.setMembers(change.id, members, change.member_count, false)
    // What it may lack is gone (a name, a bot); what never comes with a change stays.
    const kept = known && {
      permission: known.permission,
      read_seq: known.read_seq,
      unread: known.unread,
      ...(known.last_message && { last_message: known.last_message }),
    }
    const conversation = { ...kept, ...change } as ConversationState
    if (known) {
      conversation.last_seq = Math.max(known.last_seq, change.last_seq)
      conversation.read_seq = Math.max(known.read_seq, conversation.read_seq)
      if (known.updated_at > conversation.updated_at) conversation.updated_at = known.updated_at
      // Told before what was said since, which is counted already.
      if (known.last_seq > change.last_seq) conversation.unread = known.unread
    }
    this.conversations.set(change.id, conversation)
    this.touch('conversations')
    this.raise(change.id)
    this.recount(change.id)
    return true
  }

  /** Forgets a conversation and all that belongs to it. */
  removeConversation(id: string): void {
    if (this.conversations.delete(id)) this.touch('conversations')
    if (this.windows.delete(id)) this.touch(`messages:${id}`)
    if (this.members.delete(id)) this.touch(`members:${id}`)
    if (this.typing.delete(id)) this.touch(`typing:${id}`)
    if (this.streams.delete(id)) this.touch(`stream:${id}`)
  }

  // --- Members and how far they have come ---

  /**
   * The members, if these are all of them. A page replaces what was known: after a block watermarks may be lower than before. What a push
   * tells may be older, so there they only go forward.
   */
  setMembers(id: string, members: readonly Member[], count: number, isPage: boolean): void {
    if (members.length < count) {
      if (this.members.delete(id)) this.touch(`members:${id}`)
      return
    }
    const known = new Map(isPage ? [] : this.members.get(id)?.map((member) => [member.user.id, member]))
    const merged = members.map((member) => {
      const before = known.get(member.user.id)
      // Somebody who left and came back begins anew.
      if (!before || before.joined_at !== member.joined_at) return member
      return {
        ...member,
        delivered_seq: Math.max(before.delivered_seq, member.delivered_seq),
        read_seq: Math.max(before.read_seq, member.read_seq),
      }
    })
    this.members.set(id, merged)
    this.touch(`members:${id}`)
  }

  /** A member has come so far. */
  advance(id: string, user: string, delivered: number, read: number): void {
    const members = this.members.get(id)
    const known = members?.find((member) => member.user.id === user)
    if (members && known && (known.delivered_seq < delivered || known.read_seq < read)) {
      const moved = { ...known, delivered_seq: Math.max(known.delivered_seq, delivered), read_seq: Math.max(known.read_seq, read) }
      this.members.set(id, members.map((member) => (member === known ? moved : member)))
      this.touch(`members:${id}`)
      this.raise(id)
    }
    const conversation = this.conversations.get(id)
    if (user === this.me && conversation && conversation.read_seq < read) {
      this.patch(id, { read_seq: read })
      this.recount(id)
    }
  }

  /** Raises the status of messages to what all members have reached. */
  raise(id: string): void {
    const conversation = this.conversations.get(id)
    const members = this.members.get(id)
    // Where the two of a private conversation can't write, receipts may not pass either.
    if (!conversation || !members || (conversation.kind === 'private' && conversation.permission === 'r')) return
    const reached = reach(members)
    this.alter(id, (message) => {
      const { delivered, read } = reached(message.author.id)
      const status = read >= message.seq ? 'READ' : delivered >= message.seq ? 'DELIVERED' : 'SENT'
      return RANK[status] > RANK[message.status] ? { ...message, status } : message
    })
  }

  /** All members have come so far with one's own messages, in a conversation that is too large to know each. */
  raiseOwn(id: string, seq: number, status: 'DELIVERED' | 'READ'): void {
    this.alter(id, (message) =>
      message.author.id === this.me && message.seq <= seq && RANK[message.status] < RANK[status] ? { ...message, status } : message,
    )
  }

  // --- Messages ---

  /** Changes messages of a conversation, wherever they are held. */
  alter(id: string, change: (message: Message) => Message): void {
    const window = this.windows.get(id)
    if (window) {
      const items = window.items.map(change)
      if (items.some((item, index) => item !== window.items[index])) this.setWindow(id, { ...window, items })
    }
    const last = this.conversations.get(id)?.last_message
    if (last) this.patch(id, { last_message: change(last) })
  }

  setWindow(id: string, window: MessageWindow): void {
    if (window.items[0]?.seq !== this.windows.get(id)?.items[0]?.seq) this.#grown.delete(id)
    this.windows.set(id, window)
    this.touch(`messages:${id}`)
  }

  /** A message, new or changed. */
  putMessage(message: Message): void {
    const id = message.conversation
    const window = this.windows.get(id)
    if (window) {
      const { items } = window
      const at = items.findLastIndex(({ seq }) => seq <= message.seq)
      const found = items[at]
      if (found?.seq === message.seq) {
        this.setWindow(id, { ...window, items: items.with(at, newer(found, message)) })
      } else if ((at >= 0 || !window.hasOlder) && (at < items.length - 1 || !window.hasNewer)) {
        this.setWindow(id, { ...window, items: items.toSpliced(at + 1, 0, message) })
        this.#trim(id)
      }
    }
    const conversation = this.conversations.get(id)
    if (!conversation) return
    if (message.seq > conversation.last_seq) {
      const counts = message.author.id !== this.me && !message.deleted_at
      this.patch(id, {
        last_seq: message.seq,
        last_message: cut(message),
        updated_at: message.date > conversation.updated_at ? message.date : conversation.updated_at,
        unread: Math.min(MOST_UNREAD, conversation.unread + (counts ? 1 : 0)),
      })
    } else if (conversation.last_message && message.seq >= conversation.last_message.seq) {
      const known = conversation.last_message.seq === message.seq ? conversation.last_message : undefined
      this.patch(id, { last_message: cut(newer(known, message)) })
    }
    this.recount(id)
  }

  /** Lets go of the old end of what grew by itself: not of what was just loaded there, for somebody looks at it. */
  #trim(id: string): void {
    const window = this.windows.get(id)!
    const grown = (this.#grown.get(id) ?? 0) + 1
    this.#grown.set(id, grown)
    if (grown <= this.held || window.items.length <= 2 * this.held) return
    this.setWindow(id, { ...window, items: window.items.slice(-this.held), hasOlder: true })
  }

  /** Finds a message that is held. */
  message(conversation: string, id: string): Message | undefined {
    return this.windows.get(conversation)?.items.find((message) => message.id === id)
  }

  /** Counts the unread messages, where all of them are at hand; says whether they are. */
  recount(id: string): boolean {
    const conversation = this.conversations.get(id)
    if (!conversation) return true
    if (conversation.read_seq >= conversation.last_seq) {
      this.patch(id, { unread: 0 })
      return true
    }
    const window = this.windows.get(id)
    if (!window || window.hasNewer) return false
    const { items, hasOlder } = window
    const first = items[0]
    if (hasOlder && (!first || first.seq > conversation.read_seq + 1)) return false
    // A page that is under way is missing yet.
    if ((items.at(-1)?.seq ?? 0) < conversation.last_seq) return false
    const unread = items.filter(({ seq, author, deleted_at }) => seq > conversation.read_seq && author.id !== this.me && !deleted_at)
    this.patch(id, { unread: Math.min(MOST_UNREAD, unread.length) })
    return true
  }

  // --- People ---

  setContact(contact: Contact): void {
    if (contact.status === 'removed') this.contacts.delete(contact.user.id)
    else this.contacts.set(contact.user.id, contact)
    this.touch('contacts')
  }

  /** Whether somebody is one whose presence is told, as far as is known here: a contact, or a member of a group. */
  isSeen(user: string): boolean {
    if (this.contacts.get(user)?.status === 'accepted') return true
    return [...this.members].some(([id, members]) => this.conversations.get(id)?.kind !== 'private' && members.some((member) => member.user.id === user))
  }

  setStatus(status: Status): void {
    this.statuses.set(status.user.id, status)
    this.touch('statuses')
  }

  /** A user has another name or picture. */
  setUser(user: User): void {
    if (this.session && user.id === this.me) {
      this.session = { ...this.session, user }
      this.touch('user')
    }
    const through = <V>(map: Map<string, V>, topic: (key: string) => Topic) => {
      for (const [key, value] of map) {
        const replaced = replaceUser(value, user)
        if (replaced !== value) {
          map.set(key, replaced)
          this.touch(topic(key))
        }
      }
    }
    through(this.conversations, () => 'conversations')
    through(this.windows, (id) => `messages:${id}`)
    through(this.members, (id) => `members:${id}`)
    through(this.contacts, () => 'contacts')
    through(this.statuses, () => 'statuses')
    through(this.typing, (id) => `typing:${id}`)
  }
}
