/** What ought not to happen: tokens that never come, openings that stop halfway, and answers that are none. */
import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { createRest, PalabreError, type TokenReason } from '../src/index.js'
import { anew, clock, FakeSocket, make, ME, online, refusal, settle } from './support/fake.js'

anew()

describe('a token', () => {
  it('that does not come in time is asked for again', async () => {
    let asked = 0
    const client = make({ token: () => (++asked === 1 ? new Promise<string>(() => {}) : 'a.b.c') })
    const connecting = client.connect()
    await clock.pass(19_999)
    assert.equal(client.connection.phase, 'connecting')
    await clock.pass(1)
    assert.equal(client.connection.phase, 'waiting')
    assert.equal(client.connection.error?.code, 'timeout')
    await clock.pass(375)
    await FakeSocket.last.welcome()
    assert.equal((await connecting).user.username, 'alice')
    assert.equal(asked, 2)
  })

  it('is not awaited by a client that is closed', async () => {
    const client = make({ token: () => new Promise<string>(() => {}), account: 'p/alice' })
    const closed = assert.rejects(client.connect(), refusal('closed'))
    await client.close()
    await closed
    await settle()
    assert.equal(clock.waiting, 0)
  })

  /** Online, until half of its token's time is over. */
  async function halfway(answer: () => string) {
    const reasons: TokenReason[] = []
    const token = (reason: TokenReason) => (reasons.push(reason), reason === 'connect' ? 'a.b.c' : answer())
    const client = make({ token, heartbeat: { silence: 3_600_000 } })
    const socket = await online(client, [], [], { expires_at: '2026-11-20T18:10:00.000Z' })
    await clock.pass(300_000)
    return { client, socket, reasons }
  }

  it('that will not be had any more ends the session, and is asked for once', async () => {
    for (const status of [401, 403]) {
      const { client, socket, reasons } = await halfway(() => {
        throw new PalabreError('forbidden', 'signed out', status)
      })
      assert.equal(client.connection.phase, 'closed')
      assert.equal(client.connection.error?.status, status)
      assert.equal(socket.readyState, 3)
      await clock.pass(3_600_000)
      assert.deepEqual(reasons, ['connect', 'expiring'])
    }
  })

  it('that fails to come for another reason leaves the session as it is', async () => {
    const { client, reasons } = await halfway(() => {
      throw new TypeError('fetch failed')
    })
    assert.equal(client.connection.phase, 'online')
    await clock.pass(60_000)
    assert.equal(client.connection.phase, 'online')
    assert.ok(reasons.length > 2, reasons.join(' '))
  })

  it('that is renewed changes how long the session lasts, and not who it is', async () => {
    const { client, socket } = await halfway(() => 'd.e.f')
    socket.push('user.update', { ...ME, name: 'Alice A.' })
    const expires_at = '2026-11-20T19:00:00.000Z'
    await socket.reply('session.auth', { session: 's', user: ME, server_time: '2026-11-20T18:05:00.000Z', expires_at })
    assert.equal(client.session?.expires_at, expires_at)
    assert.equal(client.session?.session, 's')
    assert.equal(client.user?.name, 'Alice A.')
  })
})

describe('a server', () => {
  it('that begins a session and does not go on is given up', async () => {
    const client = make()
    void client.connect()
    await settle()
    const socket = FakeSocket.last
    socket.readyState = 1
    socket.onopen?.({})
    socket.push('session.ready', { user: ME, server_time: '2026-11-20T18:00:00.000Z', expires_at: '2026-11-21T02:00:00.000Z', limits: { frame_bytes: 65_536 } })
    socket.push('group.summary', { conversations: [], more: false })
    await clock.pass(19_999)
    assert.equal(client.connection.phase, 'syncing')
    await clock.pass(1)
    assert.equal(client.connection.phase, 'waiting')
    assert.equal(socket.readyState, 3)
    await clock.pass(client.connection.retryAt! - clock.now())
    await FakeSocket.last.welcome()
    assert.equal(client.connection.phase, 'online')
  })

  it('may say what nobody knows with its name alone', async () => {
    const client = make()
    const socket = await online(client)
    const heard: unknown[] = []
    client.on('server.news' as 'user.update', (data) => heard.push(data))
    socket.onmessage?.({ data: JSON.stringify({ type: 'server.news' }) })
    socket.push('server.news', null)
    assert.deepEqual(heard, [undefined, null])
    assert.equal(client.connection.phase, 'online')
  })

  it('that says what can not be what it is called is given up, without an exception', async () => {
    const nonsense = [{ type: 'message.delivered', data: { conversation: 'c', user: null, seq: 1 } }, { re: 1, type: 'error' }]
    for (const said of nonsense) {
      const client = make()
      const socket = await online(client)
      const asked = assert.rejects(client.request('group.members', { conversation: 'c' }), refusal('disconnected'))
      await settle()
      const { id } = socket.sent.at(-1)!
      socket.onmessage?.({ data: JSON.stringify('re' in said ? { ...said, re: id } : said) })
      assert.equal(client.connection.phase, 'waiting')
      assert.match(client.connection.reason ?? '', /could not be read/)
      await asked
    }
  })
})

describe('the REST helper', () => {
  const answers = (make: () => Response | Promise<Response>) => ({ url: 'https://chat.example.org', fetch: async () => make() })
  const broken = () =>
    new Response(new ReadableStream({
      pull(controller) {
        controller.error(new TypeError('terminated'))
      },
    }))
  const file = new Blob(['x'])

  it('says in one way that an answer was none', async () => {
    for (const answer of [() => new Response('<html>Sign in to the network'), broken]) {
      const rest = createRest(answers(answer))
      await assert.rejects(rest.me(), refusal('network'))
      await assert.rejects(rest.upload(file), refusal('network'))
    }
    await assert.rejects(createRest(answers(broken)).download('m'), refusal('network'))
    const nobody = createRest(answers(() => new Response('null', { status: 502 })))
    await assert.rejects(nobody.me(), (error) => refusal('unavailable')(error) && (error as PalabreError).status === 502)
  })

  it('says so when there is no token, in the words of whoever had none', async () => {
    const rest = (error: unknown) => createRest({ ...answers(() => new Response('{}')), token: () => Promise.reject(error) })
    for (const ask of ['me', 'refresh'] as const) await assert.rejects(rest(new TypeError('no storage'))[ask](), refusal('network'))
    await assert.rejects(rest(new TypeError('no storage')).upload(file), refusal('network'))
    await assert.rejects(rest(new TypeError('no storage')).download('m'), refusal('network'))
    await assert.rejects(rest(new PalabreError('unauthorized', 'signed out', 401)).me(), refusal('unauthorized'))
  })

  it('does not wait for ever, unless it is for a file', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      let given: AbortSignal | null | undefined
      const asked: string[] = []
      const never = new Promise<never>(() => {})
      const silent = (async (url: string, init?: RequestInit) => (asked.push(new URL(url).pathname), (given = init?.signal), never)) as typeof fetch
      const settled: string[] = []
      const outcome = (what: string, promise: Promise<unknown>) => void promise.catch((error: PalabreError) => settled.push(`${what} ${error.code}`))
      const rest = createRest({ url: 'https://chat.example.org', fetch: silent })
      outcome('upload', rest.upload(file))
      outcome('download', rest.download('m'))
      outcome('patient', createRest({ url: 'https://chat.example.org', fetch: silent, timeout: Number.POSITIVE_INFINITY }).me())
      outcome('body', createRest({ ...answers(() => new Response(new ReadableStream({ pull: () => never }))) }).me())
      outcome('token', createRest({ ...answers(() => new Response('{}')), token: () => never }).me())
      outcome('brief', createRest({ url: 'https://chat.example.org', fetch: silent, timeout: 500 }).me())
      const leaving = new AbortController()
      outcome('left', rest.call('GET', '/api/v1/left', undefined, leaving.signal))
      outcome('answer', rest.me())
      await settle()
      assert.equal(asked.length, 6)
      leaving.abort()
      mock.timers.tick(500)
      await settle()
      assert.deepEqual(settled.sort(), ['brief timeout', 'left aborted'])
      mock.timers.tick(19_499)
      await settle()
      assert.equal(settled.length, 2)
      assert.equal(given?.aborted, false)
      mock.timers.tick(1)
      await settle()
      assert.deepEqual(settled.slice(2).sort(), ['answer timeout', 'body timeout', 'token timeout'])
      assert.equal(given?.aborted, true, 'what nobody waits for is not fetched any more')
      mock.timers.tick(3_600_000)
      await settle()
      assert.equal(settled.length, 5)
    } finally {
      mock.timers.reset()
    }
  })

  it('names what is to be done once', async () => {
    const sent: Array<Record<string, string>> = []
    const rest = createRest({ url: 'https://chat.example.org', fetch: (async (_: string, init?: RequestInit) => (sent.push(init?.headers as Record<string, string>), new Response('{}'))) as typeof fetch })
    await rest.call('POST', '/api/v1/x', { a: 1 }, undefined, 'k1')
    await rest.call('POST', '/api/v1/x', undefined, undefined, 'k2')
    await rest.call('POST', '/api/v1/x', { a: 1 })
    await rest.login({ project: 'p', username: 'u', password: 'w' })
    assert.deepEqual(sent.map((headers) => headers['idempotency-key']), ['k1', 'k2', undefined, undefined])
    assert.deepEqual(sent.map((headers) => headers['content-type']), ['application/json', undefined, 'application/json', 'application/json'])
  })

  it('refuses what is no JSON, for good', async () => {
    const asked = createRest(answers(() => new Response('{}'))).call('POST', '/api/v1/x', { count: 1n })
    await assert.rejects(asked, (error) => refusal('invalid')(error) && !(error as PalabreError).isTransient)
  })
})
