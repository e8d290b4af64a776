/** Below the head of a conversation in which a bot may answer: who answers, a switch, and what was used. */
import type { ConversationState, QuotaWarning } from '@palabre/client'
import { createSignal, Show } from 'solid-js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t } from '../../../i18n/bot.js'
import { t as core } from '../../../i18n/core.js'
import { language } from '../../../i18n/index.js'
import { IconButton } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { Menu, type MenuItem } from '../../../ui/menu.js'
import { toastError } from '../../../ui/toast.js'
import { botName, maySwitch, ModeSwitch, switchMode } from './mode.js'
import { QuotaBar } from './quota-bar.js'
import { createUsage, type Usage } from './usage.js'
import './bot.css'

interface Chatbot {
  id: string
  name: string
}
/** As many as a menu can hold. */
const BOTS_SHOWN = 50

const LEVELS = ['user', 'conversation', 'project', 'organization'] as const
type Level = (typeof LEVELS)[number]
const isLevel = (level: string): level is Level => LEVELS.some((one) => one === level)

/** Warnings that were closed: they are in all conversations, and when one comes back to this one. */
const [closed, setClosed] = createSignal<ReadonlySet<QuotaWarning>>(new Set())

export function BotBar(props: { conversation: ConversationState }) {
  const { client } = useChat()
  const name = watched(client, () => `messages:${props.conversation.id}` as const, () => botName(client, props.conversation))
  const isBot = () => props.conversation.mode === 'bot'
  return (
    <Show when={isBot() || props.conversation.kind === 'assistant'}>
      <Bar conversation={props.conversation} name={name()} isBot={isBot()} />
    </Show>
  )
}

function Bar(props: { conversation: ConversationState; name: string; isBot: boolean }) {
  const { me } = useChat()
  const usage = createUsage()
  return (
    <>
      <div class="bot-bar" role="region" aria-label={t('mode.who')}>
        <Icon name={props.isBot ? 'bot' : 'person'} size={18} />
        <span class="bot-name one-line">
          <span class="bot-name-long">{props.isBot ? t('mode.bot.on', { name: props.name }) : t('mode.human.on')}</span>
          {/* The switch says the rest. */}
          <span class="bot-name-short" aria-hidden="true">
            {props.isBot ? props.name : ''}
          </span>
        </span>
        <Show when={me.role === 'admin' && maySwitch(props.conversation, 'bot')}>
          <WhichBot conversation={props.conversation} />
        </Show>
        <span class="bot-space" />
        <QuotaBar usage={usage} />
        <Show when={maySwitch(props.conversation, 'human') || maySwitch(props.conversation, 'bot')}>
          <ModeSwitch conversation={props.conversation} />
        </Show>
      </div>
      <Warning conversation={props.conversation.id} usage={usage()} />
    </>
  )
}

/** Most of a month is used up: of one's own, or of what this conversation belongs to. */
function Warning(props: { conversation: string; usage: Usage | undefined }) {
  const { client } = useChat()
  const told = watched(client, 'quota', () => client.quotas)
  /** The newest that concerns this conversation; once it is closed, the one before. */
  const warning = () => {
    const one = told().findLast((one) => isLevel(one.level) && (one.conversation ?? props.conversation) === props.conversation && !closed().has(one))
    return one && { one, level: one.level as Level }
  }
  /** What was used since is known of one's own only. */
  const share = ({ level, currency, used, quota }: QuotaWarning) => {
    const now = level === 'user' ? props.usage?.[currency === undefined ? 'tokens' : 'money'] : undefined
    const [all, most] = now?.quota === undefined ? [used, quota] : [now.used, now.quota]
    return (most === 0 ? 1 : all / most).toLocaleString(language(), { style: 'percent' })
  }
  return (
    <div role="status">
      <Show when={warning()}>
        {(now) => (
          <div class="bot-warning">
            <Icon name="alert" size={18} />
            <span>{t(`warning.${now().level}`, { share: share(now().one) })}</span>
            <IconButton icon="close" small label={core('close')} onClick={() => setClosed((all) => new Set(all).add(now().one))} />
          </div>
        )}
      </Show>
    </div>
  )
}

/** Administrators know the bots of the project, and may choose. */
function WhichBot(props: { conversation: ConversationState }) {
  const { client, rest } = useChat()
  const [bots, setBots] = createSignal<Chatbot[]>()
  rest.call<{ items: Chatbot[] }>('GET', `/api/v1/chatbots?limit=${BOTS_SHOWN}`).then(({ items }) => setBots(items), toastError)
  const items = (): MenuItem[] =>
    (bots() ?? []).map(({ id, name }) => ({
      label: name,
      icon: 'bot',
      checked: props.conversation.mode === 'bot' && props.conversation.chatbot === id,
      run: () => void switchMode(client, props.conversation.id, 'bot', id),
    }))
  return (
    <Show when={items().length > 0}>
      <Menu label={t('mode.which')} class="button icon plain small" items={items()}>
        <Icon name="more" size={18} />
      </Menu>
    </Show>
  )
}
