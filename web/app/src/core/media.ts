/** Contents of files. Reading them needs the token, so they are fetched, and shown from memory. */
import { PalabreError, type Rest } from '@palabre/client'

/** Small pictures kept, those seen last: each takes some 20 kB. */
const KEPT = 200
/** So many are fetched at a time, so that a page of people is not too much at once for the server. */
const AT_ONCE = 6
/** So often one is asked for while the server is busy. */
const TRIES = 3
/** How long to wait then, if the server does not say. */
const PAUSE_MS = 1_000

/** What is kept for who is signed in. */
interface Shelf {
  /** Those that are there, or that there are none of, the ones seen last at the end. */
  kept: Map<string, Promise<string>>
  /** Those on their way. */
  coming: Map<string, Promise<string>>
  /** Those that wait for their turn. */
  waiting: Array<() => void>
  going: number
}
const shelves = new WeakMap<Rest, Shelf>()

/** Whether the server will never have it, at least for who asks now. */
export const isGone = (error: unknown): boolean => error instanceof PalabreError && error.status === 404

/** The address of a small picture of a picture; rejects with a 404 where there is none. */
export function thumbnail(rest: Rest, media: string): Promise<string> {
  const shelf = shelfOf(rest)
  const { kept, coming } = shelf
  const known = kept.get(media)
  if (known) {
    keep(kept, media, known)
    return known
  }
  const awaited = coming.get(media)
  if (awaited) return awaited
  const url = inTurn(shelf, () => patiently(() => rest.download(media, 'thumbnail'))).then((blob) => URL.createObjectURL(blob))
  coming.set(media, url)
  const came = () => {
    coming.delete(media)
    // Unless whoever asked has signed out.
    if (shelves.get(rest) === shelf) keep(kept, media, url)
  }
  // That there is none stays so; anything else is tried again.
  url.then(came, (error: unknown) => (isGone(error) ? came() : coming.delete(media)))
  return url
}

function shelfOf(rest: Rest): Shelf {
  let shelf = shelves.get(rest)
  if (!shelf) shelves.set(rest, (shelf = { kept: new Map(), coming: new Map(), waiting: [], going: 0 }))
  return shelf
}

/** Seen just now. Only those that came count, and go: one that is still awaited would go in the moment in which it is shown. */
function keep(kept: Shelf['kept'], media: string, url: Promise<string>): void {
  kept.delete(media)
  kept.set(media, url)
  for (const [oldest, old] of kept) {
    if (kept.size <= KEPT) break
    kept.delete(oldest)
    revoke(old)
  }
}

/** Forgets the small pictures of who was signed in. */
export function release(rest: Rest): void {
  const shelf = shelves.get(rest)
  shelves.delete(rest)
  for (const urls of [shelf?.kept, shelf?.coming]) urls?.forEach(revoke)
}

const revoke = (url: Promise<string>): void => void url.then(URL.revokeObjectURL, () => undefined)

async function inTurn<T>(shelf: Shelf, run: () => Promise<T>): Promise<T> {
  if (shelf.going >= AT_ONCE) await new Promise<void>((turn) => shelf.waiting.push(turn))
  else shelf.going += 1
  try {
    return await run()
  } finally {
    // The place goes to the next.
    const next = shelf.waiting.shift()
    if (next) next()
    else shelf.going -= 1
  }
}

async function patiently<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      const isBusy = error instanceof PalabreError && (error.code === 'rate_limited' || error.code === 'unavailable')
      if (!isBusy || attempt === TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs ?? PAUSE_MS * attempt))
    }
  }
}

/** How long a browser may take to begin saving. */
const SAVING_MS = 60_000

/** Saves a file where the browser saves files. */
export async function save(rest: Rest, media: string, name: string): Promise<void> {
  const url = URL.createObjectURL(await rest.download(media))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), SAVING_MS)
}
