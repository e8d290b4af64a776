/** What lasts only for moments: who is typing, and answers that bots are giving. */
import type { Clock } from './api.js'
import type { Message } from './generated.js'
import type { Chunk, Pushes } from './protocol.js'
import type { State } from './state.js'

/** Typing ends by itself after so long. */
const TYPING = 6_000
/** One's own is repeated after so long. */
const TYPING_AGAIN = 4_000
/** Chunks that wait for one before them: an answer is not longer. */
const CHUNKS_HELD = 4_096

/** Who is typing. */
export class Typing {
  readonly #timers = new Map<string, unknown>()
  readonly #told = new Map<string, number>()

  constructor(
    private readonly state: State,
    private readonly clock: Clock,
    private readonly send: (conversation: string, typing: boolean) => void,
  ) {}

  push({ conversation, user, typing }: Pushes['typing.update']): void {
    if (user.id === this.state.me) return
    const key = `${conversation} ${user.id}`
    this.clock.clearTimeout(this.#timers.get(key))
    this.#timers.delete(key)
    const others = (this.state.typing.get(conversation) ?? []).filter(({ id }) => id !== user.id)
    if (typing) {
      this.#timers.set(key, this.clock.setTimeout(() => this.push({ conversation, user, typing: false }), TYPING))
      others.push(user)
    }
    if (others.length > 0) this.state.typing.set(conversation, others)
    else if (!this.state.typing.delete(conversation)) return
    this.state.touch(`typing:${conversation}`)
  }

  /** Who wrote something is done typing it. */
  wrote({ conversation, author }: Message): void {
    if (this.state.typing.get(conversation)?.some(({ id }) => id === author.id)) this.push({ conversation, user: author, typing: false })
    if (author.id === this.state.me) this.#told.delete(conversation)
  }

  /** Nobody is known to be typing any more. */
  clear(): void {
    for (const timer of this.#timers.values()) this.clock.clearTimeout(timer)
    this.#timers.clear()
    this.#told.clear()
    for (const conversation of this.state.typing.keys()) this.state.touch(`typing:${conversation}`)
    this.state.typing.clear()
  }

  /** One's own: told at once, and again while it goes on. */
  own(conversation: string, typing: boolean): void {
    const told = this.#told.get(conversation)
    const now = this.clock.now()
    if (typing) {
      if (told !== undefined && now - told < TYPING_AGAIN) return
      this.#told.set(conversation, now)
    } else {
      this.#told.delete(conversation)
      // It has ended by itself.
      if (told === undefined || now - told >= TYPING) return
    }
    this.send(conversation, typing)
  }
}

/** Answers that bots are giving. */
export class Streams {
  /** By conversation: the last index joined, and the chunks that came too early. */
  readonly #joined = new Map<string, { index: number; early: Map<number, string> }>()

  constructor(private readonly state: State) {}

  chunk({ conversation, message, index, text }: Chunk): void {
    const stream = this.state.streams.get(conversation)
    const joined = this.#joined.get(conversation)
    if (!stream || !joined || stream.message !== message) {
      // The first one that is heard of holds all so far.
      this.#joined.set(conversation, { index, early: new Map() })
      return this.#show({ conversation, message, text })
    }
    if (index <= joined.index || joined.early.size >= CHUNKS_HELD) return
    joined.early.set(index, text)
    let whole = stream.text
    for (let next = joined.early.get(joined.index + 1); next !== undefined; next = joined.early.get(joined.index + 1)) {
      joined.early.delete(++joined.index)
      whole += next
    }
    if (whole !== stream.text) this.#show({ conversation, message, text: whole })
  }

  error({ conversation, code, message }: Pushes['llm.error']): void {
    const stream = this.state.streams.get(conversation)
    this.#joined.delete(conversation)
    this.#show({ conversation, message: stream?.message ?? '', text: stream?.text ?? '', error: { code, message } })
  }

  /** The answer is there, or somebody says something else. */
  end(conversation: string): void {
    this.#joined.delete(conversation)
    if (this.state.streams.delete(conversation)) this.state.touch(`stream:${conversation}`)
  }

  /** A new message ends what is left of an answer that broke off. */
  wrote(conversation: string): void {
    if (this.state.streams.get(conversation)?.error) this.end(conversation)
  }

  clear(): void {
    for (const conversation of [...this.state.streams.keys()]) this.end(conversation)
  }

  #show(stream: { conversation: string; message: string; text: string; error?: { code: string; message: string } }): void {
    this.state.streams.set(stream.conversation, stream)
    this.state.touch(`stream:${stream.conversation}`)
  }
}
