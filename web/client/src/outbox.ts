/** Messages on their way: kept until the server confirms or refuses them, sent in the order of writing. */
import type { Clock, Outgoing, OutboxStore, PendingMessage } from './api.js'
import { dateOf, type Deferred, deferred, uuid } from './clock.js'
import { PalabreError } from './errors.js'
import type { Message } from './generated.js'
import { Kept, type Look } from './kept.js'
import { type Backoff, pause } from './reconnect.js'

/** What the outbox needs of the client. */
export interface Host {
  store: OutboxStore
  backoff: Backoff
  clock: Clock
  /** Sends one; rejects with `disconnected` when the connection goes, and only then may it be sent again without a pause. */
  send(entry: Outgoing): Promise<Message>
  isReady(): boolean
  /** The conversation a target means, as far as is known. */
  conversation(target: Outgoing['target']): string | undefined
  /** Whether a message is known to be on the server. */
  isKnown(id: string): boolean
  changed(): void
  sent(message: Message): void
  failed(message: PendingMessage): void
}

interface Entry {
  outgoing: Outgoing
  view: PendingMessage
  /** Where it stands in the line: when it was written, or tried again. */
  place: number
  /** When it was first heard of here. */
  since: number
  /** How often in a row the server did not answer it, though the connection lived. */
  unanswered: number
}

/** A fault of the server is worth so many tries, and so is its silence: what it can't read it can't refuse. */
const FAULTS = 3
/** What is in the outbox for longer may have been sent or given up by another client meanwhile: the store knows. */
const LOOK_AFTER = 1_000
/** What another client wrote is left to it for so long; then it is taken over, for that client may be gone. */
const TAKE_OVER = 10_000
/** As long is waited for a message that another client sent or gave up: it shows which. */
const SEEN = 20_000
/** So many that were confirmed are remembered. */
const SENT = 500

const abandoned = () => new PalabreError('aborted', 'the message was discarded')
const elsewhere = () => new PalabreError('aborted', 'another client of this user sent or discarded the message')

/** See the top of the file. */
export class Outbox {
  readonly #entries = new Map<string, Entry>()
  readonly #lanes = new Set<string>()
  readonly #awaited = new Map<string, Deferred<Message>>()
  readonly #kept: Kept
  /** Those of the awaited that another client has sent or given up. */
  readonly #lost = new Map<string, unknown>()
  /** The last ones that were confirmed: somebody may yet ask what became of them. */
  readonly #sent = new Map<string, Message>()
  /** What is shown, of a conversation or all of it: the same as long as nothing changes. */
  readonly #lists = new Map<string | undefined, readonly PendingMessage[]>()
  /** The store was looked at, as far as it can be: what it holds goes first. */
  #looked = false
  /** Contacts were read: until then nobody knows whether a person and a conversation are the same place. */
  #located = false
  #timer: unknown
  /** What ends the pauses before another try, by their timers. */
  readonly #pauses = new Map<unknown, () => void>()
  /** When the last one was written. */
  #written = 0

  constructor(private readonly host: Host) {
    this.#kept = new Kept(host.store, host.clock, (look) => this.#found(look), () => this.#keepAll())
  }

  /** Says whose outbox it is: what was left in the store is taken up, and sent before anything else. */
  identify(account: string): void {
    const isFirst = this.#kept.account === undefined
    this.#kept.open(account)
    if (!isFirst) return
    this.#keepAll()
    this.resume()
  }

  #keepAll(): void {
    for (const { outgoing } of this.#entries.values()) this.#kept.put(outgoing)
  }

  /** A session began, or may begin: looks at what others left in the store, then sends what waits. */
  resume(): void {
    this.#looked = false
    void this.#kept.look().then(() => {
      this.#looked = true
      this.pump()
    })
  }

  /** Resolves when what was to be kept is kept. */
  async close(): Promise<void> {
    this.#stop()
    // What the store told until then may have begun to wait for something.
    if (await this.#kept.close()) this.#stop()
  }

  #stop(): void {
    const { clock } = this.host
    clock.clearTimeout(this.#timer)
    for (const id of [...this.#lost.keys()]) this.#reject(id, elsewhere())
    for (const [timer, end] of this.#pauses) {
      clock.clearTimeout(timer)
      end()
    }
    this.#pauses.clear()
  }

  #found({ kept, missing, isNews }: Look): void {
    const { clock } = this.host
    const now = dateOf(clock)
    let wait = Number.POSITIVE_INFINITY
    let isChanged = false
    for (const outgoing of kept) {
      const entry = this.#entries.get(outgoing.id)
      // Whoever sent it was gone before the store had it removed. What its id means elsewhere is another message.
      if (!entry && outgoing.failed?.code !== 'id_taken' && this.host.isKnown(outgoing.id)) {
        void this.#kept.remove(outgoing.id)
        continue
      }
      // The clock was set back, if it is not written yet.
      const age = Math.abs(now - outgoing.created)
      if (entry ? entry.view.state === 'sending' || !entry.outgoing.failed === !outgoing.failed : isNews && age < TAKE_OVER) {
        // Whoever wrote it just now is about to send it.
        if (!entry) wait = Math.min(wait, TAKE_OVER - age)
        continue
      }
      this.#set(outgoing, outgoing.created)
      isChanged = true
    }
    clock.clearTimeout(this.#timer)
    if (wait < Number.POSITIVE_INFINITY) this.#timer = clock.setTimeout(() => void this.#kept.look(true), wait)
    for (const id of missing) {
      if (!this.#entries.delete(id)) continue
      isChanged = true
      // If it was sent, it is about to be seen.
      if (this.#awaited.has(id)) this.#lost.set(id, clock.setTimeout(() => this.#reject(id, elsewhere()), SEEN))
    }
    if (!isChanged) return
    // What was written earlier goes first, wherever it was written.
    const entries = [...this.#entries].sort(([, a], [, b]) => a.place - b.place)
    this.#entries.clear()
    for (const [id, entry] of entries) this.#entries.set(id, entry)
    this.#changed()
    this.pump()
  }

  /** In the order of sending. */
  pending(conversation?: string): readonly PendingMessage[] {
    let list = this.#lists.get(conversation)
    if (!list) {
      const all = [...this.#entries.values()].map(({ view }) => view)
      this.#lists.set(conversation, (list = conversation === undefined ? all : all.filter((view) => view.conversation === conversation)))
    }
    return list
  }

  add(message: Omit<Outgoing, 'id' | 'created'>): PendingMessage {
    // What is written in the same moment keeps its order in the store, too.
    this.#written = Math.max(dateOf(this.host.clock), this.#written + 1)
    const outgoing: Outgoing = { ...message, id: uuid(), created: this.#written }
    const view = this.#set(outgoing, outgoing.created)
    this.#kept.put(outgoing)
    this.pump()
    return view
  }

  /** The fate of a message that is pending, or was sent a while ago. */
  fate(id: string): Promise<Message> | undefined {
    const entry = this.#entries.get(id)
    const message = this.#sent.get(id)
    if (!entry) return message && Promise.resolve(message)
    if (entry.view.error) return Promise.reject(entry.view.error)
    let awaited = this.#awaited.get(id)
    if (!awaited) this.#awaited.set(id, (awaited = deferred()))
    return awaited.promise
  }

  retry(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry?.outgoing.failed) return
    const { failed, ...outgoing } = entry.outgoing
    // The id means something else on the server: this message needs another.
    const isTaken = failed.code === 'id_taken'
    if (isTaken) outgoing.id = uuid()
    // To the end of the line; but it is not new, so the store is looked at before it is sent.
    this.#entries.delete(id)
    this.#set(outgoing, dateOf(this.host.clock), entry.since)
    if (isTaken) {
      // In this order, so that it is in the store at any time.
      this.#kept.put(outgoing)
      void this.#kept.remove(id)
    } else this.#kept.change(outgoing)
    this.pump()
  }

  /** Resolves when the store has it removed. */
  discard(id: string): Promise<void> {
    if (!this.#entries.has(id)) return Promise.resolve()
    const removed = this.#forget(id)
    this.#reject(id, abandoned())
    return removed
  }

  /** How many wait, also of what only the store knows; a store that fails or does not answer knows of none. */
  async count(): Promise<number> {
    const stored = await this.#kept.ids().catch(() => [])
    return new Set([...this.#entries.keys(), ...stored]).size
  }

  /** Gives up everything, also what only the store knows of. Resolves when the store has it removed. */
  discardAll(): Promise<void> {
    for (const id of [...this.#entries.keys()]) void this.discard(id)
    return this.#kept.clear((ids) => {
      for (const id of ids) {
        if (this.#entries.delete(id)) this.#changed()
        this.#reject(id, abandoned())
      }
    })
  }

  /** The server has it. */
  confirm(message: Message): void {
    const { id } = message
    if (this.#entries.has(id)) {
      void this.#forget(id)
      this.#sent.set(id, message)
      if (this.#sent.size > SENT) this.#sent.delete(this.#sent.keys().next().value!)
      this.host.sent(message)
    }
    this.#settle(id)?.resolve(message)
  }

  /** Sends what waits, one after the other in each conversation. */
  pump(): void {
    if (!this.#looked || !this.host.isReady()) return
    for (const outgoing of this.#line()) {
      const lane = this.#lane(outgoing)
      if (this.#lanes.has(lane)) continue
      this.#lanes.add(lane)
      void this.#run(lane).finally(() => {
        this.#lanes.delete(lane)
        if (this.#next(lane)) this.pump()
      })
    }
  }

  #lane({ target }: Outgoing): string {
    return this.host.conversation(target) ?? `to ${target.to}`
  }

  /** What may be sent, in its order. */
  *#line(): Iterable<Outgoing> {
    for (const { outgoing } of this.#entries.values()) {
      if (outgoing.failed) continue
      // What stands behind it may be for the same conversation.
      if (!this.#located && this.host.conversation(outgoing.target) === undefined) return
      yield outgoing
    }
  }

  #next(lane: string): Outgoing | undefined {
    for (const outgoing of this.#line()) if (this.#lane(outgoing) === lane) return outgoing
    return undefined
  }

  async #run(lane: string): Promise<void> {
    let tries = 0
    for (let outgoing = this.#next(lane); outgoing && this.host.isReady(); outgoing = this.#next(lane)) {
      const { id } = outgoing
      if (this.#isOld(id)) {
        await this.#kept.look(true)
        if (this.#next(lane)?.id !== id || !this.host.isReady()) continue
      }
      this.#show(id, 'sending')
      try {
        this.confirm(await this.host.send(outgoing))
        tries = 0
      } catch (error) {
        const entry = this.#entries.get(id)
        if (!entry) continue
        const known = error instanceof PalabreError ? error : new PalabreError('internal', String(error), 500)
        entry.unanswered = known.code === 'timeout' ? entry.unanswered + 1 : 0
        const isHopeless = entry.unanswered >= FAULTS
        if (!isHopeless && (known.code === 'disconnected' || known.code === 'timeout' || known.code === 'closed')) {
          // The next connection sends it again.
          this.#show(id, 'queued')
          return
        }
        const isFault = known.code === 'internal' && ++tries < FAULTS
        // A session that is signed out ends; this message goes with the next one.
        if (isHopeless || (!known.isTransient && !isFault && known.status !== 401)) {
          tries = 0
          this.#fail(id, known)
          continue
        }
        this.#show(id, 'queued')
        const { backoff, clock } = this.host
        const ms = known.retryAfterMs ?? pause(isFault ? tries : tries++, backoff, () => clock.random())
        if (this.host.isReady()) await this.#rest(ms)
      }
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.host.clock.setTimeout(() => {
        this.#pauses.delete(timer)
        resolve()
      }, ms)
      this.#pauses.set(timer, resolve)
    })
  }

  #isOld(id: string): boolean {
    const known = Math.max(this.#entries.get(id)?.since ?? 0, this.#kept.lookedAt)
    return this.host.clock.now() - known > LOOK_AFTER
  }

  #set(outgoing: Outgoing, place: number, since = this.#entries.get(outgoing.id)?.since ?? this.host.clock.now()): PendingMessage {
    const conversation = this.host.conversation(outgoing.target)
    const error = outgoing.failed && new PalabreError(outgoing.failed.code as PalabreError['code'], outgoing.failed.message, outgoing.failed.status)
    const view: PendingMessage = {
      ...outgoing,
      ...(conversation !== undefined && { conversation }),
      state: error ? 'failed' : 'queued',
      ...(error && { error }),
    }
    this.#entries.set(outgoing.id, { outgoing, view, place, since, unanswered: 0 })
    if (error) this.#reject(outgoing.id, error)
    this.#changed()
    return view
  }

  #show(id: string, state: 'queued' | 'sending'): void {
    const entry = this.#entries.get(id)
    if (!entry || entry.view.state === state) return
    entry.view = { ...entry.view, state }
    this.#changed()
  }

  /** Contacts are known by now (`all` of them), and with them where messages to them will be. */
  locate(all = false): void {
    for (const entry of this.#entries.values()) {
      const conversation = this.host.conversation(entry.outgoing.target)
      if (conversation === undefined || conversation === entry.view.conversation) continue
      entry.view = { ...entry.view, conversation }
      this.#changed()
    }
    if (!all || this.#located) return
    this.#located = true
    this.pump()
  }

  #fail(id: string, error: PalabreError): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    const { code, message, status } = error
    entry.outgoing = { ...entry.outgoing, failed: { code, message, status } }
    entry.view = { ...entry.view, failed: { code, message, status }, state: 'failed', error }
    this.#kept.change(entry.outgoing)
    this.#changed()
    this.#reject(id, error)
    this.host.failed(entry.view)
  }

  #forget(id: string): Promise<void> {
    this.#entries.delete(id)
    this.#changed()
    return this.#kept.remove(id)
  }

  #reject(id: string, error: PalabreError): void {
    this.#settle(id)?.reject(error)
  }

  #settle(id: string): Deferred<Message> | undefined {
    const awaited = this.#awaited.get(id)
    this.#awaited.delete(id)
    this.host.clock.clearTimeout(this.#lost.get(id))
    this.#lost.delete(id)
    return awaited
  }

  #changed(): void {
    this.#lists.clear()
    this.host.changed()
  }
}
