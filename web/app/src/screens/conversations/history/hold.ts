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

/** When there is a connection again; at once if there is one. Resolves with `false` if there will be none, or `given` is up. */
export function online(client: Palabre, given: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (is: boolean) => {
      stop()
      given.removeEventListener('abort', abort)
      resolve(is)
    }
    const abort = () => end(false)
    const look = () => {
      const { phase } = client.connection
      if (phase === 'online' || phase === 'closed') end(phase === 'online')
    }
    const stop = client.on('connection', look)
    given.addEventListener('abort', abort)
    if (given.aborted) abort()
    else look()
  })
}
