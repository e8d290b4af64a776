/** The real server, with demo data, on ports of its own and with a database that is gone afterwards. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createRest, type Rest } from '@palabre/client'
import { startFront } from './front.js'

/** Where the server is that the tests share. */
export interface Places {
  url: string
  port: number
  /** The token of the organization that owns {@link PROJECT}. */
  owner: string
}

/** The project of the tests; the demo's is `default`. */
export const PROJECT = 'tests'

/** Starts one; resolves when it says that it is ready. */
export async function startServer(...settings: string[]): Promise<{ places: Places; stop(): Promise<void> }> {
  const binary = process.env['PALABRE_BIN']
  if (!binary) throw new Error('PALABRE_BIN has to name the server: run `make browser`, or set it to target/debug/palabre')
  const directory = await mkdtemp(join(tmpdir(), 'palabre-web-'))
  // As root the server's database runs as another user.
  await chmod(directory, 0o755)
  const ports = ['--listen', '127.0.0.1:0', '--tcp', '127.0.0.1:0', '--admin', '127.0.0.1:0']
  const server = spawn(binary, ['serve', '--demo', '--open-organizations', ...ports, '--data-dir', join(directory, 'data'), ...settings], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const own = await new Promise<string>((resolve, reject) => {
    const said: string[] = []
    for (const stream of [server.stdout, server.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line)
        const address = /ready: (http:\S+)/.exec(line)?.[1]
        if (address) resolve(address)
      })
    }
    server.on('error', reject)
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${said.join('\n')}`)))
  })
  const front = process.env['FRESH'] ? await startFront(Number(new URL(own).port)) : undefined
  const url = front ? `http://127.0.0.1:${front.port}` : own
  const { token: owner } = await createRest({ url }).call<{ token: string }>('POST', '/api/v1/organizations', { name: 'tests', password: 'tests-password' })
  await createRest({ url, token: owner }).call('POST', '/api/v1/projects', { name: PROJECT, registration: true })
  return {
    places: { url, port: Number(new URL(url).port), owner },
    async stop() {
      front?.stop()
      server.kill('SIGTERM')
      if (server.exitCode === null) await once(server, 'exit')
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The server that `run.mjs` has started. */
export function places(): Places {
  const given = process.env['PALABRE_E2E']
  if (!given) throw new Error('run these tests with `npm test`, which starts a server for them')
  return JSON.parse(given) as Places
}

/** A user of {@link PROJECT}. */
export interface Person {
  id: string
  username: string
  password: string
  rest: Rest
}

let people = 0
/** A new one; their name begins so, and is nobody else's. */
export async function person(beginning: string, name?: string): Promise<Person> {
  const { url } = places()
  const username = `${beginning}${process.pid}x${(people += 1)}`
  const password = `${username}-password`
  const { user, token } = await createRest({ url }).register({ project: PROJECT, username, password, ...(name !== undefined && { name }) })
  return { id: user.id, username, password, rest: createRest({ url, token }) }
}

/** Makes two people contacts of each other; returns their conversation. */
export async function befriend(one: Person, other: Person): Promise<string> {
  await one.rest.call('POST', '/api/v1/contacts', { user: other.id, action: 'invite' })
  const { conversation } = await other.rest.call<{ conversation: string }>('POST', '/api/v1/contacts', { user: one.id, action: 'accept' })
  return conversation
}
