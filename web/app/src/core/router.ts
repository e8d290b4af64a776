/** Where one is: the path of the page, and ways to go elsewhere. */
import { createSignal } from 'solid-js'

const [path, moved] = createSignal(location.pathname)
export { path }

addEventListener('popstate', () => moved(location.pathname))

/** Goes to a path of the application. */
export function go(to: string, options: { replace?: boolean } = {}): void {
  if (to === location.pathname) return
  if (options.replace) history.replaceState(history.state, '', to)
  else history.pushState({ from: location.pathname }, '', to)
  moved(location.pathname)
}

/** Goes back to the page that this one belongs to: to where one was before, if it is that, so that nothing piles up for the browser's own way back. */
export function back(to: string): void {
  const { from } = (history.state ?? {}) as { from?: unknown }
  if (from === to) history.back()
  else go(to, { replace: true })
}

/** The parts of a path: `/conversations/ID` is `['conversations', 'ID']`. */
export const parts = (): string[] => path().split('/').filter(Boolean).map(decoded)

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** For `onClick` of links: follows them without loading the page anew, unless another tab or a download is meant. */
export function follow(event: MouseEvent & { currentTarget: HTMLAnchorElement }): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  event.preventDefault()
  go(event.currentTarget.pathname)
}
