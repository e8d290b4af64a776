/** Says things to who can't see them appear. */
import { createSignal } from 'solid-js'

const [announcement, set] = createSignal('')
export { announcement }

/** Reads a text out when nothing else is being read. */
export function announce(text: string): void {
  // The same text again is no change, and would not be read.
  set((before) => (before === text ? `${text}\u00a0` : text))
}
