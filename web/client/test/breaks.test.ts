/**
 * Two people write while the network between them and the server is bad: slow, in pieces, cut and restored again and again, or letting
 * what the server says overtake itself. In the end everybody's state is that of somebody who comes fresh, and every message is there once.
 */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { client, closeAll, until } from './support/clients.js'
import { startProxy } from './support/proxy.js'
import { live } from './support/scenario.js'
import { PROJECT, startServer, type Server } from './support/server.js'

let server: Server
before(async () => void (server = await startServer()))
after(async () => {
  await closeAll()
  await server.stop()
})

/** Other numbers than last time; with SEED=… a run is repeated. */
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

for (const encoding of ['json', 'binary'] as const) {
  for (const seed of [1, 2, 3]) {
    it(`equals a fresh load after every kind of break (${encoding}, seed ${seed})`, { timeout: 120_000 }, () => live(server, 'breaks', encoding, seed))
  }
  it(`equals a fresh load when messages overtake each other (${encoding}, SEED=${SEED})`, { timeout: 120_000 }, () => live(server, 'reorders', encoding, SEED))
}

for (const encoding of ['json', 'binary'] as const) {
  it(`notices a network that swallows everything without a word (${encoding})`, { timeout: 60_000 }, async () => {
    const proxy = await startProxy(server.port)
    const [one, two] = await Promise.all(['fay', 'gus'].map((name) => server.user(`${name}-${encoding}`)))
    const heartbeat = { silence: 300, answer: 300 }
    const a = client({ url: proxy.url, project: PROJECT, token: one!.token, encoding, heartbeat })
    const b = client({ url: server.url, project: PROJECT, token: two!.token, encoding })
    await Promise.all([a.connect(), b.connect()])
    await a.updateContact(two!.id, 'invite')
    const { conversation } = await b.updateContact(one!.id, 'accept')
    await until(a, 'the conversation', () => a.conversation(conversation!) !== undefined)
    await a.open(conversation!)

    // Silence alone is no harm: the server answers when it is asked.
    await proxy.passed()
    assert.equal(a.connection.phase, 'online')

    proxy.freeze()
    await until(a, 'it is noticed', () => a.connection.phase !== 'online')
    const mine = a.send(conversation!, 'said into the void')
    await b.sent(b.send(conversation!, 'heard by nobody').id)
    proxy.cut()
    proxy.thaw()
    assert.equal((await a.sent(mine.id)).seq, 2)
    await until(a, 'both', () => a.messages(conversation!)?.items.length === 2)
    await closeAll()
    await proxy.stop()
  })
}
