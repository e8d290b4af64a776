/** Two people do whatever people do while the network between them and the server is bad; in the end their states are true. */
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Palabre } from '../../src/index.js'
import { client, closeAll, seeded, until } from './clients.js'
import { startProxy } from './proxy.js'
import { PROJECT, type Server } from './server.js'

/** All that a client shows of some conversations, to be compared with what another one shows to the same user. */
function picture(client: Palabre, conversations: string[]) {
  return {
    conversations: Object.fromEntries(client.conversations.map((conversation) => [conversation.id, conversation])),
    contacts: Object.fromEntries(client.contacts.map((contact) => [contact.user.id, contact])),
    statuses: Object.fromEntries(client.contacts.map(({ user }) => [user.id, client.status(user.id)?.status])),
    unread: client.unread,
    messages: conversations.map((id) => client.messages(id)?.items.slice(-50)),
    members: conversations.map((id) => [...(client.members(id) ?? [])].sort((a, b) => (a.user.id < b.user.id ? -1 : 1))),
    pending: client.pending(),
  }
}

/** `breaks` cuts every connection again and again; `reorders` leaves them, and lets what the server says overtake itself. */
export async function live(server: Server, kind: 'breaks' | 'reorders', encoding: 'json' | 'binary', seed: number): Promise<void> {
  const random = seeded(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const proxy = await startProxy(server.port, { random, delay: 8, piece: 700, ...(kind === 'reorders' && { reorder: 12 }) })
  const people = await Promise.all(['ann', 'ben'].map((name) => server.user(`${name}-${encoding}-${kind}-${seed}`)))
  const clients = people.map(({ token }) => client({ url: proxy.url, project: PROJECT, token, encoding, timeout: 60_000 }))
  const [a, b] = clients as [Palabre, Palabre]
  await Promise.all(clients.map((client) => client.connect()))
  await a.updateContact(people[1]!.id, 'invite')
  const { conversation } = await b.updateContact(people[0]!.id, 'accept')
  const group = await a.createGroup({ title: 'Everybody', add: [people[1]!.id] })
  const rooms = [conversation!, group.id]
  for (const client of clients) {
    await until(client, 'both conversations', () => rooms.every((id) => client.conversation(id)))
    for (const id of rooms) await client.open(id)
  }

  // What each did, to be found again.
  const sent: Array<{ room: string; id: string; author: string }> = []
  const settled: Array<Promise<unknown>> = []
  /** Whatever somebody may do; a refusal (a message deleted by then) is an answer too. */
  const act = (client: Palabre, author: string) => {
    const room = pick(rooms)
    const known = client.messages(room)?.items ?? []
    const message = known.length > 0 ? pick(known) : undefined
    const chance = random()
    const own = message?.author.id === author
    if (chance < 0.55 || !message) {
      const { id } = client.send(random() < 0.2 && room === conversation ? { to: people.find(({ id }) => id !== author)!.id } : room, `${author.slice(0, 4)} ${sent.length}`)
      sent.push({ room, id, author })
      settled.push(client.sent(id))
    } else if (chance < 0.7) settled.push(client.react(room, message.id, pick(['👍', '🎉', '🙈']), random() < 0.7).catch(() => {}))
    else if (chance < 0.8 && own) settled.push(client.edit(room, message.id, `${message.body}!`).catch(() => {}))
    else if (chance < 0.85 && own) settled.push(client.delete(room, message.id).catch(() => {}))
    else if (chance < 0.95) client.visible(room, message.seq)
    else if (kind === 'breaks' || chance < 0.96) client.setTyping(room, true)
    else if (chance < 0.98) settled.push(client.updateGroup(group.id, { title: `Everybody ${settled.length}` }).catch(() => {}))
    else {
      // A page is read while things happen.
      client.release(room)
      settled.push(client.open(room))
    }
  }

  const lost = () => Promise.all(clients.map((client) => until(client, 'the break is noticed', () => client.connection.phase !== 'online')))
  const back = () => Promise.all(clients.map((client) => until(client, 'online again', () => client.connection.phase === 'online')))
  for (let round = 0; round < 12; round++) {
    for (let step = 0; step < 12; step++) {
      const who = Math.floor(random() * 2)
      act(clients[who]!, people[who]!.id)
      // Half of it in one breath, half as answers come.
      if (random() < 0.5) await Promise.race([settled.at(-1), new Promise((resolve) => a.on('change', resolve))])
    }
    // In the middle of whatever is under way.
    if (kind === 'breaks' || round === 6) proxy.cut()
    if (kind === 'reorders') continue
    if (round % 3 === 1) {
      proxy.close()
      await lost()
      for (let step = 0; step < 6; step++) act(clients[step % 2]!, people[step % 2]!.id)
      proxy.open()
    }
    // Now and then the next break comes before things are in order again.
    if (round % 4 !== 3) await back()
  }
  await back()
  await Promise.all(settled)
  for (const client of clients) await until(client, 'nothing is pending', () => client.pending().length === 0)

  // Whatever is said last arrives everywhere after everything else.
  for (const room of rooms) {
    const last = await a.sent(a.send(room, 'done').id)
    for (const client of clients) await until(client, 'the last message', () => client.messages(room)?.items.at(-1)?.id === last.id)
  }

  for (const [index, kept] of clients.entries()) {
    const fresh = client({ url: server.url, project: PROJECT, token: people[index]!.token, encoding })
    await fresh.connect()
    for (const room of rooms) await fresh.open(room)
    // Receipts may still be on their way to both.
    const same = () => isDeepStrictEqual(picture(kept, rooms), picture(fresh, rooms))
    await Promise.race([until(kept, 'the same', same), until(fresh, 'the same', same)]).catch(() => {})
    assert.deepEqual(picture(kept, rooms), picture(fresh, rooms))

    // Every message once, and in the order in which its author wrote it.
    for (const room of rooms) {
      while (await kept.loadOlder(room, 200));
      const items = kept.messages(room)!.items
      assert.deepEqual(items.map(({ seq }) => seq), items.map((_, position) => position + 1))
      const ids = new Set(items.map(({ id }) => id))
      assert.equal(ids.size, items.length)
      for (const { id: author } of people) {
        const written = sent.filter((message) => message.room === room && message.author === author).map(({ id }) => id)
        const found = items.filter((message) => message.author.id === author && message.body !== 'done').map(({ id }) => id)
        assert.deepEqual(found, written)
      }
    }
  }
  assert.ok(kind === 'breaks' || proxy.swaps() > 20, `only ${proxy.swaps()} messages overtook others`)
  await closeAll()
  await proxy.stop()
}
