/** The real server, with demo data, on ports of its own and a database that is gone afterwards. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createRest } from '../../src/index.js'

const BINARY = process.env['PALABRE_BIN'] ?? fileURLToPath(new URL('../../../../../target/debug/palabre', import.meta.url))

/** Where the users of tests are. */
export const PROJECT = 'tests'

export interface Server {
  url: string
  port: number
  /** A new user. */
  user(name: string): Promise<{ id: string; token: string; username: string }>
  stop(): Promise<void>
}

/** Starts one; resolves when it says that it is ready. */
export async function startServer(...settings: string[]): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'palabre-client-'))
  // As root the server's database runs as another user.
  await chmod(directory, 0o755)
  const places = ['--listen', '127.0.0.1:0', '--tcp', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--data-dir', join(directory, 'data')]
  const server = spawn(BINARY, ['serve', '--demo', '--open-organizations', ...places, ...settings], { stdio: ['ignore', 'pipe', 'pipe'] })
  const url = await ready(server)
  const rest = createRest({ url })
  const { token } = await rest.call<{ token: string }>('POST', '/api/v1/organizations', { name: 'tests', password: 'tests-password' })
  await createRest({ url, token }).call('POST', '/api/v1/projects', { name: PROJECT, registration: true })
  return {
    url,
    port: Number(new URL(url).port),
    async user(username) {
      const { user, token } = await rest.register({ project: PROJECT, username, password: `${username}-password` })
      return { id: user.id, token, username }
    },
    async stop() {
      server.kill('SIGTERM')
      if (server.exitCode === null) await once(server, 'exit')
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function ready(server: ChildProcess): Promise<string> {
  const said: string[] = []
  return new Promise((resolve, reject) => {
    for (const stream of [server.stdout!, server.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line)
        const address = /ready: (http:\S+)/.exec(line)?.[1]
        if (address) resolve(address)
      })
    }
    server.on('error', reject)
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${said.join('\n')}`)))
  })
}
