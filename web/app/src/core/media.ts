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
  urls: Map<string, Promise<string>>
  /** Those that wait for their turn. */
  waiting: Array<() => void>
  going: number
}
const shelves = new WeakMap<Rest, Shelf>()

/** Whether the server will never have it, at least for who asks now. */
export const isGone = (error: unknown): boolean => error instanceof PalabreError && error.status === 404

/** The address of a small picture of a picture; rejects with a 404 where there is none. */
export function thumbnail(rest: Rest, media: string): Promise<string> {
  let shelf = shelves.get(rest)
  if (!shelf) shelves.set(rest, (shelf = { urls: new Map(), waiting: [], going: 0 }))
  const { urls } = shelf
  const known = urls.get(media)
  if (known) {
    // Seen just now.
    urls.delete(media)
    urls.set(media, known)
    return known
  }
  const url = inTurn(shelf, () => patiently(() => rest.download(media, 'thumbnail'))).then((blob) => URL.createObjectURL(blob))
  urls.set(media, url)
  // That there is none stays so; anything else is tried again.
  url.catch((error: unknown) => !isGone(error) && urls.get(media) === url && urls.delete(media))
  for (const [oldest, old] of urls) {
    if (urls.size <= KEPT) break
    urls.delete(oldest)
    revoke(old)
  }
  return url
}

/** Forgets the small pictures of who was signed in. */
export function release(rest: Rest): void {
  for (const url of shelves.get(rest)?.urls.values() ?? []) revoke(url)
  shelves.delete(rest)
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
