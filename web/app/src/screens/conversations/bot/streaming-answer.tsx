/** The answer that a bot is giving, at the end of the messages: that it thinks, what it has said so far, or why there is nothing. */
import type { ConversationState, Message, Palabre, User } from '@palabre/client'
import { createEffect, createMemo, createSignal, Match, onCleanup, Show, Switch, type Accessor } from 'solid-js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t } from '../../../i18n/bot.js'
import { Avatar } from '../../../ui/avatar.js'
import { Button } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { toastError } from '../../../ui/toast.js'
import { Links } from '../dialogs/link-notice.js'
import { Body } from '../history/body.js'
import { botName } from './mode.js'
import './bot.css'

/** A model that has said nothing for so long has been given up by the server. */
const THINKS_MS = 60_000

/** Whom a bot mentions is not looked up while it speaks. */
const NOBODY: readonly User[] = []

/** Errors with texts of their own. */
const KNOWN = ['model_failed', 'unavailable', 'quota_exceeded'] as const

export function StreamingAnswer(props: { conversation: ConversationState }) {
  const { client, me } = useChat()
  const id = () => props.conversation.id
  const stream = watched(client, () => `stream:${id()}` as const, () => client.stream(id()))
  const last = watched(client, () => `messages:${id()}` as const, () => {
    const held = client.messages(id())
    return held && !held.hasNewer ? held.items.at(-1) : undefined
  })
  // A fence is no failure: who switched knows.
  const error = () => (stream()?.error?.code === 'conflict' ? undefined : stream()?.error)
  const isSending = watched(client, 'outbox', () => client.pending(id()).length > 0)
  const { unanswered, thinks, giveUp } = createThinking(client, id(), () => props.conversation.mode === 'bot', () => (stream() || isSending() ? undefined : last()))
  const stop = () => client.stop(id()).then(() => stream() || giveUp(), toastError)
  const name = () => botName(client, props.conversation)
  const mayWrite = () => props.conversation.permission !== 'r'
  return (
    <Links>
      <Switch>
        <Match when={error()}>{(failed) => <Failed code={failed().code} message={failed().message} conversation={id()} mayAsk={mayWrite()} />}</Match>
        <Match when={(stream() && !stream()?.error) || thinks()}>
          <div class="message first answer" aria-busy="true">
            <span class="message-avatar">
              <Avatar id={props.conversation.chatbot ?? id()} name={name()} small />
            </span>
            <p class="message-author small quiet">{t(stream() ? 'answering' : 'thinking', { name: name() })}</p>
            <div class="bubble">
              <Show when={stream()?.text} fallback={<Dots />}>
                {(text) => <Body text={text()} people={NOBODY} me="" />}
              </Show>
              <Show when={mayWrite()}>
                <Button small icon="stop" class="answer-stop" aria-label={t('stop.label')} onClick={() => void stop()}>
                  {t('stop')}
                </Button>
              </Show>
            </div>
          </div>
        </Match>
        <Match when={mayWrite() && unanswered()?.author.id === me.id}>
          <div class="answer-end answer-none small">
            <span>{t('unanswered')}</span>
            <AskAgain conversation={id()} />
          </div>
        </Match>
      </Switch>
    </Links>
  )
}

/** From when on the answers of bots, and their failures, would have been seen; and when people let a bot answer, by conversation. */
const seen = new WeakMap<Palabre, { since: number; switched: Map<string, number> }>()

/**
 * The last message, if it should have a bot's answer and has none, and whether a bot is thinking about it. Nobody says that a model was asked:
 * it is taken for asked by what one saw come. What was there before may have failed long ago.
 */
function createThinking(client: Palabre, conversation: string, isBot: Accessor<boolean>, last: Accessor<Message | undefined>) {
  const known = seen.get(client) ?? { since: client.now(), switched: new Map<string, number>() }
  seen.set(client, known)
  const [givenUp, setGivenUp] = createSignal<string>()
  const switched = createMemo<{ isBot: boolean; at: number }>((before) => {
    if (isBot() && before?.isBot === false) known.switched.set(conversation, client.now())
    return { isBot: isBot(), at: known.switched.get(conversation) ?? 0 }
  })
  const unanswered = createMemo(() => {
    const message = last()
    if (!isBot() || message?.role !== 'user' || message.kind !== 'text' || message.deleted_at) return undefined
    // It was for people.
    return Date.parse(message.date) < switched().at ? undefined : message
  })
  const left = (message: Message) => (Date.parse(message.date) < known.since ? 0 : Date.parse(message.date) + THINKS_MS - client.now())
  const thinks = createMemo(() => {
    const message = unanswered()
    return message !== undefined && message.id !== givenUp() && left(message) > 0
  })
  const giveUp = () => setGivenUp(unanswered()?.id)
  createEffect(() => {
    const message = unanswered()
    if (!message || !thinks()) return
    const timer = setTimeout(giveUp, Math.min(left(message), THINKS_MS))
    onCleanup(() => clearTimeout(timer))
  })
  return { unanswered, thinks, giveUp }
}

function Dots() {
  return (
    <span class="dots" aria-hidden="true">
      <span />
      <span />
      <span />
    </span>
  )
}

function Failed(props: { code: string; message: string; conversation: string; mayAsk: boolean }) {
  const known = () => KNOWN.find((code) => code === props.code) ?? 'other'
  return (
    <div class="answer-failed" role="alert">
      <Icon name="alert" size={18} />
      <div>
        <p>{t(`error.${known()}`)}</p>
        <Show when={known() !== 'quota_exceeded'}>
          <p class="small">{t('error.why', { detail: props.message })}</p>
        </Show>
      </div>
      <Show when={props.mayAsk && known() !== 'quota_exceeded'}>
        <AskAgain conversation={props.conversation} />
      </Show>
    </div>
  )
}

/** Asks once more what went without an answer: whoever asked it, in their words and as they meant it. */
function AskAgain(props: { conversation: string }) {
  const { client, me } = useChat()
  const last = watched(client, () => `messages:${props.conversation}` as const, () => {
    const asked = client.messages(props.conversation)?.items.findLast(({ role, kind, deleted_at }) => role === 'user' && kind !== 'system' && !deleted_at)
    return asked?.author.id === me.id && asked.kind === 'text' ? asked : undefined
  })
  const ask = ({ body, attachments, reply_to, tone }: Message) => {
    try {
      client.send(props.conversation, { body, ...(attachments.length > 0 && { attachments: attachments.map(({ id }) => ({ id })) }), ...(reply_to && { reply_to }), ...(tone && { tone }) })
    } catch (error) {
      toastError(error)
    }
  }
  return (
    <Show when={last()}>
      {(message) => (
        <Button small onClick={() => ask(message())}>
          {t('again')}
        </Button>
      )}
    </Show>
  )
}

/** Below a bot's message that did not come to its own end. What was said last may be asked again. */
export function AnswerEnd(props: { message: Message; mayAsk: boolean }) {
  return <Show when={props.message.ended}>{(how) => <End {...props} how={how()} />}</Show>
}

function End(props: { message: Message; mayAsk: boolean; how: 'stopped' | 'broken_off' }) {
  const { client } = useChat()
  const topic = () => `messages:${props.message.conversation}` as const
  const isLast = watched(client, topic, () => client.messages(props.message.conversation)?.items.at(-1)?.id === props.message.id)
  // The failure says it too, and has a button of its own.
  const hasFailed = watched(client, () => `stream:${props.message.conversation}` as const, () => client.stream(props.message.conversation)?.error !== undefined)
  return (
    <div class="answer-end small">
      <Icon name={props.how === 'stopped' ? 'stop' : 'alert'} size={16} />
      <span>{t(`ended.${props.how}`)}</span>
      <Show when={isLast() && !hasFailed() && props.mayAsk}>
        <AskAgain conversation={props.message.conversation} />
      </Show>
    </div>
  )
}
