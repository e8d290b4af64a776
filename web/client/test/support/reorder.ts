/** Holds back the messages that a server sends over a WebSocket, and lets them go in another order, where the protocol leaves it open. */
import { type Codec, binary, json } from '../../src/frame.js'

/** What has an order among the others. */
interface Held {
  bytes: Buffer
  /** Keeps its place among all that has one of these: a conversation's pushes, a user's, and replies that tell what one did there. */
  keys: string[]
  /** Nothing passes it, in either direction. */
  isFixed: boolean
}

/** Replies that are pages: how things were when the server read them. They and everything else may overtake each other. */
const PAGES = new Set(['message.fetch', 'group.members', 'group.summary', 'contact.summary', 'status.fetch', 'error'])
/** The opening comes first and in its order; a user's new name is in all that is said of them afterwards. */
const FIXED = new Set(['session.ready', 'session.auth', 'session.expiring', 'group.summary', 'contact.summary', 'user.update'])

function held(bytes: Buffer, codec: Codec, message: unknown): Held {
  const fixed = { bytes, keys: [], isFixed: true }
  const [event, ...more] = codec.read(message)
  if (event?.kind !== 'event' || more.length > 0) return fixed
  const { re, type } = event
  if (re !== undefined && PAGES.has(type)) return { bytes, keys: [], isFixed: false }
  if (FIXED.has(type)) return fixed
  const { conversation, id, user } = (event.data ?? {}) as { conversation?: string; id?: string; user?: { id: string } }
  const isConversation = type === 'group.update' || type === 'conversation.mode'
  if (isConversation) return { bytes, keys: [id!], isFixed: false }
  const isPerson = type === 'contact.update' || type === 'status.update'
  if (isPerson) return { bytes, keys: [`user ${user?.id}`], isFixed: false }
  return conversation === undefined ? fixed : { bytes, keys: [conversation], isFixed: false }
}

/** Bytes of a WebSocket message from a server, or `undefined` while it is not whole. */
function frameAt(bytes: Buffer): { size: number; opcode: number; payload: Buffer } | undefined {
  if (bytes.length < 2) return undefined
  const short = bytes[1]! & 0x7f
  const header = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.length < header) return undefined
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short
  if (bytes.length < header + length) return undefined
  // In pieces, compressed, masked: a server that begins with this needs a proxy that can do it.
  if ((bytes[0]! & 0xf0) !== 0x80 || bytes[1]! > 127) throw new Error('this proxy does not know such messages')
  return { size: header + length, opcode: bytes[0]! & 0x0f, payload: bytes.subarray(header, header + length) }
}

const TEXT = 1
const BINARY = 2

/** Takes the server's bytes of one connection. `longest` is how long something is held before the next one may go, in milliseconds. */
export function reorder(random: () => number, longest: number, send: (bytes: Buffer) => void): { take(bytes: Buffer): void; swaps(): number } {
  let rest = Buffer.alloc(0)
  let isOpen = false
  let swaps = 0
  let timer: NodeJS.Timeout | undefined
  const queue: Held[] = []

  const mayGo = (at: number) => {
    const one = queue[at]!
    return queue.slice(0, at).every((other) => !other.isFixed && !one.isFixed && !other.keys.some((key) => one.keys.includes(key)))
  }
  const release = () => {
    timer = undefined
    const free = queue.map((_, at) => at).filter(mayGo)
    const at = free[Math.floor(random() * free.length)]
    if (at === undefined) return
    if (at > 0) swaps++
    send(queue.splice(at, 1)[0]!.bytes)
    plan()
  }
  const plan = () => {
    if (queue.length > 0) timer ??= setTimeout(release, random() * longest)
  }

  return {
    swaps: () => swaps,
    take(bytes) {
      rest = Buffer.concat([rest, bytes])
      if (!isOpen) {
        const end = rest.indexOf('\r\n\r\n')
        if (end < 0) return
        isOpen = true
        send(rest.subarray(0, end + 4))
        rest = rest.subarray(end + 4)
      }
      for (let frame = frameAt(rest); frame; frame = frameAt(rest)) {
        const whole = rest.subarray(0, frame.size)
        const { payload, opcode } = frame
        if (opcode === TEXT) queue.push(held(whole, json, payload.toString()))
        else if (opcode === BINARY) queue.push(held(whole, binary, new Uint8Array(payload).buffer))
        else queue.push({ bytes: whole, keys: [], isFixed: true })
        rest = rest.subarray(frame.size)
      }
      plan()
    },
  }
}
