/** A message: who, when, what, and what may be done with it. */
import type { Message, PendingMessage, User } from '@palabre/client'
import { createEffect, createResource, createSignal, For, Match, onCleanup, Show, Switch } from 'solid-js'
import { copyText } from '../../../core/clipboard.js'
import { loaded } from '../../../core/loaded.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Avatar } from '../../../ui/avatar.js'
import { Button, IconButton } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { Menu, type MenuItem } from '../../../ui/menu.js'
import { toast, toastError } from '../../../ui/toast.js'
import { describe } from '../../../core/errors.js'
import { Confirm } from '../../../ui/confirm.js'
import { EmojiPicker } from '../composer/emoji-picker.js'
import { Attachments } from '../attachments/attachments.js'
import { saysOnlyFiles } from '../attachments/uploads.js'
import { AnswerEnd } from '../bot/streaming-answer.js'
import { GameCard } from '../games/game-card.js'
import { excerpt } from '../markdown-text.js'
import { nameOf } from '../names.js'
import { setWanted } from '../place.js'
import { moment, time } from '../times.js'
import { toneName } from '../tones.js'
import { Body } from './body.js'
import type { MessageView } from './rows.js'

/** What a message asks of the conversation around it. */
export interface Actions {
  reply(message: Message): void
  edit(message: Message): void
  focusComposer(): void
  /** May write, so also react and answer. */
  mayWrite(): boolean
  /** Whom a mention may name. */
  people(): readonly User[]
  /** May take back what others wrote. */
  mayDeleteAll(): boolean
}

interface Props {
  view: MessageView
  conversation: string
  actions: Actions
  isActive: boolean
  isMarked: boolean
  onActive: () => void
}

export function MessageRow(props: Props) {
  return (
    <Show when={props.view.message} fallback={<Waiting {...props} />}>
      {(message) => (
        <Show when={message().kind !== 'system'} fallback={<p class="system small quiet">{message().body}</p>}>
          <Said {...props} message={message()} />
        </Show>
      )}
    </Show>
  )
}

function Said(props: Props & { message: Message }) {
  const { client, me } = useChat()
  const [picker, setPicker] = createSignal<HTMLElement>()
  const [deleting, setDeleting] = createSignal(false)
  let article!: HTMLElement
  const isOwn = () => props.message.author.id === me.id && props.message.role === 'user'
  const isGone = () => props.message.deleted_at !== undefined
  const mayEdit = () => isOwn() && !isGone() && props.message.kind === 'text' && props.actions.mayWrite()
  const mayDelete = () => !isGone() && (isOwn() || props.actions.mayDeleteAll())
  const date = () => new Date(props.message.date)
  const react = (emoji: string) => {
    const mine = props.message.reactions[emoji]?.some(({ id }) => id === me.id) ?? false
    client.react(props.conversation, props.message.id, emoji, !mine).catch(toastError)
  }
  const items = (): MenuItem[] => [
    ...(props.actions.mayWrite() && !isGone()
      ? ([
          { label: t('reply'), icon: 'reply', run: () => props.actions.reply(props.message) },
          { label: t('react'), icon: 'smile', run: () => setPicker(article) },
        ] as const)
      : []),
    ...(mayEdit() ? ([{ label: t('edit'), icon: 'edit', run: () => props.actions.edit(props.message) }] as const) : []),
    ...(isGone() || props.message.body === '' ? [] : ([{ label: t('copy'), icon: 'copy', run: () => void copy(props.message.body) }] as const)),
    ...(mayDelete() ? (['line', { label: t('delete'), icon: 'trash', danger: true, run: () => setDeleting(true) }] as const) : []),
  ]
  const keys = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return
    const run = {
      r: () => props.actions.mayWrite() && !isGone() && props.actions.reply(props.message),
      e: () => mayEdit() && props.actions.edit(props.message),
      '+': () => props.actions.mayWrite() && !isGone() && setPicker(event.currentTarget),
      Delete: () => mayDelete() && setDeleting(true),
      Escape: () => props.actions.focusComposer(),
    }[event.key]
    if (!run) return
    event.preventDefault()
    run()
  }
  return (
    <article
      ref={article}
      class="message"
      classList={{ own: isOwn(), first: props.view.isFirst, marked: props.isMarked, gone: isGone() }}
      data-message={props.message.id}
      tabindex={props.isActive ? 0 : -1}
      aria-label={`${nameOf(props.message.author)}, ${time(date())}`}
      onFocus={() => props.onActive()}
      onKeyDown={keys}
    >
      <Head {...props} author={props.message.author} date={date()} isOwn={isOwn()} isBot={props.message.role === 'assistant'} />
      <div class="bubble">
        <Show when={props.message.reply_to}>{(id) => <Quote conversation={props.conversation} id={id()} />}</Show>
        <Switch>
          <Match when={isGone()}>
            <p class="quiet gone-text">{t('deleted')}</p>
          </Match>
          <Match when={props.message.game}>
            <GameCard message={props.message} mayWrite={props.actions.mayWrite()} />
          </Match>
          <Match when={!saysOnlyFiles(props.message) && props.message.body}>
            <Body text={props.message.body} people={props.actions.people()} me={me.username} fold={props.message.role === 'user'} />
          </Match>
        </Switch>
        <Show when={!isGone() && props.message.attachments.length > 0}>
          <Attachments attachments={props.message.attachments} />
        </Show>
        <AnswerEnd message={props.message} mayAsk={props.actions.mayWrite()} />
        <p class="message-foot small">
          <Show when={props.message.tone}>
            {(tone) => (
              <span class="tone" title={toneName(tone())}>
                <span aria-hidden="true">{tone()}</span>
                <span class="unseen">{toneName(tone()) ?? tone()}</span>
              </span>
            )}
          </Show>
          <Show when={props.message.edited_at && !isGone()}>
            <span>{t('edited')}</span>
          </Show>
          <time datetime={props.message.date} title={moment(date())}>
            {time(date())}
          </time>
          <Show when={isOwn() && !isGone()}>
            <span class="ticks" classList={{ read: props.message.status === 'READ' }} title={t(`status.${props.message.status}`)}>
              <Icon name={props.message.status === 'SENT' ? 'check' : 'checks'} size={15} />
              <span class="unseen">{t(`status.${props.message.status}`)}</span>
            </span>
          </Show>
        </p>
      </div>
      <Show when={Object.keys(props.message.reaction_counts).length > 0}>
        <ul role="list" class="reactions" aria-label={t('reactions')}>
          <For each={Object.keys(props.message.reaction_counts)}>{(emoji) => <Reaction emoji={emoji} message={props.message} mayWrite={props.actions.mayWrite()} onReact={() => react(emoji)} />}</For>
        </ul>
      </Show>
      <Readers readers={props.view.readers} />
      <Show when={items().length > 0}>
        <div class="message-tools">
          <Show when={props.actions.mayWrite() && !isGone()}>
            <IconButton small icon="smile" label={t('react')} onClick={(event) => setPicker(event.currentTarget)} />
            <IconButton small icon="reply" label={t('reply')} onClick={() => props.actions.reply(props.message)} />
          </Show>
          <Menu label={t('message.more')} class="button icon plain small" items={items()}>
            <Icon name="more" size={18} />
          </Menu>
        </div>
      </Show>
      <Show when={picker()}>
        {(beside) => (
          <EmojiPicker
            beside={beside()}
            onPick={(emoji) => {
              react(emoji)
              setPicker(undefined)
            }}
            onClose={() => setPicker(undefined)}
          />
        )}
      </Show>
      <Show when={deleting()}>
        <Confirm title={t('delete.title')} text={t('delete.text')} action={t('delete')} onClose={() => setDeleting(false)} run={() => client.delete(props.conversation, props.message.id).catch(toastError)} />
      </Show>
    </article>
  )
}

/** A message of one's own that the server has not confirmed. */
function Waiting(props: Props) {
  const { client, me } = useChat()
  // When it is confirmed there is a moment in which this is still there.
  const pending = () => props.view.pending as PendingMessage
  const date = () => new Date(pending().created)
  const text = () => ('body' in pending().data ? (pending().data as { body: string }).body : t('game'))
  const isFailed = () => pending().state === 'failed'
  return (
    <Show when={props.view.pending}>
      <article class="message own waiting" classList={{ first: props.view.isFirst, failed: isFailed() }} data-message={pending().id} tabindex={props.isActive ? 0 : -1} aria-label={`${t('you')}, ${time(date())}`} onFocus={() => props.onActive()}>
        <Head {...props} author={{ id: me.id, username: me.username }} date={date()} isOwn isBot={false} />
        <div class="bubble">
          <Body text={text()} people={[]} me={me.username} fold />
          <p class="message-foot small">
            <time datetime={date().toISOString()}>{time(date())}</time>
            <Show when={!isFailed()}>
              <span class="ticks" title={t('status.waiting')}>
                <Icon name="clock" size={14} />
                <span class="unseen">{t('status.waiting')}</span>
              </span>
            </Show>
          </p>
        </div>
        <Show when={isFailed()}>
          <div class="failure small" role="alert">
            <Icon name="alert" size={16} />
            <span>{t('failed', { reason: pending().error ? describe(pending().error) : (pending().failed?.message ?? '') })}</span>
            <Button small onClick={() => client.retry(pending().id)}>
              {core('retry')}
            </Button>
            <Button small look="plain" onClick={() => client.discard(pending().id)}>
              {t('discard')}
            </Button>
          </div>
        </Show>
      </article>
    </Show>
  )
}

function Head(props: { view: MessageView; author: User; date: Date; isOwn: boolean; isBot: boolean }) {
  return (
    <Show when={props.view.isFirst && !props.isOwn}>
      <span class="message-avatar">
        <Avatar id={props.author.id} name={nameOf(props.author)} picture={props.author.avatar} small />
      </span>
      <p class="message-author small">
        <strong>{nameOf(props.author)}</strong>
        <Show when={props.isBot}>
          <span class="bot-word">
            <Icon name="bot" size={14} /> {t('bot')}
          </span>
        </Show>
      </p>
    </Show>
  )
}

/** What a message answers. It may be far up, so it is looked for. */
function Quote(props: { conversation: string; id: string }) {
  const { client, rest } = useChat()
  const held = watched(client, `messages:${props.conversation}`, () => client.messages(props.conversation)?.items.find(({ id }) => id === props.id))
  const [fetched] = createResource(
    () => !held() && props.id,
    (id) => rest.call<Message>('GET', `/api/v1/conversations/${encodeURIComponent(props.conversation)}/messages/${encodeURIComponent(id)}`).catch(() => undefined),
  )
  // What becomes of one that is not held is told all the same, also while it is asked for.
  const [told, setTold] = createSignal<Message>()
  for (const event of ['message.edit', 'message.delete'] as const) onCleanup(client.on(event, (message) => void (message.id === props.id && setTold(message))))
  createEffect(() => held() && setTold(undefined))
  const message = () => held() ?? told() ?? loaded(fetched)
  return (
    <Show when={message()} fallback={<p class="quote quiet small">{fetched.loading ? '…' : t('quote.gone')}</p>}>
      {(quoted) => (
        <button type="button" class="quote small" onClick={() => setWanted({ conversation: props.conversation, seq: quoted().seq })}>
          <strong class="one-line">{nameOf(quoted().author)}</strong>
          <span class="one-line">{quoted().deleted_at ? t('deleted') : (quoted().game?.name ?? (excerpt(quoted().body) || quoted().attachments[0]?.name))}</span>
        </button>
      )}
    </Show>
  )
}

function Reaction(props: { emoji: string; message: Message; mayWrite: boolean; onReact: () => void }) {
  const { me } = useChat()
  const users = () => props.message.reactions[props.emoji] ?? []
  const isMine = () => users().some(({ id }) => id === me.id)
  const who = () => users().map((user) => (user.id === me.id ? t('you') : nameOf(user))).join(', ')
  const count = () => props.message.reaction_counts[props.emoji] ?? users().length
  return (
    <li>
      <button type="button" class="reaction" aria-pressed={isMine()} aria-label={`${props.emoji} ${count()}: ${who()}`} title={who()} disabled={!props.mayWrite} onClick={() => props.onReact()}>
        <span>{props.emoji}</span>
        <span>{count()}</span>
      </button>
    </li>
  )
}

/** So many are named by a round; the others are counted. */
const ROUNDS = 6

function Readers(props: { readers: readonly User[] }) {
  const names = () => t('readBy', { names: props.readers.map(nameOf).join(', ') })
  return (
    <Show when={props.readers.length > 0}>
      <p class="readers" title={names()}>
        <span class="unseen">{names()}</span>
        <For each={props.readers.slice(0, ROUNDS)}>{(user) => <Avatar id={user.id} name={nameOf(user)} picture={user.avatar} small />}</For>
        <Show when={props.readers.length > ROUNDS}>
          <span aria-hidden="true" class="small quiet">
            +{props.readers.length - ROUNDS}
          </span>
        </Show>
      </p>
    </Show>
  )
}

async function copy(text: string): Promise<void> {
  toast(t((await copyText(text)) ? 'copied' : 'copy.not'))
}
