import type { Clock } from './api.js'

/** By how much the two clocks of a machine may differ for other reasons than that one was set. */
const TREMBLE = 1_000

/**
 * The time by a clock that somebody may set, without going back with it, as two clocks tell: `ticks` can't be set. That it goes forward is
 * believed: on some machines nothing ticks while they sleep.
 */
export function steady(date: () => number, ticks: () => number): () => number {
  let ahead = 0
  let between = date() - ticks()
  return () => {
    const back = between - (date() - ticks())
    if (Math.abs(back) > TREMBLE) {
      between -= back
      // Forward again: it was set right, as far as it was wrong.
      ahead = Math.max(0, ahead + back)
    }
    return date() + ahead
  }
}

/** The machine's own time and chance. */
export const systemClock: Clock = {
  now: steady(() => Date.now(), () => performance.now()),
  date: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}

/** For what others see, or another run of the program. */
export const dateOf = (clock: Clock): number => clock.date?.() ?? clock.now()

/** The longest time that a timer takes; beyond it browsers fire at once. */
export const LONGEST_TIMER = 0x7fff_ffff

/** A random UUID (version 4). `randomUUID` is missing on pages that came over plain HTTP. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A promise that is settled from outside. */
export interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** Makes one. That nobody waits for it is no error. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle))
  promise.catch(() => {})
  return { promise, resolve, reject }
}
