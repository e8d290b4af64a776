/** Receipts: gathered, sent again after a break, never backwards. */
import type { Clock } from './api.js'
import { type Backoff, pause } from './reconnect.js'
import type { State } from './state.js'

/** Receipts of so long go together. */
const GATHER = 250
/** Receipts for this many conversations are under way at once. */
const RECEIPTS = 8

/** What became of a receipt: the server has it, can't take it now, or does not want it. */
export type Outcome = 'done' | 'again' | 'refused'

const KINDS = ['read', 'delivered'] as const

/** See the top of the file. */
export class Receipts {
  readonly #wanted = { delivered: new Map<string, number>(), read: new Map<string, number>() }
  /** Up to where the server knows. */
  readonly #done = { delivered: new Map<string, number>(), read: new Map<string, number>() }
  #timer: unknown
  /** Conversations whose receipt is under way. Reading does not wait for what has arrived: there may be no later. */
  readonly #sending = { delivered: new Set<string>(), read: new Set<string>() }
  /** How many came to nothing since one got through, and until when none is tried again. */
  #failures = 0
  #until = 0

  constructor(
    private readonly state: State,
    private readonly clock: Clock,
    private readonly send: (kind: 'delivered' | 'read', conversation: string, seq: number) => Promise<Outcome>,
    private readonly isReady: () => boolean,
    private readonly backoff: Backoff,
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
    for (const kind of KINDS) {
      this.#wanted[kind].delete(id)
      this.#done[kind].delete(id)
    }
  }

  /** A session began: what the server did not take before, it may take now. */
  resume(): void {
    this.#failures = 0
    this.#until = 0
    this.flush()
  }

  /** No session is to come soon. */
  stop(): void {
    this.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Sends now what was to be gathered: there may be no later. */
  flush(): void {
    this.stop()
    // Planned before something failed.
    if (this.clock.now() < this.#until) return this.#plan()
    while (this.isReady() && this.#sending.read.size + this.#sending.delivered.size < (this.#failures > 0 ? 1 : RECEIPTS)) {
      // The more important ones first, as long as nothing fails: then one kind must not keep the other waiting either.
      const [first, second] = this.#failures % 2 === 0 ? KINDS : KINDS.toReversed()
      const next = this.#next(first!) ?? this.#next(second!)
      if (!next) return
      const { kind, id, seq } = next
      this.#sending[kind].add(id)
      void this.send(kind, id, seq)
        .then((outcome) => {
          const wanted = this.#wanted[kind].get(id)
          if (outcome === 'again') {
            // To the end of the line: what fails in one conversation must not keep the others waiting.
            if (wanted !== undefined && this.#wanted[kind].delete(id)) this.#wanted[kind].set(id, wanted)
            return this.#rest()
          }
          this.#failures = 0
          if (outcome === 'done') this.#done[kind].set(id, Math.max(seq, this.#done[kind].get(id) ?? 0))
          if (wanted !== undefined && wanted <= seq) this.#wanted[kind].delete(id)
        })
        .finally(() => {
          this.#sending[kind].delete(id)
          if (this.#wanted.read.size + this.#wanted.delivered.size > 0) this.#plan()
        })
    }
  }

  /** The server is busy or away: one receipt at a time finds out whether it still is, after growing pauses. */
  #rest(): void {
    // Those that were under way together failed together.
    if (this.clock.now() < this.#until) return
    this.#until = this.clock.now() + pause(this.#failures++, this.backoff, () => this.clock.random())
  }

  #want(kind: 'delivered' | 'read', id: string, seq: number): void {
    const reached = Math.max(this.#done[kind].get(id) ?? 0, this.#done.read.get(id) ?? 0, this.#wanted[kind].get(id) ?? 0)
    if (seq <= reached) return
    this.#wanted[kind].set(id, seq)
    this.#plan()
  }

  #plan(): void {
    if (this.isReady()) this.#timer ??= this.clock.setTimeout(() => this.flush(), Math.max(GATHER, this.#until - this.clock.now()))
  }

  #next(kind: 'delivered' | 'read'): { kind: 'delivered' | 'read'; id: string; seq: number } | undefined {
    for (const [id, seq] of this.#wanted[kind]) {
      if (this.#sending[kind].has(id) || this.#sending.read.has(id)) continue
      // Reading says it too.
      if (kind === 'delivered' && seq <= Math.max(this.#done.read.get(id) ?? 0, this.#wanted.read.get(id) ?? 0)) this.#wanted.delivered.delete(id)
      else return { kind, id, seq }
    }
    return undefined
  }
}
