/** Says things to who can't see them appear. */
import { createSignal, untrack } from 'solid-js'
import { PAGE, top, type Layer } from './layers.js'

interface Announcement {
  text: string
  layer: Layer
}
const [announcement, set] = createSignal<Announcement>({ text: '', layer: PAGE })
export { announcement }

/** How long it can be found in the page: long enough to be taken up, and then it would only be in the way. */
const THERE_MS = 3_000
let timer: ReturnType<typeof setTimeout> | undefined

/** Takes back what is not read out yet: whom it was for is gone. */
export function silence(): void {
  clearTimeout(timer)
  set({ text: '', layer: PAGE })
}

/** Reads a text out when nothing else is being read. */
export function announce(text: string): void {
  clearTimeout(timer)
  timer = setTimeout(() => set({ text: '', layer: PAGE }), THERE_MS)
  // The same text again is no change, and would not be read.
  set((before) => ({ text: before.text === text ? `${text}\u00a0` : text, layer: untrack(top) }))
}
