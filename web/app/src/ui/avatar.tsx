/** A person or a group as a round with initials, with their presence if it is known. */
import type { Presence } from '@palabre/client'
import { Show } from 'solid-js'
import { t } from '../i18n/core.js'

/** As many as there are `data-hue` in ui.css. */
const HUES = 8

function hue(id: string): number {
  let sum = 0
  for (const char of id) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973
  return sum % HUES
}

function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean)
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]]
  return letters.map((word) => [...(word ?? '?')][0]?.toLocaleUpperCase() ?? '').join('')
}

export function Avatar(props: { id: string; name: string; presence?: Presence | undefined; group?: boolean; small?: boolean }) {
  return (
    <span class="avatar" classList={{ group: props.group === true, small: props.small === true }} data-hue={hue(props.id)}>
      <span aria-hidden="true">{initials(props.name)}</span>
      <Show when={props.presence}>
        {(presence) => (
          <span class={`presence ${presence()}`}>
            <span class="unseen">{t(`status.${presence()}`)}</span>
          </span>
        )}
      </Show>
    </span>
  )
}
