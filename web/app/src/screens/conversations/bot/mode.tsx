/** Who answers in a conversation, and who may change that. */
import { PalabreError, type ConversationState, type Mode, type Palabre, type Rest } from '@palabre/client'
import { createSignal, For } from 'solid-js'
import { announce } from '../../../core/announce.js'
import { make } from '../../../core/once.js'
import { go } from '../../../core/router.js'
import { useChat } from '../../../core/session.js'
import { t } from '../../../i18n/bot.js'
import { toast, toastError } from '../../../ui/toast.js'
import { nameOf } from '../names.js'
import { pathOf } from '../place.js'

const MODES = ['bot', 'human'] as const

/** Whether one may change who answers: who administers it, and at the desk everybody who writes may take over from a bot. */
export function maySwitch({ kind, permission }: ConversationState, mode: Mode): boolean {
  if (kind === 'private') return false
  return permission === 'a' || permission === 'o' || (kind === 'support' && mode === 'human' && permission === 'w')
}

/** Changes who answers, and says so. */
export async function switchMode(client: Palabre, conversation: string, mode: Mode, chatbot?: string): Promise<void> {
  try {
    await client.setMode(conversation, mode, chatbot)
    announce(t(mode === 'bot' ? 'mode.bot.said' : 'mode.human.said'))
  } catch (error) {
    toastError(error)
  }
}

/** Goes to a conversation with the project's assistant: one in which nothing was said yet, or a new one. */
export async function askAssistant(client: Palabre, rest: Rest): Promise<void> {
  const fresh = client.conversations.find(({ kind, last_seq }) => kind === 'assistant' && last_seq === 0)
  try {
    go(pathOf((fresh ?? (await make<{ id: string }>(rest, '/api/v1/conversations', { kind: 'assistant' }))).id))
  } catch (error) {
    if (error instanceof PalabreError && error.field === 'chatbot') toast(t('assistant.none'))
    else toastError(error)
  }
}

/** The name of the bot of a conversation: bots are known by what they said. */
export function botName(client: Palabre, conversation: ConversationState): string {
  const { chatbot, last_message: last } = conversation
  const said = [...(client.messages(conversation.id)?.items ?? []), ...(last ? [last] : [])].reverse()
  const own = said.find(({ role, author }) => role === 'assistant' && (chatbot === undefined || author.id === chatbot))
  return own ? nameOf(own.author) : t('bot')
}

/** A switch between bot and people. */
export function ModeSwitch(props: { conversation: ConversationState }) {
  const { client } = useChat()
  const [busy, setBusy] = createSignal(false)
  const change = async (mode: Mode) => {
    if (mode === props.conversation.mode || busy()) return
    setBusy(true)
    await switchMode(client, props.conversation.id, mode)
    setBusy(false)
  }
  return (
    <div class="mode-switch" role="group" aria-label={t('mode.who')}>
      <For each={MODES}>
        {(mode) => (
          <button type="button" aria-pressed={props.conversation.mode === mode} disabled={!maySwitch(props.conversation, mode)} onClick={() => void change(mode)}>
            {t(`mode.${mode}`)}
          </button>
        )}
      </For>
    </div>
  )
}
