/** Clients against the real server, in both encodings. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createRest, PalabreError } from '../src/index.js'
import { client, closeAll, until } from './support/clients.js'
import { PROJECT, startServer, type Server } from './support/server.js'

let server: Server
before(async () => void (server = await startServer()))
after(async () => {
  await closeAll()
  await server.stop()
})

for (const encoding of ['json', 'binary'] as const) {
  describe(`over ${encoding}`, () => {
    const name = (who: string) => `${who}-${encoding}`

    /** Two people who are contacts. */
    async function pair(one: string, two: string) {
      const [alice, bob] = await Promise.all([server.user(name(one)), server.user(name(two))])
      const a = client({ url: server.url, project: PROJECT, token: alice.token, encoding })
      const b = client({ url: server.url, project: PROJECT, token: bob.token, encoding })
      await Promise.all([a.connect(), b.connect()])
      await a.updateContact(bob.username, 'invite')
      const contact = await b.updateContact(alice.username, 'accept')
      const conversation = contact.conversation!
      await until(a, 'the conversation', () => a.conversation(conversation) !== undefined)
      await until(b, 'the conversation', () => b.conversation(conversation) !== undefined)
      return { a, b, alice, bob, conversation }
    }

    it('talks, reads, types, reacts, edits and deletes', async () => {
      const { a, b, alice, bob, conversation } = await pair('alice', 'bob')
      await Promise.all([a.open(conversation), b.open(conversation)])
      assert.equal(a.peer(conversation)?.id, bob.id)
      await until(a, 'bob is online', () => a.status(bob.id)?.status === 'online')

      b.setTyping(conversation, true)
      await until(a, 'bob types', () => a.typing(conversation)[0]?.id === bob.id)

      const pending = a.send(conversation, { body: 'Have you seen the new map?', tone: '/srs' })
      assert.equal(a.pending(conversation)[0]?.id, pending.id)
      const message = await a.sent(pending.id)
      assert.equal(a.pending().length, 0)
      assert.equal(message.seq, 1)
      await until(b, 'the message', () => b.messages(conversation)?.items[0]?.body === 'Have you seen the new map?')
      assert.equal(b.conversation(conversation)?.unread, 1)
      assert.equal(b.unread, 1)
      await until(a, 'delivered', () => a.messages(conversation)?.items[0]?.status === 'DELIVERED')
      b.visible(conversation, 1)
      assert.equal(b.unread, 0)
      await until(a, 'read', () => a.messages(conversation)?.items[0]?.status === 'READ')
      assert.equal(a.conversation(conversation)?.last_message?.status, 'READ')

      await b.react(conversation, message.id, '🎉', true)
      await until(a, 'the reaction', () => a.messages(conversation)?.items[0]?.reactions['🎉']?.[0]?.id === bob.id)
      await a.react(conversation, message.id, '🎉', true)
      await until(b, 'two of them', () => b.messages(conversation)?.items[0]?.reaction_counts['🎉'] === 2)
      await b.react(conversation, message.id, '🎉', false)
      await until(a, 'one is left', () => a.messages(conversation)?.items[0]?.reactions['🎉']?.map(({ id }) => id).join() === alice.id)

      await a.edit(conversation, message.id, 'Have you seen the new maps?')
      await until(b, 'the edit', () => b.messages(conversation)?.items[0]?.body === 'Have you seen the new maps?')
      await a.delete(conversation, message.id)
      await until(b, 'the deletion', () => b.messages(conversation)?.items[0]?.deleted_at !== undefined)
      assert.deepEqual(b.messages(conversation)?.items[0]?.reactions, {})
    })

    it('has told the server what was read when it is closed at once', async () => {
      const { a, b, bob, conversation } = await pair('quinn', 'rosa')
      await a.sent(a.send(conversation, 'Read me').id)
      await until(b, 'the message', () => b.unread === 1)
      b.visible(conversation, 1)
      await b.close()
      await until(a, 'read', () => a.conversation(conversation)?.last_message?.status === 'READ')
      const again = client({ url: server.url, project: PROJECT, token: bob.token, encoding })
      await again.connect()
      assert.equal(again.unread, 0)
    })

    it('holds nothing of what is released, also if it is still on its way', async () => {
      const { a, b, conversation } = await pair('mona', 'nick')
      for (const body of ['one', 'two', 'three']) await b.sent(b.send(conversation, body).id)
      const asked = [a.open(conversation), a.openAt(conversation, 2), a.loadOlder(conversation)]
      a.release(conversation)
      await Promise.all(asked)
      assert.equal(a.messages(conversation), undefined)
      // Who comes back meanwhile holds it.
      const first = a.open(conversation)
      a.release(conversation)
      await Promise.all([first, a.open(conversation)])
      assert.equal(a.messages(conversation)?.items.length, 3)
    })

    it('sends what the server can read, and nothing else', async () => {
      const { a, conversation } = await pair('sam', 'tess')
      await a.open(conversation)
      const deep = (levels: number): never => (levels === 0 ? 1 : [deep(levels - 1)]) as never
      const half = a.send(conversation, 'half a smile: \ud83d')
      const deepest = a.sendGame(conversation, { game: 'go', payload: deep(30) })
      const refused = [deep(31), [Number.NaN] as never].map((payload) => a.sendGame(conversation, { game: 'go', payload }))
      const last = a.send(conversation, 'after it')
      for (const { id } of refused) await assert.rejects(a.sent(id), (error) => error instanceof PalabreError && error.code === 'invalid' && error.status === 400)
      assert.equal((await a.sent(half.id)).body, 'half a smile: \ufffd')
      assert.equal((await a.sent(deepest.id)).seq, 2)
      assert.equal((await a.sent(last.id)).seq, 3)
    })

    it('tells refusals with their code, status and field', async () => {
      const { a, conversation } = await pair('heidi', 'ivan')
      const refused = (code: string, status: number, field?: string) => (error: unknown) => {
        assert.ok(error instanceof PalabreError)
        assert.deepEqual([error.code, error.status, error.field], [code, status, field])
        return true
      }
      await assert.rejects(a.updateGroup(conversation, { title: 'Ours' }), refused('forbidden', 403))
      await assert.rejects(a.edit(conversation, crypto.randomUUID(), 'x'), refused('not_found', 404))
      await assert.rejects(a.createGroup({ name: 'no spaces here' }), refused('invalid', 400, 'name'))
      await assert.rejects(a.request('message.fetch', { conversation, limit: 1 }, { signal: AbortSignal.abort() }), refused('aborted', 0))
      const { id } = a.send(conversation, 'x'.repeat(20_000))
      await assert.rejects(a.sent(id), refused('invalid', 400, 'body'))
      assert.equal(a.pending()[0]?.state, 'failed')
      a.discard(id)
      assert.equal(a.pending().length, 0)
      const huge = a.send(conversation, 'x'.repeat(70_000))
      await assert.rejects(a.sent(huge.id), refused('too_large', 413))
      a.retry(huge.id)
      await assert.rejects(a.sent(huge.id), refused('too_large', 413))
      await assert.rejects(createRest({ url: server.url }).login({ project: 'default', username: 'alice', password: 'wrong' }), refused('unauthorized', 401))
    })

    it('goes on with a fresh token, and attaches files', async () => {
      const { a, b, alice, conversation } = await pair('judy', 'karl')
      const rest = createRest({ url: server.url, token: alice.token })
      const { token } = await rest.refresh()
      assert.equal((await a.request('session.auth', { token })).user.id, alice.id)
      assert.equal((await rest.me()).user.username, alice.username)

      await b.open(conversation)
      const shares: number[] = []
      const media = await rest.upload(new Blob(['The map, in words.']), { name: 'map.txt', onProgress: (share) => shares.push(share) })
      assert.deepEqual([media.name, media.size, shares.at(-1)], ['map.txt', 18, 1])
      await a.sent(a.send(conversation, { body: 'The map', attachments: [{ id: media.id }] }).id)
      await until(b, 'the file', () => b.messages(conversation)?.items.at(-1)?.attachments[0]?.id === media.id)
      assert.equal(await (await rest.download(media.id)).text(), 'The map, in words.')
      await assert.rejects(rest.download(crypto.randomUUID()), (error) => error instanceof PalabreError && error.status === 404)
      await assert.rejects(rest.upload(new Blob(['x']), { signal: AbortSignal.abort() }), (error) => error instanceof PalabreError && error.code === 'aborted')
      await assert.rejects(createRest({ url: 'http://127.0.0.1:9' }).me(), (error) => error instanceof PalabreError && error.code === 'network')
    })

    it('groups, games, blocks and presence', async () => {
      const { a, b, bob, alice, conversation } = await pair('dave', 'erin')
      const group = await a.createGroup({ title: 'Friday: new maps', add: [bob.username] })
      await until(b, 'the group', () => b.conversation(group.id)?.permission === 'w')
      await Promise.all([a.open(group.id), b.open(group.id)])
      assert.deepEqual(a.members(group.id)?.map(({ user }) => user.id).sort(), [alice.id, bob.id].sort())

      const game = await a.sent(a.sendGame(group.id, { game: 'chess', payload: { clock: '5+3' } }).id)
      await until(b, 'the game', () => b.messages(group.id)?.items[0]?.game?.state === 'offered')
      await b.answerGame(game.id, 'accept')
      await until(a, 'the seat', () => a.messages(group.id)?.items[0]?.game?.seats[0]?.id === bob.id)

      await b.sent(b.send(group.id, 'I bring the crisps').id)
      await until(a, 'the message', () => a.messages(group.id)?.items.length === 2)
      assert.equal(a.conversation(group.id)?.unread, 1)
      await a.updateContact(bob.username, 'block')
      await until(a, 'nothing of whom one blocks', () => a.messages(group.id)?.items.length === 1 && a.conversation(group.id)?.unread === 0)
      await until(a, 'read-only', () => a.conversation(conversation)?.permission === 'r')
      await a.updateContact(bob.username, 'unblock')
      await until(a, 'all of it again', () => a.messages(group.id)?.items.length === 2 && a.conversation(group.id)?.unread === 1)

      await b.setStatus('busy', 'in a match until 8')
      await until(a, 'busy', () => a.status(bob.id)?.text === 'in a match until 8')
      await a.updateGroup(group.id, { remove: [bob.id] })
      await until(b, 'the group is gone', () => b.conversation(group.id) === undefined && b.messages(group.id) === undefined)

      // Who leaves is answered only; those who stay are told.
      const other = await a.createGroup({ title: 'Saturday', add: [bob.username] })
      await until(b, 'the other group', () => b.conversation(other.id) !== undefined)
      await b.open(other.id)
      await b.leave(other.id)
      assert.deepEqual([b.conversation(other.id), b.messages(other.id), b.members(other.id)], [undefined, undefined, undefined])
      await until(a, 'one is left', () => a.members(other.id)?.length === 1)
      await assert.rejects(a.leave(other.id), (error) => error instanceof PalabreError && error.code === 'conflict')
      assert.equal(a.conversation(other.id)?.permission, 'o')
    })

    it('walks through a long history in both directions', async () => {
      const { a, b, conversation } = await pair('frank', 'grace')
      const sent = Array.from({ length: 120 }, (_, index) => a.sent(a.send(conversation, `line ${index + 1}`).id))
      await Promise.all(sent)
      await until(b, 'all', () => b.conversation(conversation)?.last_seq === 120)
      const seqs = () => b.messages(conversation)!.items.map(({ seq }) => seq)
      const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
      await b.open(conversation)
      assert.deepEqual(seqs(), run(71, 120))
      assert.equal(await b.loadOlder(conversation, 60), true)
      assert.deepEqual(seqs(), run(11, 120))
      assert.equal(await b.loadOlder(conversation), false)
      assert.deepEqual(seqs(), run(1, 120))
      b.release(conversation)
      assert.equal(b.messages(conversation), undefined)
      await b.openAt(conversation, 40)
      assert.deepEqual(seqs(), run(15, 64))
      await a.sent(a.send(conversation, 'line 121').id)
      await until(b, 'the newest', () => b.conversation(conversation)?.last_seq === 121)
      assert.deepEqual(seqs(), run(15, 64), 'a new message is not put where it does not belong')
      assert.equal(await b.loadNewer(conversation, 200), false)
      assert.deepEqual(seqs(), run(15, 121))
      assert.equal(b.conversation(conversation)?.unread, 121)
      b.visible(conversation, 100)
      assert.equal(b.conversation(conversation)?.unread, 21)
    })
  })
}
