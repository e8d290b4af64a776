/** Written offline, sent by the next run of the program: node build/examples/offline.js */
import { createClient, createRest, memoryStore } from '@palabre/client'
import WebSocket from 'ws'
import { befriend, signIn, url } from './sign-in.js'

// What keeps unsent messages from one run to the next. In browsers that is IndexedDB, without being asked.
const store = memoryStore()

const alice = await signIn('alice', 'alice123')
const bob = await signIn('bob', 'bob12345')
const conversation = await befriend(alice, bob)
const { token } = await createRest({ url }).login({ project: 'default', username: 'alice', password: 'alice123' })

// A run without a network: nothing listens at that address.
const socket = WebSocket
const offline = createClient({ url: 'http://127.0.0.1:9', project: 'default', token, store, WebSocket: socket })
void offline.connect().catch(() => {})
const { id } = offline.send(conversation, 'I am in the mountains')
console.log('offline:', offline.pending(conversation).map(({ state }) => state))
await offline.close()

// The next run, back in the valley.
const online = createClient({ url, project: 'default', token, store, WebSocket: socket })
const arrived = new Promise((resolve) => bob.on('message.text', ({ body }) => resolve(body)))
await online.connect()
console.log('bob reads:', await arrived)
await online.sent(id)
console.log('online:', online.pending(conversation).length, 'pending')
await Promise.all([alice.close(), bob.close(), online.close()])
