/** Messages on their way: kept until the server confirms or refuses them, sent in the order of writing. */
import type { Clock, Outgoing, OutboxStore, PendingMessage } from './api.js'
import { type Deferred, deferred, uuid } from './clock.js'
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
}

/** A fault of the server is worth so many tries. */
const FAULTS = 3
/** What is in the outbox for longer may have been sent or given up by another client meanwhile: the store knows. */
const LOOK_AFTER = 1_000
/** What another client wrote is left to it for so long; then it is taken over, for that client may be gone. */
const TAKE_OVER = 10_000
/** As long is waited for a message that another client sent or gave up: it shows which. */
const SEEN = 20_000

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
  #list: readonly PendingMessage[] | undefined
  /** The store was looked at, as far as it can be: what it holds goes first. */
  #looked = false
  #timer: unknown
  /** When the last one was written. */
  #written = 0

  constructor(private readonly host: Host) {
    this.#kept = new Kept(host.store, host.clock, (look) => this.#found(look))
  }

  /** Says whose outbox it is: what was left in the store is taken up, and sent before anything else. */
  identify(account: string): void {
    const isFirst = this.#kept.account === undefined
    this.#kept.open(account)
    if (!isFirst) return
    for (const { outgoing } of this.#entries.values()) this.#kept.put(outgoing)
    this.resume()
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
    const { clock } = this.host
    clock.clearTimeout(this.#timer)
    for (const [id, timer] of this.#lost) {
      clock.clearTimeout(timer)
      this.#reject(id, elsewhere())
    }
    await this.#kept.close()
  }

  #found({ kept, missing, isNews }: Look): void {
    const { clock } = this.host
    const now = clock.now()
    let wait = TAKE_OVER
    let isChanged = false
    for (const outgoing of kept) {
      const entry = this.#entries.get(outgoing.id)
      const age = now - outgoing.created
      if (entry ? entry.view.state === 'sending' || !entry.outgoing.failed === !outgoing.failed : isNews && age < TAKE_OVER) {
        // Whoever wrote it just now is about to send it.
        if (!entry) wait = Math.min(wait, TAKE_OVER - age)
        continue
      }
      this.#set(outgoing, outgoing.created)
      isChanged = true
    }
    clock.clearTimeout(this.#timer)
    if (wait < TAKE_OVER) this.#timer = clock.setTimeout(() => void this.#kept.look(true), wait)
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
    this.#list ??= [...this.#entries.values()].map(({ view }) => view)
    return conversation === undefined ? this.#list : this.#list.filter((view) => view.conversation === conversation)
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  add(message: Omit<Outgoing, 'id' | 'created'>): PendingMessage {
    // What is written in the same moment keeps its order in the store, too.
    this.#written = Math.max(this.host.clock.now(), this.#written + 1)
    const outgoing: Outgoing = { ...message, id: uuid(), created: this.#written }
    const view = this.#set(outgoing, outgoing.created)
    this.#kept.put(outgoing)
    this.pump()
    return view
  }

  /** The fate of a message that is pending. */
  fate(id: string): Promise<Message> | undefined {
    const entry = this.#entries.get(id)
    if (!entry) return undefined
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
    if (failed.code === 'id_taken') {
      void this.#forget(id)
      outgoing.id = uuid()
    }
    // To the end of the line.
    this.#entries.delete(id)
    this.#set(outgoing, this.host.clock.now())
    this.#kept.put(outgoing)
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
      this.host.sent(message)
    }
    this.#settle(id)?.resolve(message)
  }

  /** Sends what waits, one after the other in each conversation. */
  pump(): void {
    if (!this.#looked || !this.host.isReady()) return
    for (const { outgoing } of this.#entries.values()) {
      if (outgoing.failed) continue
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

  #next(lane: string): Outgoing | undefined {
    for (const { outgoing } of this.#entries.values()) if (!outgoing.failed && this.#lane(outgoing) === lane) return outgoing
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
        if (!this.#entries.has(id)) continue
        const known = error instanceof PalabreError ? error : new PalabreError('network', String(error))
        if (known.code === 'disconnected' || known.code === 'timeout' || known.code === 'closed') {
          // The next connection sends it again.
          this.#show(id, 'queued')
          return
        }
        const isFault = known.code === 'internal' && ++tries < FAULTS
        // A session that is signed out ends; this message goes with the next one.
        if (!known.isTransient && !isFault && known.status !== 401) {
          tries = 0
          this.#fail(id, known)
          continue
        }
        this.#show(id, 'queued')
        const { backoff, clock } = this.host
        const ms = known.retryAfterMs ?? pause(isFault ? tries : tries++, backoff, () => clock.random())
        await new Promise<void>((resolve) => void clock.setTimeout(resolve, ms))
      }
    }
  }

  #isOld(id: string): boolean {
    const known = Math.max(this.#entries.get(id)?.since ?? 0, this.#kept.lookedAt)
    return this.host.clock.now() - known > LOOK_AFTER
  }

  #set(outgoing: Outgoing, place: number): PendingMessage {
    const conversation = this.host.conversation(outgoing.target)
    const error = outgoing.failed && new PalabreError(outgoing.failed.code as PalabreError['code'], outgoing.failed.message, outgoing.failed.status)
    const view: PendingMessage = {
      ...outgoing,
      ...(conversation !== undefined && { conversation }),
      state: error ? 'failed' : 'queued',
      ...(error && { error }),
    }
    const since = this.#entries.get(outgoing.id)?.since ?? this.host.clock.now()
    this.#entries.set(outgoing.id, { outgoing, view, place, since })
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

  /** Contacts are known by now, and with them where messages to them will be. */
  locate(): void {
    for (const entry of this.#entries.values()) {
      const conversation = this.host.conversation(entry.outgoing.target)
      if (conversation === undefined || conversation === entry.view.conversation) continue
      entry.view = { ...entry.view, conversation }
      this.#changed()
    }
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
    this.#list = undefined
    this.host.changed()
  }
}
