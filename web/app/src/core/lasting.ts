/** What waits for a connection instead of failing without one. */
import { PalabreError, type Palabre } from '@palabre/client'

/** Asks again whenever there is a connection, until one that is there fails it, or `given` is up. */
export async function lasting<T>(client: Palabre, given: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const wasCut = error instanceof PalabreError && (error.code === 'offline' || error.code === 'disconnected')
      if (!wasCut || !(await online(client, given))) throw error
    }
  }
}

/** When there is a connection again; at once if there is one. Resolves with `false` if there will be none, or `given` is up. */
function online(client: Palabre, given: AbortSignal): Promise<boolean> {
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
