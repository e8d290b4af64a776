/** Oneself in the rail, and the dialog behind it. */
import { createSignal, Show } from 'solid-js'
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t } from '../../i18n/core.js'
import { Avatar } from '../../ui/avatar.js'
import { AccountDialog } from './dialog.js'

export function Account() {
  const { client, me } = useChat()
  const [open, setOpen] = createSignal(false)
  const status = watched(client, 'statuses', () => client.status(me.id))
  const connection = watched(client, 'connection', () => client.connection.phase)
  const user = watched(client, 'user', () => client.user)
  const name = () => user()?.name || me.username
  const presence = () => (connection() === 'online' ? (status()?.status ?? 'online') : 'offline')
  return (
    <>
      <button type="button" class="rail-link" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Avatar id={me.id} name={name()} picture={user()?.avatar} presence={presence()} small />
        <span class="one-line">
          <span class="unseen">{t('said', { who: t('you'), what: '' })}</span>
          {name()}
        </span>
      </button>
      <Show when={open()}>
        <AccountDialog status={status()} onClose={() => setOpen(false)} />
      </Show>
    </>
  )
}
