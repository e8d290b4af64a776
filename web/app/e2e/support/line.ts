/** The connections of a page in the test's hands. */
import { EventEmitter, once } from 'node:events'
import type { Page, WebSocketRoute } from 'playwright-core'

export interface Line {
  /** Cuts it. If a code is given, the next connection is closed with that at once. */
  cut(code?: number): Promise<void>
  /** The next connection that reaches the server. */
  next(): Promise<unknown>
}

/** Takes hold of all that come after the page is loaded next. */
export async function hold(page: Page): Promise<Line> {
  let last: WebSocketRoute | undefined
  let refusal: number | undefined
  const events = new EventEmitter()
  await page.routeWebSocket(/\/ws\//, (socket) => {
    const code = refusal
    refusal = undefined
    if (code !== undefined) return void socket.close({ code })
    last = socket
    socket.connectToServer()
    events.emit('reached')
  })
  return {
    async cut(code) {
      refusal = code
      await last?.close({ code: 4000 })
    },
    next: () => once(events, 'reached', { signal: AbortSignal.timeout(15_000) }),
  }
}
