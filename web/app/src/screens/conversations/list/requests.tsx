/** People who want to be one's contacts. */
import type { User } from '@palabre/client'
import { createSignal, For, Show } from 'solid-js'
import { go } from '../../../core/router.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t } from '../../../i18n/conversation.js'
import { Avatar } from '../../../ui/avatar.js'
import { Button } from '../../../ui/button.js'
import { Confirm } from '../../../ui/confirm.js'
import { Menu } from '../../../ui/menu.js'
import { Icon } from '../../../ui/icon.js'
import { toastError } from '../../../ui/toast.js'
import { pathOf } from '../place.js'
import { nameOf } from '../names.js'

export function Requests() {
  const { client } = useChat()
  const contacts = watched(client, 'contacts', () => client.contacts)
  const [blocking, setBlocking] = createSignal<User>()
  const waiting = () => contacts().filter(({ status }) => status === 'pending')
  const accept = async (user: string) => {
    try {
      const { conversation } = await client.updateContact(user, 'accept')
      if (conversation) go(pathOf(conversation))
    } catch (error) {
      toastError(error)
    }
  }
  return (
    <>
      <Show when={waiting().length > 0}>
        <h3 class="list-part">{t('requests')}</h3>
        <ul role="list" class="list-rows">
          <For each={waiting()}>
            {({ user }) => (
              <li class="request">
                <Avatar id={user.id} name={nameOf(user)} picture={user.avatar} />
                <span class="request-text">
                  <strong class="one-line">{nameOf(user)}</strong>
                  <span class="quiet small one-line">{t('requests.wants')}</span>
                </span>
                <Button small look="primary" aria-label={t('accept.who', { name: nameOf(user) })} onClick={() => void accept(user.id)}>
                  {t('accept')}
                </Button>
                <Menu
                  label={t('requests.more', { name: nameOf(user) })}
                  class="button icon plain small"
                  items={[
                    { label: t('decline'), icon: 'close', run: () => void client.updateContact(user.id, 'decline').catch(toastError) },
                    { label: t('block'), icon: 'block', danger: true, run: () => setBlocking(user) },
                  ]}
                >
                  <Icon name="more" size={18} />
                </Menu>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={blocking()}>
        {(user) => (
          <Confirm
            title={t('block.title', { name: nameOf(user()) })}
            text={t('block.text')}
            action={t('block')}
            onClose={() => setBlocking(undefined)}
            run={() => client.updateContact(user().id, 'block').catch(toastError)}
          />
        )}
      </Show>
    </>
  )
}
