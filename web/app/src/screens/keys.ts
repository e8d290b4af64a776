/** Keys that do the same wherever one is. */
import { onCleanup } from 'solid-js'
import { go, parts } from '../core/router.js'

const isShown = (element: HTMLElement): boolean => element.getClientRects().length > 0

/** Listens to them as long as the caller is there. */
export function listenToKeys(): void {
  const keys = (event: KeyboardEvent) => {
    // What is below a dialog can't be used.
    if (document.querySelector('dialog[open]')) return
    const isSearch = event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey
    const isArrow = event.altKey && !event.ctrlKey && !event.metaKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')
    if (isSearch ? search() : isArrow && next(event.key === 'ArrowDown')) event.preventDefault()
  }
  document.addEventListener('keydown', keys)
  onCleanup(() => document.removeEventListener('keydown', keys))
}

/** To the search of the page, or to that of the conversations where it has none. */
function search(): boolean {
  const find = () => [...document.querySelectorAll<HTMLInputElement>('main [role="search"] input')].find(isShown)
  // In a narrow window it is shown with the list.
  if (!find()) go(parts()[0] === 'support' ? '/support' : '/conversations')
  const field = find()
  field?.focus()
  field?.select()
  return field !== undefined
}

/** To the conversation, or the request, that is above or below in the list. */
function next(isDown: boolean): boolean {
  const links = [...document.querySelectorAll<HTMLAnchorElement>('main :is(a.conversation-link, a.support-row)')]
  const at = links.findIndex((link) => link.hasAttribute('aria-current'))
  const link = links.at(isDown ? (at + 1) % links.length : Math.max(at - 1, -1))
  if (link) go(link.pathname)
  return link !== undefined
}
