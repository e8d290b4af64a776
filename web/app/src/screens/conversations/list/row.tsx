/** A conversation in the list: who, the last that was said, what is unread. */
import type { ConversationState, Message } from '@palabre/client'
import { createMemo, Match, Show, Switch } from 'solid-js'
import { follow } from '../../../core/router.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Avatar } from '../../../ui/avatar.js'
import { draft } from '../drafts.js'
import { gist } from '../gist.js'
import { pathOf } from '../place.js'
import { excerpt } from '../markdown-text.js'
import { nameOf, titleOf } from '../names.js'
import { brief } from '../times.js'

export function Row(props: { id: string; byId: ReadonlyMap<string, ConversationState>; isShown: boolean }) {
  const { client, me } = useChat()
  const typing = watched(client, () => `typing:${props.id}` as const, () => client.typing(props.id))
  const statuses = watched(client, 'statuses', () => {
    const peer = client.peer(props.id)
    return peer && client.status(peer.id)?.status
  })
  const peer = watched(client, () => `members:${props.id}` as const, () => client.peer(props.id))
  const pending = watched(client, 'outbox', () => client.pending(props.id).at(-1))
  // It is rendered no longer once it is gone; until then it is as it was. One of many, it changes only when its own does.
  const conversation = createMemo<ConversationState>((before) => props.byId.get(props.id) ?? before!, undefined as never)
  const title = () => (peer(), titleOf(client, conversation()))
  const isPrivate = () => conversation().kind === 'private'
  const begun = () => (props.isShown ? '' : draft(me.id, props.id).text)
  const date = () => pending()?.created ?? conversation().last_message?.date ?? conversation().created_at
  return (
    <li>
      <a
        class="conversation-link"
        classList={{ unread: conversation().unread > 0 }}
        href={pathOf(props.id)}
        aria-current={props.isShown ? 'page' : undefined}
        onClick={follow}
      >
        <Avatar id={peer()?.id ?? props.id} name={title()} picture={isPrivate() ? peer()?.avatar : undefined} presence={isPrivate() ? (statuses() ?? 'offline') : undefined} group={!isPrivate()} />
        <span class="row-text">
          <span class="row-head">
            <span class="row-title one-line">{title()}</span>
            <span class="row-date small">{brief(new Date(date()))}</span>
          </span>
          <span class="row-head">
            <span class="row-last one-line small">
              <Switch fallback={<Last message={conversation().last_message} isPrivate={isPrivate()} />}>
                <Match when={typing().length > 0}>
                  <em class="typing-word">{t('typing.short')}</em>
                </Match>
                <Match when={begun()}>
                  <span class="draft-word">{t('draft')}</span> {excerpt(begun())}
                </Match>
                <Match when={pending()}>
                  {(message) => (
                    <>{core('said', { who: t('you'), what: 'body' in message().data ? excerpt((message().data as { body: string }).body) : t('game') })}</>
                  )}
                </Match>
              </Switch>
            </span>
            <Show when={conversation().unread}>
              {(count) => (
                <span class="badge">
                  {count() > 99 ? '99+' : count()}
                  <span class="unseen"> {t.count('unread', count())}</span>
                </span>
              )}
            </Show>
          </span>
        </span>
      </a>
    </li>
  )
}

function Last(props: { message: Message | undefined; isPrivate: boolean }) {
  const { me } = useChat()
  return (
    <Show when={props.message} fallback={t('nothing')}>
      {(message) => (
        <Show when={message().kind !== 'system' && (message().author.id === me.id || !props.isPrivate)} fallback={gist(message())}>
          {core('said', { who: message().author.id === me.id ? t('you') : nameOf(message().author), what: gist(message()) })}
        </Show>
      )}
    </Show>
  )
}
