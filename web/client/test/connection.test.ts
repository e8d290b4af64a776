/** Connecting, tokens and requests, against a server made of nothing and a clock that is told to move. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import RealSocket from 'ws'
import { memoryStore, PalabreError } from '../src/index.js'
import { decide, pause } from '../src/reconnect.js'
import { anew, BOB, clock, conversation, FakeSocket, make, ME, message, online, refusal, settle } from './support/fake.js'

anew()
const backoff = { first: 500, longest: 30_000 }

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
    // The outage is over: only connections that do not last make the pauses longer now.
    for (const pause of [750, 1_500, 3_000]) {
      await FakeSocket.last.drop(1006)
      assert.equal(client.connection.retryAt! - clock.now(), pause)
      await clock.pass(pause)
      await FakeSocket.last.welcome()
    }
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

  it('sends nothing as another user', async () => {
    const token = (sub: string) => `e30.${btoa(JSON.stringify({ project: 'p', sub }))}.x`
    const texts = () => FakeSocket.all.flatMap(({ sent }) => sent).filter(({ type }) => type === 'message.text').length
    for (const account of [undefined, 'device']) {
      let who = 'alice'
      const client = make({ token: async () => token(who), ...(account !== undefined && { account }) })
      await online(client)
      await FakeSocket.last.drop(4000)
      const { id } = client.send('c', "alice's")
      who = 'bob'
      const sockets = FakeSocket.all.length
      await clock.pass(500)
      assert.equal(client.connection.phase, 'closed')
      assert.ok(refusal('unauthorized')(client.connection.error))
      assert.equal(FakeSocket.all.length, sockets, 'not even a connection is made')
      await assert.rejects(client.connect(), refusal('unauthorized'))
      who = 'alice'
      assert.deepEqual(client.pending().map(({ id }) => id), [id])
      await client.close()
    }
    // A token that tells nothing is good for a session that does.
    const client = make({ token: () => 'opaque' })
    await online(client)
    await FakeSocket.last.drop(4000)
    client.send('c', "alice's")
    await clock.pass(500)
    await FakeSocket.last.welcome([], [], { user: BOB })
    assert.ok(refusal('unauthorized')(client.connection.error))
    assert.equal(texts(), 0)
  })

  it('keeps nothing for a token that does not say whose it is', async () => {
    const store = memoryStore()
    const accounts = new Set<string>()
    const put: typeof store.put = (account, entry) => (accounts.add(account), store.put(account, entry))
    for (const token of ['opaque', () => 'opaque']) {
      const client = make({ token, store: { ...store, put } })
      const socket = await online(client, [conversation('c', 0)])
      client.send('c', 'one')
      await settle()
      assert.equal(socket.asked('message.text'), 1, 'it is sent all the same')
      await client.close()
    }
    assert.deepEqual([...accounts], [])
  })

  it('asks again for a token that was not to be had, unless there will be none', async () => {
    let answer: () => string | Promise<string> = () => {
      throw new TypeError('fetch failed')
    }
    const client = make({ token: () => answer() })
    const connecting = client.connect()
    await settle()
    assert.equal(client.connection.phase, 'waiting')
    assert.equal(client.connection.error?.code, 'network')
    answer = () => Promise.reject(new PalabreError('network', 'no server'))
    for (const pause of [375, 750, 1_500]) {
      assert.equal(client.connection.retryAt! - clock.now(), pause)
      await clock.pass(pause)
      assert.equal(client.connection.phase, 'waiting')
    }
    answer = () => {
      throw new PalabreError('unauthorized', 'signed out', 401)
    }
    await clock.pass(3_000)
    await assert.rejects(connecting, refusal('unauthorized'))
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
    await pass(299_000)
    assert.equal(socket.asked('session.auth'), 0)
    await pass(1_000)
    assert.deepEqual(socket.sent.at(-1)?.data, { token: 'token.2' })
    // A renewal that fails is tried again the sooner, the less time is left.
    await socket.refuse('session.auth', { status: 503, code: 'unavailable' })
    await pass(22_000)
    assert.equal(socket.asked('session.auth'), 1)
    await pass(1_000)
    assert.equal(socket.asked('session.auth'), 2)
    await socket.reply('session.auth', { server_time: '2026-11-20T18:00:00.000Z', expires_at: '2026-11-20T19:00:00.000Z' })
    socket.push('session.expiring', { expires_at: '2026-11-20T19:00:00.000Z' })
    await settle()
    assert.equal(socket.asked('session.auth'), 3)
    assert.equal(FakeSocket.all.length, 1)
  })

  /** A token that says from when to when it is good, in minutes after the server's time of the welcome. */
  const tokenOf = (from: number, to: number) => {
    const at = (minutes: number) => Date.parse('2026-11-20T18:00:00.000Z') / 1_000 + minutes * 60
    return `e30.${btoa(JSON.stringify({ project: 'p', sub: 'alice', iat: at(from), exp: at(to) }))}.x`
  }

  it('renews a token that was half used up when it came, and not over and over', async () => {
    const reasons: string[] = []
    const client = make({ token: (reason) => (reasons.push(reason), tokenOf(-50, 10)) })
    const socket = await online(client, [], [], { expires_at: '2026-11-20T18:10:00.000Z' })
    assert.equal(socket.asked('session.auth'), 0)
    await clock.pass(2_500)
    assert.equal(socket.asked('session.auth'), 1, 'those who come back together do it one after the other')
    await socket.reply('session.auth', { server_time: '2026-11-20T18:00:00.000Z', expires_at: '2026-11-20T18:10:00.000Z' })
    // The application had none that is younger.
    for (let passed = 0; passed < 290; passed += 10) {
      await clock.pass(10_000)
      socket.push('user.update', BOB)
    }
    assert.deepEqual(reasons, ['connect', 'expiring'])
    await clock.pass(10_000)
    assert.deepEqual(reasons, ['connect', 'expiring', 'expiring'])
  })

  it('renews at half of its life, also when the machine has slept past that', async () => {
    const reasons: string[] = []
    const client = make({ token: (reason) => (reasons.push(reason), tokenOf(0, 480)) })
    await online(client, [], [], { expires_at: '2026-11-21T02:00:00.000Z' })
    client.wake()
    assert.deepEqual(reasons, ['connect'])
    await FakeSocket.last.reply('status.fetch', { statuses: [] })
    clock.sleep(4 * 3_600_000 - 1)
    client.wake()
    assert.deepEqual(reasons, ['connect'])
    clock.sleep(1)
    client.wake()
    client.wake()
    assert.deepEqual(reasons, ['connect', 'expiring'])
    await settle()
    assert.equal(FakeSocket.last.asked('session.auth'), 1)
  })

  it('wakes with the page that was asleep, while there is one to wake', async () => {
    const [page, window] = [new EventTarget(), new EventTarget()]
    const document = Object.assign(page, { visibilityState: 'hidden' })
    const world = {
      document,
      addEventListener: window.addEventListener.bind(window),
      removeEventListener: window.removeEventListener.bind(window),
    }
    Object.assign(globalThis, world)
    try {
      const client = make()
      const socket = await online(client, [conversation('c', 2, { member_count: 60 })])
      const probed = async (target: EventTarget, sign: string) => {
        const before = socket.asked('status.fetch')
        target.dispatchEvent(new Event(sign))
        const asked = socket.asked('status.fetch') > before
        if (asked) await socket.reply('status.fetch', { statuses: [] })
        return asked
      }
      assert.equal(await probed(document, 'visibilitychange'), false, 'it is out of sight')
      document.visibilityState = 'visible'
      for (const sign of ['visibilitychange', 'resume']) assert.equal(await probed(document, sign), true, sign)
      for (const sign of ['online', 'pageshow']) assert.equal(await probed(window, sign), true, sign)
      // Nobody knows whether it comes back: what was read is told now.
      for (const [seq, leave] of [() => window.dispatchEvent(new Event('pagehide')), () => document.dispatchEvent(new Event('visibilitychange'))].entries()) {
        client.visible('c', seq + 1)
        if (seq === 1) document.visibilityState = 'hidden'
        leave()
        assert.equal(socket.asked('message.read'), seq + 1)
        await socket.reply('message.read', { conversation: 'c', seq: seq + 1, user: ME })
      }
      await client.close()
      assert.equal(await probed(document, 'resume'), false)
    } finally {
      for (const name of Object.keys(world)) delete (globalThis as Record<string, unknown>)[name]
    }
  })

  it('knows what time it is for the server', async () => {
    const client = make()
    assert.equal(client.now(), clock.now())
    const socket = await online(client)
    assert.equal(client.now(), Date.parse('2026-11-20T18:00:00.000Z'))
    await clock.pass(20_000)
    assert.equal(client.now(), Date.parse('2026-11-20T18:00:20.000Z'))
    await socket.drop(4000)
    assert.equal(client.now(), Date.parse('2026-11-20T18:00:20.000Z'), 'also while it is away')
    await clock.pass(500)
    await FakeSocket.last.welcome([], [], { server_time: '2026-11-20T18:05:00.000Z' })
    assert.equal(client.now(), Date.parse('2026-11-20T18:05:00.000Z'))
  })

  it('says that no connection can be made, instead of trying for ever', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', note)
    const cases: Array<[Parameters<typeof make>[0], RegExp]> = [
      [{ WebSocket: undefined as never }, /no WebSocket/],
      [{ url: undefined as never }, /Invalid URL/],
      [{ url: 'not a place' }, /Invalid URL/],
      [{ url: 'ftp://chat.example.org', WebSocket: RealSocket }, /protocol/],
      [{ token: 'read.from.a-file\n', WebSocket: RealSocket }, /subprotocol/],
      [{ token: async () => 'read.from.a-file\n', WebSocket: RealSocket }, /subprotocol/],
    ]
    for (const [options, said] of cases) {
      const client = make(options)
      await assert.rejects(client.connect(), (error) => refusal('closed')(error) && said.test(String(error)), String(said))
      assert.equal(client.connection.phase, 'closed')
      assert.equal(client.connection.error?.code, 'closed')
      await assert.rejects(client.request('status.fetch', {}), refusal('closed'))
    }
    // A second attempt is one: it fails by itself, too.
    const client = make({ url: 'not a place' })
    for (let attempt = 0; attempt < 2; attempt++) await assert.rejects(client.connect(), refusal('closed'))
    await settle()
    process.off('unhandledRejection', note)
    assert.deepEqual(unhandled, [])
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
    const renamed = client.updateGroup('c', { title: 'New' })
    const once = [client.createGroup({}), client.updateGroup('c', { remove: [BOB.id] }), client.updateGroup('c', { permissions: { alice: 'w' } })]
    const rejected = once.map((made) => assert.rejects(made, refusal('disconnected')))
    await socket.drop(4000)
    await Promise.all(rejected)
    await clock.pass(500)
    await FakeSocket.last.welcome()
    assert.deepEqual(FakeSocket.last.sent.filter(({ type }) => type === 'group.update').map(({ data }) => data['title']), ['New'])
    await FakeSocket.last.reply('group.update', conversation('c', 0, { title: 'New', member_count: 60 }))
    await renamed
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
