/** Messages on their way: kept until the server confirms or refuses them, sent in the order of writing. */
import type { Clock, Outgoing, OutboxStore, PendingMessage } from './api.js'
import { type Deferred, deferred, uuid } from './clock.js'
import { PalabreError } from './errors.js'
import type { Message } from './generated.js'
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
}

/** A fault of the server is worth so many tries. */
const FAULTS = 3

/** A store that takes longer to read is done without: a browser may block it for ever. */
const STORE_PATIENCE = 3_000

const abandoned = () => new PalabreError('aborted', 'the message was discarded')

/** See the top of the file. */
export class Outbox {
  readonly #entries = new Map<string, Entry>()
  readonly #lanes = new Set<string>()
  readonly #awaited = new Map<string, Deferred<Message>>()
  #list: readonly PendingMessage[] | undefined
  #account: string | undefined
  #loaded = false
  #writing: Promise<unknown> = Promise.resolve()

  constructor(private readonly host: Host) {}

  /** Says whose outbox it is: what an earlier run of the application left is taken up, and sent before anything else. */
  identify(account: string): void {
    if (this.#account !== undefined) return
    this.#account = account
    for (const { outgoing } of this.#entries.values()) this.#keep(outgoing)
    const { clock, store } = this.host
    const late = new Promise<Outgoing[]>((resolve) => void clock.setTimeout(() => resolve([]), STORE_PATIENCE))
    void Promise.race([store.load(account).catch(() => []), late]).then((kept) => {
      const own = [...this.#entries.values()]
      this.#entries.clear()
      for (const outgoing of kept.sort((a, b) => a.created - b.created)) this.#set(outgoing)
      for (const entry of own) this.#entries.set(entry.outgoing.id, entry)
      this.#loaded = true
      this.#changed()
      this.pump()
    })
  }

  /** What was to be kept is kept. */
  async kept(): Promise<void> {
    await this.#writing
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
    const outgoing: Outgoing = { ...message, id: uuid(), created: this.host.clock.now() }
    const view = this.#set(outgoing)
    this.#keep(outgoing)
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
    if (failed.code === 'id_taken') {
      // The id means something else on the server: this message needs another.
      this.#forget(id)
      this.#set({ ...outgoing, id: uuid() })
    } else this.#set(outgoing)
    this.#keep([...this.#entries.values()].at(-1)!.outgoing)
    this.pump()
  }

  discard(id: string): void {
    if (!this.#entries.has(id)) return
    this.#forget(id)
    this.#awaited.get(id)?.reject(abandoned())
    this.#awaited.delete(id)
  }

  /** The server has it. */
  confirm(message: Message): void {
    if (!this.#entries.has(message.id)) return
    this.#forget(message.id)
    this.#awaited.get(message.id)?.resolve(message)
    this.#awaited.delete(message.id)
    this.host.sent(message)
  }

  /** Sends what waits, one after the other in each conversation. */
  pump(): void {
    if (!this.#loaded || !this.host.isReady()) return
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

  #set(outgoing: Outgoing): PendingMessage {
    const conversation = this.host.conversation(outgoing.target)
    const error = outgoing.failed && new PalabreError(outgoing.failed.code as PalabreError['code'], outgoing.failed.message, outgoing.failed.status)
    const view: PendingMessage = {
      ...outgoing,
      ...(conversation !== undefined && { conversation }),
      state: error ? 'failed' : 'queued',
      ...(error && { error }),
    }
    // To the end of the line, also when it was in it before.
    this.#entries.delete(outgoing.id)
    this.#entries.set(outgoing.id, { outgoing, view })
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
    this.#keep(entry.outgoing)
    this.#changed()
    this.#awaited.get(id)?.reject(error)
    this.#awaited.delete(id)
    this.host.failed(entry.view)
  }

  #forget(id: string): void {
    this.#entries.delete(id)
    this.#changed()
    this.#write((account) => this.host.store.remove(account, id))
  }

  /** A store that does not work (a private window, a full disk) must not keep messages from being sent. */
  #keep(outgoing: Outgoing): void {
    this.#write((account) => this.host.store.put(account, outgoing))
  }

  #write(change: (account: string) => Promise<void>): void {
    const account = this.#account
    if (account === undefined) return
    this.#writing = this.#writing.then(() => change(account)).catch(() => {})
  }

  #changed(): void {
    this.#list = undefined
    this.host.changed()
  }
}
