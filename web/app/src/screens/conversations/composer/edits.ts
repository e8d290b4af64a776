/**
 * Messages that are being mended. What was written takes the place of a message only when the server has taken it; without a connection that
 * is later, whatever one looks at meanwhile.
 */
import { PalabreError, type Message, type Palabre } from '@palabre/client'
import { createSignal, type Accessor } from 'solid-js'
import { toastError } from '../../../ui/toast.js'
import { online } from '../history/hold.js'

/** What becomes of a message that is mended. */
export interface Mending {
  readonly message: Message
  readonly body: string
  readonly is: 'saving' | 'saved' | 'refused'
}

export interface Edits {
  /** The last one, and how it went. */
  readonly now: Accessor<Mending | undefined>
  save(message: Message, body: string): Promise<void>
  /** Gives up the one that is being saved; it may have arrived. */
  giveUp(): void
}

const known = new WeakMap<Palabre, Map<string, Edits>>()

/** Those of a conversation. `saved` is told of each that the server has taken, also when nobody looks at the conversation any more. */
export function editsOf(client: Palabre, conversation: string, saved: (message: Message) => void): Edits {
  let all = known.get(client)
  if (!all) known.set(client, (all = new Map()))
  let edits = all.get(conversation)
  if (!edits) all.set(conversation, (edits = create(client, conversation, saved)))
  return edits
}

function create(client: Palabre, conversation: string, saved: (message: Message) => void): Edits {
  const [now, setNow] = createSignal<Mending>()
  let given = new AbortController()

  async function save(message: Message, body: string): Promise<void> {
    given.abort()
    const own = (given = new AbortController())
    const set = (is: Mending['is']) => own.signal.aborted || setNow({ message, body, is })
    set('saving')
    for (;;) {
      try {
        await client.edit(conversation, message.id, body)
        if (!own.signal.aborted) saved(message)
        set('saved')
        return
      } catch (error) {
        const wasCut = error instanceof PalabreError && (error.code === 'offline' || error.code === 'disconnected')
        if (wasCut && (await online(client, own.signal))) continue
        if (own.signal.aborted) return
        set('refused')
        toastError(error)
        return
      }
    }
  }
  return {
    now,
    save,
    giveUp() {
      given.abort()
      setNow(undefined)
    },
  }
}
