/** The examples run, and say what they promise. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startServer, type Server } from './support/server.js'

let server: Server
before(async () => void (server = await startServer()))
after(() => server.stop())

const promised = { talk: /alice: Have you seen the new map\?[^]*bob has read it/, offline: /bob reads: I am in the mountains\nonline: 0 pending/, state: /Friday\?[^]*0 unread/ }

for (const [name, words] of Object.entries(promised)) {
  it(`${name} runs`, async () => {
    const example = fileURLToPath(new URL(`../examples/${name}.js`, import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [example], { env: { ...process.env, PALABRE_URL: server.url }, timeout: 30_000 })
    assert.match(stdout, words)
  })
}
