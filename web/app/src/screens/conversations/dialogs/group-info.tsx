/** A group: its title, who is in it and what they may do; changed by who may. */
import type { ConversationState, Member, Permission } from '@palabre/client'
import { createEffect, createMemo, createSignal, onCleanup, Show } from 'solid-js'
import { describe } from '../../../core/errors.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Avatar } from '../../../ui/avatar.js'
import { ById } from '../../../ui/by-id.js'
import { Button } from '../../../ui/button.js'
import { Confirm } from '../../../ui/confirm.js'
import { Dialog } from '../../../ui/dialog.js'
import { TextField } from '../../../ui/field.js'
import { Icon } from '../../../ui/icon.js'
import { Menu, type MenuItem } from '../../../ui/menu.js'
import { toastError } from '../../../ui/toast.js'
import { isLarge, SMALL } from '../members.js'
import { nameOf } from '../names.js'
import { PeopleField, type Chosen } from './people-field.js'

const PERMISSIONS = ['r', 'w', 'a', 'o'] as const

export function GroupInfo(props: { conversation: ConversationState; onClose: () => void }) {
  const { client, me } = useChat()
  const id = props.conversation.id
  const known = watched(client, `members:${id}`, () => client.members(id))
  // Those of a large group are forgotten whenever it changes; those of before stay until they are read anew.
  const members = createMemo<readonly Member[] | undefined>((before) => known() ?? before)
  // As it is, also when another renames it meanwhile, until one writes another.
  const [written, setTitle] = createSignal<string>()
  const title = () => written() ?? props.conversation.title ?? ''
  const [people, setPeople] = createSignal<Chosen[]>([])
  const [removing, setRemoving] = createSignal<Member>()
  const [problem, setProblem] = createSignal<string>()
  const isOwner = () => props.conversation.permission === 'o'
  const mayChange = () => isOwner() || props.conversation.permission === 'a'
  /** Until they are known: what changes while they are read makes them forgotten again. */
  const read = async () => {
    while (isShown && client.conversation(id) && !client.members(id)) await client.loadMembers(id)
  }
  let isShown = true
  onCleanup(() => (isShown = false))
  createEffect(() => known() === undefined && void read().catch(toastError))

  let takeTyped = () => {}
  const save = async () => {
    if (title().trim() === '') return setProblem(t('group.untitled'))
    takeTyped()
    setProblem(undefined)
    const renamed = title().trim() !== (props.conversation.title ?? '')
    try {
      if (renamed || people().length > 0) {
        await client.updateGroup(id, { ...(renamed && { title: title().trim() }), ...(people().length > 0 && { add: people().map(({ key }) => key) }) })
      }
      props.onClose()
    } catch (error) {
      setProblem(describe(error))
    }
  }
  const items = (member: Member): MenuItem[] => [
    ...PERMISSIONS.filter((one) => isOwner() || one !== 'o').map((one: Permission) => ({
      label: t(`permission.${one}`),
      checked: member.permission === one,
      run: () => void client.updateGroup(id, { permissions: { [member.user.id]: one } }).catch(toastError),
    })),
    'line',
    { label: t('group.remove'), icon: 'close', danger: true, run: () => setRemoving(member) },
  ]
  const mayChangeThem = (member: Member) => mayChange() && member.user.id !== me.id && (isOwner() || member.permission !== 'o')

  return (
    <Dialog
      title={t('group.info')}
      onClose={props.onClose}
      {...(mayChange() && { onSubmit: () => void save() })}
      actions={
        mayChange() && (
          <>
            <Button onClick={props.onClose}>{core('cancel')}</Button>
            <Button type="submit" look="primary">
              {core('save')}
            </Button>
          </>
        )
      }
    >
      <Show when={problem()}>
        {(text) => (
          <p class="notice bad" role="alert">
            {text()}
          </p>
        )}
      </Show>
      <Show when={mayChange()} fallback={<p>{props.conversation.title}</p>}>
        <TextField label={t('group.title')} required maxLength={200} value={title()} onInput={(event) => setTitle(event.currentTarget.value)} />
        <PeopleField chosen={people()} onChange={setPeople} register={(take) => (takeTyped = take)} without={members()?.map(({ user }) => user.id) ?? []} />
      </Show>
      <h3 class="dialog-part">{t.count('members', props.conversation.member_count)}</h3>
      <Show when={isLarge(props.conversation)}>
        <p class="quiet small">{t('group.large', { count: SMALL })}</p>
      </Show>
      <ul role="list" class="members">
        <ById each={members() ?? []} id={({ user }) => user.id}>
          {(member) => (
            <li class="member">
              <Avatar id={member().user.id} name={nameOf(member().user)} picture={member().user.avatar} small />
              <span class="member-text">
                <strong class="one-line">
                  {nameOf(member().user)}
                  {member().user.id === me.id ? ` (${t('you')})` : ''}
                </strong>
                <span class="quiet small">{t(`permission.${member().permission}`)}</span>
              </span>
              <Show when={mayChangeThem(member())}>
                <Menu label={t('requests.more', { name: nameOf(member().user) })} items={items(member())}>
                  <Icon name="more" />
                </Menu>
              </Show>
            </li>
          )}
        </ById>
      </ul>
      <Show when={removing()}>
        {(member) => (
          <Confirm
            title={t('group.remove.title', { name: nameOf(member().user) })}
            text={t('group.remove.text')}
            action={t('group.remove')}
            onClose={() => setRemoving(undefined)}
            run={() => client.updateGroup(id, { remove: [member().user.id] }).catch(toastError)}
          />
        )}
      </Show>
    </Dialog>
  )
}
