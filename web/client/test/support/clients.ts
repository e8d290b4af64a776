/** Clients for tests, and waiting for what they come to know. */
import WebSocket from 'ws'
import { createClient, type Options, type Palabre } from '../../src/index.js'

const opened = new Set<Palabre>()

/** A client in Node; closed by {@link closeAll}. */
export function client(options: Options): Palabre {
  const made = createClient({ WebSocket: WebSocket, backoff: { first: 20, longest: 200 }, ...options })
  opened.add(made)
  return made
}

export async function closeAll(): Promise<void> {
  await Promise.all([...opened].map((made) => made.close()))
  opened.clear()
}

/** Waits until something is so, looking after each change. Fails with what is instead. */
export function until(client: Palabre, what: string, look: () => boolean | undefined, ms = 15_000): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = client.on('change', () => check())
    const timer = setTimeout(() => {
      stop()
      reject(new Error(`waited in vain: ${what}`))
    }, ms)
    function check(): void {
      if (!look()) return
      stop()
      clearTimeout(timer)
      resolve()
    }
    check()
  })
}

/** Numbers that look random and are the same every time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
