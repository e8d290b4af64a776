import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { PalabreError } from '@palabre/client'
import { make } from '../src/core/once.js'

/** In the place of a server: fails as it is told to, and keeps what it was sent. */
function server(...outcomes: Array<PalabreError | undefined>) {
  const keys: Array<string | undefined> = []
  const call = async (_method: string, _path: string, _body?: unknown, _signal?: AbortSignal, key?: string): Promise<unknown> => {
    keys.push(key)
    const error = outcomes.shift()
    if (error) throw error
    return { id: keys.length }
  }
  return { keys, rest: { call: call as never } }
}
const lost = () => new PalabreError('network', 'gone')
const attempt = (rest: { call: never }, body: unknown, path = '/notes') => make(rest, path, body).catch((error: PalabreError) => error.code)
const differ = (keys: ReadonlyArray<string | undefined>) => new Set(keys).size

test('what is sent again has the same name, until it is known what became of it', async () => {
  const { keys, rest } = server(lost(), new PalabreError('unavailable', 'busy', 503), undefined)
  for (let turn = 0; turn < 4; turn += 1) await attempt(rest, { body: 'one' })
  assert.match(keys[0] ?? '', /^[!-~]{1,255}$/)
  assert.equal(differ(keys.slice(0, 3)), 1)
  assert.notEqual(keys[3], keys[0], 'it was done: this is another one')
})

test('something else has another name, and so has what was refused', async () => {
  const { keys, rest } = server(lost(), lost(), lost(), new PalabreError('conflict', 'too many', 409))
  await attempt(rest, { body: 'one' })
  await attempt(rest, { body: 'two' })
  await attempt(rest, { body: 'two' }, '/requests')
  assert.equal(differ(keys), 3)
  await attempt(rest, { body: 'two' })
  await attempt(rest, { body: 'two' })
  assert.deepEqual([keys[3] === keys[1], keys[4] === keys[1]], [true, false])
})

test('what is under way is waited for', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { keys, rest } = server(new PalabreError('conflict', 'under way', 409, undefined, 1_000), undefined)
    let made: unknown
    const done = make(rest, '/notes', {}).then((it) => (made = it))
    await new Promise(setImmediate)
    assert.equal(made, undefined)
    mock.timers.tick(1_000)
    await done
    assert.deepEqual(made, { id: 2 })
    assert.equal(differ(keys), 1)
  } finally {
    mock.timers.reset()
  }
})
