/** In the place of the composer, where one may not write: why, and what one can do about it. */
import type { ContactAction, ConversationState } from '@palabre/client'
import { Match, Show, Switch } from 'solid-js'
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t } from '../../i18n/conversation.js'
import { toastError } from '../../ui/toast.js'
import { nameOf } from './names.js'

export function Closed(props: { conversation: ConversationState }) {
  const { client } = useChat()
  const { id } = props.conversation
  const peer = watched(client, `members:${id}`, () => client.peer(id))
  const status = watched(client, 'contacts', () => {
    const other = client.peer(id)
    return other && client.contact(other.id)?.status
  })
  const other = () => (props.conversation.kind === 'private' ? peer() : undefined)
  const act = (action: ContactAction) => {
    const user = other()
    if (user) client.updateContact(user.id, action).catch(toastError)
  }
  const Do = (props: { action: ContactAction; label: string }) => (
    <button type="button" class="button small" onClick={() => act(props.action)}>
      {props.label}
    </button>
  )
  return (
    <p class="composer-closed">
      <Show when={other()} fallback={<span class="quiet">{t('readOnly')}</span>}>
        {(user) => (
          <Switch fallback={<span class="quiet">{t('readOnly')}</span>}>
            <Match when={status() === 'blocked'}>
              {t('blocked')} <Do action="unblock" label={t('unblock')} />
            </Match>
            <Match when={status() === 'invited'}>
              {t('invite.sent', { name: nameOf(user()) })}
            </Match>
            <Match when={status() === 'pending'}>
              {t('invite.again', { name: nameOf(user()) })} <Do action="accept" label={t('accept')} />
            </Match>
            <Match when={status() === undefined}>
              {t('apart', { name: nameOf(user()) })} <Do action="invite" label={t('invite')} />
            </Match>
          </Switch>
        )}
      </Show>
    </p>
  )
}
