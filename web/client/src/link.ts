/** Stays connected: tokens, reconnecting, renewing, and requests that wait for a connection. */
import type { Clock, ConnectionState, Options, RequestOptions, SocketConstructor, TokenReason } from './api.js'
import { lifeOf } from './claims.js'
import { dateOf, LONGEST_TIMER } from './clock.js'
import { Connection } from './connection.js'
import { PalabreError } from './errors.js'
import { binary, json } from './frame.js'
import type { Ready, ReplyData, RequestData, RequestType } from './protocol.js'
import { type Backoff, decide, pause } from './reconnect.js'

/** Whom the link tells. */
export interface LinkEvents {
  /** A token was fetched. */
  token(token: string): void
  state(state: ConnectionState): void
  /** A connection is signed in; what comes from it follows. */
  ready(ready: Ready, connection: Connection): void
  push(type: string, data: unknown): void
  replied(type: string, data: unknown): void
  /** The session goes on with another token. */
  renewed(ready: Ready): void
  /** The connection that was ready is gone. */
  lost(): void
}

/** A connection that lasted so long begins the count of attempts anew. */
const LASTED = 5_000
/** How long to wait at least after a renewal that failed. */
const RENEW_AGAIN = 10_000
/** Those who come back together with old tokens do not renew them in the same moment. */
const RENEW_SPREAD = 5_000
/** The shortest wait that a 429 asks for. */
const LEAST_PAUSE = 50

/** Waits until something is settled, or the caller's patience is over. */
function limited<T>(clock: Clock, ms: number, error: () => PalabreError, run: (settle: (value: T) => void, fail: (error: unknown) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(error()), Math.max(0, ms))
    const done = <A>(then: (value: A) => void) => (value: A) => {
      clock.clearTimeout(timer)
      then(value)
    }
    run(done(resolve), done(reject))
  })
}

/** Whether the application says that there will be no token any more. */
const isFinal = (error: unknown): error is PalabreError => error instanceof PalabreError && (error.status === 401 || error.status === 403)

/** See the top of the file. */
export class Link {
  #current: ConnectionState = { phase: 'idle' }
  #connection: Connection | undefined
  #usable: Connection | undefined
  readonly #waiting = new Set<{ resolve(connection: Connection): void; reject(error: PalabreError): void }>()
  #attempt = 0
  /** As `#attempt`, of those that were signed in but did not last: an outage before them no longer counts. */
  #brief = 0
  #timer: unknown
  #renewal: unknown
  #renewAt = Number.POSITIVE_INFINITY
  /** When the session ends, unless its token is renewed. */
  #endsAt = 0
  /** By how much the server's clock is ahead of this one. */
  #offset = 0
  #readyAt = 0
  /** The token that was refused as expired. */
  #expired: string | undefined
  #token = ''
  #reason: TokenReason = 'connect'
  /** Counts starts and stops, so that what was begun before one knows that it is over. */
  #run = 0
  /** Ends the wait for a token, which may never come. */
  #over = new AbortController()
  readonly #clock: Clock
  readonly #backoff: Backoff

  constructor(
    private readonly options: Options & { clock: Clock; timeout: number },
    private readonly events: LinkEvents,
  ) {
    this.#clock = options.clock
    this.#backoff = { first: options.backoff?.first ?? 500, longest: options.backoff?.longest ?? 30_000 }
  }

  get state(): ConnectionState {
    return this.#current
  }

  start(): void {
    if (this.#current.phase !== 'idle' && this.#current.phase !== 'closed') return
    this.#attempt = this.#brief = 0
    this.#expired = undefined
    this.#reason = 'connect'
    this.#run++
    this.#over = new AbortController()
    void this.#open()
  }

  /** Ends it, for good or until the next start. */
  stop(error?: PalabreError, closeCode?: number): void {
    if (this.#current.phase === 'closed') return
    this.#run++
    this.#over.abort()
    this.#clock.clearTimeout(this.#timer)
    const connection = this.#connection
    this.#connection = undefined
    this.#unuse()
    connection?.close()
    this.#set({ phase: 'closed', ...(error && { error }), ...(closeCode !== undefined && { closeCode }) })
    for (const waiter of [...this.#waiting]) waiter.reject(error ?? new PalabreError('closed', 'the client was closed'))
    this.#waiting.clear()
  }

  /** Does now what would be done later. */
  wake(): void {
    if (this.#current.phase === 'waiting') {
      this.#clock.clearTimeout(this.#timer)
      void this.#open()
      return
    }
    const connection = this.#usable
    if (!connection) return
    connection.probe()
    // A machine that slept has slept through its timers, too.
    if (this.#clock.now() >= this.#renewAt) void this.#renew(connection)
  }

  /** The server's time. */
  now(): number {
    return this.#clock.now() + this.#offset
  }

  /** The state is complete. */
  online(connection: Connection): void {
    if (this.#usable === connection) this.#set({ phase: 'online' })
  }

  /** A request, on this connection or the next; see {@link RequestOptions}. */
  async request<T extends RequestType>(type: T, data: RequestData<T>, options: RequestOptions = {}): Promise<ReplyData<T>> {
    const until = this.#clock.now() + (options.timeout ?? this.options.timeout)
    for (;;) {
      const connection = await this.ready(until, options.signal)
      try {
        return await this.ask(connection, type, data, until, options.signal)
      } catch (error) {
        if (!(options.repeat && error instanceof PalabreError && error.code === 'disconnected')) throw error
      }
    }
  }

  /** A request on one connection, until a point in time. A 429 is asked again when the server said, if there is time. */
  async ask<T extends RequestType>(connection: Connection, type: T, data: RequestData<T>, until: number, signal?: AbortSignal): Promise<ReplyData<T>> {
    for (;;) {
      try {
        return await this.#patient<ReplyData<T>>(until, 'timeout', signal, (settle, fail) => connection.request(type, data).then(settle, fail))
      } catch (error) {
        if (!(error instanceof PalabreError)) throw error
        // An answer that does not come may mean that nobody is there.
        if (error.code === 'timeout') connection.probe()
        if (error.code !== 'rate_limited') throw error
        const ms = Math.max(LEAST_PAUSE, error.retryAfterMs ?? this.#backoff.first)
        if (this.#clock.now() + ms >= until) throw error
        await this.sleep(ms)
      }
    }
  }

  /** What comes by itself, if it comes before the patience with a request is over. */
  inTime<T>(what: Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#patient<T>(this.#clock.now() + this.options.timeout, 'timeout', signal, (settle, fail) => what.then(settle, fail))
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, ms))
  }

  /** The connection that is signed in, when there is one. */
  ready(until: number, signal?: AbortSignal): Promise<Connection> {
    if (this.#usable) return Promise.resolve(this.#usable)
    if (this.#current.phase === 'closed' || this.#current.phase === 'idle') {
      return Promise.reject(this.#current.error ?? new PalabreError('closed', 'the client is not connected'))
    }
    let waiter: { resolve(connection: Connection): void; reject(error: PalabreError): void } | undefined
    return this.#patient<Connection>(until, 'offline', signal, (resolve, reject) => {
      waiter = { resolve, reject }
      this.#waiting.add(waiter)
    }).finally(() => waiter && this.#waiting.delete(waiter))
  }

  #patient<T>(until: number, code: 'timeout' | 'offline', signal: AbortSignal | undefined, run: (settle: (value: T) => void, fail: (error: unknown) => void) => void): Promise<T> {
    const late = () => new PalabreError(code, code === 'timeout' ? 'no answer came in time' : 'there was no connection in time')
    return limited<T>(this.#clock, until - this.#clock.now(), late, (settle, fail) => {
      if (!signal) return run(settle, fail)
      const abort = () => fail(new PalabreError('aborted', 'given up'))
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      const end = <A>(then: (value: A) => void) => (value: A) => {
        signal.removeEventListener('abort', abort)
        then(value)
      }
      run(end(settle), end(fail))
    })
  }

  #set(state: ConnectionState): void {
    this.#current = state
    this.events.state(state)
  }

  async #open(): Promise<void> {
    const run = this.#run
    const { closeCode } = this.#current
    this.#set({ phase: 'connecting', ...(closeCode !== undefined && { closeCode }) })
    let token: string
    try {
      token = await this.#fetchToken(this.#reason)
    } catch (error) {
      if (run === this.#run) this.#noToken(error)
      return
    }
    if (run !== this.#run) return
    this.events.token(token)
    // It may be one that ends it.
    if (run !== this.#run) return
    if (token === this.#expired) return this.stop(new PalabreError('token_expired', "the token's time is over", 401), 4201)
    this.#token = token
    try {
      this.#connection = this.#make(token, run)
    } catch (error) {
      // No WebSocket, an address or a token that can't be one: the next attempt would end like this one.
      this.stop(new PalabreError('closed', `no connection can be made: ${String(error)}`))
    }
  }

  #make(token: string, run: number): Connection {
    const { encoding, heartbeat } = this.options
    const WebSocket = this.options.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined)
    if (!WebSocket) throw new Error('there is no WebSocket here, and none was given')
    const connection: Connection = new Connection(
      {
        url: this.#address(),
        token,
        codec: encoding === 'binary' ? binary : json,
        WebSocket,
        clock: this.#clock,
        silence: heartbeat?.silence ?? 25_000,
        answer: heartbeat?.answer ?? 10_000,
      },
      {
        push: (type, data) => this.#pushed(connection, type, data),
        replied: (type, data) => this.events.replied(type, data),
        closed: (code, reason) => void (run === this.#run && this.#closed(code, reason)),
      },
    )
    return connection
  }

  #address(): string {
    const url = new URL(`/ws/${encodeURIComponent(this.options.project)}`, this.options.url ?? globalThis.location?.href)
    url.protocol = url.protocol.replace('http', 'ws')
    return url.href
  }

  async #fetchToken(reason: TokenReason): Promise<string> {
    const { token } = this.options
    return typeof token === 'string' ? token : this.inTime((async () => token(reason))(), this.#over.signal)
  }

  /** The application had no token: for good if it says so, else later. */
  #noToken(error: unknown): void {
    const known = error instanceof PalabreError ? error : new PalabreError('network', `no token was to be had: ${String(error)}`)
    if (isFinal(known)) this.stop(known)
    else this.#wait(pause(this.#attempt++, this.#backoff, () => this.#clock.random()), { error: known })
  }

  #wait(ms: number, why: { closeCode?: number; reason?: string; error?: PalabreError }): void {
    this.#set({ phase: 'waiting', retryAt: dateOf(this.#clock) + ms, ...why })
    this.#timer = this.#clock.setTimeout(() => void this.#open(), ms)
  }

  #pushed(connection: Connection, type: string, data: unknown): void {
    if (connection !== this.#connection) return
    if (type === 'session.ready') this.#signedIn(connection, data as Ready)
    else if (type === 'session.expiring') void this.#renew(connection)
    this.events.push(type, data)
  }

  #signedIn(connection: Connection, ready: Ready): void {
    this.#readyAt = this.#clock.now()
    this.#attempt = this.#brief
    this.#expired = undefined
    this.#reason = 'connect'
    connection.frameBytes = ready.limits.frame_bytes
    this.#usable = connection
    this.#planRenewal(connection, ready)
    this.#set({ phase: 'syncing' })
    this.events.ready(ready, connection)
    for (const waiter of [...this.#waiting]) waiter.resolve(connection)
  }

  #closed(code: number, reason: string): void {
    const wasReady = this.#usable !== undefined
    const lasted = wasReady && this.#clock.now() - this.#readyAt >= LASTED
    this.#connection = undefined
    this.#unuse()
    if (lasted) this.#attempt = 0
    const refreshed = this.#expired !== undefined || typeof this.options.token === 'string'
    const decision = decide(code, this.#attempt, refreshed, this.#backoff, () => this.#clock.random())
    if (decision.action === 'stop') return this.stop(decision.error, code)
    if (decision.freshToken) {
      this.#expired = this.#token
      this.#reason = 'expired'
    } else {
      this.#attempt++
      if (wasReady) this.#brief = this.#attempt
    }
    this.#wait(decision.ms, { closeCode: code, ...(reason !== '' && { reason }) })
  }

  #unuse(): void {
    this.#clock.clearTimeout(this.#renewal)
    if (!this.#usable) return
    this.#usable = undefined
    this.events.lost()
  }

  /** Half of a token's life is time enough to find that it can't be renewed, and for a machine to sleep in. */
  #planRenewal(connection: Connection, { server_time, expires_at }: Pick<Ready, 'server_time' | 'expires_at'>, isRenewed = false): void {
    const now = Date.parse(server_time)
    this.#offset = now - this.#clock.now()
    if (typeof this.options.token === 'string') return
    const left = Date.parse(expires_at) - now
    this.#endsAt = this.#clock.now() + left
    const half = lifeOf(this.#token) / 2 || left / 2
    // One that is as old after its renewal is not asked for over and over.
    const least = isRenewed ? left / 2 : Math.min(left / 4, this.#clock.random() * RENEW_SPREAD)
    this.#renewIn(connection, Math.max(left - half, least))
  }

  #renewIn(connection: Connection, ms: number): void {
    this.#clock.clearTimeout(this.#renewal)
    this.#renewAt = this.#clock.now() + ms
    this.#renewal = this.#clock.setTimeout(() => void this.#renew(connection), Math.min(ms, LONGEST_TIMER))
  }

  /** Signs in again on the open connection, before the token ends. */
  async #renew(connection: Connection): Promise<void> {
    if (typeof this.options.token === 'string' || this.#usable !== connection) return
    // The next attempt, should this one come to nothing: the sooner, the less time is left.
    const left = this.#endsAt - this.#clock.now()
    this.#renewIn(connection, Math.max(RENEW_AGAIN, (left / 10) * (1 - this.#clock.random() / 2)))
    let token: string
    try {
      token = await this.#fetchToken('expiring')
    } catch (error) {
      if (this.#usable === connection && isFinal(error)) this.stop(error)
      return
    }
    try {
      if (this.#usable !== connection) return
      const ready = await this.ask(connection, 'session.auth', { token }, this.#clock.now() + this.options.timeout)
      if (this.#usable !== connection) return
      this.#token = token
      this.#planRenewal(connection, ready, true)
      this.events.renewed(ready)
    } catch {
      // Asked again soon; and when the time is over, the close code says what to do.
    }
  }
}
