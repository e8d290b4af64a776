/**
 * Messages that are being mended. What was written takes the place of a message only when the server has taken it; without a connection that
 * is later, whatever one looks at meanwhile.
 */
import type { Message } from '@palabre/client'
import { createSignal } from 'solid-js'
import { lasting } from '../../../core/lasting.js'
import type { Chat } from '../../../core/session.js'
import { toastError } from '../../../ui/toast.js'

/** What becomes of a message that is mended, until it is saved. */
export interface Mending {
  readonly message: Message
  readonly body: string
  readonly is: 'saving' | 'refused'
}

export interface Edits {
  /** That of a message, if it is not saved. */
  of(message: string): Mending | undefined
  /** In place of an earlier one of the same message; those of others go on. */
  save(message: Message, body: string): Promise<void>
  /** Gives up that of a message; it may have arrived. */
  giveUp(message: string): void
}

const known = new WeakMap<Chat, Map<string, Edits>>()

/** Those of a conversation. `saved` is told of each that the server has taken, also when nobody looks at the conversation any more. */
export function editsOf(chat: Chat, conversation: string, saved: (message: Message) => void): Edits {
  let all = known.get(chat)
  if (!all) known.set(chat, (all = new Map()))
  let edits = all.get(conversation)
  if (!edits) all.set(conversation, (edits = create(chat, conversation, saved)))
  return edits
}

function create({ client, ended, unsent }: Chat, conversation: string, saved: (message: Message) => void): Edits {
  const [all, setAll] = createSignal<ReadonlyMap<string, Mending>>(new Map())
  const given = new Map<string, AbortController>()
  const set = (id: string, mending?: Mending) =>
    void setAll((before) => {
      const next = new Map(before)
      if (mending) next.set(id, mending)
      else next.delete(id)
      return next
    })

  async function save(message: Message, body: string): Promise<void> {
    const { id } = message
    given.get(id)?.abort()
    const own = new AbortController()
    given.set(id, own)
    set(id, { message, body, is: 'saving' })
    try {
      await lasting(client, own.signal, () => client.edit(conversation, id, body))
      if (own.signal.aborted) return
      saved(message)
      set(id)
    } catch (error) {
      if (own.signal.aborted) return
      set(id, { message, body, is: 'refused' })
      toastError(error)
    }
  }
  const count = () => [...all().values()].filter(({ is }) => is === 'saving').length
  unsent.push({ what: 'edits', count })
  // They are kept by the page alone.
  addEventListener('beforeunload', (event) => count() > 0 && event.preventDefault(), { signal: ended })
  ended.addEventListener('abort', () => given.forEach((one) => one.abort()))
  return {
    of: (message) => all().get(message),
    save,
    giveUp(message) {
      given.get(message)?.abort()
      set(message)
    },
  }
}
