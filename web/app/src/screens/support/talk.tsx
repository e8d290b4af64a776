/** What is said about a request: for the two who talk, and for administrators who only read. */
import type { Message, SupportRequest, SupportSession } from '@palabre/client'
import { createResource, createSignal, For, Show } from 'solid-js'
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Avatar } from '../../ui/avatar.js'
import { Button } from '../../ui/button.js'
import { toastError } from '../../ui/toast.js'
import { Conversation } from '../conversations/conversation.js'
import { Body } from '../conversations/history/body.js'
import { nameOf } from '../conversations/names.js'
import { CannedAnswers } from './canned.js'
import { isOpen, useDesk } from './desk.js'
import { exactly, when } from './format.js'
import type { Standing } from './request.js'

export function Talk(props: { request: SupportRequest; session: SupportSession | undefined; standing: Standing; onOpened: () => void }) {
  const desk = useDesk()
  const { client } = useChat()
  const open = () =>
    void desk
      .openSession(props.request.id)
      .then(props.onOpened)
      .catch(toastError)
  const canned = (insert: (text: string) => void) => <CannedAnswers onPick={insert} />
  const mayOpen = () => isOpen(props.request) && !desk.sessions(props.request.id).some(({ status }) => status === 'ACTIVE')
  // Who was just let in hears of the conversation a moment later.
  const isKnown = watched(client, 'conversations', () => props.session !== undefined && client.conversation(props.session.conversation) !== undefined)
  return (
    <Show
      when={props.session}
      fallback={
        <div class="support-begin quiet">
          <p>{props.standing.isCustomer && isOpen(props.request) ? t('say.first') : t('say.nothing')}</p>
          <Show when={mayOpen()}>
            <Button onClick={open}>{t('session.begin')}</Button>
          </Show>
        </div>
      }
    >
      {(session) => (
        <>
          <Show when={isKnown() && session().conversation} keyed fallback={<p class="empty">{core('loading')}</p>}>
            {(conversation) => <Conversation id={conversation} bare {...(props.standing.isStaff && { tools: canned })} />}
          </Show>
          <Show when={session().status !== 'ACTIVE'}>
            <div class="support-notice" role="status">
              <p>{t(`session.over.${session().status as 'CLOSED' | 'TIMEOUT'}`)}</p>
              <Show when={mayOpen()}>
                <Button small onClick={open}>
                  {t('session.again')}
                </Button>
              </Show>
            </div>
          </Show>
        </>
      )}
    </Show>
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
          return (
            <li class="line" classList={{ first: isFirst() }}>
              <Show when={isFirst()}>
                <p class="line-author small">
                  <Avatar id={message.author.id} name={nameOf(message.author)} picture={message.author.avatar} small />
                  <strong>{nameOf(message.author)}</strong>
                </p>
              </Show>
              <div class="line-bubble">
                <Show when={!message.deleted_at} fallback={<p class="quiet">{t('deleted')}</p>}>
                  <Body text={message.body} people={[]} me={me.username} />
                  <For each={message.attachments}>{(file) => <p class="small quiet">{t('file', { name: file.name })}</p>}</For>
                </Show>
                <p class="line-foot quiet">
                  <time datetime={message.date} title={exactly(message.date)}>{when(message.date)}</time>
                </p>
              </div>
            </li>
          )
        }}
      </For>
    </ol>
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
