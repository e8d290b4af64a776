/** What every example begins with: the server, and a user of the demo data. */
import { createClient, createRest, type Palabre } from '@palabre/client'
import WebSocket from 'ws'

export const url = process.env['PALABRE_URL'] ?? 'http://127.0.0.1:8080'

/** A client that is signed in and connected, and stays signed in. */
export async function signIn(username: string, password: string): Promise<Palabre> {
  let signedIn = await createRest({ url }).login({ project: 'default', username, password })
  const rest = createRest({ url, token: () => signedIn.token })
  const client = createClient({
    url,
    project: 'default',
    token: async (reason) => (reason === 'connect' ? signedIn : (signedIn = await rest.refresh())).token,
    WebSocket: WebSocket,
  })
  await client.connect()
  return client
}

/** The private conversation of two clients' users, who become contacts if they are not yet. */
export async function befriend(one: Palabre, other: Palabre): Promise<string> {
  await one.updateContact(other.user!.id, 'invite')
  const { conversation } = await other.updateContact(one.user!.id, 'accept')
  if (conversation === undefined) throw new Error('contacts have a conversation')
  await Promise.all([one.open(conversation), other.open(conversation)])
  return conversation
}
