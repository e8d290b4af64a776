/** Who is where and how they are seen, and what is known of conversations that nobody looks at, against a server made of nothing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Palabre } from '../src/index.js'
import { anew, BOB, clock, conversation, FakeSocket, make, ME, message, online, settle } from './support/fake.js'

anew()

const EVE = { id: 'e7e00000-0000-4000-8000-000000000005', username: 'eve' }
const member = (user: object, reached = 0) =>
  ({ user, permission: 'w', joined_at: '2026-11-20T18:00:00.000Z', delivered_seq: reached, read_seq: reached })
const crowd = (count: number) => Array.from({ length: count }, (_, at) => member({ id: `u${at}`, username: `user${at}` }))
const seen = (user: { id: string }, status = 'online') => ({ user, status })
const group = (members: object[], more: object = {}) => conversation('g', 0, { member_count: members.length, ...more })

/** Answers all that is asked about presence, of those whom the server would tell about; says who was asked for. */
async function presence(socket: FakeSocket, ...visible: Array<{ user: { id: string } }>): Promise<unknown> {
  await settle()
  const asked = socket.sent.at(-1)
  assert.equal(asked?.type, 'status.fetch')
  const users = asked!.data['users'] as string[]
  await socket.reply('status.fetch', { statuses: visible.filter(({ user }) => users.includes(user.id)) })
  return users
}

/** Opens a group whose members are these. */
async function opened(client: Palabre, socket: FakeSocket, members: object[]): Promise<void> {
  const window = client.open('g')
  await settle()
  await socket.reply('message.fetch', { conversation: 'g', messages: [], more: false })
  if (members.length <= 50) await socket.reply('group.members', { conversation: 'g', members, more: false })
  await settle()
  if (socket.sent.at(-1)?.type === 'status.fetch') await presence(socket)
  await window
}

/** The connection goes and comes back; the opening is over, and what follows is the test's. */
async function back(socket: FakeSocket, conversations: unknown[]): Promise<FakeSocket> {
  await socket.drop(4000)
  while (FakeSocket.last === socket) await clock.pass(500)
  await FakeSocket.last.welcome(conversations)
  return FakeSocket.last
}

describe('presence', () => {
  const status = (client: Palabre, user: { id: string }) => client.status(user.id)?.status

  it('is asked for of who joins what is open, and of who has left', async () => {
    const client = make()
    const two = [member(ME), member(BOB)]
    const socket = await online(client, [group(two)])
    await opened(client, socket, two)
    const three = [...two, member(EVE)]
    socket.push('group.update', { ...group(three), members: three })
    assert.deepEqual(await presence(socket, seen(EVE)), [BOB.id, EVE.id], 'Bob is not seen: perhaps he is by now')
    assert.equal(status(client, EVE), 'online')
    // Nobody tells how those are who are not here any more.
    socket.push('group.update', { ...group(two), members: two })
    assert.deepEqual(await presence(socket), [EVE.id, BOB.id])
    assert.equal(status(client, EVE), undefined)
    // Nor when it is oneself who leaves, unless they are seen elsewhere.
    socket.push('status.update', seen(BOB))
    socket.push('group.delete', { conversation: 'g' })
    assert.deepEqual(await presence(socket, seen(BOB, 'busy')), [BOB.id])
    assert.equal(status(client, BOB), 'busy')
  })

  it('is known of all when a group becomes small enough, and of none when it becomes too large', async () => {
    const client = make()
    const many = crowd(51)
    const socket = await online(client, [group(many)])
    await opened(client, socket, many)
    const few = many.slice(1)
    socket.push('group.update', { ...group(few), members: few })
    const users = few.map(({ user }) => (user as { id: string }).id)
    assert.deepEqual(await presence(socket, seen({ id: 'u7' })), users)
    assert.equal(client.status('u7')?.status, 'online')
    socket.push('group.update', { ...group(many), members: few })
    assert.deepEqual(await presence(socket), ['u7'])
    assert.equal(client.status('u7'), undefined)
  })

  it('is asked for of a contact who has accepted', async () => {
    const client = make()
    const socket = await online(client)
    socket.push('contact.update', { user: BOB, status: 'accepted' })
    assert.deepEqual(await presence(socket, seen(BOB, 'offline')), [BOB.id])
    assert.equal(status(client, BOB), 'offline')
  })

  it('is that of the members after a break, not of those before', async () => {
    const client = make()
    const before = [member(ME), member(BOB)]
    const socket = await online(client, [group(before)])
    await opened(client, socket, before)
    socket.push('status.update', seen(BOB))
    const after = [member(ME), member(EVE)]
    const next = await back(socket, [group(after)])
    await next.reply('message.fetch', { conversation: 'g', messages: [], more: false })
    await next.reply('group.members', { conversation: 'g', members: after, more: false })
    assert.deepEqual(await presence(next, seen(EVE)), [EVE.id])
    assert.equal(client.connection.phase, 'online')
    assert.deepEqual([status(client, BOB), status(client, EVE)], [undefined, 'online'])
  })
})

describe('members', () => {
  it('are read again after a break where somebody looks, and forgotten elsewhere', async () => {
    const client = make()
    const two = [member(ME), member(BOB)]
    const socket = await online(client, [group(two)])
    await opened(client, socket, two)
    client.release('g')
    assert.equal(client.members('g')?.length, 2)
    const next = await back(socket, [group(two)])
    assert.equal(client.connection.phase, 'online')
    assert.deepEqual([next.asked('group.members'), client.members('g')], [0, undefined])

    const all = client.loadMembers('g')
    await settle()
    await next.reply('group.members', { conversation: 'g', members: two, more: false })
    await all
    const third = await back(next, [group(two)])
    await third.reply('group.members', { conversation: 'g', members: [member(ME)], more: false })
    assert.equal(client.members('g')?.length, 1)
    client.release('g')
    assert.equal((await back(third, [group(two)])).asked('group.members'), 0)
  })

  it('are known when an open group has become small during a break', async () => {
    const client = make()
    const many = crowd(51)
    const socket = await online(client, [group(many)])
    await opened(client, socket, many)
    assert.equal(client.members('g'), undefined)
    const few = many.slice(1)
    const next = await back(socket, [group(few)])
    await next.reply('message.fetch', { conversation: 'g', messages: [], more: false })
    await next.reply('group.members', { conversation: 'g', members: few, more: false })
    await presence(next)
    assert.equal(client.connection.phase, 'online')
    assert.equal(client.members('g')?.length, 50)
  })
})

describe('a conversation that is not open', () => {
  const own = message('g', 1, { author: ME })
  const shown = (client: Palabre) => client.conversation('g')?.last_message?.status

  it('shows how far one\'s own last message has come', async () => {
    const client = make()
    const three = [member(ME, 1), member(BOB, 1), member(EVE)]
    const socket = await online(client, [group(three, { last_seq: 1, last_message: own, read_seq: 1, unread: 0 })])
    socket.push('message.delivered', { conversation: 'g', user: BOB, seq: 1 })
    socket.push('message.read', { conversation: 'g', user: BOB, seq: 1 })
    await settle()
    assert.equal(socket.asked('group.members'), 1, 'who is awaited is asked once')
    socket.push('message.delivered', { conversation: 'g', user: EVE, seq: 1 })
    await socket.reply('group.members', { conversation: 'g', members: three, more: false })
    assert.equal(shown(client), 'DELIVERED')
    socket.push('message.read', { conversation: 'g', user: EVE, seq: 1 })
    assert.equal(shown(client), 'READ')
    assert.equal(socket.asked('group.members'), 1)
  })

  it('reads its members when it is opened, not from a change that may be older than a receipt', async () => {
    const client = make()
    const socket = await online(client, [group([member(ME), member(BOB)], { last_seq: 1 })])
    socket.push('message.read', { conversation: 'g', user: BOB, seq: 1 })
    const change = group([member(ME), member(BOB)], { last_seq: 1, title: 'Another' })
    socket.push('group.update', { ...change, members: [member(ME), member(BOB)] })
    await opened(client, socket, [member(ME), member(BOB, 1)])
    assert.deepEqual(client.members('g')?.map(({ read_seq }) => read_seq), [0, 1])
  })

  it('asks for nobody where it makes no difference', async () => {
    const client = make()
    const rooms = [
      group([member(ME), member(BOB)], { last_seq: 1, last_message: message('g', 1) }),
      { ...group(crowd(51), { last_seq: 1, last_message: message('h', 1, { author: ME }) }), id: 'h' },
    ]
    const socket = await online(client, rooms)
    socket.push('message.read', { conversation: 'g', user: BOB, seq: 1 })
    socket.push('message.read', { conversation: 'h', user: BOB, seq: 1 })
    socket.push('message.read', { conversation: 'h', seq: 1, read: 50, delivered: 50, of: 50 })
    await settle()
    assert.equal(socket.asked('group.members'), 0)
    assert.equal(client.conversation('h')?.last_message?.status, 'READ')
  })

  it('counts what came after one was added, also when that is told once more on top of a page', async () => {
    const client = make()
    const socket = await online(client)
    const joined = group([member(ME), member(BOB)], { unread: 0 })
    // Of another one nothing is known: the newest are read.
    socket.push('message.text', message('h', 1))
    await settle()
    socket.push('group.update', joined)
    socket.push('message.text', message('g', 1))
    await socket.reply('group.summary', { conversations: [{ ...group([]), id: 'h', last_seq: 1, unread: 1 }, { ...joined, last_seq: 1, unread: 1 }], more: false })
    assert.equal(client.conversation('g')?.unread, 1)
  })

  it('has its last message when one is added to it', async () => {
    const client = make()
    const socket = await online(client)
    const joined = group([member(ME), member(BOB)], { last_seq: 1, read_seq: 1, unread: 0 })
    socket.push('group.update', joined)
    await clock.pass(300)
    await socket.reply('group.summary', { conversations: [{ ...joined, last_message: message('g', 1) }], more: false })
    assert.equal(client.conversation('g')?.last_message?.body, 'line 1')
  })
})

it('counts no message of somebody who was blocked elsewhere', async () => {
  const client = make()
  const pair = conversation('p', 1, { kind: 'private', members: [member(ME, 0), member(BOB, 1)] })
  const socket = await online(client, [pair], [{ user: BOB, status: 'accepted', conversation: 'p' }])
  await presence(socket)
  const window = client.open('p')
  await settle()
  await socket.reply('message.fetch', { conversation: 'p', messages: [message('p', 1)], more: false })
  await presence(socket)
  await window
  assert.equal(client.unread, 1)

  socket.push('contact.update', { user: BOB, status: 'blocked' })
  await settle()
  const hidden = { ...pair, permission: 'r', unread: 0 }
  // On its way when the page is asked for.
  socket.push('group.update', hidden)
  await socket.reply('group.summary', { conversations: [hidden], more: false })
  await socket.reply('contact.summary', { contacts: [{ user: BOB, status: 'blocked' }], more: false })
  await socket.reply('message.fetch', { conversation: 'p', messages: [], more: false })
  assert.equal(client.messages('p')?.items.length, 0)
  await presence(socket)
  await clock.pass(300)
  await socket.reply('group.summary', { conversations: [hidden], more: false })
  assert.equal(client.unread, 0)
})
