/** Says things to who can't see them appear. */
import { createSignal } from 'solid-js'

const [announcement, set] = createSignal('')
export { announcement }

/** How long it can be found in the page: long enough to be taken up, and then it would only be in the way. */
const THERE_MS = 3_000
let timer: ReturnType<typeof setTimeout> | undefined

/** Reads a text out when nothing else is being read. */
export function announce(text: string): void {
  clearTimeout(timer)
  timer = setTimeout(() => set(''), THERE_MS)
  // The same text again is no change, and would not be read.
  set((before) => (before === text ? `${text}\u00a0` : text))
}
