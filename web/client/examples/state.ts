/** A list of conversations that keeps itself up to date: node build/examples/state.js */
import { befriend, signIn } from './sign-in.js'

const alice = await signIn('alice', 'alice123')
const bob = await signIn('bob', 'bob12345')
const conversation = await befriend(alice, bob)

const stop = bob.watch('conversations', () => {
  for (const { id, title, name, unread, last_message } of bob.conversations) {
    const dot = bob.status(bob.peer(id)?.id ?? '')?.status === 'online' ? '●' : '○'
    console.log(`${dot} ${title ?? name ?? bob.peer(id)?.username} (${unread}) ${last_message?.body ?? ''}`)
  }
})

const texts = ['The new map is out', 'Eight players, at last', 'Friday?']
await Promise.all(texts.map((text) => alice.sent(alice.send(conversation, text).id)))
const last = alice.conversation(conversation)!.last_seq
await new Promise<void>((resolve) => {
  const look = () => {
    if (bob.conversation(conversation)?.last_seq !== last) return
    unlisten()
    resolve()
  }
  const unlisten = bob.on('change', look)
  look()
})
bob.visible(conversation, last)
console.log(`${bob.unread} unread`)
stop()
await Promise.all([alice.close(), bob.close()])
