/** Short notes that go away by themselves. */
import { createSignal, For } from 'solid-js'
import { describe } from '../core/errors.js'
import { t } from '../i18n/core.js'
import { IconButton } from './button.js'

/** Long enough to read two lines. */
const SHOWN_MS = 7_000
/** More than these at once nobody reads: the oldest goes. */
const MOST = 3

interface Toast {
  text: string
}
const [toasts, set] = createSignal<readonly Toast[]>([])

/** Shows a note, and reads it out. */
export function toast(text: string): void {
  const note = { text }
  set((all) => [...all.slice(1 - MOST), note])
  setTimeout(() => drop(note), SHOWN_MS)
}

/** Shows what went wrong. Takes what a promise rejected with: `doIt().catch(toastError)`. */
export function toastError(error: unknown): void {
  toast(describe(error))
}

const drop = (note: Toast) => set((all) => all.filter((one) => one !== note))

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      <For each={toasts()}>
        {(note) => (
          <div class="toast">
            <span>{note.text}</span>
            <IconButton icon="close" small label={t('close')} onClick={() => drop(note)} />
          </div>
        )}
      </For>
    </div>
  )
}
