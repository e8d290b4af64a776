/** Answers that come later than what is newer, against a server made of nothing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anew, conversation, make, ME, message, online, settle } from './support/fake.js'

anew()

describe('what comes late', () => {
  const big = (id: string, last_seq: number) => conversation(id, last_seq, { member_count: 60 })
  const page = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => message('c', from + index))

  it('does not show again where somebody was about to go who has gone elsewhere meanwhile', async () => {
    const client = make()
    const socket = await online(client, [big('c', 100)])
    const answer = (messages: unknown[]) => socket.reply('message.fetch', { conversation: 'c', messages, more: true })
    const span = () => client.messages('c')?.items.map(({ seq }) => seq).filter((_, at, all) => at === 0 || at === all.length - 1)
    const newest = client.open('c')
    await settle()
    await answer(page(91, 100))
    await newest

    // To older ones, and back to the newest, which are there, before those came.
    const older = client.openAt('c', 20)
    await settle()
    await client.open('c')
    await answer(page(11, 19))
    await answer(page(20, 30))
    assert.deepEqual(span(), [91, 100])
    assert.equal((await older).items[0]?.seq, 91)

    // From older ones to the newest, which come before others that were asked for earlier: those take two pages.
    const there = client.openAt('c', 20)
    await settle()
    await answer(page(11, 19))
    await answer(page(20, 30))
    await answer(page(11, 30))
    await there
    const other = client.openAt('c', 50)
    await settle()
    const { id } = socket.sent.findLast(({ type }) => type === 'message.fetch')!
    const back = client.open('c')
    await settle()
    await answer(page(91, 100))
    await back
    socket.onmessage?.({ data: JSON.stringify({ re: id, type: 'message.fetch', data: { conversation: 'c', messages: page(41, 49), more: true } }) })
    await settle()
    await answer(page(50, 60))
    assert.deepEqual(span(), [91, 100])
    await other
    assert.equal(client.messages('c')?.hasNewer, false)
  })

  it('does not bring back what an edit or a deletion has taken away', async () => {
    const client = make()
    const own = (seq: number, more: object = {}) => message('c', seq, { author: ME, ...more })
    const socket = await online(client, [{ ...big('c', 2), last_message: own(2) }])
    const window = client.open('c')
    await settle()
    await socket.reply('message.fetch', { conversation: 'c', messages: [own(1), own(2)], more: false })
    await window
    socket.push('message.edit', own(1, { body: 'better', edited_at: '2026-11-20T18:00:01.000Z' }))
    socket.push('message.delete', own(2, { body: '', deleted_at: '2026-11-20T18:00:01.000Z' }))
    // Both were sent once more, and confirmed as they were a moment ago.
    for (const seq of [1, 2]) socket.push('message.text', own(seq))
    const shown = () => client.messages('c')?.items.map(({ body, deleted_at }) => [body, deleted_at !== undefined])
    assert.deepEqual(shown(), [['better', false], ['', true]])
    assert.equal(client.conversation('c')?.last_message?.deleted_at, '2026-11-20T18:00:01.000Z')
    socket.push('message.edit', own(1, { body: 'best', edited_at: '2026-11-20T18:00:02.000Z' }))
    assert.equal(client.messages('c')?.items[0]?.body, 'best')
  })

  it('gives the members that were read, also when the group has changed meanwhile', async () => {
    const client = make()
    const group = conversation('g', 1, { member_count: 60 })
    const socket = await online(client, [group])
    const members = Array.from({ length: 60 }, (_, at) => ({ user: { id: `u${at}`, username: `user${at}` }, permission: 'w', joined_at: '2026-11-20T18:00:00.000Z', delivered_seq: 1, read_seq: 1 }))
    const all = client.loadMembers('g')
    await settle()
    socket.push('group.update', { ...group, title: 'Another', members: members.slice(0, 50) })
    await socket.reply('group.members', { conversation: 'g', members, more: false })
    assert.equal((await all).length, 60)
    assert.equal(client.members('g'), undefined, 'they may be others by now')
  })
})
