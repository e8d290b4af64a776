/** The examples run, and say what they promise; so does the README. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startServer, type Server } from './support/server.js'

let server: Server
before(async () => void (server = await startServer()))
after(() => server.stop())

const run = promisify(execFile)
const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const promised = { talk: /alice: Have you seen the new map\?[^]*bob has read it/, offline: /bob reads: I am in the mountains\nonline: 0 pending/, state: /Friday\?[^]*0 unread/ }

for (const [name, words] of Object.entries(promised)) {
  it(`${name} runs`, async () => {
    const env = { ...process.env, PALABRE_URL: server.url }
    const { stdout } = await run(process.execPath, [at(`build/examples/${name}.js`)], { env, timeout: 60_000 })
    assert.match(stdout, words)
  })
}

/** The pieces of code in the README. */
const pieces = async () => [...(await readFile(at('README.md'), 'utf8')).matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code!)

it('the first lines of the README run', async () => {
  const [first] = await pieces()
  const script = at('build/readme.mjs')
  // Of a program's own: this server's address, the socket that Node 20 has to be given, and an end.
  const around = [`import WebSocket from 'ws'\n`, `\nawait client.close()\nconsole.log(client.user.username)\n`]
  const changed = first!.replace('http://127.0.0.1:8080', server.url).replace(/token \}\)$/m, 'token, WebSocket })')
  assert.match(changed, /token, WebSocket/)
  await writeFile(script, around.join(changed))
  const { stdout } = await run(process.execPath, [script], { timeout: 60_000 })
  assert.match(stdout, /alice\n$/)
})

it('all of the README is what the library has', async () => {
  /** What the pieces take from around them. */
  const around = {
    rest: 'const rest: import("@palabre/client").Rest',
    credentials: 'const credentials: { project: string; username: string; password: string }',
    client: 'const client: import("@palabre/client").Palabre',
    createClient: 'const createClient: typeof import("@palabre/client").createClient',
    createRest: 'const createRest: typeof import("@palabre/client").createRest',
    url: 'const url: string',
    project: 'const project: string',
    token: 'const token: string',
    conversation: 'const conversation: string',
    other: 'const other: import("@palabre/client").Message',
    file: 'const file: File',
    bar: 'const bar: { value: number }',
    render: 'function render(): void',
    notify: 'function notify(message: import("@palabre/client").Message): void',
  }
  const folder = at('build/readme')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const all = await pieces()
  assert.ok(all.length > 7)
  for (const [index, code] of all.entries()) {
    const own = (name: string) => new RegExp(`(const|let|import) [^=]*\\b${name}\\b[^=]* (=|from) `).test(code)
    const declared = Object.entries(around).filter(([name]) => !own(name)).map(([, what]) => `declare ${what}\n`)
    await writeFile(`${folder}/${index}.ts`, `${declared.join('')}export {}\n${code}`)
  }
  const compilerOptions = { noEmit: true, noUnusedLocals: false, rootDir: folder }
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'], exclude: [] }))
  await run(process.execPath, [at('../node_modules/typescript/bin/tsc'), '-p', folder]).catch(({ stdout }) => assert.fail(stdout as string))
})
