/** Several clients of one user with one store, as the tabs of a browser are. */
import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { indexedDbStore, memoryStore, type OutboxStore, type Palabre } from '../src/index.js'
import { anew, BOB, clock, conversation, FakeSocket, make, ME, message, online, refusal, settle } from './support/fake.js'

anew()
const room = conversation('c', 0, { member_count: 60 })
const confirmed = (id: string, seq: number) => message('c', seq, { id, author: ME })
const ids = (client: Palabre) => client.pending().map(({ id }) => id)
const asked = (socket: FakeSocket) => socket.sent.filter(({ type }) => type === 'message.text').map(({ data }) => data['id'])

/** Lets a database answer, which takes its own time, until something is so. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  for (; !(await what()); await settle()) assert.ok(Date.now() < end, `waited in vain: ${what}`)
}

/** A store that does not tell of changes, and one of which each client has its own end. */
const stores: Record<string, () => () => OutboxStore> = {
  memory: () => {
    const store = memoryStore()
    return () => store
  },
  IndexedDB: () => {
    const name = `sharing-${Math.random()}`
    return () => indexedDbStore(name)
  },
}

for (const [kind, shared] of Object.entries(stores)) {
  const tabs = () => {
    const end = shared()
    const peek = end()
    const tab = () => make({ account: 'p/alice', store: end() })
    const load = () => peek.load('p/alice')
    return {
      tab,
      end,
      kept: (count: number) => until(async () => (await load()).length === count),
      refused: () => until(async () => (await load()).some(({ failed }) => failed)),
    }
  }

  describe(`clients with one store (${kind})`, () => {
    it('send what one that is closed left, once', async () => {
      const { tab } = tabs()
      const [first, second] = [tab(), tab()]
      const socket = await online(second, [room])
      await online(first, [room])
      await FakeSocket.last.drop(1006)
      const { id } = first.send('c', 'left behind')
      await first.close()
      await clock.pass(9_000)
      await socket.drop(4000)
      await clock.pass(500)
      await FakeSocket.last.welcome([room])
      const next = FakeSocket.last
      await until(() => asked(next).length > 0)
      assert.deepEqual(asked(next), [id])
      assert.equal(second.pending('c')[0]?.state, 'sending')
      await next.reply('message.text', confirmed(id, 1))
      assert.deepEqual(ids(second), [])
      await second.close()

      const third = tab()
      await online(third, [room])
      await third.close()
      assert.equal(asked(FakeSocket.last).length, 0)
    })

    it('show once what both have, and forget what the other one sent', async () => {
      const { tab, kept } = tabs()
      const first = tab()
      const { id } = first.send('c', 'one')
      await kept(1)
      const second = tab()
      await until(() => second.pending().length === 1)
      const [a, b] = [await online(first, [room]), await online(second, [room])]
      await until(() => asked(a).length === 1 && asked(b).length === 1)
      assert.deepEqual([asked(a), asked(b)], [[id], [id]], 'under one id, which the server stores once')
      await a.reply('message.text', confirmed(id, 1))
      b.push('message.text', confirmed(id, 1))
      await b.reply('message.text', confirmed(id, 1))
      assert.deepEqual([ids(first), ids(second)], [[], []])
      await first.close()
      await second.close()
      assert.equal(b.asked('message.text'), 1)
    })

    it('do not send, nor show, what another one sent or discarded meanwhile', async () => {
      const { tab, kept } = tabs()
      const first = tab()
      const [sent, discarded] = ['sent', 'discarded'].map((body) => first.send('c', body).id) as [string, string]
      await kept(2)
      const second = tab()
      await until(() => second.pending().length === 2)
      const fates = [sent, discarded].map((id) => assert.rejects(second.sent(id), refusal('aborted')))
      const a = await online(first, [room])
      await until(() => asked(a).length === 1)
      await a.reply('message.text', confirmed(sent, 1))
      await first.discard(discarded)

      const b = await online(second, [room])
      await until(() => second.pending().length === 0)
      const after = second.send('c', 'after').id
      await until(() => asked(b).length > 0)
      assert.deepEqual(asked(b), [after])
      await clock.pass(20_000)
      await Promise.all(fates)
      await first.close()
      await second.close()
    })

    it('look again before they send what has waited', async () => {
      const { tab, kept } = tabs()
      const [first, second] = [tab(), tab()]
      await online(first, [room])
      const b = await online(second, [room])
      const [one, two] = ['one', 'two'].map((body) => second.send('c', body).id) as [string, string]
      await until(() => asked(b).length === 1)
      await kept(2)
      await FakeSocket.all[0]!.drop(4000)
      await clock.pass(1_500)
      await FakeSocket.last.welcome([room])
      await until(() => ids(first).length === 2)
      await first.discard(two)
      await b.reply('message.text', confirmed(one, 1))
      await until(() => second.pending().length === 0)
      assert.deepEqual(asked(b), [one])
      await first.close()
      await second.close()
    })

    it('know of each other what was refused, and what is tried again', async () => {
      const { tab, kept, refused } = tabs()
      const first = tab()
      const { id } = first.send('c', 'one')
      await kept(1)
      const second = tab()
      await until(() => second.pending().length === 1)
      const a = await online(first, [room])
      await until(() => asked(a).length === 1)
      await a.refuse('message.text', { status: 403, code: 'read_only' })
      await refused()
      const b = await online(second, [room])
      await until(() => second.pending()[0]?.state === 'failed')
      assert.equal(second.pending()[0]?.error?.code, 'read_only')
      assert.equal(asked(b).length, 0)
      second.retry(id)
      await until(() => asked(b).length === 1)
      await b.reply('message.text', confirmed(id, 1))
      await second.close()
      await a.drop(4000)
      await clock.pass(500)
      await FakeSocket.last.welcome([room])
      await until(() => first.pending().length === 0)
      await first.close()
    })

    it('do not try again what another one discarded', async () => {
      const { tab, kept, refused } = tabs()
      const first = tab()
      const { id } = first.send('c', 'one')
      await kept(1)
      const a = await online(first, [room])
      await until(() => asked(a).length === 1)
      await a.refuse('message.text', { status: 403, code: 'read_only' })
      await refused()
      const second = tab()
      await until(() => ids(second).length === 1)
      await second.discard(id)
      // Whether or not the store has told: it is pressed now.
      await clock.pass(2_000)
      first.retry(id)
      await until(() => ids(first).length === 0)
      await Promise.all([first.close(), second.close()])
      await kept(0)
      assert.equal(asked(a).length, 1)
    })

    it('do not show what the one that sent it had no time to remove', async () => {
      const { tab, kept, end } = tabs()
      const client = tab()
      const left = (id: string, more: object = {}) =>
        end().put('p/alice', { id, type: 'message.text', target: { conversation: 'c' }, data: { body: id }, created: 1, ...more })
      const socket = await online(client, [{ ...room, last_seq: 1 }])
      const opened = client.open('c')
      await settle()
      await socket.reply('message.fetch', { conversation: 'c', messages: [confirmed('sent', 1), message('c', 2, { id: 'taken' })], more: false })
      await opened
      const [one, two, three] = [left('sent'), left('other'), left('taken', { failed: { code: 'id_taken', message: 'no', status: 409 } })]
      await Promise.all([one, two, three])
      const shown: string[][] = []
      client.watch('outbox', () => shown.push(ids(client)))
      await socket.drop(4000)
      await clock.pass(500)
      await FakeSocket.last.welcome([{ ...room, last_seq: 2 }])
      await until(() => asked(FakeSocket.last).length === 1)
      assert.deepEqual(asked(FakeSocket.last), ['other'])
      assert.deepEqual(shown.flat().filter((id) => id === 'sent'), [])
      assert.deepEqual(ids(client).sort(), ['other', 'taken'])
      await kept(2)
      await client.close()
    })

    it('have a message in the store at any time while it gets another id', async () => {
      const { end } = tabs()
      const inner = end()
      const counts: number[] = []
      const look = async () => void counts.push((await inner.load('p/alice')).length)
      const store: OutboxStore = {
        load: (account) => inner.load(account),
        put: async (account, entry) => (await inner.put(account, entry), look()),
        remove: async (account, id) => (await inner.remove(account, id), look()),
      }
      const client = make({ account: 'p/alice', store })
      const socket = await online(client, [room])
      const { id } = client.send('c', 'one')
      await until(() => asked(socket).length === 1 && counts.length === 1)
      await socket.refuse('message.text', { status: 409, code: 'id_taken' })
      await until(() => counts.length === 2)
      client.retry(id)
      await until(() => counts.length === 4)
      assert.deepEqual(counts, [1, 1, 2, 1])
      assert.deepEqual((await inner.load('p/alice')).map(({ id }) => id), ids(client))
      await client.close()
    })

    it('do not keep as refused what another one discarded', async () => {
      const { tab, kept } = tabs()
      const first = tab()
      const { id } = first.send('c', 'one')
      await kept(1)
      const second = tab()
      await until(() => second.pending().length === 1)
      const a = await online(first, [room])
      await until(() => asked(a).length === 1)
      await second.discard(id)
      await a.refuse('message.text', { status: 403, code: 'read_only' })
      await until(() => ids(first).length === 0)
      await Promise.all([first.close(), second.close()])
      await kept(0)
    })

    it('give up everything at once', async () => {
      const { tab } = tabs()
      const first = tab()
      first.send('c', 'one')
      first.send('d', 'two')
      await first.close()
      const second = tab()
      const third = tab()
      await until(() => third.pending().length === 2)
      const mine = second.send('e', 'three')
      const gone = assert.rejects(second.sent(mine.id), refusal('aborted'))
      // Of this one the second may know nothing.
      const late = tab()
      late.send('d', 'four')
      await late.close()
      assert.equal(await second.countUnsent(), 4)
      await second.discardAll()
      assert.equal(await second.countUnsent(), 0)
      await gone
      assert.deepEqual(ids(second), [])
      await second.close()
      const socket = await online(third, [room])
      await until(() => third.pending().length === 0)
      assert.equal(asked(socket).length, 0)
      await third.close()
      const fourth = tab()
      await fourth.close()
      assert.deepEqual(ids(fourth), [])
    })
  })
}

describe('a store that tells of changes', () => {
  it('has what one tab sent or discarded leave the others, and what a dead one left taken over', async () => {
    const name = `sharing-${Math.random()}`
    const tab = () => make({ account: 'p/alice', store: indexedDbStore(name) })
    const [first, second, dead] = [tab(), tab(), tab()]
    const sockets = [await online(first, [room]), await online(second, [room])]
    const { id } = dead.send('c', 'left behind')
    const written = clock.now()
    await until(async () => {
      await clock.pass(100)
      for (const socket of sockets) socket.push('user.update', BOB)
      return ids(first).length + ids(second).length === 2
    })
    assert.ok(clock.now() - written >= 10_000, 'it is nobody else\'s business for a while')
    await until(() => asked(sockets[1]!).length === 1)
    await first.discard(id)
    await until(() => ids(second).length + ids(dead).length === 0)
    for (const client of [first, second, dead]) await client.close()
  })
})

describe('a store that is closed', () => {
  it('is open again when the client connects before that is done', async () => {
    const name = `sharing-${Math.random()}`
    const first = make({ account: 'p/alice', store: indexedDbStore(name) })
    const { id } = first.send('c', 'left behind')
    await first.close()
    const next = make({ token: async () => `e30.${btoa('{"project":"p","sub":"alice"}')}.x`, store: indexedDbStore(name) })
    next.connect().catch(() => {})
    const closed = next.close()
    void next.connect()
    await closed
    const socket = await online(next, [room])
    await until(() => asked(socket).length === 1)
    assert.deepEqual(asked(socket), [id])
    // It is told of what others do, too.
    const other = make({ account: 'p/alice', store: indexedDbStore(name) })
    await until(() => ids(other).length === 1)
    await other.discard(id)
    await until(() => ids(next).length === 0)
    await Promise.all([next.close(), other.close()])
  })
})

describe('a store that is emptied', () => {
  it('gets again what waits, and nothing that was removed before', async () => {
    const name = `sharing-${Math.random()}`
    const tab = () => make({ account: 'p/alice', store: indexedDbStore(name) })
    const peek = indexedDbStore(name)
    const kept = (...ids: string[]) => until(async () => (await peek.load('p/alice')).map(({ id }) => id).sort().join() === ids.sort().join())
    const client = tab()
    const [one, two, three] = ['one', 'two', 'three'].map((body) => client.send('c', body).id) as [string, string, string]
    await client.discard(two)
    await kept(one, three)
    const empty = () =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.deleteDatabase(name)
        request.onsuccess = () => resolve()
        request.onerror = () => reject(request.error)
      })
    await empty()
    assert.deepEqual(await peek.load('p/alice'), [])
    const socket = await online(client, [room])
    await until(() => asked(socket).length === 1)
    assert.deepEqual(ids(client), [one, three])
    await kept(one, three)
    await empty()
    // This one changes something first.
    await socket.refuse('message.text', { status: 403, code: 'read_only' })
    await until(() => asked(socket).length === 2)
    assert.deepEqual(client.pending().map(({ id, state }) => [id, state]), [[one, 'failed'], [three, 'sending']])
    await kept(one, three)
    assert.deepEqual(ids(client), [one, three])
    const other = tab()
    await until(() => ids(other).length === 2)
    assert.deepEqual(other.pending().map(({ state }) => state), ['failed', 'queued'])
    // Afterwards what is missing was removed, as ever.
    await other.discardAll()
    await until(() => ids(client).length === 0)
    await Promise.all([client.close(), other.close()])
  })
})

describe('a store that is slow', () => {
  it('is taken in when it answers after the patience, and does not keep anything from being sent', async () => {
    let answer!: () => void
    const answered = new Promise<void>((resolve) => (answer = resolve))
    const inner = memoryStore()
    await inner.put('p/alice', { id: 'old', type: 'message.text', target: { conversation: 'c' }, data: { body: 'old' }, created: 1 })
    const client = make({ account: 'p/alice', store: { ...inner, load: (account) => answered.then(() => inner.load(account)) } })
    const socket = await online(client, [room])
    const { id } = client.send('c', 'new')
    await settle()
    assert.equal(socket.asked('message.text'), 0, 'what was written earlier goes first')
    await clock.pass(3_000)
    assert.deepEqual(asked(socket), [id])
    await socket.reply('message.text', confirmed(id, 1))
    answer()
    await until(() => asked(socket).length === 2)
    assert.deepEqual(asked(socket), [id, 'old'])
    await socket.reply('message.text', confirmed('old', 2))
    await client.close()
    assert.deepEqual(await inner.load('p/alice'), [])
  })

  it('that never answers makes neither closing nor discarding wait for ever', async () => {
    const never = new Promise<never>(() => {})
    const client = make({ account: 'p/alice', store: { load: () => never, put: () => never, remove: () => never } })
    const socket = await online(client, [room])
    await clock.pass(3_000)
    const { id } = client.send('c', 'one')
    await settle()
    assert.deepEqual(asked(socket), [id])
    const counted = client.countUnsent()
    const discarded = assert.rejects(client.discardAll(), refusal('timeout'))
    await clock.pass(3_000)
    await discarded
    assert.equal(await counted, 0)
    const closed = client.close()
    await clock.pass(3_000)
    await closed
  })

  it('that can not remove something does not bring it back', async () => {
    const inner = memoryStore()
    const full = async () => {
      throw new Error('the disk is full')
    }
    const client = make({ account: 'p/alice', store: { ...inner, remove: full } })
    const { id } = client.send('c', 'one')
    await assert.rejects(client.discard(id), /full/)
    const socket = await online(client, [room])
    await settle()
    assert.deepEqual(ids(client), [])
    assert.equal(asked(socket).length, 0)
    await client.close()
  })
})

describe('a store that can not tell of changes', () => {
  it('is done without being told', async () => {
    const watch = () => {
      throw new Error('the page may keep nothing')
    }
    for (const token of ['a.b.c', async () => 'a.b.c']) {
      const client = make({ account: 'p/alice', token, store: { ...memoryStore(), watch } })
      const socket = await online(client, [room])
      assert.equal(client.connection.phase, 'online')
      const { id } = client.send('c', 'one')
      await settle()
      assert.deepEqual(asked(socket), [id])
      await client.close()
    }
  })
})

describe('the database', () => {
  it('is opened again when the browser closed it', async () => {
    const opened: IDBDatabase[] = []
    const factory = {
      open(...args: Parameters<IDBFactory['open']>) {
        const request = indexedDB.open(...args)
        request.addEventListener('success', () => opened.push(request.result))
        return request
      },
    } as IDBFactory
    const store = indexedDbStore(`closing-${Math.random()}`, factory)
    const entry = (id: string) => ({ id, type: 'message.text', target: { conversation: 'c' }, data: { body: id }, created: 1 }) as const
    await store.put('p/alice', entry('one'))
    opened[0]!.close()
    opened[0]!.onclose?.(new Event('close'))
    await store.put('p/alice', entry('two'))
    assert.deepEqual((await store.load('p/alice')).map(({ id }) => id), ['one', 'two'])
    assert.equal(opened.length, 2)
    opened[1]!.close()
  })
})
