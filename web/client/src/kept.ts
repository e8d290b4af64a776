/**
 * The store of one account, as the outbox uses it: one thing after the other, and never waited for without end.
 *
 * Other clients of the user may use the same store at the same time: what it holds is looked at again and again, and what is
 * no longer in it was sent or given up by one of them, unless the store itself was emptied.
 */
import type { Clock, Outgoing, OutboxStore } from './api.js'
import { PalabreError } from './errors.js'

/** A store that takes longer is done without: a browser may block it for ever. */
const PATIENCE = 3_000

/** What a look into the store tells. What is being written by oneself is left out. */
export interface Look {
  /** In the order of writing. */
  kept: Outgoing[]
  /** What was in the store and is no more. */
  missing: string[]
  /** Somebody changed something, which is no reason yet to take over what is theirs. */
  isNews: boolean
}

/** See the top of the file. */
export class Kept {
  #account: string | undefined
  /** What is done after everything that was begun before. */
  #last: Promise<unknown> = Promise.resolve()
  /** A look that has not begun. */
  #next: { isNews: boolean; done: Promise<void> } | undefined
  /** How often something of an id is about to be written. */
  readonly #writing = new Map<string, number>()
  /** Known to be in the store. */
  readonly #stored = new Set<string>()
  /** The store would not remove them: they must not come back. */
  readonly #stuck = new Set<string>()
  #isLate = false
  #isOpen = false
  /** How often it was opened: a close takes its time, and may find that it is open again. */
  #openings = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  /** What the store's contents were called when it was last looked at. */
  #epoch: unknown
  #unwatch: (() => void) | undefined

  constructor(
    private readonly store: OutboxStore,
    private readonly clock: Clock,
    private readonly found: (look: Look) => void,
    /** The store was emptied under everybody: what was in it must be put again. */
    private readonly lost: () => void,
  ) {}

  get account(): string | undefined {
    return this.#account
  }

  /** When the store was last looked at. */
  get lookedAt(): number {
    return this.#lookedAt
  }

  /** From now on it is this account's, and other clients' changes are heard of, where the store tells. */
  open(account: string): void {
    this.#account ??= account
    this.#isOpen = true
    this.#openings++
    try {
      this.#unwatch ??= this.store.watch?.(this.#account, () => void this.look(true))
    } catch {
      // A browser that blocks a page's data may block this, too: then the next look tells.
    }
  }

  /** Resolves when everything is written, or the patience is over: with whether it is closed, for it may have been opened meanwhile. */
  async close(): Promise<boolean> {
    const openings = this.#openings
    await this.#patient(this.#last).catch(() => {})
    if (openings !== this.#openings) return false
    this.#isOpen = false
    this.#unwatch?.()
    this.#unwatch = undefined
    return true
  }

  /** A store that does not work (a private window, a full disk) must not keep messages from being sent: what it says of it is ignored. */
  put(outgoing: Outgoing): void {
    void this.#write([outgoing.id], (account) => this.#put(account, outgoing)).catch(() => {})
  }

  /** As {@link Kept.put}, unless another client removed it meanwhile. */
  change(outgoing: Outgoing): void {
    const { id } = outgoing
    void this.#write([id], async (account) => {
      const isGone = this.#stored.has(id) && !(await this.#load(account)).some((kept) => kept.id === id) && this.#stored.has(id)
      if (!isGone) return this.#put(account, outgoing)
      this.#stored.delete(id)
      this.found({ kept: [], missing: [id], isNews: true })
    }).catch(() => {})
  }

  /** Resolves when it is removed. */
  remove(id: string): Promise<void> {
    return this.#handled(this.#patient(this.#write([id], (account) => this.#remove(account, id))))
  }

  /** Removes everything, and tells what that was. Resolves when it is removed. */
  clear(removed: (ids: string[]) => void): Promise<void> {
    return this.#handled(this.#patient(this.#write([], async (account) => {
      const ids = (await this.store.load(account)).map(({ id }) => id)
      for (const id of ids) await this.#remove(account, id)
      removed(ids)
    })))
  }

  /** The ids of what is in the store, after everything that was begun before. */
  ids(): Promise<string[]> {
    if (this.#account === undefined) return Promise.resolve([])
    return this.#handled(this.#patient(this.#after(async (account) => (await this.store.load(account)).map(({ id }) => id).filter((id) => !this.#stuck.has(id)))))
  }

  /** Looks at what is in the store. Resolves when that is known or the patience is over; what comes later is told all the same. */
  look(isNews = false): Promise<void> {
    if (this.#account === undefined) return Promise.resolve()
    if (this.#next) this.#next.isNews &&= isNews
    else {
      const next = { isNews, done: Promise.resolve() }
      this.#next = next
      next.done = this.#after((account) => {
        this.#next = undefined
        return this.#look(account, next.isNews)
      }).catch(() => {})
    }
    // Who did not answer in time is not waited for again.
    return this.#isLate ? Promise.resolve() : this.#patient(this.#next.done).catch(() => {})
  }

  async #load(account: string): Promise<Outgoing[]> {
    const all = await this.store.load(account)
    const epoch = this.store.epoch?.()
    const isLost = this.#epoch !== undefined && epoch !== this.#epoch
    this.#epoch = epoch
    if (isLost) {
      this.#stored.clear()
      this.lost()
    }
    return all
  }

  async #look(account: string, isNews: boolean): Promise<void> {
    const all = await this.#load(account)
    if (!this.#isOpen) return
    this.#lookedAt = this.clock.now()
    const isOpen = (id: string) => !this.#writing.has(id)
    const kept = all.filter(({ id }) => isOpen(id) && !this.#stuck.has(id)).sort((a, b) => a.created - b.created)
    const ids = new Set(all.map(({ id }) => id))
    const missing = [...this.#stored].filter((id) => isOpen(id) && !ids.has(id))
    for (const id of missing) this.#stored.delete(id)
    for (const { id } of kept) this.#stored.add(id)
    this.found({ kept, missing, isNews })
  }

  async #put(account: string, outgoing: Outgoing): Promise<void> {
    await this.store.put(account, outgoing)
    this.#stored.add(outgoing.id)
  }

  async #remove(account: string, id: string): Promise<void> {
    this.#stored.delete(id)
    this.#stuck.add(id)
    await this.store.remove(account, id)
    this.#stuck.delete(id)
  }

  async #write(ids: string[], change: (account: string) => Promise<void>): Promise<void> {
    if (this.#account === undefined) return
    for (const id of ids) this.#writing.set(id, (this.#writing.get(id) ?? 0) + 1)
    try {
      await this.#after(change)
    } finally {
      for (const id of ids) {
        const left = this.#writing.get(id)! - 1
        if (left === 0) this.#writing.delete(id)
        else this.#writing.set(id, left)
      }
    }
  }

  #after<T>(run: (account: string) => Promise<T>): Promise<T> {
    const done = this.#last.then(() => run(this.#account!))
    this.#last = done.catch(() => {})
    return done
  }

  #patient<T>(what: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.setTimeout(() => {
        this.#isLate = true
        reject(new PalabreError('timeout', 'the store of unsent messages does not answer'))
      }, PATIENCE)
      const over = () => {
        this.clock.clearTimeout(timer)
        this.#isLate = false
      }
      what.finally(over).then(resolve, reject)
    })
  }

  /** Nobody has to wait for it. */
  #handled<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {})
    return promise
  }
}
