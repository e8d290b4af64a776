/** What a close code asks for. */
import { PalabreError } from './errors.js'

/** Pauses between attempts, in milliseconds. */
export interface Backoff {
  first: number
  longest: number
}

/** After a close: wait so long, get a fresh token first, or stay away. */
export type Decision = { action: 'wait'; ms: number; freshToken: boolean } | { action: 'stop'; error: PalabreError }

/** A growing pause, half of it by chance, so that many clients do not come back in the same moment. */
export function pause(attempt: number, { first, longest }: Backoff, random: () => number): number {
  const whole = Math.min(longest, first * 2 ** Math.min(attempt, 30))
  return whole / 2 + (random() * whole) / 2
}

/**
 * What to do after a close with this code.
 *
 * `attempt` counts the tries that did not lead to a connection that lasted; `refreshed` says that the token was already a fresh one.
 */
export function decide(code: number, attempt: number, refreshed: boolean, backoff: Backoff, random: () => number): Decision {
  if (code === 4201 && !refreshed) return { action: 'wait', ms: 0, freshToken: true }
  if (code >= 4200 && code <= 4299) return { action: 'stop', error: refusal(code) }
  // At once means: without a pause that grows. A little chance spreads those that were told together.
  const ms = code >= 4000 && code <= 4099 && attempt === 0 ? random() * backoff.first : pause(attempt, backoff, random)
  return { action: 'wait', ms, freshToken: false }
}

/** Why the server does not want this client back. */
export function refusal(code: number): PalabreError {
  switch (code) {
    case 4200: return new PalabreError('unauthorized', 'the token is not good for this project', 401)
    case 4201: return new PalabreError('token_expired', "the token's time is over", 401)
    case 4203: return new PalabreError('unauthorized', 'the account is closed or its password was changed', 401)
    case 4204: return new PalabreError('closed', 'the user has too many sessions')
    default: return new PalabreError('closed', `the server refused the connection (${code})`)
  }
}
