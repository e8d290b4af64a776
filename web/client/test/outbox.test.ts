/** Messages on their way, against a server made of nothing. */
import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { indexedDbStore, memoryStore } from '../src/index.js'
import { anew, BOB, clock, conversation, FakeSocket, make, ME, message, online, refusal, settle } from './support/fake.js'

anew()

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

  it('keeps the order of a conversation that is named in several ways, before contacts are known', async () => {
    const store = memoryStore()
    const first = make({ store, account: 'p/alice' })
    const targets = ['c', 'd', { to: 'bob' }, 'c', { to: BOB.id }, 'd'].entries()
    const ids = [...targets].map(([index, to]) => first.send(to, String(index)).id)
    await first.close()

    const client = make({ store, account: 'p/alice' })
    void client.connect()
    await settle()
    const socket = FakeSocket.last
    const asked = () => socket.sent.filter(({ type }) => type === 'message.text').map(({ data }) => ids.indexOf(data['id'] as string))
    const confirm = (index: number, conversation = 'c') => socket.confirm(message(conversation, index + 1, { id: ids[index], author: ME }))
    socket.hello()
    socket.push('group.summary', { conversations: [{ ...room, kind: 'private' }, conversation('d', 0)], more: false })
    await settle()
    assert.deepEqual(asked(), [0, 1], 'what was written before goes at once')
    await confirm(0)
    await confirm(1, 'd')
    assert.deepEqual(asked(), [0, 1])
    socket.push('contact.summary', { contacts: [{ user: BOB, status: 'accepted', conversation: 'c' }], more: false })
    await settle()
    await socket.reply('status.fetch', { statuses: [] })
    assert.deepEqual(asked(), [0, 1, 2, 5])
    await confirm(2)
    await confirm(3)
    assert.deepEqual(asked(), [0, 1, 2, 5, 3, 4])
    await client.close()
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

  it('says afterwards, too, what became of what was sent, of the last ones', async () => {
    const client = make()
    const socket = await online(client, [room])
    const sent: string[] = []
    for (let seq = 1; seq <= 501; seq++) {
      const { id } = client.send('c', `line ${seq}`)
      sent.push(id)
      await settle()
      await socket.reply('message.text', confirmed(id, seq))
    }
    assert.equal(client.messages('c'), undefined, 'the conversation is not open')
    assert.equal((await client.sent(sent[500]!)).seq, 501)
    assert.equal((await client.sent(sent[1]!)).seq, 2)
    await assert.rejects(client.sent(sent[0]!), refusal('not_found'))
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

  it('gives up what a living server never answers, so that the rest can go', async () => {
    const client = make()
    const socket = await online(client, [room])
    const [one, two] = [client.send('c', 'one'), client.send('c', 'two')]
    await settle()
    /** So much time, with a server that has other things to say. */
    const pass = async (on: FakeSocket, seconds: number) => {
      for (let passed = 0; passed < seconds; passed++) {
        await clock.pass(1_000)
        on.push('user.update', BOB)
      }
    }
    await pass(socket, 40)
    assert.equal(socket.asked('message.text'), 3)
    // A connection that is gone is no answer, either, but says nothing of the message.
    await socket.drop(4000)
    await clock.pass(500)
    await FakeSocket.last.welcome([room])
    await pass(FakeSocket.last, 59)
    assert.equal(client.pending()[0]?.state, 'sending')
    assert.equal(FakeSocket.last.sent.at(-1)?.data['id'], one.id)
    await pass(FakeSocket.last, 1)
    assert.equal(client.pending()[0]?.error?.code, 'timeout')
    await assert.rejects(client.sent(one.id), refusal('timeout'))
    assert.equal(FakeSocket.last.sent.at(-1)?.data['id'], two.id)
    await FakeSocket.last.reply('message.text', confirmed(two.id, 1))
    assert.deepEqual(client.pending().map(({ id }) => id), [one.id])
    client.retry(one.id)
    await pass(FakeSocket.last, 20)
    assert.equal(client.pending()[0]?.state, 'sending', 'it has as many tries again')
    await client.close()
  })

  it('does not send again what was under way when the server could read no more', async () => {
    const store = memoryStore()
    const client = make({ store, account: 'p/alice' })
    const socket = await online(client, [room])
    const [one, two] = [client.send('c', 'one'), client.send('c', 'two')]
    await settle()
    await socket.drop(4202)
    assert.equal(client.connection.phase, 'closed')
    assert.deepEqual(client.pending().map(({ state }) => state), ['failed', 'queued'])
    assert.equal(client.pending()[0]?.error?.code, 'invalid')
    await client.close()
    const next = make({ store, account: 'p/alice' })
    const again = await online(next, [room])
    assert.deepEqual(again.sent.filter(({ type }) => type === 'message.text').map(({ data }) => data['id']), [two.id])
    assert.equal(next.pending()[0]?.id, one.id)
    await next.close()
  })

  it('fails what can not be written, and goes on', async () => {
    const client = make()
    const socket = await online(client, [room])
    let deep: unknown = 1
    for (let level = 0; level < 31; level++) deep = [deep]
    const payloads = [deep, { half: Number.NaN }, [Number.POSITIVE_INFINITY], { big: 1n }] as never[]
    const refused = payloads.map((payload) => client.sendGame('c', { game: 'go', payload }))
    const { id } = client.send('c', 'after them')
    await settle()
    assert.deepEqual(client.pending().map(({ error }) => [error?.code, error?.status, error?.isTransient]), [
      ...refused.map(() => ['invalid', 400, false]),
      [undefined, undefined, undefined],
    ])
    assert.equal(socket.sent.at(-1)?.data['id'], id)
    await assert.rejects(client.request('group.members', { conversation: 1n as never }), refusal('invalid'))
    await client.close()
  })

  it('leaves no timer behind when it is closed', async () => {
    const store = memoryStore()
    await store.put('p/alice', { id: 'another', type: 'message.text', target: { conversation: 'c' }, data: { body: 'x' }, created: clock.now() })
    let told = () => {}
    const client = make({ account: 'p/alice', store: { ...store, watch: (_, changed) => ((told = changed), () => {}) } })
    const socket = await online(client, [{ ...room, last_seq: 4 }])
    await socket.reply('message.text', confirmed('another', 5))
    assert.equal(client.pending().length, 0)
    const idle = clock.waiting
    // A receipt that is gathered, a pause before another try, and what another client wrote just now.
    socket.push('message.text', message('c', 6))
    client.send('c', 'one')
    await settle()
    await socket.refuse('message.text', { status: 503, code: 'unavailable' })
    await store.put('p/alice', { id: 'fresh', type: 'message.text', target: { conversation: 'd' }, data: { body: 'x' }, created: clock.now() })
    told()
    await settle()
    assert.equal(clock.waiting, idle + 3)
    await client.close()
    assert.equal(clock.waiting, 0)
    // Nothing waits for them, either.
    const again = await online(client, [room])
    await settle()
    assert.equal(again.asked('message.text'), 2)
    await client.close()
  })

  for (const [kind, store] of [['memory', memoryStore()], ['IndexedDB', indexedDbStore('outbox-test')]] as const) {
    it(`takes up what an earlier run left (${kind})`, async () => {
      const account = { store, account: 'p/alice' }
      const first = make(account)
      // In one breath.
      const ids = ['one', 'two', 'three', 'four', 'five'].map((body) => first.send('c', body).id)
      await first.close()
      await make({ store, account: 'p/bob' }).close()

      const second = make(account)
      // The database answers in its own time.
      while (second.pending().length === 0) await settle()
      assert.deepEqual(second.pending().map(({ id }) => id), ids)
      const socket = await online(second, [room])
      for (const [seq] of ids.entries()) {
        while (socket.asked('message.text') <= seq) await settle()
        await socket.reply('message.text', confirmed(socket.sent.at(-1)!.data['id'] as string, seq + 1))
      }
      assert.equal(second.pending().length, 0)
      await second.close()
      assert.deepEqual(await store.load('p/alice'), [])
    })
  }
})
