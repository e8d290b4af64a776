/** One's contacts, and what may be done about each. */
import type { Contact, ContactAction } from '@palabre/client'
import { createSignal, For, Show } from 'solid-js'
import { go } from '../../../core/router.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t } from '../../../i18n/conversation.js'
import { Avatar } from '../../../ui/avatar.js'
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
  const [blocking, setBlocking] = createSignal<Contact>()
  const shown = () => contacts().filter(({ status }) => status !== 'removed')
  const act = (contact: Contact, action: ContactAction) => client.updateContact(contact.user.id, action).catch(toastError)
  const items = (contact: Contact): MenuItem[] => {
    if (contact.status === 'blocked') return [{ label: t('unblock'), icon: 'check', run: () => void act(contact, 'unblock') }]
    return [
      ...(contact.status === 'pending' ? ([{ label: t('accept'), icon: 'check', run: () => void act(contact, 'accept') }] as const) : []),
      { label: contact.status === 'invited' ? t('invite.takeBack') : contact.status === 'pending' ? t('decline') : t('remove.contact'), icon: 'close', run: () => void act(contact, contact.status === 'pending' ? 'decline' : 'remove') },
      { label: t('block'), icon: 'block', danger: true, run: () => setBlocking(contact) },
    ]
  }
  return (
    <Dialog title={t('contacts')} onClose={props.onClose}>
      <Show when={shown().length > 0} fallback={<p class="quiet">{t('contacts.none')}</p>}>
        <ul role="list" class="members">
          <For each={shown()}>
            {(contact) => (
              <li class="member">
                <Avatar id={contact.user.id} name={nameOf(contact.user)} picture={contact.user.avatar} presence={contact.status === 'accepted' ? (statuses().get(contact.user.id) ?? 'offline') : undefined} />
                <span class="member-text">
                  <strong class="one-line">{nameOf(contact.user)}</strong>
                  <span class="quiet small">{t(`contact.${contact.status}`)}</span>
                </span>
                <Show when={contact.status === 'accepted' && contact.conversation}>
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
                <Menu label={t('requests.more', { name: nameOf(contact.user) })} items={items(contact)}>
                  <Icon name="more" />
                </Menu>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={blocking()}>
        {(contact) => (
          <Confirm title={t('block.title', { name: nameOf(contact().user) })} text={t('block.text')} action={t('block')} onClose={() => setBlocking(undefined)} run={() => act(contact(), 'block')} />
        )}
      </Show>
    </Dialog>
  )
}
