import type { ErrorCode } from './generated.js'

/**
 * Why something failed that no server answered:
 * `disconnected` the connection went while the answer was awaited; `timeout` no answer came in time; `closed` the client was closed or
 * refused; `offline` the request could not even be sent in time; `aborted` the caller gave up; `network` a REST call found no server.
 */
export type LocalCode = 'disconnected' | 'timeout' | 'closed' | 'offline' | 'aborted' | 'network'

/** What every refused or failed request rejects with. */
export class PalabreError extends Error {
  override readonly name = 'PalabreError'
  constructor(
    /** From the server's closed list, or one of this library's own. */
    readonly code: ErrorCode | LocalCode,
    message: string,
    /** The status as in HTTP; 0 when no server answered. */
    readonly status = 0,
    /** The field at fault, with `invalid`. */
    readonly field?: string,
    /** How long to wait before trying again, with `rate_limited`. */
    readonly retryAfterMs?: number,
  ) {
    super(message)
  }

  /** Whether the same request may well succeed a little later. */
  get isTransient(): boolean {
    return this.status === 0 ? this.code !== 'closed' && this.code !== 'aborted' : this.code === 'rate_limited' || this.code === 'unavailable'
  }
}
