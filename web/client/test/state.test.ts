/** What the client knows, against a server made of nothing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Palabre } from '../src/index.js'
import { anew, BOB, clock, conversation, FakeSocket, make, ME, message, online, settle } from './support/fake.js'

anew()

describe('the state', () => {
  const big = (id: string, last_seq: number, more: object = {}) => conversation(id, last_seq, { member_count: 60, ...more })

  async function opened(messages: unknown[], more = false, last_seq = messages.length, options: Parameters<typeof make>[0] = {}) {
    const client = make(options)
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

  it('lets go of the oldest of what grew by itself, and not of what was just loaded', async () => {
    const page = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => message('c', from + index))
    const { client, socket, seqs } = await opened(page(101, 105), true, 105, { held: 10 })
    const span = () => [seqs()[0], seqs().at(-1)]
    const pushed = (from: number, to: number) => page(from, to).forEach((message) => socket.push('message.text', message))
    pushed(106, 120)
    assert.deepEqual(span(), [101, 120])
    pushed(121, 121)
    assert.deepEqual([...span(), seqs().length, client.messages('c')?.hasOlder], [112, 121, 10, true])
    assert.equal(client.conversation('c')?.unread, 121)
    const older = client.loadOlder('c')
    await settle()
    await socket.reply('message.fetch', { conversation: 'c', messages: page(62, 111), more: true })
    await older
    pushed(122, 131)
    assert.deepEqual(span(), [62, 131])
    pushed(132, 132)
    assert.deepEqual(span(), [123, 132])
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

  it('sends receipts at once when it is closed, and again when it is not known whether they came', async () => {
    const { client, socket } = await opened([1, 2, 3].map((seq) => message('c', seq)))
    client.visible('c', 3)
    void client.close()
    // Before anything else happens: the socket is closed by now.
    assert.equal(socket.asked('message.read'), 1)
    assert.equal(socket.readyState, 3)
    const next = await online(client, [big('c', 3)])
    assert.equal(client.unread, 0)
    assert.equal(next.asked('message.read'), 1)
    await client.close()
  })

  it('is patient with a server that takes no receipts, for all conversations together', async () => {
    const client = make()
    const rooms = Array.from({ length: 12 }, (_, index) => big(`c${index}`, 3))
    const socket = await online(client, rooms)
    for (const { id } of rooms) client.visible(id, 3)
    const reads = () => socket.asked('message.read')
    const refuse = () => socket.refuseAll('message.read', { status: 503, code: 'unavailable' })
    await clock.pass(250)
    assert.equal(reads(), 8)
    await refuse()
    // One of them asks, after pauses that grow up to a bound; half of a pause is chance.
    let asked = 8
    for (const ms of [375, 750, 1_500, 3_000, 6_000]) {
      await clock.pass(ms - 1)
      assert.equal(reads(), asked)
      await clock.pass(1)
      assert.equal(reads(), ++asked)
      await refuse()
    }
    clock.chance = 0
    await clock.pass(12_000)
    await refuse()
    asked = reads()
    await clock.pass(14_999)
    assert.equal(reads(), asked)
    await clock.pass(1)
    assert.equal(reads(), ++asked, 'by chance a client comes earlier than another')
    // It gets through: so may all others, without another pause.
    await socket.reply('message.read', {})
    await clock.pass(250)
    assert.equal(reads(), asked + 8)
  })

  it('asks again for a receipt at which the server failed, and for no other one', async () => {
    const client = make({ heartbeat: { silence: 3_600_000 } })
    const rooms = ['c', 'd', 'e'].map((id) => big(id, 3))
    const socket = await online(client, [...rooms, big('f', 3, { unread: 0 })])
    const reads = (id: string) => socket.sent.filter(({ type, data }) => type === 'message.read' && data['conversation'] === id)
    const answer = async (id: string, data: object) => {
      socket.onmessage?.({ data: JSON.stringify({ re: reads(id).at(-1)!.id, ...data }) })
      await settle()
    }
    const error = (status: number, code: string) => ({ type: 'error', data: { status, code, message: 'no' } })
    for (const { id } of rooms) client.visible(id, 3)
    await clock.pass(250)
    await answer('c', error(500, 'internal'))
    await answer('d', error(403, 'forbidden'))
    await answer('e', { type: 'message.read', data: {} })
    await clock.pass(375)
    await socket.reply('message.delivered', {})
    assert.deepEqual(rooms.map(({ id }) => reads(id).length), [2, 1, 1])
    // What fails does not keep others waiting.
    client.visible('f', 3)
    await answer('c', error(500, 'internal'))
    await clock.pass(500)
    assert.deepEqual([reads('c').length, reads('f').length], [2, 1])
    await answer('f', { type: 'message.read', data: {} })
    await clock.pass(250)
    assert.equal(reads('c').length, 3)
    // Nor what has arrived.
    const arrived = socket.asked('message.delivered')
    socket.push('message.text', message('f', 4))
    await answer('c', error(500, 'internal'))
    await clock.pass(500)
    assert.deepEqual([reads('c').length, socket.asked('message.delivered') - arrived], [3, 1])
    await socket.reply('message.delivered', {})
    await clock.pass(250)
    await answer('c', { type: 'message.read', data: {} })
    await clock.pass(60_000)
    assert.deepEqual(rooms.map(({ id }) => reads(id).length), [4, 1, 1])
    // What was refused is not taken for done: read again in the next session, it is said again.
    await socket.drop(4000)
    await clock.pass(500)
    await FakeSocket.last.welcome(rooms)
    for (const { id } of rooms) client.visible(id, 3)
    await clock.pass(250)
    assert.deepEqual(FakeSocket.last.sent.filter(({ type }) => type === 'message.read').map(({ data }) => data['conversation']), ['d'])
  })

  it('takes the watermarks of members as they are read again after a block, and what overtook them', async () => {
    const member = (user: object, delivered_seq: number, read_seq: number) =>
      ({ user, permission: 'w', joined_at: '2026-11-20T18:00:00.000Z', delivered_seq, read_seq })
    const hidden = (reached: number) => [member(ME, 3, 3), member(BOB, reached, reached)]
    const group = conversation('g', 3)
    const pair = (reached: number) => conversation('p', 3, { kind: 'private', members: hidden(reached) })
    const client = make()
    const socket = await online(client, [group, pair(3)])
    await socket.reply('status.fetch', { statuses: [] })
    const loaded = client.loadMembers('g')
    await settle()
    // The first page was read before Bob read on; the second one says nothing of him.
    socket.push('message.read', { conversation: 'g', user: BOB, seq: 2 })
    await socket.reply('group.members', { conversation: 'g', members: [member(BOB, 1, 1)], more: true })
    await socket.reply('group.members', { conversation: 'g', members: [member(ME, 3, 3)], more: false })
    const reached = (id: string) => client.members(id)?.find(({ user }) => user.id === BOB.id)?.read_seq
    await loaded
    assert.equal(reached('g'), 2)

    socket.push('contact.update', { user: BOB, status: 'blocked', date: '2026-11-20T18:00:00.000Z' })
    await settle()
    await socket.reply('group.summary', { conversations: [group, pair(1)], more: false })
    await socket.reply('contact.summary', { contacts: [], more: false })
    await socket.reply('group.members', { conversation: 'g', members: hidden(1), more: false })
    await socket.reply('status.fetch', { statuses: [] })
    assert.deepEqual([reached('g'), reached('p')], [1, 1])
    // What a change tells may be older than what is known.
    socket.push('message.read', { conversation: 'g', user: BOB, seq: 3 })
    socket.push('group.update', { ...group, members: hidden(2) })
    assert.equal(reached('g'), 3)
  })

  it('knows nothing of how somebody is who is seen no longer', async () => {
    const client = make()
    const pair = conversation('p', 0, { kind: 'private', members: [ME, BOB].map((user) => ({ user, permission: 'w', joined_at: '2026-11-20T18:00:00.000Z', delivered_seq: 0, read_seq: 0 })) })
    const contact = (status: string) => ({ user: BOB, status, date: '2026-11-20T18:00:00.000Z', conversation: 'p' })
    const socket = await online(client, [pair], [contact('accepted')])
    await socket.reply('status.fetch', { statuses: [{ user: BOB, status: 'online' }] })
    const presence = () => client.status(BOB.id)?.status
    assert.equal(presence(), 'online')
    const hide = () => socket.push('status.update', { user: BOB, status: 'offline', last_seen: '2026-11-20T18:00:00.000Z' })
    socket.push('contact.update', contact('removed'))
    await settle()
    // As the server hides one from the other: before it answers, and on another node perhaps after that.
    hide()
    await socket.reply('status.fetch', { statuses: [] })
    assert.equal(presence(), undefined)
    hide()
    assert.equal(presence(), undefined)
    // A contact again, and then away, is known to be so.
    socket.push('contact.update', contact('accepted'))
    hide()
    assert.equal(presence(), 'offline')
    await client.close()
  })

  it('has a warning about each quota, the last of each', async () => {
    const client = make()
    const socket = await online(client)
    const warn = (level: string, used: number, more: object = {}) => socket.push('quota.warning', { level, used, quota: 100, ...more })
    warn('user', 80)
    warn('conversation', 81, { conversation: 'c' })
    warn('conversation', 82, { conversation: 'd' })
    warn('project', 83)
    const before = client.quotas
    warn('user', 84, { currency: 'EUR' })
    warn('conversation', 85, { conversation: 'c' })
    assert.deepEqual(client.quotas.map(({ used }) => used), [80, 82, 83, 84, 85])
    assert.equal(client.quotas[0], before[0])
    await client.close()
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

  it('gives the same thing as long as nothing changes, whatever is asked', async () => {
    const { client, socket } = await opened([message('c', 1)])
    client.send('c', 'on its way')
    await settle()
    socket.push('contact.update', { user: BOB, status: 'accepted' })
    socket.push('status.update', { user: BOB, status: 'online' })
    socket.push('typing.update', { conversation: 'c', user: BOB, typing: true })
    socket.push('llm.chunk', { conversation: 'c', message: 'm2', index: 0, text: 'Well' })
    const getters: Array<keyof Palabre> = ['conversation', 'messages', 'members', 'peer', 'contact', 'status', 'typing', 'stream', 'pending']
    const asked = (['c', BOB.id, 'unknown', undefined] as string[]).flatMap((id) => getters.map((name) => [`${name}(${id})`, () => (client[name] as (id: string) => unknown)(id)] as const))
    const properties: Array<keyof Palabre> = ['connection', 'session', 'user', 'conversations', 'unread', 'contacts', 'quotas']
    const read = properties.map((name) => [name, () => client[name] as unknown] as const)
    for (const [name, get] of [...asked, ...read]) assert.equal(get(), get(), name)
    assert.equal(client.pending('c').length, 1)
    const before = client.pending('c')
    await socket.reply('message.text', message('c', 2, { id: before[0]!.id, author: ME }))
    assert.deepEqual(client.pending('c'), [])
    assert.equal(before.length, 1, 'what was given is left as it was')
    await client.close()
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
