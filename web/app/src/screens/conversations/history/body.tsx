/** The text of a message. Links ask before they leave, code is coloured. */
import type { User } from '@palabre/client'
import { createEffect, createMemo, createSignal, Show } from 'solid-js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { useLinks } from '../dialogs/link-notice.js'
import { render } from '../markdown.js'

/** More than this is shown when one asks for it: so that one message does not keep others from being seen. */
const MOST_LINES = 40
const MOST_CHARACTERS = 4_000

/** Long texts that were asked for stay as long as the page, also while they are scrolled out of it. */
const opened = new Set<string>()

function isLong(text: string): boolean {
  return text.length > MOST_CHARACTERS || text.split('\n', MOST_LINES + 1).length > MOST_LINES
}

export function Body(props: { text: string; people: readonly User[]; me: string; fold?: boolean }) {
  const [isOpen, setOpen] = createSignal(opened.has(props.text))
  const mayFold = () => props.fold === true && isLong(props.text)
  const toggle = () => {
    const next = !isOpen()
    if (next) opened.add(props.text)
    else opened.delete(props.text)
    setOpen(next)
  }
  const ask = useLinks()
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
    ask(link.href)
  }
  return (
    <>
      <div ref={place} class="body" classList={{ folded: mayFold() && !isOpen() }} onClick={click} onAuxClick={click} />
      <Show when={mayFold()}>
        <Button small look="plain" class="body-more" aria-expanded={isOpen()} onClick={toggle}>
          {t(isOpen() ? 'show.less' : 'show.all')}
        </Button>
      </Show>
    </>
  )
}
