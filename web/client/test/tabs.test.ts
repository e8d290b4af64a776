/** Several clients of one user with one store, against the real server: however many send a message, it is there once. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { memoryStore, type Palabre } from '../src/index.js'
import { client, closeAll, until } from './support/clients.js'
import { startProxy } from './support/proxy.js'
import { PROJECT, startServer, type Server } from './support/server.js'

let server: Server
before(async () => void (server = await startServer()))
after(async () => {
  await closeAll()
  await server.stop()
})

for (const encoding of ['json', 'binary'] as const) {
  it(`stores once what three tabs send together, and what a closed one left (${encoding})`, { timeout: 60_000 }, async () => {
    const proxy = await startProxy(server.port)
    const [me, other] = await Promise.all(['hal', 'ida'].map((name) => server.user(`${name}-${encoding}`)))
    const store = memoryStore()
    const tab = () => client({ url: proxy.url, project: PROJECT, token: me!.token, encoding, store })
    const reader = client({ url: server.url, project: PROJECT, token: other!.token, encoding })
    const tabs = [tab(), tab(), tab(), tab()]
    const [closed, ...open] = tabs as [Palabre, ...Palabre[]]
    await Promise.all([reader, ...tabs].map((each) => each.connect()))
    const group = await reader.createGroup({ title: 'Once', add: [me!.id] })
    await reader.open(group.id)
    for (const each of tabs) {
      await until(each, 'the group', () => each.conversation(group.id) !== undefined)
      await each.open(group.id)
    }

    proxy.close()
    proxy.cut()
    await Promise.all(tabs.map((each) => until(each, 'the break', () => each.connection.phase !== 'online')))
    const written = ['one', 'two', 'three'].map((body) => closed.send(group.id, body).id)
    await closed.close()
    written.push(open[0]!.send(group.id, 'four').id)
    // All come back at once, each with all that is in the store.
    proxy.open()
    await Promise.all(open.map((each) => until(each, 'all of it', () => each.messages(group.id)?.items.length === 4 && each.pending().length === 0)))
    const { id } = await open[1]!.sent(open[1]!.send(group.id, 'done').id)
    for (const each of [reader, ...open]) {
      await until(each, 'the last one', () => each.messages(group.id)?.items.at(-1)?.id === id)
      const found = each.messages(group.id)!.items.map((message) => message.id)
      assert.deepEqual([...found].sort(), [...written, id].sort())
      assert.deepEqual(found.filter((id) => written.indexOf(id) < 3 && written.includes(id)), written.slice(0, 3), 'one tab\'s in its order')
      assert.deepEqual(each.messages(group.id)!.items.map(({ seq }) => seq), [1, 2, 3, 4, 5])
    }
    await closeAll()
    await proxy.stop()
  })
}
