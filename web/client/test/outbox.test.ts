/** Messages on their way, against a server made of nothing. */
import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { indexedDbStore, memoryStore } from '../src/index.js'
import { anew, clock, conversation, FakeSocket, make, ME, message, online, refusal, settle } from './support/fake.js'

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
