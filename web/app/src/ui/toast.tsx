/** Short notes that go away by themselves, over all that is open. */
import { PalabreError } from '@palabre/client'
import { createSignal, For, untrack } from 'solid-js'
import { announcement } from '../core/announce.js'
import { describe } from '../core/errors.js'
import { isIn, top, type Layer } from '../core/layers.js'
import { t } from '../i18n/core.js'
import { IconButton } from './button.js'

/** Long enough to read two lines. */
const SHOWN_MS = 7_000
/** More than these at once nobody reads: the oldest goes. */
const MOST = 3

interface Toast {
  text: string
  layer: Layer
}
const [toasts, set] = createSignal<readonly Toast[]>([])

/** Shows a note, and reads it out. */
export function toast(text: string): void {
  const note = { text, layer: untrack(top) }
  set((all) => [...all.slice(1 - MOST), note])
  setTimeout(() => drop(note), SHOWN_MS)
}

/** Shows what went wrong. Takes what a promise rejected with: `doIt().catch(toastError)`. */
export function toastError(error: unknown): void {
  // Whoever asked for it has left.
  if (error instanceof PalabreError && error.code === 'closed') return
  toast(describe(error))
}

/** Takes all notes away. */
export const clearToasts = (): void => void set([])

const drop = (note: Toast) => set((all) => all.filter((one) => one !== note))

/**
 * Where notes are shown, and where they and announcements are read out from. The page and each dialog have one of their own, which is there before
 * what it says: only then is it read out.
 */
export function Notes(props: { layer: Layer }) {
  return (
    <>
      <div class="toasts" role="status" aria-live="polite">
        <For each={toasts().filter(({ layer }) => isIn(props.layer, layer))}>
          {(note) => (
            <div class="toast">
              <span>{note.text}</span>
              <IconButton icon="close" small label={t('close')} onClick={() => drop(note)} />
            </div>
          )}
        </For>
      </div>
      <div class="unseen" role="log" aria-live="polite">
        {isIn(props.layer, announcement().layer) ? announcement().text : ''}
      </div>
    </>
  )
}
