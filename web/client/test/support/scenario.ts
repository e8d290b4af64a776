/** People do whatever people do while the network between two of them and the server is bad; in the end their states are true. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Palabre } from '../../src/index.js'
import { client, closeAll, seeded, until } from './clients.js'
import { differences, picture, seenBy } from './picture.js'
import { startProxy } from './proxy.js'
import { PROJECT, type Server } from './server.js'

/** A fresh client may be the one that is behind: as many are asked before a difference counts. */
const FRESH = 8

/** `breaks` cuts every connection again and again; `reorders` leaves them, and lets what the server says overtake itself. */
export async function live(server: Server, kind: 'breaks' | 'reorders', encoding: 'json' | 'binary', seed: number): Promise<void> {
  const random = seeded(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const proxy = await startProxy(server.port, { random, delay: 8, piece: 700, ...(kind === 'reorders' && { reorder: 12 }) })
  const people = await Promise.all(['ann', 'ben', 'cat', 'dan'].map((name) => server.user(`${name}-${encoding}-${kind}-${seed}`)))
  const [ann, ben, cat, dan] = people.map(({ id }) => id) as [string, string, string, string]
  const clients = people.slice(0, 2).map(({ token }) => client({ url: proxy.url, project: PROJECT, token, encoding, timeout: 60_000 }))
  const [a, b] = clients as [Palabre, Palabre]
  // Others have a good network: Cat, Dan, and Ann on another device.
  const [c, d, elsewhere] = [people[2]!, people[3]!, people[0]!].map(({ token }) => client({ url: server.url, project: PROJECT, token })) as [Palabre, Palabre, Palabre]
  await Promise.all([...clients, c, d, elsewhere].map((client) => client.connect()))
  const befriend = async (one: Palabre, other: Palabre): Promise<string> => {
    await one.updateContact(other.user!.id, 'invite')
    return (await other.updateContact(one.user!.id, 'accept')).conversation!
  }
  const pair = await befriend(a, b)
  const withCat = await befriend(c, a)
  const group = (await a.createGroup({ title: 'Everybody', add: [ben, cat] })).id
  // Who changes a group tells all how far its members have come as they see it themselves: whom Ann may block, Ben adds.
  await a.updateGroup(group, { permissions: { [ben]: 'a' } })
  // Nobody looks at this one.
  const aside = (await a.createGroup({ title: 'Aside', add: [ben, cat] })).id
  // Ben is in it, or is not.
  const club = (await c.createGroup({ title: 'Club', add: [ann] })).id
  const rooms = [pair, group]
  const everywhere = [pair, group, aside]
  for (const client of clients) {
    await until(client, 'the conversations', () => everywhere.every((id) => client.conversation(id)))
    for (const id of rooms) await client.open(id)
  }
  await until(a, 'the conversation with Cat', () => a.conversation(withCat) !== undefined && a.conversation(club) !== undefined)
  await a.open(withCat)
  for (const id of [group, aside, club]) await c.open(id)

  // What each did, to be found again.
  const sent: Array<{ room: string; id: string; author: string }> = []
  const settled: Array<Promise<unknown>> = []
  /** A refusal (a message deleted by then, a member who is one already) is an answer too. */
  const may = (what: Promise<unknown>) => void settled.push(what.catch(() => {}))
  const act = (client: Palabre, author: string) => {
    const room = pick(everywhere)
    const known = client.messages(room)?.items ?? []
    const message = known.length > 0 ? pick(known) : undefined
    const chance = random()
    const own = message?.author.id === author
    if (chance < 0.5 || !message) {
      const { id } = client.send(random() < 0.2 && room === pair ? { to: author === ann ? ben : ann } : room, `${author.slice(0, 4)} ${sent.length}`)
      sent.push({ room, id, author })
      settled.push(client.sent(id))
    } else if (chance < 0.65) may(client.react(room, message.id, pick(['👍', '🎉', '🙈']), random() < 0.7))
    else if (chance < 0.75 && own) may(client.edit(room, message.id, `${message.body}!`))
    else if (chance < 0.8 && own) may(client.delete(room, message.id))
    else if (chance < 0.9) client.visible(room, message.seq)
    else if (chance < 0.92) client.setTyping(room, true)
    else if (chance < 0.96) may(client.updateGroup(group, { title: `Everybody ${settled.length}` }))
    else {
      // A page is read while things happen, or is not any more.
      client.release(room)
      if (random() < 0.6) may(client.open(room))
    }
  }
  /** Who comes and goes, and who does not want to hear of whom. */
  const happen = () => {
    const chance = random()
    const write = (client: Palabre, conversation: string) => may(client.request('message.text', { conversation, id: randomUUID(), body: `said ${settled.length}` }))
    if (chance < 0.3) write(c, pick([group, aside, club, withCat]))
    else if (chance < 0.4) write(d, group)
    else if (chance < 0.5) may(a.updateGroup(group, random() < 0.6 ? { add: [dan] } : { remove: [dan] }))
    else if (chance < 0.55) may(d.leave(group))
    else if (chance < 0.65) may(c.updateGroup(club, random() < 0.6 ? { add: [ben] } : { remove: [ben] }))
    else if (chance < 0.7) may(random() < 0.5 ? c.leave(group) : b.updateGroup(group, { add: [cat] }))
    else if (chance < 0.8) may(pick([a, elsewhere]).updateContact(cat, random() < 0.5 ? 'block' : 'unblock'))
    else if (chance < 0.9) may(pick([c, d]).setStatus(pick(['online', 'busy', 'invisible']), pick(['', 'here', 'there'])))
    else may(random() < 0.5 ? c.updateContact(ben, 'remove') : b.updateContact(cat, pick(['invite', 'accept'])).then(() => c.updateContact(ben, 'accept')))
    // They read now and then.
    if (random() < 0.3) for (const { id, last_seq } of c.conversations) c.visible(id, last_seq)
  }

  const lost = () => Promise.all(clients.map((client) => until(client, 'the break is noticed', () => client.connection.phase !== 'online')))
  const back = () => Promise.all(clients.map((client) => until(client, 'online again', () => client.connection.phase === 'online')))
  /** All that was begun is done, and the two see what somebody sees who comes fresh. */
  const compare = async () => {
    await back()
    await Promise.all(settled)
    // Of what somebody does whom one blocks nothing is heard, not even that there was something: that is known after a load only.
    if (elsewhere.contact(cat)?.status === 'blocked') {
      await elsewhere.updateContact(cat, 'unblock')
      await until(a, 'Cat is a contact again', () => a.contact(cat)?.status === 'accepted')
    }
    for (const client of clients) await until(client, 'nothing is pending', () => client.pending().length === 0)
    for (const [index, kept] of clients.entries()) {
      const open = kept.conversations.filter(({ id }) => kept.messages(id)).map(({ id }) => id)
      const look = async () => {
        const fresh = client({ url: server.url, project: PROJECT, token: people[index]!.token, encoding })
        await fresh.connect()
        for (const id of open) await fresh.open(id)
        const seen = seenBy(fresh, open)
        const wrong = () => differences(picture(kept, seen), picture(fresh, seen))
        // Receipts may still be on their way to both.
        await Promise.race([kept, fresh].map((client) => until(client, 'the same', () => wrong().length === 0, 1_500))).catch(() => {})
        const found = wrong()
        await fresh.close()
        return found
      }
      let wrong = await look()
      for (let times = 1; times < FRESH && wrong.length > 0; times++) wrong = await look()
      assert.deepEqual(wrong, [])
    }
  }

  for (let round = 0; round < 12; round++) {
    for (let step = 0; step < 12; step++) {
      const who = Math.floor(random() * 2)
      act(clients[who]!, people[who]!.id)
      if (random() < 0.4) happen()
      // Half of it in one breath, half as answers come.
      if (random() < 0.5) await Promise.race([settled.at(-1), new Promise((resolve) => a.on('change', resolve))])
    }
    // What no break has put right, and what one has.
    if (round === 10) await compare()
    // In the middle of whatever is under way.
    if (kind === 'breaks' || round === 6) proxy.cut()
    if (kind === 'reorders') continue
    if (round % 3 === 1) {
      proxy.close()
      await lost()
      for (let step = 0; step < 6; step++) {
        act(clients[step % 2]!, people[step % 2]!.id)
        happen()
      }
      proxy.open()
    }
    // Now and then the next break comes before things are in order again.
    if (round % 4 !== 3) await back()
  }
  await compare()

  // Every message once, and in the order in which its author wrote it; all of them, when nobody is blocked any more.
  await elsewhere.updateContact(cat, 'block')
  await elsewhere.updateContact(cat, 'unblock')
  for (const kept of clients) {
    for (const room of everywhere) {
      await kept.open(room)
      const all = () => {
        const items = kept.messages(room)!.items
        return items.length === kept.conversation(room)!.last_seq ? items : undefined
      }
      while (await kept.loadOlder(room, 200));
      await until(kept, 'all messages', () => all() !== undefined)
      const items = all()!
      assert.deepEqual(items.map(({ seq }) => seq), items.map((_, position) => position + 1))
      const ids = new Set(items.map(({ id }) => id))
      assert.equal(ids.size, items.length)
      for (const author of [ann, ben]) {
        const written = sent.filter((message) => message.room === room && message.author === author).map(({ id }) => id)
        const found = items.filter((message) => message.author.id === author).map(({ id }) => id)
        assert.deepEqual(found, written)
      }
    }
  }
  assert.ok(kind === 'breaks' || proxy.swaps() > 20, `only ${proxy.swaps()} messages overtook others`)
  await closeAll()
  await proxy.stop()
}
