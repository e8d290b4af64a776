/** The types that the library is made of are those that the server describes now. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, it } from 'node:test'
import { startServer, type Server } from './support/server.js'

const folder = new URL('../../', import.meta.url)
let server: Server
before(async () => void (server = await startServer()))
after(() => server.stop())

it('the generated types are those of the server', async () => {
  const { fromServer } = (await import(new URL('scripts/generate.mjs', folder).href)) as { fromServer(address: string): Promise<string> }
  const kept = await readFile(new URL('src/generated.ts', folder), 'utf8')
  assert.equal(kept, await fromServer(server.url), 'run `npm run generate -- ADDRESS` with the address of a running server')
})
