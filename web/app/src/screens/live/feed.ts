/**
 * The project's figures as the server tells them: server-sent events read with `fetch`, because the browser's `EventSource` brings no token. Reconnects
 * by itself, each time after a longer pause.
 */
import { createSignal, onCleanup } from 'solid-js'
import { useChat } from '../../core/session.js'

/** What is told each second. */
export interface Figures {
  time: string
  sessions: number
  users_online: number
  rooms_awake: number
  messages_per_second: number
  deliveries_per_second: number
  requests_per_second: number
  slow_consumers: number
  database: { state: 'ok' | 'unavailable'; latency_ms: number | null }
}

export type State = { phase: 'connecting' | 'live' | 'paused' | 'forbidden' } | { phase: 'broken'; retryAt: number; isFull: boolean }

/** Seconds that are held. */
export const HELD = 300
/** Pauses between tries. */
const FIRST_MS = 1_000
const LONGEST_MS = 15_000
/** Told each second: who says nothing for so long is gone. */
const SILENCE_MS = 6_000

/** An event: its name, and its data as a text. */
interface Told {
  event: string
  data: string
}

/** Takes the events out of a stream of bytes, however it is cut. */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<Told> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      rest += decoder.decode(value, { stream: true })
      // A carriage return at the end may have its line feed in the next piece.
      const blocks = rest.replace(/\r\n|\r(?!$)/g, '\n').split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const told: Told = { event: 'message', data: '' }
        for (const line of block.split('\n')) {
          const [, name, text = ''] = /^(\w+):? ?(.*)$/.exec(line) ?? []
          if (name === 'event') told.event = text
          if (name === 'data') told.data += told.data ? `\n${text}` : text
        }
        if (told.data) yield told
      }
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

/** Reads the feed for as long as the page of the caller is shown. */
export function createFeed() {
  const { token } = useChat()
  const [figures, setFigures] = createSignal<readonly Figures[]>([])
  const [state, setState] = createSignal<State>({ phase: 'connecting' })
  let running: AbortController | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let pause = FIRST_MS

  const stop = () => {
    clearTimeout(timer)
    running?.abort()
    running = undefined
  }
  const later = (isFull: boolean, atLeast = 0) => {
    const wait = Math.max(pause, atLeast)
    setState({ phase: 'broken', retryAt: Date.now() + wait, isFull })
    timer = setTimeout(start, wait)
    pause = Math.min(LONGEST_MS, pause * 2)
  }

  const start = () => {
    stop()
    setState({ phase: 'connecting' })
    const own = new AbortController()
    running = own
    const isOwn = () => running === own
    read(own)
      .then((next) => isOwn() && (next === 'forbidden' ? setState({ phase: 'forbidden' }) : later(next.isFull, next.atLeast)))
      .catch(() => isOwn() && later(false))
  }

  /** Until it ends, however that is. */
  const read = async (own: AbortController): Promise<'forbidden' | { isFull: boolean; atLeast?: number }> => {
    let silence: ReturnType<typeof setTimeout> | undefined
    const heard = () => {
      clearTimeout(silence)
      silence = setTimeout(() => own.abort('silent'), SILENCE_MS)
    }
    try {
      heard()
      const answer = await fetch('/api/v1/live', { headers: { authorization: `Bearer ${token()}`, accept: 'text/event-stream' }, credentials: 'omit', cache: 'no-store', signal: own.signal })
      if (answer.status === 403) return 'forbidden'
      if (!answer.ok || !answer.body) {
        const isFull = answer.status === 429
        return { isFull, atLeast: Number(answer.headers.get('retry-after') ?? 0) * 1_000 || 0 }
      }
      for await (const { event, data } of events(answer.body)) {
        if (event === 'end') return (JSON.parse(data) as { code: string }).code === 'forbidden' ? 'forbidden' : { isFull: false }
        heard()
        pause = FIRST_MS
        setFigures((before) => [...before, JSON.parse(data) as Figures].slice(-HELD))
        if (state().phase !== 'live') setState({ phase: 'live' })
      }
      return { isFull: false }
    } finally {
      clearTimeout(silence)
      own.abort()
    }
  }

  start()
  onCleanup(stop)
  return {
    figures,
    state,
    /** Leaves the picture as it is, and the server in peace. */
    pause() {
      stop()
      setState({ phase: 'paused' })
    },
    resume() {
      pause = FIRST_MS
      start()
    },
  }
}
