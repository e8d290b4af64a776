/** What one has used of bots this month, as the server last said it. */
import { createComputed, createSignal, on, onCleanup, type Accessor } from 'solid-js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'

/** Used, and how much may be; without a quota there is no limit. */
export interface Measure {
  used: number
  reserved: number
  quota?: number
  remaining?: number
}

/** The answer of `GET /api/v1/usage`. Money is in millionths of the currency. */
export interface Usage {
  month: string
  resets_at: string
  tokens: Measure
  money: Measure
  currency: string
  days: Array<{ day: string; calls: number; input_tokens: number; output_tokens: number; money: number }>
}

/** How long to wait after an answer: several may end at once. */
const SETTLED_MS = 300
/** An answer is told before it is booked: while something is still kept for one, the server is asked again, so often. */
const AGAIN_MS = 1_000
const TRIES = 20

/** What was used, asked again after each answer and each break. It is missing until it is known, and stays as it was when asking fails. */
export function createUsage(): Accessor<Usage | undefined> {
  const { client, rest } = useChat()
  const [usage, set] = createSignal<Usage>()
  const connection = watched(client, 'connection', () => client.connection.phase)
  let timer: ReturnType<typeof setTimeout> | undefined
  const given = new AbortController()
  let left = 0
  /** Times that it was asked, and which of them is known. */
  let asked = 0
  let answered = 0
  const ask = () => {
    timer = undefined
    const turn = (asked += 1)
    const known = (now: Usage) => {
      // One that was asked for later came first.
      if (turn < answered) return
      answered = turn
      set(now)
      if (now.tokens.reserved > 0 && left-- > 0) timer ??= setTimeout(ask, AGAIN_MS)
    }
    rest.call<Usage>('GET', '/api/v1/usage', undefined, given.signal).then(known, () => undefined)
  }
  const soon = () => {
    left = TRIES
    timer ??= setTimeout(ask, SETTLED_MS)
  }
  createComputed(on(connection, (phase) => phase === 'online' && ask()))
  const stops = [client.on('llm.done', soon), client.on('llm.error', soon), client.on('quota.warning', soon)]
  onCleanup(() => {
    left = 0
    for (const stop of stops) stop()
    clearTimeout(timer)
    given.abort()
  })
  return usage
}

/** Of the two quotas the one that ends sooner. */
export function tightest(usage: Usage): { kind: 'tokens' | 'money'; measure: Measure; share: number } {
  const share = ({ used, quota }: Measure) => (quota === undefined ? -1 : quota === 0 ? 1 : Math.min(1, used / quota))
  const kind = share(usage.money) > share(usage.tokens) ? 'money' : 'tokens'
  return { kind, measure: usage[kind], share: share(usage[kind]) }
}
