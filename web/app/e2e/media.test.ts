import assert from 'node:assert/strict'
import { setImmediate as soon } from 'node:timers/promises'
import { mock, test } from 'node:test'
import type { Rest } from '@palabre/client'
import { release, thumbnail } from '../src/core/media.js'

/** More than are kept. */
const MANY = 250

test('a small picture that is awaited is not given up for those that are asked for after it', async () => {
  const revoked: string[] = []
  mock.method(URL, 'revokeObjectURL', (url: string) => void revoked.push(url))
  const awaited = new Map<string, (blob: Blob) => void>()
  const rest = { download: (id: string) => new Promise((come) => awaited.set(id, come)) } as unknown as Rest
  const answer = async () => {
    const all = [...awaited.values()]
    awaited.clear()
    for (const come of all) come(new Blob(['x']))
    await soon()
  }
  const urls = Array.from({ length: MANY }, (_, at) => thumbnail(rest, `${at}`))
  await soon()
  await answer()
  const first = await (urls[0] as Promise<string>)
  assert.equal(revoked.length, 0, 'the first ones are shown')
  assert.equal(thumbnail(rest, '0'), urls[0], 'and are not asked for again')

  while (awaited.size > 0) await answer()
  const all = await Promise.all(urls)
  assert.equal(revoked.length, 50, 'of those that are there some are kept')
  // That was seen once more, but then so many others came.
  assert.ok(revoked.includes(first) && !revoked.includes(all.at(-1) as string))
  release(rest)
  await soon()
  assert.deepEqual(new Set(revoked), new Set(all), 'and none when one has signed out')
})
