/** People with another role than a user's, and many people. */
import { createRest } from '@palabre/client'
import { person, places, PROJECT, type Person } from './server.js'

let key: Promise<string> | undefined
/** The key of an application of the tests' project, which may do what an administrator may. */
async function accessKey(): Promise<string> {
  const owner = createRest({ url: places().url, token: places().owner })
  const { items } = await owner.call<{ items: Array<{ id: string; name: string }> }>('GET', '/api/v1/projects')
  const project = items.find(({ name }) => name === PROJECT)
  if (!project) throw new Error(`there is no project ${PROJECT}`)
  const app = await owner.call<{ key: string }>('POST', `/api/v1/projects/${project.id}/apps`, { name: `staff ${process.pid}` })
  return app.key
}

/** So many users of whom nobody signs in; their ids. */
export async function crowd(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => crypto.randomUUID())
  const headers = { 'X-App-Key': await (key ??= accessKey()), 'Content-Type': 'application/json' }
  const made = await Promise.all(ids.map((id) => fetch(`${places().url}/api/v1/users/${id}`, { method: 'POST', headers, body: JSON.stringify({ name: `crowd-${id}` }) })))
  if (!made.every(({ ok }) => ok)) throw new Error(`no crowd: ${made.find(({ ok }) => !ok)?.status}`)
  return ids
}

/** A new agent or administrator. */
export async function staff(role: 'agent' | 'admin', beginning: string): Promise<Person> {
  const who = await person(beginning)
  const { url } = places()
  const answer = await fetch(`${url}/api/v1/users/${who.id}`, {
    method: 'PATCH',
    headers: { 'X-App-Key': await (key ??= accessKey()), 'Content-Type': 'application/json' },
    body: JSON.stringify({ role }),
  })
  if (!answer.ok) throw new Error(`no ${role}: ${answer.status} ${await answer.text()}`)
  const { token } = await createRest({ url }).login({ project: PROJECT, username: who.username, password: who.password })
  return { ...who, rest: createRest({ url, token }) }
}
