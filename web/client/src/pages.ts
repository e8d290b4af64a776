/**
 * Pages that are asked for.
 *
 * A page shows how things were when the server read it; pushes may overtake it. So the pushes that come while a page is awaited
 * are kept, and applied again on top of it. They tell states, not steps, and a later one follows for every change.
 */
import { isState } from './apply.js'
import type { Connection } from './connection.js'
import { PalabreError } from './errors.js'
import type { ReplyData, RequestData, RequestType } from './protocol.js'

/** Pushes kept while pages are awaited; more means that something is wrong, and all is read anew. */
const JOURNAL = 20_000

/** What asking for pages needs of the client. */
export interface Asking {
  /** Asks on this connection only. */
  ask<T extends RequestType>(connection: Connection, type: T, data: RequestData<T>): Promise<ReplyData<T>>
  /** The next connection that is signed in. */
  connection(until: number): Promise<Connection>
  now(): number
  /** It can't be brought up to date on this connection. */
  broken(connection: Connection, error: unknown): void
}

/** See the top of the file. */
export class Pages {
  /** The connection that is signed in. */
  connection: Connection | undefined
  #journal: Array<{ type: string; data: unknown }> = []
  #awaited = 0

  constructor(
    private readonly host: Asking,
    private readonly again: (type: string, data: unknown) => void,
  ) {}

  /** Another connection, or none: what was kept belongs to the last one. */
  begin(connection: Connection | undefined): void {
    this.connection = connection
    this.#journal = []
  }

  /** An event came. */
  keep(type: string, data: unknown): void {
    if (this.#awaited === 0 || !isState(type)) return
    this.#journal.push({ type, data })
    if (this.#journal.length > JOURNAL && this.connection) {
      this.host.broken(this.connection, new Error('too much happened while a page was awaited'))
    }
  }

  /** Asks for a page, puts it into the state, and then again what came meanwhile. */
  ask<T extends RequestType>(connection: Connection, type: T, data: RequestData<T>, put: (page: ReplyData<T>) => void): Promise<ReplyData<T>> {
    return this.put(connection, this.host.ask(connection, type, data), put)
  }

  /** As {@link Pages.ask} for a page that is on its way. */
  async put<T>(connection: Connection, ask: Promise<T>, put: (page: T) => void): Promise<T> {
    const from = this.#journal.length
    this.#awaited++
    try {
      const page = await ask
      if (this.connection !== connection) throw new PalabreError('disconnected', 'the connection is gone')
      put(page)
      for (const { type, data } of this.#journal.slice(from)) this.again(type, data)
      return page
    } finally {
      if (--this.#awaited === 0) this.#journal = []
    }
  }

  /** As {@link Pages.ask}, on this connection or, if it goes, on the next. */
  async lasting<T>(until: number, work: (connection: Connection) => Promise<T>): Promise<T> {
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
}
