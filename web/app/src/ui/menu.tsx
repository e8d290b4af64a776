/** A button that opens a menu. Arrow keys move in it, Escape and a click elsewhere close it. */
import { createEffect, createSignal, createUniqueId, Index, on, onMount, Show, type JSX } from 'solid-js'
import { Icon, type IconName } from './icon.js'
import { stay } from './stay.js'

type Choice = { label: string; icon?: IconName; danger?: boolean; disabled?: boolean; checked?: boolean; run: () => void }
export type MenuItem = Choice | 'line'

const choice = (item: MenuItem): Choice | undefined => (item === 'line' ? undefined : item)

export function Menu(props: { label: string; items: MenuItem[]; class?: string; children: JSX.Element; onOpen?: (open: boolean) => void }) {
  const id = createUniqueId()
  const [open, setOpen] = createSignal(false)
  let button!: HTMLButtonElement
  const change = (next: boolean) => {
    setOpen(next)
    props.onOpen?.(next)
  }
  return (
    <>
      <button ref={button} type="button" class={props.class ?? 'button icon plain'} title={props.label} aria-label={props.label} aria-haspopup="menu" aria-expanded={open()} aria-controls={open() ? id : undefined} onClick={() => change(!open())}>
        {props.children}
      </button>
      <Show when={open()}>
        <List id={id} label={props.label} items={props.items} button={button} onClose={() => change(false)} />
      </Show>
    </>
  )
}

function List(props: { id: string; label: string; items: MenuItem[]; button: HTMLElement; onClose: () => void }) {
  let list!: HTMLDivElement
  stay()
  const enabled = () => [...list.querySelectorAll<HTMLButtonElement>('.menu-item:not(:disabled)')]
  onMount(() => {
    list.showPopover()
    place(list, props.button)
    enabled()[0]?.focus()
  })
  // Others may come while it is open: it has another size then, and what had the focus may be gone.
  let last = 0
  const changed = () => {
    place(list, props.button)
    if (!list.contains(document.activeElement)) (enabled()[last] ?? enabled().at(-1))?.focus()
  }
  createEffect(on(() => props.items, changed, { defer: true }))
  const keys = (event: KeyboardEvent) => {
    const items = enabled()
    const at = items.indexOf(document.activeElement as HTMLButtonElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key]
    if (to !== undefined) {
      event.preventDefault()
      items.at(to % items.length)?.focus()
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      if (event.key === 'Escape') event.preventDefault()
      event.stopPropagation()
      close()
    }
  }
  const close = () => {
    props.button.focus()
    props.onClose()
  }
  return (
    <div
      ref={list}
      id={props.id}
      class="menu"
      role="menu"
      aria-label={props.label}
      popover="auto"
      onKeyDown={keys}
      onFocusIn={(event) => (last = Math.max(0, enabled().indexOf(event.target as HTMLButtonElement)))}
      on:toggle={(event: Event) => {
        // A click on the button itself closes it by that.
        if ((event as ToggleEvent).newState === 'closed' && !props.button.matches(':active')) props.onClose()
      }}
    >
      {/* By their place: what is told again while it is open leaves the buttons, and a click on one of them, alone. */}
      <Index each={props.items}>
        {(item) => (
          <Show when={choice(item())} fallback={<hr class="menu-line" />}>
            {(one) => (
              <button
                type="button"
                class="menu-item"
                classList={{ danger: one().danger === true }}
                role={one().checked === undefined ? 'menuitem' : 'menuitemradio'}
                aria-checked={one().checked}
                disabled={one().disabled}
                onClick={() => {
                  const { run } = one()
                  close()
                  run()
                }}
              >
                <Show when={one().icon}>{(icon) => <Icon name={icon()} size={18} />}</Show>
                <span>{one().label}</span>
                <Show when={one().checked}>
                  <Icon name="check" size={16} />
                </Show>
              </button>
            )}
          </Show>
        )}
      </Index>
    </div>
  )
}

/** Puts something beside what it belongs to: below or above, wherever there is room. */
export function place(what: HTMLElement, beside: Element): void {
  const anchor = beside.getBoundingClientRect()
  const { width, height } = what.getBoundingClientRect()
  const gap = 6
  const below = anchor.bottom + gap + height <= innerHeight
  const top = below ? anchor.bottom + gap : Math.max(gap, anchor.top - gap - height)
  const fromLeft = anchor.left + width + gap <= innerWidth
  const left = Math.max(gap, fromLeft ? anchor.left : anchor.right - width)
  what.style.top = `${Math.min(top, Math.max(gap, innerHeight - height - gap))}px`
  what.style.left = `${left}px`
}
