/** What the window is called: by the page, and before that by how much is unread, wherever one is. */
import { createEffect, createSignal, onCleanup, type Accessor } from 'solid-js'

const [unread, setUnread] = createSignal(0)

/** Says how many messages are unread, as long as the component is there. */
export function tellUnread(count: Accessor<number>): void {
  createEffect(() => setUnread(count()))
  onCleanup(() => setUnread(0))
}

/** Names the window by what its page shows. */
export function setTitle(page: Accessor<string>): void {
  createEffect(() => (document.title = `${unread() > 0 ? `(${unread()}) ` : ''}${page()} – Palabre`))
}
