/** A server made of nothing, and a clock that stands still until it is told to move. */
import { beforeEach } from 'node:test'
import { createClient, memoryStore, PalabreError, type Clock, type Options, type Palabre, type SocketLike } from '../../src/index.js'

export class FakeClock implements Clock {
  private time = 1_000_000
  private next = 1
  private readonly timers = new Map<number, { at: number; run: () => void }>()
  chance = 0.5

  now(): number {
    return this.time
  }

  random(): number {
    return this.chance
  }

  setTimeout(run: () => void, ms: number): unknown {
    this.timers.set(this.next, { at: this.time + ms, run })
    return this.next++
  }

  clearTimeout(timer: unknown): void {
    this.timers.delete(timer as number)
  }

  get waiting(): number {
    return this.timers.size
  }

  /** As {@link FakeClock.pass} without anything happening: the machine sleeps, its timers too. */
  sleep(ms: number): void {
    this.time += ms
  }

  /** Lets so much time pass, with all that happens in it. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms
    for (;;) {
      await settle()
      const due = [...this.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0]
      if (!due) break
      this.timers.delete(due[0])
      this.time = Math.max(this.time, due[1].at)
      due[1].run()
    }
    this.time = end
    await settle()
  }
}

/** Lets everything happen that waits for nothing. */
export const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** A socket whose other end is the test. */
export class FakeSocket implements SocketLike {
  static readonly all: FakeSocket[] = []
  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!
  }

  binaryType = 'blob'
  readyState = 0
  bufferedAmount = 0
  onopen: ((event: unknown) => void) | null = null
  onmessage: ((event: unknown) => void) | null = null
  onclose: ((event: unknown) => void) | null = null
  onerror: ((event: unknown) => void) | null = null
  private readonly refused = new Set<number>()
  readonly sent: Array<{ id: number; type: string; data: Record<string, unknown> }> = []

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.all.push(this)
  }

  send(data: string | Uint8Array): void {
    this.sent.push(JSON.parse(data as string) as never)
  }

  close(): void {
    this.readyState = 3
  }

  // --- The server's side ---

  push(type: string, data: unknown): void {
    this.onmessage?.({ data: JSON.stringify({ type, data }) })
  }

  async reply(type: string, data: unknown): Promise<void> {
    const request = this.sent.findLast((request) => request.type === type)!
    this.onmessage?.({ data: JSON.stringify({ re: request.id, type, data }) })
    await settle()
  }

  /** The reply to one message of many that are under way. */
  async confirm(message: { id: string }): Promise<void> {
    const request = this.sent.findLast(({ type, data }) => type === 'message.text' && data['id'] === message.id)!
    this.onmessage?.({ data: JSON.stringify({ re: request.id, type: 'message.text', data: message }) })
    await settle()
  }

  async refuse(type: string, error: { status: number; code: string; retry_after_ms?: number }): Promise<void> {
    const request = this.sent.findLast((request) => request.type === type)!
    this.onmessage?.({ data: JSON.stringify({ re: request.id, type: 'error', data: { message: 'no', ...error } }) })
    await settle()
  }

  /** Refuses all of a kind that are not answered yet. */
  async refuseAll(type: string, error: { status: number; code: string }): Promise<void> {
    for (const request of this.sent.filter((request) => request.type === type && !this.refused.has(request.id))) {
      this.refused.add(request.id)
      this.onmessage?.({ data: JSON.stringify({ re: request.id, type: 'error', data: { message: 'no', ...error } }) })
    }
    await settle()
  }

  asked(type: string): number {
    return this.sent.filter((request) => request.type === type).length
  }

  async drop(code: number): Promise<void> {
    this.readyState = 3
    this.onclose?.({ code, reason: '' })
    await settle()
  }

  /** Opens, with all that a server says first. */
  async welcome(conversations: unknown[] = [], contacts: unknown[] = [], ready: object = {}): Promise<void> {
    this.hello(ready)
    this.push('group.summary', { conversations, more: false })
    this.push('contact.summary', { contacts, more: false })
    this.push('status.update', { user: ME, status: 'online' })
    await settle()
  }

  /** Opens, and says no more than who it is. */
  hello(ready: object = {}): void {
    this.readyState = 1
    this.onopen?.({})
    this.push('session.ready', {
      session: 's', user: ME, role: 'user', project: 'p', server_time: '2026-11-20T18:00:00.000Z', expires_at: '2026-11-21T02:00:00.000Z',
      limits: { frame_bytes: 65_536, outstanding_bytes: 1_048_576, outstanding_frames: 4_096, events_per_second: 200 }, ...ready,
    })
  }
}

export const ME = { id: 'a11ce000-0000-4000-8000-000000000001', username: 'alice' }
export const BOB = { id: 'b0b00000-0000-4000-8000-000000000002', username: 'bob' }

export const conversation = (id: string, last_seq: number, more: object = {}) => ({
  id, kind: 'group', mode: 'human', member_count: 2, last_seq, created_at: '2026-11-20T18:00:00.000Z', updated_at: '2026-11-20T18:00:00.000Z',
  permission: 'w', read_seq: 0, unread: last_seq, ...more,
})

export const message = (conversation: string, seq: number, more: object = {}) => ({
  id: `m${seq}`, conversation, seq, author: BOB, kind: 'text', role: 'user', body: `line ${seq}`, attachments: [], reactions: {},
  reaction_counts: {}, status: 'SENT', date: '2026-11-20T18:00:00.000Z', ...more,
})

/** The clock of the test that runs. */
export let clock: FakeClock

/** In every file that uses what follows: each test begins with a new clock, and no sockets. */
export function anew(): void {
  beforeEach(() => {
    clock = new FakeClock()
    FakeSocket.all.length = 0
  })
}

/** A client of no server. */
export function make(options: Partial<Options> = {}): Palabre {
  return createClient({ url: 'https://chat.example.org', project: 'shop', token: 'a.b.c', WebSocket: FakeSocket, clock, store: memoryStore(), ...options })
}

/** Connects it; the socket is the server's side. */
export async function online(client: Palabre, ...opening: Parameters<FakeSocket['welcome']>): Promise<FakeSocket> {
  void client.connect()
  await settle()
  await FakeSocket.last.welcome(...opening)
  return FakeSocket.last
}

/** Whether an error is of this code. */
export const refusal = (code: string) => (error: unknown) => error instanceof PalabreError && error.code === code
