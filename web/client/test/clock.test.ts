/** The device's clock is set while the client runs. */
import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { memoryStore, type Clock } from '../src/index.js'
import { steady, systemClock } from '../src/clock.js'
import { anew, clock, conversation, make, online, settle } from './support/fake.js'

anew()
const HOUR = 3_600_000
const room = conversation('c', 0, { member_count: 60 })

/** The clock of the test, as a device has it whose own clock may be set. */
class Device implements Clock {
  /** By how much it was set forward. */
  set = 0
  readonly date = () => clock.now() + this.set
  readonly now = steady(this.date, () => clock.now())
  readonly random = () => clock.random()
  readonly setTimeout = (run: () => void, ms: number) => clock.setTimeout(run, ms)
  readonly clearTimeout = (timer: unknown) => clock.clearTimeout(timer)
}

describe('a clock that is set back', () => {
  it('hides neither a dead connection nor what time it is for the server', async () => {
    const device = new Device()
    const client = make({ clock: device })
    const socket = await online(client, [room])
    client.setTyping('c', true)
    await clock.pass(20_000)
    device.set = -HOUR
    client.setTyping('c', true)
    assert.equal(socket.asked('typing.update'), 2)
    assert.equal(client.now(), Date.parse('2026-11-20T18:00:20.000Z'))
    await clock.pass(5_000)
    assert.equal(socket.asked('status.fetch'), 1, 'nothing was heard for 25 seconds')
    await clock.pass(10_000)
    assert.equal(client.connection.phase, 'waiting')
    const { retryAt } = client.connection
    assert.ok(retryAt! > device.date() && retryAt! <= device.date() + 500, 'what is shown is by the clock that is seen')
    await client.close()
  })

  it('keeps nothing that another client left from being sent', async () => {
    const device = new Device()
    const store = memoryStore()
    let told = () => {}
    const client = make({ clock: device, account: 'p/alice', store: { ...store, watch: (_, changed) => ((told = changed), () => {}) } })
    const socket = await online(client, [room])
    await store.put('p/alice', { id: 'left', type: 'message.text', target: { conversation: 'c' }, data: { body: 'x' }, created: device.date() })
    device.set = -HOUR
    told()
    await settle()
    assert.equal(socket.sent.at(-1)?.data['id'], 'left')
    await client.close()
  })
})

describe('what passes', () => {
  it('is what the clock says, but for its being set back', () => {
    let [date, ticks] = [5_000, 0]
    const now = steady(() => date, () => ticks)
    const pass = (ms: number) => ((date += ms), (ticks += ms), now())
    assert.equal(pass(10), 5_010)
    // They do not tick quite alike.
    for (let index = 0; index < 100; index++) date += index % 2 ? 1 : -1
    assert.equal(pass(10), 5_020)
    date -= HOUR
    assert.equal(pass(10), 5_030)
    date -= HOUR
    assert.equal(pass(10), 5_040)
    // It is set right, and then it sleeps.
    date += 2 * HOUR
    assert.equal(pass(10), 5_050)
    date += HOUR
    assert.equal(pass(10), 5_060 + HOUR)
  })

  it('is so on this machine', () => {
    const before = systemClock.now()
    const back = Date.now() - HOUR
    mock.method(Date, 'now', () => back)
    const after = systemClock.now()
    mock.restoreAll()
    assert.ok(after >= before - 1_000, `${after - before} ms passed`)
    assert.ok(systemClock.now() >= after)
  })
})
