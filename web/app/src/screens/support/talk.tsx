/** What is said about a request: for the two who talk, and for administrators who only read. */
import { type Message, type PendingMessage, type SupportRequest, type SupportSession } from '@palabre/client'
import { createEffect, createResource, createSignal, For, Match, on, onCleanup, Show, Switch } from 'solid-js'
import { announce } from '../../core/announce.js'
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Avatar } from '../../ui/avatar.js'
import { Button, IconButton } from '../../ui/button.js'
import { Icon } from '../../ui/icon.js'
import { toastError } from '../../ui/toast.js'
import { CannedAnswers } from './canned.js'
import { isOpen, useDesk } from './desk.js'
import { exactly, nameOf, when } from './format.js'
import type { Standing } from './request.js'

/** What one began to write about a request, for as long as the page is open. */
const drafts = new Map<string, string>()

export function Talk(props: { request: SupportRequest; session: SupportSession | undefined; standing: Standing; onOpened: () => void }) {
  const desk = useDesk()
  const { client } = useChat()
  const isOver = () => props.session !== undefined && props.session.status !== 'ACTIVE'
  const again = () =>
    void desk
      .openSession(props.request.id)
      .then(props.onOpened)
      .catch(toastError)
  const send = async (text: string) => {
    const { conversation } = props.session ?? (await desk.openSession(props.request.id))
    client.send(conversation, text)
  }
  return (
    <>
      <Show when={props.session?.conversation} keyed fallback={<p class="empty">{props.standing.isCustomer ? t('say.first') : t('say.nothing')}</p>}>
        {(conversation) => <Said conversation={conversation} />}
      </Show>
      <Switch>
        <Match when={isOpen(props.request) && !isOver()}>
          <Composer request={props.request} conversation={props.session?.conversation} isStaff={props.standing.isStaff} onSend={send} />
        </Match>
        <Match when={props.session && isOver() ? props.session : undefined}>
          {(session) => (
            <div class="support-notice" role="status">
              <p>{t(`session.over.${session().status as 'CLOSED' | 'TIMEOUT'}`)}</p>
              <Show when={isOpen(props.request) && !desk.sessions(props.request.id).some(({ status }) => status === 'ACTIVE')}>
                <Button small onClick={again}>
                  {t('session.again')}
                </Button>
              </Show>
            </div>
          )}
        </Match>
      </Switch>
    </>
  )
}

/** The messages of a conversation that one is in, as they come. */
function Said(props: { conversation: string }) {
  const { client, me } = useChat()
  const id = props.conversation
  // Who was just let in hears of the conversation a moment later.
  const isKnown = watched(client, 'conversations', () => client.conversation(id) !== undefined)
  const held = watched(client, `messages:${id}`, () => client.messages(id))
  const pending = watched(client, 'outbox', () => client.pending(id))
  const typing = watched(client, `typing:${id}`, () => client.typing(id))
  let list!: HTMLDivElement
  createEffect(() => {
    if (isKnown()) client.open(id).catch(toastError)
  })
  onCleanup(() => client.release(id))
  const isNear = () => list.scrollHeight - list.scrollTop - list.clientHeight < 120
  createEffect(
    on([held, pending], ([window], before) => {
      const last = window?.items.at(-1)
      const wasLast = before?.[0]?.items.at(-1)
      if (last?.seq === wasLast?.seq && pending().length <= (before?.[1].length ?? 0)) return
      const follow = !wasLast || isNear() || last?.author.id === me.id || pending().length > 0
      if (last && wasLast && last.author.id !== me.id) announce(t('new.message', { name: nameOf(last.author), text: last.body }))
      if (follow) queueMicrotask(() => (list.scrollTop = list.scrollHeight))
    }),
  )
  const seen = () => {
    const last = held()?.items.at(-1)
    if (last && document.visibilityState === 'visible' && document.hasFocus()) client.visible(id, last.seq)
  }
  createEffect(seen)
  addEventListener('focus', seen)
  onCleanup(() => removeEventListener('focus', seen))
  const older = async () => {
    const from = list.scrollHeight - list.scrollTop
    await client.loadOlder(id).catch(toastError)
    queueMicrotask(() => (list.scrollTop = list.scrollHeight - from))
  }
  return (
    <>
      <div class="said" ref={list} role="region" aria-label={t('talk')} tabindex="0">
        <Show when={held()?.hasOlder}>
          <Button small onClick={() => void older()}>
            {t('older')}
          </Button>
        </Show>
        <Lines items={held()?.items ?? []} />
        <For each={pending()}>{(one) => <Waiting message={one} />}</For>
        <Show when={held() && held()!.items.length + pending().length === 0}>
          <p class="empty">{t('say.nothing')}</p>
        </Show>
      </div>
      <p class="said-typing small quiet" role="status">
        <Show when={typing()[0]}>{(user) => t('writes', { name: nameOf(user()) })}</Show>
      </p>
    </>
  )
}

/** Messages under each other; those that somebody wrote in a row have one name. */
function Lines(props: { items: readonly Message[] }) {
  const { me } = useChat()
  return (
    <ol class="lines" role="list">
      <For each={props.items}>
        {(message, at) => {
          const isFirst = () => props.items[at() - 1]?.author.id !== message.author.id
          const isOwn = message.author.id === me.id
          return (
            <li class="line" classList={{ own: isOwn, first: isFirst() }}>
              <Show when={isFirst() && !isOwn}>
                <p class="line-author small">
                  <Avatar id={message.author.username} name={nameOf(message.author)} small />
                  <strong>{nameOf(message.author)}</strong>
                </p>
              </Show>
              <div class="line-bubble">
                <Show when={!message.deleted_at} fallback={<p class="quiet">{t('deleted')}</p>}>
                  <p class="support-body">{message.body}</p>
                  <For each={message.attachments}>{(file) => <p class="small quiet">{t('file', { name: file.name })}</p>}</For>
                </Show>
                <p class="line-foot quiet">
                  <time datetime={message.date} title={exactly(message.date)}>{when(message.date)}</time>
                  <Show when={isOwn}>
                    <span title={t(`message.${message.status}`)}>
                      <Icon name={message.status === 'SENT' ? 'check' : 'checks'} size={14} />
                      <span class="unseen">{t(`message.${message.status}`)}</span>
                    </span>
                  </Show>
                </p>
              </div>
            </li>
          )
        }}
      </For>
    </ol>
  )
}

function Waiting(props: { message: PendingMessage }) {
  const { client } = useChat()
  const text = () => ('body' in props.message.data ? props.message.data.body : '')
  return (
    <div class="line own">
      <div class="line-bubble waiting">
        <p class="support-body">{text()}</p>
        <p class="line-foot quiet">{props.message.state === 'failed' ? t('message.failed') : t('message.waiting')}</p>
      </div>
      <Show when={props.message.state === 'failed'}>
        <p class="support-row-line">
          <Button small onClick={() => client.retry(props.message.id)}>
            {core('retry')}
          </Button>
          <Button small look="plain" onClick={() => client.discard(props.message.id)}>
            {t('discard')}
          </Button>
        </p>
      </Show>
    </div>
  )
}

function Composer(props: { request: SupportRequest; conversation: string | undefined; isStaff: boolean; onSend: (text: string) => Promise<void> }) {
  const { client } = useChat()
  const key = props.request.id
  const [text, change] = createSignal(drafts.get(key) ?? '')
  let input!: HTMLTextAreaElement
  const setText = (next: string) => {
    if (next) drafts.set(key, next)
    else drafts.delete(key)
    change(next)
    if (props.conversation) client.setTyping(props.conversation, next !== '')
  }
  const send = async () => {
    const body = text().trim()
    if (!body) return
    setText('')
    try {
      await props.onSend(body)
    } catch (error) {
      // Nothing that was written is lost.
      setText(body)
      toastError(error)
    }
  }
  return (
    <form
      class="said-composer"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <Show when={props.isStaff}>
        <CannedAnswers
          onPick={(answer) => {
            setText(text() ? `${text()}\n${answer}` : answer)
            input.focus()
          }}
        />
      </Show>
      <textarea
        ref={input}
        class="input"
        rows="2"
        maxLength={16_384}
        aria-label={t('write')}
        placeholder={t('write')}
        value={text()}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
          event.preventDefault()
          void send()
        }}
      />
      <IconButton type="submit" icon="send" look="primary" label={t('send')} disabled={!text().trim()} />
    </form>
  )
}

/** How many are fetched at once of what one only reads. */
const PAGE = 100

/** A talk that one is not in: as it was when it was looked at. */
export function Reading(props: { session: SupportSession }) {
  const { rest } = useChat()
  const [items, setItems] = createSignal<readonly Message[]>([])
  const [hasOlder, setHasOlder] = createSignal(false)
  const fetchPage = (query: string) => rest.call<{ messages: Message[]; more: boolean }>('GET', `/api/v1/support/sessions/${props.session.id}/messages?limit=${PAGE}${query}`)
  const [, { refetch }] = createResource(async () => {
    try {
      const { messages, more } = await fetchPage('')
      setItems(messages)
      setHasOlder(more)
    } catch (error) {
      toastError(error)
    }
  })
  const older = async () => {
    const first = items()[0]
    if (!first) return
    const { messages, more } = await fetchPage(`&before_seq=${first.seq}`)
    setItems((later) => [...messages, ...later])
    setHasOlder(more)
  }
  return (
    <>
      <div class="said" role="region" aria-label={t('talk')} tabindex="0">
        <Show when={hasOlder()}>
          <Button small onClick={() => void older().catch(toastError)}>
            {t('older')}
          </Button>
        </Show>
        <Lines items={items()} />
        <Show when={items().length === 0}>
          <p class="empty">{t('say.nothing')}</p>
        </Show>
      </div>
      <div class="support-notice">
        <p>{t('reading.only')}</p>
        <Button small onClick={() => void refetch()}>
          {t('refresh')}
        </Button>
      </div>
    </>
  )
}
