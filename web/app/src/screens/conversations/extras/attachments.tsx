/** The files of a message. */
import type { Attachment } from '@palabre/client'
import { For } from 'solid-js'
import { Icon } from '../../../ui/icon.js'

export function Attachments(props: { items: readonly Attachment[] }) {
  return (
    <ul role="list" class="attachments">
      <For each={props.items}>
        {(item) => (
          <li class="attachment">
            <Icon name="file" size={18} /> <span class="one-line">{item.name}</span>
          </li>
        )}
      </For>
    </ul>
  )
}
