/** One's contacts, and what may be done about each. */
import type { Contact, ContactAction } from '@palabre/client'
import { createSignal, Show } from 'solid-js'
import { go } from '../../../core/router.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t } from '../../../i18n/conversation.js'
import { Avatar } from '../../../ui/avatar.js'
import { ById } from '../../../ui/by-id.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { Icon } from '../../../ui/icon.js'
import { Menu, type MenuItem } from '../../../ui/menu.js'
import { toastError } from '../../../ui/toast.js'
import { pathOf } from '../place.js'
import { nameOf } from '../names.js'
import { Confirm } from '../../../ui/confirm.js'

export function Contacts(props: { onClose: () => void }) {
  const { client } = useChat()
  const contacts = watched(client, 'contacts', () => client.contacts)
  const statuses = watched(client, 'statuses', () => new Map(client.contacts.map(({ user }) => [user.id, client.status(user.id)?.status])))
  const [asked, setAsked] = createSignal<{ contact: Contact; action: 'block' | 'remove' }>()
  const shown = () => contacts().filter(({ status }) => status !== 'removed')
  const act = (contact: Contact, action: ContactAction) => client.updateContact(contact.user.id, action).catch(toastError)
  const items = (contact: Contact): MenuItem[] => {
    if (contact.status === 'blocked') return [{ label: t('unblock'), icon: 'check', run: () => void act(contact, 'unblock') }]
    const ask = (action: 'block' | 'remove') => setAsked({ contact, action })
    return [
      ...(contact.status === 'pending' ? ([{ label: t('accept'), icon: 'check', run: () => void act(contact, 'accept') }, { label: t('decline'), icon: 'close', run: () => void act(contact, 'decline') }] as const) : []),
      ...(contact.status === 'invited' ? ([{ label: t('invite.takeBack'), icon: 'close', run: () => void act(contact, 'remove') }] as const) : []),
      ...(contact.status === 'accepted' ? ([{ label: t('remove.contact'), icon: 'close', danger: true, run: () => ask('remove') }] as const) : []),
      { label: t('block'), icon: 'block', danger: true, run: () => ask('block') },
    ]
  }
  return (
    <Dialog title={t('contacts')} onClose={props.onClose}>
      <Show when={shown().length > 0} fallback={<p class="quiet">{t('contacts.none')}</p>}>
        <ul role="list" class="members">
          <ById each={shown()} id={({ user }) => user.id}>
            {(contact) => (
              <li class="member">
                <Avatar id={contact().user.id} name={nameOf(contact().user)} picture={contact().user.avatar} presence={contact().status === 'accepted' ? (statuses().get(contact().user.id) ?? 'offline') : undefined} />
                <span class="member-text">
                  <strong class="one-line">{nameOf(contact().user)}</strong>
                  <span class="quiet small">{t(`contact.${contact().status}`)}</span>
                </span>
                <Show when={contact().status === 'accepted' && contact().conversation}>
                  {(conversation) => (
                    <Button
                      small
                      onClick={() => {
                        props.onClose()
                        go(pathOf(conversation()))
                      }}
                    >
                      {t('write')}
                    </Button>
                  )}
                </Show>
                <Menu label={t('requests.more', { name: nameOf(contact().user) })} items={items(contact())}>
                  <Icon name="more" />
                </Menu>
              </li>
            )}
          </ById>
        </ul>
      </Show>
      <Show when={asked()}>
        {(ask) => (
          <Confirm
            title={t(`${ask().action}.title`, { name: nameOf(ask().contact.user) })}
            text={t(`${ask().action}.text`)}
            action={t(ask().action === 'block' ? 'block' : 'remove.contact')}
            onClose={() => setAsked(undefined)}
            run={() => act(ask().contact, ask().action)}
          />
        )}
      </Show>
    </Dialog>
  )
}
