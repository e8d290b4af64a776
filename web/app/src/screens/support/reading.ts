/** What one only reads and nobody tells one of: asked for anew, soon while something happens, seldom while nothing does. */
import type { Message } from '@palabre/client'

const SOONEST_MS = 3_000
const LONGEST_MS = 60_000
const SLOWER = 1.5

/** How long to wait until the next look, after a pause and what was found. */
export const pauseAfter = (before: number, hasNews: boolean): number => (hasNews ? SOONEST_MS : Math.min(LONGEST_MS, before * SLOWER))

/**
 * Looks again and again, until it is ended. `look` says whether there was anything new; what it rejects with is as nothing new. Who looks elsewhere
 * asks for nothing, and who comes back sees what is new at once.
 */
export function keepLooking(look: () => Promise<boolean>): { now(): void; end(): void } {
  let pause = SOONEST_MS
  let timer: ReturnType<typeof setTimeout> | undefined
  let isOver = false
  let isLooking = false
  const later = () => {
    clearTimeout(timer)
    if (!isOver && document.visibilityState === 'visible') timer = setTimeout(() => void again(), pause)
  }
  const again = async () => {
    if (isLooking) return
    isLooking = true
    clearTimeout(timer)
    pause = pauseAfter(pause, await look().catch(() => false))
    isLooking = false
    later()
  }
  const now = () => {
    pause = SOONEST_MS
    void again()
  }
  const seen = () => (document.visibilityState === 'visible' ? now() : clearTimeout(timer))
  document.addEventListener('visibilitychange', seen)
  later()
  return {
    now,
    end() {
      isOver = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    },
  }
}

/** Whether two documents of the server say the same. */
export const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** The end of a talk, and whether there is more before it. */
export interface Held {
  items: readonly Message[]
  hasOlder: boolean
}

/** What is held, with the newest page of now in it. What has not changed stays the same object; where much came at once, what is before is let go. */
export function merge(held: Held, page: readonly Message[], more: boolean): Held {
  const first = page[0]
  if (!first) return { items: [], hasOlder: false }
  const known = new Map(held.items.map((message) => [message.id, message]))
  const newest = page.map((message) => {
    const before = known.get(message.id)
    return before && isSame(before, message) ? before : message
  })
  const older = held.items.filter(({ seq }) => seq < first.seq)
  // Numbers have no gaps.
  if (older.at(-1)?.seq !== first.seq - 1) return { items: newest, hasOlder: more }
  return { items: [...older, ...newest], hasOlder: held.hasOlder }
}
