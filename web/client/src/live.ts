/** What lasts only for moments: who is typing, answers that bots are giving, receipts on their way. */
import type { Clock } from './api.js'
import type { Message } from './generated.js'
import type { Chunk, Pushes } from './protocol.js'
import type { State } from './state.js'

/** Typing ends by itself after so long. */
const TYPING = 6_000
/** One's own is repeated after so long. */
const TYPING_AGAIN = 4_000
/** Receipts of so long go together. */
const GATHER = 250
/** Receipts for this many conversations are under way at once. */
const RECEIPTS = 8
/** Chunks that wait for one before them: an answer is not longer. */
const CHUNKS_HELD = 4_096

/** Who is typing. */
export class Typing {
  readonly #timers = new Map<string, unknown>()
  readonly #told = new Map<string, number>()

  constructor(
    private readonly state: State,
    private readonly clock: Clock,
    private readonly send: (conversation: string, typing: boolean) => void,
  ) {}

  push({ conversation, user, typing }: Pushes['typing.update']): void {
    if (user.id === this.state.me) return
    const key = `${conversation} ${user.id}`
    this.clock.clearTimeout(this.#timers.get(key))
    this.#timers.delete(key)
    const others = (this.state.typing.get(conversation) ?? []).filter(({ id }) => id !== user.id)
    if (typing) {
      this.#timers.set(key, this.clock.setTimeout(() => this.push({ conversation, user, typing: false }), TYPING))
      others.push(user)
    }
    if (others.length > 0) this.state.typing.set(conversation, others)
    else if (!this.state.typing.delete(conversation)) return
    this.state.touch(`typing:${conversation}`)
  }

  /** Who wrote something is done typing it. */
  wrote({ conversation, author }: Message): void {
    if (this.state.typing.get(conversation)?.some(({ id }) => id === author.id)) this.push({ conversation, user: author, typing: false })
    if (author.id === this.state.me) this.#told.delete(conversation)
  }

  /** Nobody is known to be typing any more. */
  clear(): void {
    for (const timer of this.#timers.values()) this.clock.clearTimeout(timer)
    this.#timers.clear()
    this.#told.clear()
    for (const conversation of this.state.typing.keys()) this.state.touch(`typing:${conversation}`)
    this.state.typing.clear()
  }

  /** One's own: told at once, and again while it goes on. */
  own(conversation: string, typing: boolean): void {
    const told = this.#told.get(conversation)
    const now = this.clock.now()
    if (typing) {
      if (told !== undefined && now - told < TYPING_AGAIN) return
      this.#told.set(conversation, now)
    } else {
      this.#told.delete(conversation)
      // It has ended by itself.
      if (told === undefined || now - told >= TYPING) return
    }
    this.send(conversation, typing)
  }
}

/** Answers that bots are giving. */
export class Streams {
  /** By conversation: the last index joined, and the chunks that came too early. */
  readonly #joined = new Map<string, { index: number; early: Map<number, string> }>()

  constructor(private readonly state: State) {}

  chunk({ conversation, message, index, text }: Chunk): void {
    const stream = this.state.streams.get(conversation)
    const joined = this.#joined.get(conversation)
    if (!stream || !joined || stream.message !== message) {
      // The first one that is heard of holds all so far.
      this.#joined.set(conversation, { index, early: new Map() })
      return this.#show({ conversation, message, text })
    }
    if (index <= joined.index || joined.early.size >= CHUNKS_HELD) return
    joined.early.set(index, text)
    let whole = stream.text
    for (let next = joined.early.get(joined.index + 1); next !== undefined; next = joined.early.get(joined.index + 1)) {
      joined.early.delete(++joined.index)
      whole += next
    }
    if (whole !== stream.text) this.#show({ conversation, message, text: whole })
  }

  error({ conversation, code, message }: Pushes['llm.error']): void {
    const stream = this.state.streams.get(conversation)
    this.#joined.delete(conversation)
    this.#show({ conversation, message: stream?.message ?? '', text: stream?.text ?? '', error: { code, message } })
  }

  /** The answer is there, or somebody says something else. */
  end(conversation: string): void {
    this.#joined.delete(conversation)
    if (this.state.streams.delete(conversation)) this.state.touch(`stream:${conversation}`)
  }

  /** A new message ends what is left of an answer that broke off. */
  wrote(conversation: string): void {
    if (this.state.streams.get(conversation)?.error) this.end(conversation)
  }

  clear(): void {
    for (const conversation of [...this.state.streams.keys()]) this.end(conversation)
  }

  #show(stream: { conversation: string; message: string; text: string; error?: { code: string; message: string } }): void {
    this.state.streams.set(stream.conversation, stream)
    this.state.touch(`stream:${stream.conversation}`)
  }
}

/** Receipts: gathered, sent again after a break, never backwards. */
export class Receipts {
  readonly #wanted = { delivered: new Map<string, number>(), read: new Map<string, number>() }
  /** Up to where the server knows. */
  readonly #done = { delivered: new Map<string, number>(), read: new Map<string, number>() }
  #timer: unknown
  /** Conversations whose receipt is under way. */
  readonly #sending = new Set<string>()

  constructor(
    private readonly state: State,
    private readonly clock: Clock,
    /** Says whether it is done, or is to be tried again. */
    private readonly send: (kind: 'delivered' | 'read', conversation: string, seq: number) => Promise<'done' | 'again'>,
    private readonly isReady: () => boolean,
  ) {}

  /** Messages up to this one are on the screen. */
  read(id: string, seq: number): void {
    const conversation = this.state.conversations.get(id)
    if (!conversation) return
    const upTo = Math.min(seq, conversation.last_seq)
    if (upTo <= conversation.read_seq) return
    this.#want('read', id, upTo)
    this.assume(id)
  }

  /** Messages up to this one have arrived. */
  delivered(id: string, seq: number): void {
    const me = this.state.me
    const known = this.state.members.get(id)?.find(({ user }) => user.id === me)?.delivered_seq ?? 0
    if (seq > known) this.#want('delivered', id, seq)
  }

  /** Shows what the server will say when it knows. */
  assume(id: string): void {
    const conversation = this.state.conversations.get(id)
    const seq = this.#wanted.read.get(id)
    if (!conversation || seq === undefined || seq <= conversation.read_seq) return
    // Not counting what is not at hand: the server's number comes with its answer.
    this.state.patch(id, { read_seq: seq })
    this.state.recount(id)
  }

  forget(id: string): void {
    for (const kind of ['delivered', 'read'] as const) {
      this.#wanted[kind].delete(id)
      this.#done[kind].delete(id)
    }
  }

  /** Sends what waits. */
  flush(): void {
    this.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.isReady() && this.#sending.size < RECEIPTS) {
      const next = this.#next('read') ?? this.#next('delivered')
      if (!next) return
      const { kind, id, seq } = next
      this.#sending.add(id)
      void this.send(kind, id, seq)
        .then((outcome) => {
          if (outcome === 'again') return
          this.#done[kind].set(id, Math.max(seq, this.#done[kind].get(id) ?? 0))
          if ((this.#wanted[kind].get(id) ?? 0) <= seq) this.#wanted[kind].delete(id)
        })
        .finally(() => {
          this.#sending.delete(id)
          if (this.#wanted.read.size + this.#wanted.delivered.size > 0) this.#plan()
        })
    }
  }

  #want(kind: 'delivered' | 'read', id: string, seq: number): void {
    const reached = Math.max(this.#done[kind].get(id) ?? 0, this.#done.read.get(id) ?? 0, this.#wanted[kind].get(id) ?? 0)
    if (seq <= reached) return
    this.#wanted[kind].set(id, seq)
    this.#plan()
  }

  #plan(): void {
    if (this.isReady()) this.#timer ??= this.clock.setTimeout(() => this.flush(), GATHER)
  }

  #next(kind: 'delivered' | 'read'): { kind: 'delivered' | 'read'; id: string; seq: number } | undefined {
    for (const [id, seq] of this.#wanted[kind]) {
      if (this.#sending.has(id)) continue
      // Reading says it too.
      if (kind === 'delivered' && seq <= Math.max(this.#done.read.get(id) ?? 0, this.#wanted.read.get(id) ?? 0)) this.#wanted.delivered.delete(id)
      else return { kind, id, seq }
    }
    return undefined
  }
}
