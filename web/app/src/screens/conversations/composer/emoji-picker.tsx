/** A field of emoji beside a button: for reactions and for the composer. */
import { createSignal, For, onMount, Show } from 'solid-js'
import { Portal } from 'solid-js/web'
import { t } from '../../../i18n/conversation.js'
import { place } from '../../../ui/menu.js'
import { stay } from '../../../ui/stay.js'
import { EMOJI, QUICK } from './emoji.js'

/** In a row, as the style has it. */
const COLUMNS = 8

export function EmojiPicker(props: { beside: Element; onPick: (emoji: string) => void; onClose: () => void }) {
  const [query, setQuery] = createSignal('')
  const before = document.activeElement
  let popover!: HTMLDivElement
  let search!: HTMLInputElement
  const found = () => {
    const words = query().trim().toLocaleLowerCase()
    return words === '' ? EMOJI : EMOJI.filter(([emoji, names]) => names.includes(words) || emoji === words)
  }
  onMount(() => {
    popover.showPopover()
    place(popover, props.beside)
    search.focus()
  })
  stay(() => before instanceof HTMLElement && before.isConnected && before.focus())
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.preventDefault()
      event.stopPropagation()
      props.onClose()
      return
    }
    if (event.key === 'Tab') {
      // It is no part of what comes before or after it in the page: past its ends one is back where one was.
      const stops = [...popover.querySelectorAll<HTMLElement>('input, button[tabindex="0"]')]
      if (document.activeElement !== stops.at(event.shiftKey ? 0 : -1) && stops.includes(document.activeElement as HTMLElement)) return
      event.preventDefault()
      props.onClose()
      return
    }
    const buttons = [...popover.querySelectorAll<HTMLButtonElement>('.emoji-all button')]
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement)
    if (at < 0 && event.key !== 'ArrowDown') return
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at < 0 ? 0 : at + COLUMNS, ArrowUp: at - COLUMNS }[event.key]
    if (to === undefined) return
    event.preventDefault()
    if (to < 0) search.focus()
    else buttons[Math.min(to, buttons.length - 1)]?.focus()
  }
  const button = (emoji: string, label: string, focusable: boolean) => (
    <button type="button" class="emoji" aria-label={`${emoji} ${label}`} title={label} tabindex={focusable ? 0 : -1} onClick={() => props.onPick(emoji)}>
      {emoji}
    </button>
  )
  return (
    <Portal>
      <div
        ref={popover}
        class="emoji-picker menu"
        popover="auto"
        role="dialog"
        aria-label={t('emoji')}
        onKeyDown={keys}
        on:toggle={(event: Event) => (event as ToggleEvent).newState === 'closed' && props.onClose()}
      >
        <input
          ref={search}
          class="input"
          type="search"
          aria-label={t('emoji.search')}
          placeholder={t('emoji.search')}
          value={query()}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            const first = found()[0]
            if (event.key === 'Enter' && first) {
              event.preventDefault()
              props.onPick(first[0])
            }
          }}
        />
        <Show when={query() === ''}>
          <div class="emoji-quick">
            <For each={QUICK}>{(emoji) => button(emoji, t('emoji.quick'), true)}</For>
          </div>
        </Show>
        <div class="emoji-all">
          <For each={found()} fallback={<p class="quiet small">{t('search.none')}</p>}>
            {([emoji, names], at) => button(emoji, names.split(' ')[0] ?? '', at() === 0)}
          </For>
        </div>
      </div>
    </Portal>
  )
}
