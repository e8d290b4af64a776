/**
 * Two people write while the network between them and the server is bad: slow, in pieces, cut and restored again and again, or letting
 * what the server says overtake itself. In the end everybody's state is that of somebody who comes fresh, and every message is there once.
 */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import WebSocket from 'ws'
import { client, closeAll, until } from './support/clients.js'
import { FakeClock } from './support/fake.js'
import { startProxy } from './support/proxy.js'
import { live } from './support/scenario.js'
import { PROJECT, startServer, type Server } from './support/server.js'

let server: Server
before(async () => void (server = await startServer()))
after(async () => {
  await closeAll()
  await server.stop()
})

/** What is done, and where it breaks; another SEED=… does other things. */
const SEED = Number(process.env['SEED'] ?? 1)
/** For each encoding others. */
const SEEDS = { json: [SEED, SEED + 1], binary: [SEED + 2] }

for (const encoding of ['json', 'binary'] as const) {
  for (const seed of SEEDS[encoding]) {
    it(`equals a fresh load after every kind of break (${encoding}, seed ${seed})`, { timeout: 120_000 }, () => live(server, 'breaks', encoding, seed))
  }
  it(`equals a fresh load when messages overtake each other (${encoding}, SEED=${SEED})`, { timeout: 120_000 }, () => live(server, 'reorders', encoding, SEED))
}

for (const encoding of ['json', 'binary'] as const) {
  it(`notices a network that swallows everything without a word (${encoding})`, { timeout: 60_000 }, async () => {
    const proxy = await startProxy(server.port)
    const [one, two] = await Promise.all(['fay', 'gus'].map((name) => server.user(`${name}-${encoding}`)))
    // Time passes where the test says so: a slow machine is no dead network.
    const clock = new FakeClock()
    let sent = 0
    let answered = Promise.resolve()
    class Watched extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols)
      }
      override send(data: string | Uint8Array): void {
        sent++
        answered = new Promise((resolve) => void this.once('message', () => resolve()))
        super.send(data)
      }
    }
    const heartbeat = { silence: 1_000, answer: 1_000 }
    const a = client({ url: proxy.url, project: PROJECT, token: one!.token, encoding, heartbeat, clock, WebSocket: Watched })
    const b = client({ url: server.url, project: PROJECT, token: two!.token, encoding })
    await Promise.all([a.connect(), b.connect()])
    await a.updateContact(two!.id, 'invite')
    const { conversation } = await b.updateContact(one!.id, 'accept')
    await until(a, 'the conversation', () => a.conversation(conversation!) !== undefined)
    await a.open(conversation!)

    // Silence alone is no harm: the server answers when it is asked.
    for (let times = 0; times < 3; times++) {
      const before = sent
      await clock.pass(1_000)
      assert.ok(sent > before)
      await answered
      assert.equal(a.connection.phase, 'online')
    }

    proxy.freeze()
    for (let seconds = 0; seconds < 10 && a.connection.phase === 'online'; seconds++) await clock.pass(1_000)
    assert.notEqual(a.connection.phase, 'online')
    const mine = a.send(conversation!, 'said into the void')
    await b.sent(b.send(conversation!, 'heard by nobody').id)
    // From here on it does not wait.
    a.on('connection', ({ phase }) => void (phase === 'waiting' && setImmediate(() => a.wake())))
    a.wake()
    proxy.cut()
    proxy.thaw()
    assert.equal((await a.sent(mine.id)).seq, 2)
    await until(a, 'both', () => a.messages(conversation!)?.items.length === 2)
    await closeAll()
    await proxy.stop()
  })
}
