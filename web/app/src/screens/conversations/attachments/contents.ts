/** Contents of files. Reading them needs the token, so they are fetched, and shown from memory. */
import { PalabreError, type Rest } from '@palabre/client'

/** Small pictures kept, those seen last: each takes some 20 kB. */
const KEPT = 200

const small = new WeakMap<Rest, Map<string, Promise<string>>>()

/** The address of a small picture of a picture; rejects with a 404 where there is none. */
export function thumbnail(rest: Rest, media: string): Promise<string> {
  let all = small.get(rest)
  if (!all) small.set(rest, (all = new Map()))
  const kept = all
  const known = kept.get(media)
  if (known) {
    // Seen just now.
    kept.delete(media)
    kept.set(media, known)
    return known
  }
  const url = rest.download(media, 'thumbnail').then((blob) => URL.createObjectURL(blob))
  kept.set(media, url)
  // That there is none stays so; anything else is tried again.
  url.catch((error: unknown) => !(error instanceof PalabreError && error.status === 404) && kept.delete(media))
  for (const [oldest, old] of kept) {
    if (kept.size <= KEPT) break
    kept.delete(oldest)
    old.then(URL.revokeObjectURL, () => undefined)
  }
  return url
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
