/** The text of a message. Links ask before they leave, code is coloured. */
import type { User } from '@palabre/client'
import { createEffect, createMemo, createSignal, Show } from 'solid-js'
import { LinkNotice } from '../dialogs/link-notice.js'
import { render } from '../markdown.js'

export function Body(props: { text: string; people: readonly User[]; me: string }) {
  const [leaving, setLeaving] = createSignal<string>()
  let place!: HTMLDivElement
  // Made anew only when it is another text: a receipt must not take away what somebody has just marked to copy it.
  const text = createMemo(() => props.text)
  createEffect(() => {
    place.replaceChildren(render(text(), props.people, props.me))
    const code = place.querySelectorAll<HTMLElement>('pre > code[class]')
    // Without colours it can be read as well: nobody waits for them.
    if (code.length > 0) import('../highlight.js').then(({ highlight }) => code.forEach(highlight)).catch(() => undefined)
  })
  const click = (event: MouseEvent) => {
    const link = (event.target as Element).closest?.('a')
    // The right button opens the browser's own menu.
    if (!link || event.button > 1) return
    event.preventDefault()
    setLeaving(link.href)
  }
  return (
    <>
      <div ref={place} class="body" onClick={click} onAuxClick={click} />
      <Show when={leaving()}>{(url) => <LinkNotice url={url()} onClose={() => setLeaving(undefined)} />}</Show>
    </>
  )
}
