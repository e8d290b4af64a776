/** A conversation: who it is with, what was said, who is typing, and where one writes. */
import { PalabreError, type ConversationState, type Message } from '@palabre/client'
import { createEffect, createMemo, createSignal, Match, onMount, Show, Switch, type JSX } from 'solid-js'
import { back, go, parts } from '../../core/router.js'
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/conversation.js'
import { t as bots } from '../../i18n/bot.js'
import { t as games } from '../../i18n/games.js'
import { Avatar } from '../../ui/avatar.js'
import { IconButton } from '../../ui/button.js'
import { Icon } from '../../ui/icon.js'
import { Menu, type MenuItem } from '../../ui/menu.js'
import { toast, toastError } from '../../ui/toast.js'
import { DropOverlay } from './attachments/drop.js'
import { uploadsOf } from './attachments/uploads.js'
import { BotBar } from './bot/bot-bar.js'
import { maySwitch, switchMode } from './bot/mode.js'
import { Confirm } from '../../ui/confirm.js'
import { Closed } from './closed.js'
import { Composer, intentOf, isTouch, type Intent } from './composer/composer.js'
import { draft } from './drafts.js'
import { GroupInfo } from './dialogs/group-info.js'
import { InviteToGame, mayInvite } from './games/invite.js'
import { History } from './history/history.js'
import type { Actions } from './history/message.js'
import { needMembers } from './members.js'
import { nameOf, titleOf } from './names.js'
import { brief } from './times.js'

/** What may name somebody. */
const MENTION = /(?:^|[^\p{L}\p{N}])@[\p{L}\p{N}]/u

interface Props {
  id: string
  /** Something around it says what it is about, and what may be done with it. */
  bare?: boolean
  /** More tools beside the field; what they insert goes where one writes. */
  tools?: (insert: (text: string) => void) => JSX.Element
}

export function Conversation(props: Props) {
  const chat = useChat()
  const { client, me } = chat
  const { id } = props
  const [intent, setIntent] = createSignal<Intent>(intentOf(draft(me.id, id)))
  // What was last known stays until this is gone from the page.
  const conversation = watched<ConversationState | undefined>(client, 'conversations', (before) => client.conversation(id) ?? before)
  const contact = watched(client, 'contacts', () => {
    const peer = client.peer(id)
    return peer && client.contact(peer.id)
  })
  let focusComposer = () => {}
  const isBlocked = () => contact()?.status === 'blocked'
  const mayWrite = () => (conversation()?.permission ?? 'r') !== 'r' && !isBlocked()
  const members = watched(client, `members:${id}`, () => client.members(id) ?? [])
  const areKnown = watched(client, `members:${id}`, () => client.members(id) !== undefined)
  const isSomebodyNamed = watched(client, `messages:${id}`, () => client.messages(id)?.items.some(({ body }) => MENTION.test(body)) ?? false)
  createEffect(() => isSomebodyNamed() && !areKnown() && needMembers(client, id))
  // Members change with each receipt, the people seldom.
  const people = createMemo(() => members().map(({ user }) => user), [], { equals: (a, b) => a.length === b.length && a.every((one, at) => one === b[at]) })
  const actions: Actions = {
    people,
    reply: (replyTo) => setIntent(({ edit }) => ({ replyTo, edit })),
    edit: (edit) => setIntent(({ replyTo }) => ({ replyTo, edit })),
    focusComposer: () => focusComposer(),
    mayWrite,
    mayDeleteAll: () => ['a', 'o'].includes(conversation()?.permission ?? 'r'),
  }
  /** One's own text that was written last. */
  const last = (): Message | undefined => client.messages(id)?.items.findLast((message) => message.author.id === me.id && message.kind === 'text' && message.role === 'user' && !message.deleted_at)
  return (
    <Show when={conversation()}>
      {(shown) => (
        <div class="conversation">
          <Show when={!props.bare}>
            <Header id={id} />
          </Show>
          <BotBar conversation={shown()} />
          <History id={id} actions={actions} />
          <Typing id={id} />
          <Switch
            fallback={
              <Composer id={id} title={titleOf(client, shown())} intent={intent()} onIntent={setIntent} last={last} register={(focus) => (focusComposer = focus)} tools={props.tools} />
            }
          >
            <Match when={isBlocked() || shown().permission === 'r'}>
              <Closed conversation={shown()} />
            </Match>
          </Switch>
          <DropOverlay onFiles={mayWrite() && !intent().edit ? uploadsOf(chat, id).add : undefined} />
        </div>
      )}
    </Show>
  )
}

function Header(props: { id: string }) {
  const { client } = useChat()
  const { id } = props
  const [dialog, setDialog] = createSignal<'info' | 'leave' | 'delete' | 'block' | 'game'>()
  const conversation = watched<ConversationState | undefined>(client, 'conversations', (before) => client.conversation(id) ?? before)
  const status = watched(client, 'statuses', () => {
    const peer = client.peer(id)
    return peer && client.status(peer.id)
  })
  const contact = watched(client, 'contacts', () => {
    const peer = client.peer(id)
    return peer && client.contact(peer.id)
  })
  // Also when their name or picture changes.
  const peer = watched(client, `members:${id}`, () => client.peer(id))
  const isGroup = () => conversation()?.kind === 'group'
  const title = () => {
    peer()
    const known = conversation()
    return known ? titleOf(client, known) : ''
  }
  const about = () => {
    const known = conversation()
    if (!known) return ''
    if (known.kind !== 'private') return t.count('members', known.member_count)
    const { status: presence, text, last_seen } = status() ?? {}
    if (!presence) return ''
    if (presence === 'offline' && last_seen) return t('lastSeen', { when: brief(new Date(last_seen)) })
    return text ? `${core(`status.${presence}`)} · ${text}` : core(`status.${presence}`)
  }
  const extras = (): MenuItem[] => {
    const known = conversation()
    if (!known) return []
    return [
      ...(mayInvite(known) && contact()?.status !== 'blocked' ? ([{ label: games('invite'), icon: 'game', run: () => setDialog('game') }] as const) : []),
      ...(known.kind === 'group' && known.mode === 'human' && maySwitch(known, 'bot') ? ([{ label: bots('mode.let'), icon: 'bot', run: () => void switchMode(client, id, 'bot') }] as const) : []),
    ]
  }
  const items = (): MenuItem[] => {
    if (isGroup()) {
      return [
        ...extras(),
        { label: t('group.info'), icon: 'info', run: () => setDialog('info') },
        'line',
        { label: t('group.leave'), icon: 'leave', run: () => setDialog('leave') },
        ...(conversation()?.permission === 'o' ? ([{ label: t('group.delete'), icon: 'trash', danger: true, run: () => setDialog('delete') }] as const) : []),
      ]
    }
    const peer = client.peer(id)
    if (!peer) return []
    return contact()?.status === 'blocked'
      ? [{ label: t('unblock'), icon: 'check', run: () => void client.updateContact(peer.id, 'unblock').catch(toastError) }]
      : [...extras(), { label: t('block'), icon: 'block', danger: true, run: () => setDialog('block') }]
  }
  // Unless one went elsewhere before it was done.
  const away = (done: Promise<unknown>, refused = toastError) => done.then(() => parts()[1] === id && go('/conversations'), refused)
  const stays = (error: unknown) => (error instanceof PalabreError && error.code === 'conflict' ? toast(t('group.leave.owner')) : toastError(error))
  const close = () => setDialog(undefined)
  let heading!: HTMLHeadingElement
  // Where one touches the field is left alone; what was focused is gone, and who hears the page would begin at its top.
  onMount(() => isTouch && heading.focus({ preventScroll: true }))
  const name = () => {
    const peer = client.peer(id)
    return peer ? nameOf(peer) : title()
  }
  return (
    <header class="conversation-head">
      <span class="only-narrow">
        <IconButton icon="back" label={core('back')} onClick={() => back('/conversations')} />
      </span>
      <Avatar id={peer()?.id ?? id} name={title()} picture={conversation()?.kind === 'private' ? peer()?.avatar : undefined} presence={isGroup() ? undefined : status()?.status} group={conversation()?.kind !== 'private'} />
      <div class="conversation-name">
        <h2 ref={heading} class="one-line" tabindex="-1">
          {title()}
        </h2>
        <p class="quiet small one-line">{about()}</p>
      </div>
      <Show when={items().length > 0}>
        <Menu label={t('conversation.more')} items={items()}>
          <Icon name="more" />
        </Menu>
      </Show>
      <Switch>
        <Match when={dialog() === 'game' && conversation()}>{(known) => <InviteToGame conversation={known()} onClose={close} />}</Match>
        <Match when={dialog() === 'info' && conversation()}>{(known) => <GroupInfo conversation={known()} onClose={close} />}</Match>
        <Match when={dialog() === 'leave'}>
          <Confirm title={t('group.leave.title', { name: title() })} text={t('group.leave.text')} action={t('group.leave')} run={() => away(client.leave(id), stays)} onClose={close} />
        </Match>
        <Match when={dialog() === 'delete'}>
          <Confirm title={t('group.delete.title', { name: title() })} text={t('group.delete.text')} action={t('group.delete')} run={() => away(client.deleteGroup(id))} onClose={close} />
        </Match>
        <Match when={dialog() === 'block'}>
          <Confirm
            title={t('block.title', { name: name() })}
            text={t('block.text')}
            action={t('block')}
            run={() => {
              const peer = client.peer(id)
              if (peer) client.updateContact(peer.id, 'block').catch(toastError)
            }}
            onClose={close}
          />
        </Match>
      </Switch>
    </header>
  )
}

function Typing(props: { id: string }) {
  const { client } = useChat()
  const typing = watched(client, `typing:${props.id}`, () => client.typing(props.id))
  const text = () => {
    const names = typing().map(nameOf)
    if (names.length === 0) return ''
    return names.length > 3 ? t('typing.many') : t.count('typing', names.length, { names: names.join(', ') })
  }
  return (
    <p class="typing small quiet" aria-live="polite">
      <Show when={text()}>
        <span class="typing-dots" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>{' '}
        {text()}
      </Show>
    </p>
  )
}
