/** Two people talk: node build/examples/talk.js */
import { befriend, signIn } from './sign-in.js'

const alice = await signIn('alice', 'alice123')
const bob = await signIn('bob', 'bob12345')
const conversation = await befriend(alice, bob)

bob.on('message.text', (message) => {
  console.log(`${message.author.username}: ${message.body}`)
  bob.visible(conversation, message.seq)
})

const { id } = alice.send(conversation, { body: 'Have you seen the new map?', tone: '/srs' })
const { seq } = await alice.sent(id)

// Until bob has read it.
await new Promise<void>((resolve) => {
  const look = () => {
    const message = alice.messages(conversation)?.items.find((message) => message.seq === seq)
    if (message?.status !== 'READ') return
    stop()
    resolve()
  }
  const stop = alice.watch(`messages:${conversation}`, look)
  look()
})
console.log('bob has read it')
await Promise.all([alice.close(), bob.close()])
