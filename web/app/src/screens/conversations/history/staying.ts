/** Rows that stay in the page however far they are from what is seen: those of which a dialog is open, and the one that has the focus. */
import { createMemo, createSignal, onCleanup, type Accessor } from 'solid-js'
import type { Row } from './rows.js'

/** Which of these rows stay; they are told where they are now by `at`. */
export function staying(rows: Accessor<readonly Row[]>) {
  const [keys, change] = createSignal<readonly string[]>([])
  const [focused, setFocused] = createSignal<string>()
  const at = createMemo(() => {
    const wanted = new Set(keys())
    const own = focused()
    if (own !== undefined) wanted.add(own)
    return wanted.size === 0 ? [] : rows().flatMap(({ key }, index) => (wanted.has(key) ? [index] : []))
  })
  return {
    at,
    /** Keeps a row until what it returns is called. */
    stay(key: string): () => void {
      change((all) => [...all, key])
      return () => change((all) => all.toSpliced(all.indexOf(key), 1))
    },
    /** Follows the focus in what has the rows. */
    follow(scroller: HTMLElement): void {
      let lost: HTMLElement | undefined
      const look = () => {
        lost = undefined
        setFocused(document.activeElement?.closest<HTMLElement>('[data-message]')?.dataset['message'])
      }
      scroller.addEventListener('focusin', look)
      scroller.addEventListener('focusout', ({ target, relatedTarget }) => {
        if (relatedTarget === null) lost = target as HTMLElement
        // Not in the midst of what takes it.
        requestAnimationFrame(look)
      })
      // A row that others are put before may be taken out and put in again, and comes back without the focus that it had. What is shown anew, as
      // a message that is confirmed, or is there no more, as a button of one that is tried again, leaves it to the message.
      const moved = new MutationObserver((changes) => {
        const own = lost
        if (!own || document.activeElement !== document.body) return
        if (!changes.some(({ removedNodes }) => [...removedNodes].some((node) => node.contains(own)))) return
        const key = focused()
        const now = own.isConnected || key === undefined ? own : scroller.querySelector<HTMLElement>(`[data-message="${CSS.escape(key)}"]`)
        now?.focus({ preventScroll: true })
      })
      moved.observe(scroller, { childList: true, subtree: true })
      onCleanup(() => moved.disconnect())
    },
  }
}
