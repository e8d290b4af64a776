/** One connection, from its opening to its close: requests and replies, pushes, signs of life. */
import type { Clock, SocketConstructor, SocketLike } from './api.js'
import { PalabreError } from './errors.js'
import { sizeOf, type Codec, type Incoming } from './frame.js'
import type { ErrorCode } from './generated.js'
import type { ReplyData, RequestData, RequestType } from './protocol.js'

/** What a connection needs. */
export interface ConnectionOptions {
  url: string
  token: string
  codec: Codec
  WebSocket: SocketConstructor
  clock: Clock
  /** After such a silence the server is asked for a sign of life. */
  silence: number
  /** How long that may take, and the opening. */
  answer: number
}

/** Whom a connection tells. */
export interface ConnectionEvents {
  push(type: string, data: unknown): void
  /** Before whoever asked hears of it, and in the order in which replies and pushes came. */
  replied(type: string, data: unknown): void
  /** Once, and nothing afterwards. */
  closed(code: number, reason: string): void
}

interface Waiting {
  type: string
  resolve(data: unknown): void
  reject(error: PalabreError): void
}

/** The error that an error reply describes. */
function failure(data: unknown): PalabreError {
  const { status, code, message, field, retry_after_ms } = data as {
    status: number; code: ErrorCode; message: string; field?: string; retry_after_ms?: number
  }
  return new PalabreError(code, message, status, field, retry_after_ms)
}

/** What a socket is while requests may be sent. */
const OPEN = 1
/** Nothing was said with the close. */
const NO_WORD = 1006

/** See the top of the file. */
export class Connection {
  readonly #socket: SocketLike
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #heard: number
  #timer: unknown
  #probing = false
  #over = false
  /** Why the server said that it closes, in a binary frame before the close itself. */
  #told: { code: number; reason: string } | undefined
  /** What one request may have, once the server has said so. */
  frameBytes = Number.POSITIVE_INFINITY

  constructor(
    private readonly options: ConnectionOptions,
    private readonly events: ConnectionEvents,
  ) {
    const { url, token, codec, WebSocket, clock } = options
    this.#heard = clock.now()
    this.#socket = new WebSocket(url, [codec.subprotocol, `bearer.${token}`])
    this.#socket.binaryType = 'arraybuffer'
    this.#socket.onopen = () => this.#listen()
    this.#socket.onmessage = ({ data }: { data: unknown }) => this.#read(data)
    this.#socket.onclose = ({ code, reason }: { code: number; reason: string }) => this.#end(this.#told?.code ?? code, this.#told?.reason ?? reason)
    // A close always follows, with what little is known.
    this.#socket.onerror = () => {}
    this.#expire('it took too long to open')
  }

  /** Sends a request. Rejects with the server's error, or `disconnected`. Says nothing of how long to wait. */
  request<T extends RequestType>(type: T, data: RequestData<T>): Promise<ReplyData<T>> {
    return new Promise((resolve, reject) => {
      if (this.#over) {
        reject(new PalabreError('disconnected', 'the connection is gone'))
        return
      }
      const id = this.#nextId
      let message: string | Uint8Array<ArrayBuffer>
      try {
        message = this.options.codec.request(id, type, data)
      } catch (error) {
        reject(new PalabreError('invalid', error instanceof Error ? error.message : String(error), 400))
        return
      }
      this.#nextId = id === 0xffff_ffff ? 1 : id + 1
      if (sizeOf(message) > this.frameBytes) {
        reject(new PalabreError('too_large', `a request may have ${this.frameBytes} bytes`, 413))
        return
      }
      this.#waiting.set(id, { type, resolve: resolve as (data: unknown) => void, reject })
      // A socket that is closing says in a moment why; until then this waits with all others.
      if (this.#socket.readyState === OPEN) this.#socket.send(message)
      else this.#expire('it took too long to close')
    })
  }

  /** Says goodbye. The reason is told as 1000, at once. */
  close(): void {
    this.#drop(1000, 'closed by the client')
  }

  /** Gives up a connection from which nothing more is expected. */
  abandon(reason: string): void {
    this.#drop(NO_WORD, reason)
  }

  /** Asks for a sign of life now, where there is doubt. */
  probe(): void {
    if (this.#over || this.#probing || this.#socket.readyState !== OPEN) return
    this.#probing = true
    const { codec } = this.options
    const ping = codec.ping()
    if (ping) this.#socket.send(ping)
    // The cheapest question that there is; any answer will do.
    else this.request('status.fetch', { users: [] }).catch(() => {})
    this.#expire('nothing was heard from the server')
  }

  /** Gives the connection up unless something happens in time. */
  #expire(reason: string): void {
    const { clock, answer } = this.options
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => this.abandon(reason), answer)
  }

  #listen(): void {
    this.#heard = this.options.clock.now()
    this.#await(this.options.silence)
  }

  /** Looks again after so long whether something was heard. */
  #await(ms: number): void {
    const { clock, silence } = this.options
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => {
      const quiet = clock.now() - this.#heard
      if (quiet >= silence) this.probe()
      else this.#await(silence - quiet)
    }, ms)
  }

  #read(data: unknown): void {
    this.#heard = this.options.clock.now()
    if (this.#probing) {
      this.#probing = false
      this.#await(this.options.silence)
    }
    let events: Incoming[]
    try {
      events = this.options.codec.read(data)
    } catch (error) {
      this.#unreadable(error)
      return
    }
    for (const event of events) {
      if (this.#over) return
      if (event.kind === 'event') {
        try {
          this.#event(event.re, event.type, event.data)
        } catch (error) {
          // Not what it is called: as it would be thrown at nobody, it would end a Node process.
          this.#unreadable(error)
        }
      } else if (event.kind === 'ping') {
        const pong = this.options.codec.pong()
        if (pong) this.#socket.send(pong)
      } else if (event.kind === 'close') this.#told = event
    }
  }

  #unreadable(error: unknown): void {
    this.abandon(`the server sent what could not be read: ${String(error)}`)
  }

  #event(re: number | undefined, type: string, data: unknown): void {
    if (re === undefined) {
      // An error that answers nothing has no request to tell.
      if (type !== 'error') this.events.push(type, data)
      return
    }
    const waiting = this.#waiting.get(re)
    if (!waiting) return
    if (type === 'error') waiting.reject(failure(data))
    else {
      this.events.replied(waiting.type, data)
      waiting.resolve(data)
    }
    // Only now: one whose answer can't be read is told when the connection is given up.
    this.#waiting.delete(re)
  }

  /** A browser waits long for the close of a dead connection; this does not. */
  #drop(code: number, reason: string): void {
    if (this.#over) return
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null
    try {
      this.#socket.close(1000)
    } catch {
      // It was not open yet, and some implementations mind.
    }
    this.#end(code, reason)
  }

  #end(code: number, reason: string): void {
    if (this.#over) return
    this.#over = true
    this.options.clock.clearTimeout(this.#timer)
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(new PalabreError('disconnected', 'the connection went before the answer came'))
    this.events.closed(code, reason)
  }
}
