/** The rules of the client, against a server made of nothing and a clock that is told to move. */
import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { createClient, indexedDbStore, memoryStore, PalabreError, type Options, type Palabre } from '../src/index.js'
import { decide, pause } from '../src/reconnect.js'
import { BOB, conversation, FakeClock, FakeSocket, ME, message, settle } from './support/fake.js'

const backoff = { first: 500, longest: 30_000 }
let clock: FakeClock
beforeEach(() => {
  clock = new FakeClock()
  FakeSocket.all.length = 0
})

function make(options: Partial<Options> = {}): Palabre {
  return createClient({ url: 'https://chat.example.org', project: 'shop', token: 'a.b.c', WebSocket: FakeSocket, clock, store: memoryStore(), ...options })
}

async function online(client: Palabre, ...opening: Parameters<FakeSocket['welcome']>): Promise<FakeSocket> {
  void client.connect()
  await settle()
  await FakeSocket.last.welcome(...opening)
  return FakeSocket.last
}

const refusal = (code: string) => (error: unknown) => error instanceof PalabreError && error.code === code

describe('close codes', () => {
  const wait = (code: number, attempt: number, chance = 0.5) => {
    const decision = decide(code, attempt, true, backoff, () => chance)
    return decision.action === 'wait' ? decision.ms : decision.error.code
  }

  it('say at once, later or never, by their range', () => {
    for (const code of [4000, 4001, 4042, 4099]) assert.ok((wait(code, 0) as number) < 500, String(code))
    assert.equal(wait(4000, 3), 3_000, 'a server that closes again and again is not asked at once for ever')
    for (const code of [1000, 1001, 1006, 1009, 1011, 4100, 4101, 4199]) assert.equal(wait(code, 2), 1_500, String(code))
    assert.equal(wait(4200, 0), 'unauthorized')
    assert.equal(wait(4201, 0), 'token_expired')
    assert.equal(wait(4203, 0), 'unauthorized')
    for (const code of [4202, 4204, 4250, 4299]) assert.equal(wait(code, 0), 'closed', String(code))
  })

  it('grow the pause up to a bound, half of it by chance', () => {
    const pauses = Array.from({ length: 12 }, (_, attempt) => pause(attempt, backoff, () => 1))
    assert.deepEqual(pauses.slice(0, 4), [500, 1_000, 2_000, 4_000])
    assert.equal(pauses.at(-1), 30_000)
    assert.equal(pause(0, backoff, () => 0), 250)
    assert.ok(pause(1_000, backoff, () => 1) <= 30_000)
  })
})

describe('connecting', () => {
  it('names the project, the encoding and the token, and is online when all is there', async () => {
    const client = make()
    const phases: string[] = []
    client.on('connection', ({ phase }) => phases.push(phase))
    const ready = client.connect()
    await settle()
    assert.equal(FakeSocket.last.url, 'wss://chat.example.org/ws/shop')
    assert.deepEqual(FakeSocket.last.protocols, ['palabre.v1.json', 'bearer.a.b.c'])
    await FakeSocket.last.welcome()
    assert.equal((await ready).user.username, 'alice')
    assert.deepEqual(phases, ['connecting', 'syncing', 'online'])
    assert.equal(client.status(ME.id)?.status, 'online')
  })

  it('comes back by itself, each time after a longer pause', async () => {
    const client = make()
    const socket = await online(client)
    await clock.pass(5_000)
    await socket.drop(1006)
    const pauses: number[] = []
    for (let attempt = 0; attempt < 4; attempt++) {
      pauses.push(client.connection.retryAt! - clock.now())
      await clock.pass(pauses.at(-1)!)
      assert.equal(client.connection.phase, 'connecting')
      await FakeSocket.last.drop(1006)
    }
    assert.deepEqual(pauses, [375, 750, 1_500, 3_000])
    client.wake()
    await settle()
    assert.equal(client.connection.phase, 'connecting')
    await FakeSocket.last.welcome()
    assert.equal(client.connection.phase, 'online')
  })

  it('stays away when the server says so, and can be told to try again', async () => {
    const client = make()
    const connecting = client.connect()
    await settle()
    await FakeSocket.last.drop(4200)
    await assert.rejects(connecting, refusal('unauthorized'))
    assert.equal(client.connection.phase, 'closed')
    assert.equal(client.connection.closeCode, 4200)
    await clock.pass(3_600_000)
    assert.equal(FakeSocket.all.length, 1)
    await assert.rejects(client.request('status.fetch', {}), refusal('unauthorized'))
    await online(client)
    assert.equal(client.connection.phase, 'online')
  })

  it('gets a fresh token once when the last one expired', async () => {
    const reasons: string[] = []
    const client = make({ token: (reason) => `token.${reasons.push(reason)}` })
    await online(client)
    await FakeSocket.last.drop(4201)
    await clock.pass(0)
    assert.equal(FakeSocket.last.protocols[1], 'bearer.token.2')
    await FakeSocket.last.drop(4201)
    assert.equal(client.connection.error?.code, 'token_expired')
    assert.deepEqual(reasons, ['connect', 'expired'])
  })

  it('does not come back with the very token that expired', async () => {
    const client = make({ token: () => 'always.the.same' })
    await online(client)
    await FakeSocket.last.drop(4201)
    await clock.pass(60_000)
    assert.equal(FakeSocket.all.length, 1)
    assert.equal(client.connection.error?.code, 'token_expired')
  })

  it('asks again for a token that was not to be had, unless there will be none', async () => {
    let answer: () => string = () => {
      throw new TypeError('fetch failed')
    }
    const client = make({ token: () => answer() })
    void client.connect()
    await settle()
    assert.equal(client.connection.phase, 'waiting')
    assert.equal(client.connection.error?.code, 'network')
    answer = () => {
      throw new PalabreError('unauthorized', 'signed out', 401)
    }
    await clock.pass(500)
    assert.equal(client.connection.phase, 'closed')
    assert.equal(client.connection.error?.code, 'unauthorized')
    assert.equal(FakeSocket.all.length, 0)
  })

  it('renews its token on the open connection, before the end and when it is told of it', async () => {
    let count = 0
    const client = make({ token: () => `token.${++count}` })
    const socket = await online(client, [], [], { expires_at: '2026-11-20T18:10:00.000Z' })
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 1_000) {
        await clock.pass(1_000)
        socket.push('user.update', BOB)
      }
    }
    await pass(509_000)
    assert.equal(socket.asked('session.auth'), 0)
    await pass(1_000)
    assert.deepEqual(socket.sent.at(-1)?.data, { token: 'token.2' })
    await socket.refuse('session.auth', { status: 503, code: 'unavailable' })
    await pass(10_000)
    assert.equal(socket.asked('session.auth'), 2)
    await socket.reply('session.auth', { server_time: '2026-11-20T18:00:00.000Z', expires_at: '2026-11-20T19:00:00.000Z' })
    socket.push('session.expiring', { expires_at: '2026-11-20T19:00:00.000Z' })
    await settle()
    assert.equal(socket.asked('session.auth'), 3)
    assert.equal(FakeSocket.all.length, 1)
  })

  it('finds a dead connection by its silence', async () => {
    const client = make()
    const socket = await online(client)
    await clock.pass(24_000)
    socket.push('user.update', BOB)
    await clock.pass(24_999)
    assert.equal(socket.asked('status.fetch'), 0)
    await clock.pass(1)
    assert.deepEqual(socket.sent.at(-1)?.data, { users: [] })
    await socket.reply('status.fetch', { statuses: [] })
    await clock.pass(34_000)
    assert.equal(socket.asked('status.fetch'), 2)
    assert.equal(client.connection.phase, 'online')
    await clock.pass(1_000)
    assert.equal(client.connection.phase, 'waiting')
    assert.equal(socket.readyState, 3)
  })

  it('gives up a connection that does not open, or says nothing', async () => {
    const client = make()
    void client.connect()
    await clock.pass(10_000)
    assert.equal(client.connection.phase, 'waiting')
    await client.close()
    assert.equal(client.connection.phase, 'closed')
    assert.equal(clock.waiting <= 1, true, 'nothing is left behind but the patience with the store')
  })
})

describe('requests', () => {
  it('wait for a connection, are answered each by its own reply, and time out', async () => {
    const client = make()
    await assert.rejects(client.request('status.fetch', {}), refusal('closed'))
    void client.connect()
    const early = client.request('group.members', { conversation: 'c' })
    await settle()
    await FakeSocket.last.welcome()
    await FakeSocket.last.reply('group.members', { conversation: 'c', members: [], more: false })
    assert.deepEqual(await early, { conversation: 'c', members: [], more: false })

    const late = assert.rejects(client.request('group.members', { conversation: 'c' }, { timeout: 3_000 }), refusal('timeout'))
    await clock.pass(3_000)
    await late
    await FakeSocket.last.drop(1006)
    const offline = assert.rejects(client.request('group.members', { conversation: 'c' }, { timeout: 100 }), refusal('offline'))
    await clock.pass(100)
    await offline
  })

  it('that may be repeated are, on the next connection; others tell that it is not known what became of them', async () => {
    const client = make()
    const socket = await online(client)
    const edited = client.edit('c', 'm1', 'new')
    const made = assert.rejects(client.createGroup({}), refusal('disconnected'))
    await socket.drop(4000)
    await made
    await clock.pass(500)
    await FakeSocket.last.welcome()
    assert.equal(FakeSocket.last.asked('group.update'), 0)
    await FakeSocket.last.reply('message.edit', message('c', 1, { body: 'new' }))
    assert.equal((await edited).body, 'new')
  })

  it('made while a connection is closing wait for its last word', async () => {
    const client = make()
    const socket = await online(client, [conversation('c', 0, { member_count: 60 })])
    socket.readyState = 2
    const edited = client.edit('c', 'm1', 'new')
    client.send('c', 'one')
    await settle()
    assert.equal(socket.sent.length, 0)
    await socket.drop(4000)
    assert.equal(client.connection.closeCode, 4000)
    await clock.pass(500)
    await FakeSocket.last.welcome()
    await FakeSocket.last.reply('message.edit', message('c', 1, { body: 'new' }))
    await edited
    assert.equal(FakeSocket.last.asked('message.text'), 1)
    FakeSocket.last.readyState = 2
    client.edit('c', 'm1', 'newer').catch(() => {})
    await clock.pass(10_000)
    assert.equal(client.connection.phase, 'waiting', 'a close that does not come is not awaited for ever')
  })

  it('wait as long as the server says when they were too many', async () => {
    const client = make()
    const socket = await online(client)
    const asked = client.request('group.members', { conversation: 'c' })
    await settle()
    await socket.refuse('group.members', { status: 429, code: 'rate_limited', retry_after_ms: 700 })
    await clock.pass(699)
    assert.equal(socket.asked('group.members'), 1)
    await clock.pass(1)
    assert.equal(socket.asked('group.members'), 2)
    await socket.reply('group.members', { conversation: 'c', members: [], more: false })
    await asked
  })
})

describe('the outbox', () => {
  const room = conversation('c', 0, { member_count: 60 })
  const confirmed = (id: string, seq: number) => message('c', seq, { id, author: ME })

  it('sends in order, one after the other, and shows how far each is', async () => {
    const client = make()
    const socket = await online(client, [room])
    const [one, two] = [client.send('c', 'one'), client.send('c', 'two')]
    await settle()
    assert.deepEqual(client.pending('c').map(({ state }) => state), ['sending', 'queued'])
    assert.equal(socket.asked('message.text'), 1)
    await socket.reply('message.text', confirmed(one.id, 1))
    assert.equal(client.pending().length, 1)
    assert.equal(socket.sent.at(-1)?.data['id'], two.id)
    await socket.reply('message.text', confirmed(two.id, 2))
    assert.equal(client.pending().length, 0)
    assert.equal(client.conversation('c')?.last_seq, 2)
    assert.equal(client.conversation('c')?.unread, 0)
  })

  it('sends again what was under way when the connection went, under the same id', async () => {
    const client = make()
    await online(client, [room])
    const { id } = client.send('c', 'one')
    await settle()
    await FakeSocket.last.drop(1006)
    assert.equal(client.pending()[0]?.state, 'queued')
    await clock.pass(500)
    await FakeSocket.last.welcome([room])
    assert.deepEqual(FakeSocket.last.sent.find(({ type }) => type === 'message.text')?.data, { conversation: 'c', body: 'one', id })
  })

  it('learns from what it reads that a message had arrived', async () => {
    const client = make()
    const socket = await online(client, [room])
    const { id } = client.send('c', 'one')
    const sent = client.sent(id)
    await settle()
    socket.push('message.text', confirmed(id, 1))
    await settle()
    assert.equal((await sent).seq, 1)
    assert.equal(client.pending().length, 0)
  })

  it('keeps what was refused, to be tried again or discarded', async () => {
    const client = make()
    const failures: string[] = []
    client.on('failed', ({ error }) => failures.push(error!.code))
    const socket = await online(client, [room])
    const [one, two] = [client.send('c', 'one'), client.send('c', 'two')]
    await settle()
    await socket.refuse('message.text', { status: 403, code: 'read_only' })
    assert.deepEqual(client.pending().map(({ state }) => state), ['failed', 'sending'], 'the next one goes on')
    await socket.reply('message.text', confirmed(two.id, 1))
    client.retry(one.id)
    await settle()
    assert.equal(socket.sent.at(-1)?.data['id'], one.id)
    await socket.refuse('message.text', { status: 409, code: 'id_taken' })
    client.retry(one.id)
    const again = client.pending()[0]!
    assert.notEqual(again.id, one.id, 'an id that means something else is not used again')
    client.discard(again.id)
    assert.deepEqual(client.pending(), [])
    assert.deepEqual(failures, ['read_only', 'id_taken'])
  })

  it('is patient with a server that is busy or away', async () => {
    const client = make()
    const socket = await online(client, [room])
    const { id } = client.send('c', 'one')
    await settle()
    for (const ms of [375, 750, 1_500]) {
      await socket.refuse('message.text', { status: 503, code: 'unavailable' })
      const asked = socket.asked('message.text')
      await clock.pass(ms - 1)
      assert.equal(socket.asked('message.text'), asked)
      await clock.pass(1)
      assert.equal(socket.asked('message.text'), asked + 1)
    }
    for (let fault = 0; fault < 3; fault++) {
      await socket.refuse('message.text', { status: 500, code: 'internal' })
      await clock.pass(30_000)
    }
    assert.equal(client.pending()[0]?.error?.code, 'internal')
    await assert.rejects(client.sent(id), refusal('internal'))
  })

  for (const [kind, store] of [['memory', memoryStore()], ['IndexedDB', indexedDbStore('outbox-test')]] as const) {
    it(`takes up what an earlier run left (${kind})`, async () => {
      const account = { store, account: 'p/alice' }
      const first = make(account)
      const ids = ['one', 'two'].map((body) => first.send('c', body).id)
      await first.close()
      await make({ store, account: 'p/bob' }).close()

      const second = make(account)
      // The database answers in its own time.
      while (second.pending().length === 0) await settle()
      assert.deepEqual(second.pending().map(({ id }) => id).sort(), [...ids].sort())
      const socket = await online(second, [room])
      for (const [seq] of ids.entries()) {
        await settle()
        await socket.reply('message.text', confirmed(socket.sent.at(-1)!.data['id'] as string, seq + 1))
      }
      assert.equal(second.pending().length, 0)
      await second.close()
      assert.deepEqual(await store.load('p/alice'), [])
    })
  }
})

describe('the state', () => {
  const big = (id: string, last_seq: number, more: object = {}) => conversation(id, last_seq, { member_count: 60, ...more })

  async function opened(messages: unknown[], more = false, last_seq = messages.length) {
    const client = make()
    const socket = await online(client, [big('c', last_seq)])
    const window = client.open('c')
    await settle()
    await socket.reply('message.fetch', { conversation: 'c', messages, more })
    await window
    return { client, socket, seqs: () => client.messages('c')!.items.map(({ seq }) => seq) }
  }

  it('does not wait for numbers that are missing, nor keep anything twice', async () => {
    const { client, socket, seqs } = await opened([message('c', 1), message('c', 2)])
    for (const seq of [5, 3, 5, 6]) socket.push('message.text', message('c', seq))
    assert.deepEqual(seqs(), [1, 2, 3, 5, 6])
    assert.equal(client.conversation('c')?.unread, 5)
  })

  it('puts what was pushed on top of a page that is older', async () => {
    const { client, socket, seqs } = await opened([message('c', 11), message('c', 12)], true, 12)
    const older = client.loadOlder('c')
    await settle()
    // The server read the page before these happened.
    socket.push('message.edit', message('c', 9, { body: 'edited', edited_at: 'x' }))
    socket.push('message.react', { conversation: 'c', message: 'm10', user: BOB, emoji: '👍', on: true, count: 1 })
    socket.push('message.text', message('c', 13))
    await socket.reply('message.fetch', { conversation: 'c', messages: [message('c', 9), message('c', 10)], more: false })
    assert.equal(await older, false)
    assert.deepEqual(seqs(), [9, 10, 11, 12, 13])
    assert.equal(client.messages('c')?.items[0]?.body, 'edited')
    assert.deepEqual(client.messages('c')?.items[1]?.reactions, { '👍': [BOB] })
  })

  it('reads everything again after a break: new, changed and gone', async () => {
    const { client, socket, seqs } = await opened([message('c', 2), message('c', 3), message('c', 4)], true, 4)
    await socket.drop(4000)
    await clock.pass(500)
    const next = FakeSocket.last
    void next.welcome([big('c', 6), big('d', 1)])
    await settle()
    assert.equal(client.connection.phase, 'syncing')
    assert.deepEqual(next.sent.find(({ type }) => type === 'message.fetch')?.data, { conversation: 'c', after_seq: 1, limit: 200 })
    await next.reply('message.fetch', { conversation: 'c', messages: [message('c', 2, { body: 'edited' }), message('c', 4), message('c', 6)], more: false })
    assert.equal(client.connection.phase, 'online')
    assert.deepEqual(seqs(), [2, 4, 6])
    assert.equal(client.messages('c')?.items[0]?.body, 'edited')
    assert.equal(client.messages('c')?.hasOlder, true)
    assert.deepEqual(client.conversations.map(({ id }) => id).sort(), ['c', 'd'])
  })

  it('begins anew where a break was too long to read all of it', async () => {
    const { client, socket, seqs } = await opened([message('c', 1), message('c', 2)])
    await socket.drop(4000)
    await clock.pass(500)
    void FakeSocket.last.welcome([big('c', 5_000)])
    await settle()
    assert.equal(FakeSocket.last.sent.at(-1)?.data['after_seq'], 4_000)
    for (let after = 4_000; after < 5_000; after += 200) {
      const messages = Array.from({ length: 200 }, (_, index) => message('c', after + 1 + index))
      await FakeSocket.last.reply('message.fetch', { conversation: 'c', messages, more: after < 4_800 })
    }
    assert.equal(seqs()[0], 4_001)
    assert.equal(seqs().length, 1_000)
    assert.equal(client.messages('c')?.hasOlder, true)
  })

  it('finds a conversation that moved to the top between two pages, and forgets one that is gone', async () => {
    const client = make()
    await online(client, [big('old', 3), big('gone', 1)])
    assert.equal(client.conversations.length, 2)
    await FakeSocket.last.drop(4000)
    await clock.pass(500)
    const socket = FakeSocket.last
    socket.readyState = 1
    socket.onopen?.({})
    socket.push('session.ready', { user: ME, server_time: '2026-11-20T18:00:00.000Z', expires_at: '2026-11-21T02:00:00.000Z', limits: { frame_bytes: 65_536 } })
    socket.push('group.summary', { conversations: [big('top', 1)], more: true })
    socket.push('contact.summary', { contacts: [], more: false })
    await settle()
    socket.push('message.text', message('old', 5))
    await socket.reply('group.summary', { conversations: [big('low', 1)], more: false })
    assert.equal(client.connection.phase, 'syncing')
    await socket.reply('group.summary', { conversations: [big('old', 5, { unread: 5 }), big('top', 1)], more: true })
    assert.equal(client.connection.phase, 'online')
    assert.deepEqual(client.conversations.map(({ id }) => id).sort(), ['low', 'old', 'top'])
    assert.equal(client.conversation('old')?.unread, 5)
  })

  it('asks for a conversation of which it hears for the first time', async () => {
    const client = make()
    const socket = await online(client)
    socket.push('message.text', message('new', 4))
    await settle()
    await socket.reply('group.summary', { conversations: [big('new', 4)], more: false })
    assert.equal(client.conversation('new')?.unread, 4)
  })

  it('gathers receipts, shows them at once, and sends them after a break', async () => {
    const { client, socket } = await opened([1, 2, 3].map((seq) => message('c', seq)))
    client.visible('c', 1)
    client.visible('c', 3)
    client.visible('c', 2)
    assert.equal(client.conversation('c')?.unread, 0)
    await clock.pass(250)
    assert.deepEqual(socket.sent.filter(({ type }) => type === 'message.read').map(({ data }) => data['seq']), [3])
    await socket.drop(4000)
    await clock.pass(500)
    await FakeSocket.last.welcome([big('c', 3)])
    assert.equal(client.conversation('c')?.unread, 0, 'what the server does not know yet is not shown again')
    await clock.pass(250)
    assert.equal(FakeSocket.last.asked('message.read'), 1)
    assert.equal(socket.asked('message.delivered') + FakeSocket.last.asked('message.delivered'), 0, 'reading says it too')
  })

  it('lets typing end by itself, repeats its own, and forgets it with the connection', async () => {
    const { client, socket } = await opened([])
    socket.push('typing.update', { conversation: 'c', user: BOB, typing: true })
    assert.deepEqual(client.typing('c'), [BOB])
    await clock.pass(5_999)
    assert.equal(client.typing('c').length, 1)
    await clock.pass(1)
    assert.equal(client.typing('c').length, 0)
    socket.push('typing.update', { conversation: 'c', user: BOB, typing: true })
    socket.push('message.text', message('c', 1))
    assert.equal(client.typing('c').length, 0)

    for (let key = 0; key < 9; key++) {
      client.setTyping('c', true)
      await clock.pass(1_000)
    }
    assert.equal(socket.asked('typing.update'), 3)
    client.setTyping('c', false)
    client.setTyping('c', false)
    assert.equal(socket.asked('typing.update'), 4)
  })

  it('joins the pieces of an answer, from the middle and in their order', async () => {
    const { client, socket } = await opened([])
    const chunk = (index: number, text: string) => socket.push('llm.chunk', { conversation: 'c', message: 'm9', index, text })
    chunk(4, 'The whole so far')
    chunk(3, ' again')
    chunk(6, ' end')
    chunk(5, ' and the')
    assert.equal(client.stream('c')?.text, 'The whole so far and the end')
    socket.push('llm.done', { conversation: 'c', message: message('c', 1, { id: 'm9', role: 'assistant', body: 'All of it' }), usage: { input_tokens: 1, output_tokens: 2 } })
    assert.equal(client.stream('c'), undefined)
    assert.equal(client.messages('c')?.items.at(-1)?.body, 'All of it')

    chunk(0, 'Broken')
    socket.push('llm.error', { conversation: 'c', code: 'model_failed', message: 'no answer' })
    assert.deepEqual(client.stream('c')?.error, { code: 'model_failed', message: 'no answer' })
    socket.push('message.text', message('c', 2))
    assert.equal(client.stream('c'), undefined)
    const stopped = client.stop('c')
    await settle()
    await socket.reply('llm.stop', { conversation: 'c' })
    await stopped
  })

  it('renames a user everywhere, and replaces only what changed', async () => {
    const { client, socket } = await opened([message('c', 1), message('c', 2, { author: ME })])
    const [first, second] = client.messages('c')!.items
    socket.push('user.update', { ...BOB, name: 'Bob B.' })
    assert.equal(client.messages('c')?.items[0]?.author.name, 'Bob B.')
    assert.equal(first?.author.name, undefined)
    assert.equal(client.messages('c')?.items[1], second)
  })

  it('tells once for all changes of a moment, and only those who watch', async () => {
    const { client, socket } = await opened([])
    const told: string[] = []
    client.on('change', (topics) => told.push([...topics].sort().join(' ')))
    client.watch('messages:c', () => told.push('watched'))
    const stop = client.watch('conversations', () => told.push('never'))
    stop()
    for (let seq = 1; seq <= 3; seq++) socket.push('message.text', message('c', seq))
    await settle()
    assert.deepEqual(told, ['watched', 'conversations messages:c'])
  })
})
