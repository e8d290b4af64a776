/** The list of conversations, and beside it the one that is looked at. */
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t } from '../../i18n/core.js'
import { For } from 'solid-js'

export function Conversations() {
  const { client } = useChat()
  const all = watched(client, 'conversations', () => client.conversations)
  return (
    <ul aria-label={t('conversations')}>
      <For each={all()}>{(one) => <li>{one.title ?? client.peer(one.id)?.username ?? one.name}</li>}</For>
    </ul>
  )
}
