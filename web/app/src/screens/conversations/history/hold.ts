/** Which conversations' messages the client holds: those that are shown, and without a connection those that were, for there are no others. */
import type { Palabre } from '@palabre/client'

const shown = new WeakMap<Palabre, Map<string, number>>()

/** Notes that a conversation is shown; what it returns is called when it is no longer. */
export function hold(client: Palabre, conversation: string): () => void {
  let here = shown.get(client)
  if (!here) shown.set(client, (here = new Map()))
  const times = here
  times.set(conversation, (times.get(conversation) ?? 0) + 1)
  return () => {
    const left = (times.get(conversation) ?? 1) - 1
    if (left > 0) times.set(conversation, left)
    else times.delete(conversation)
    letGo()
  }
  function letGo(): void {
    if (times.has(conversation)) return
    if (client.connection.phase === 'online') return client.release(conversation)
    const stop = client.on('connection', ({ phase }) => {
      if (phase !== 'online' && phase !== 'closed') return
      stop()
      if (!times.has(conversation)) client.release(conversation)
    })
  }
}
