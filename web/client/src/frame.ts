/** Events as they go over a socket: JSON texts, or binary frames. */
import { decode as unpack, encode as pack } from './msgpack.js'

const MAGIC = 0x50
const VERSION = 1
const HEADER = 12
/** The payload is JSON, not MessagePack. */
const FLAG_JSON = 1
/** As many levels of lists and maps the server reads; the envelope is one of them. */
const NESTING = 32

/** What a binary frame is. */
export const Kind = { request: 1, reply: 2, push: 3, error: 4, ping: 5, pong: 6, close: 7 } as const

/** What came in, or that the other side asks for or gives a sign of life. */
export type Incoming =
  | { kind: 'event'; re: number | undefined; type: string; data: unknown }
  | { kind: 'ping' }
  | { kind: 'pong' }
  | { kind: 'close'; code: number; reason: string }

/** Something that is not of the protocol. */
export class FrameError extends Error {}

/** How events are written and read. */
export interface Codec {
  readonly subprotocol: string
  /** Throws what can't be written. */
  request(id: number, type: string, data: unknown): string | Uint8Array<ArrayBuffer>
  /** What asks the server for a sign of life; `undefined` where only a request does. */
  ping(): Uint8Array<ArrayBuffer> | undefined
  /** What answers the server's. */
  pong(): Uint8Array<ArrayBuffer> | undefined
  read(data: unknown): Incoming[]
}

/** How many bytes a message has on the wire, without the frame around it. */
export function sizeOf(message: string | Uint8Array): number {
  if (typeof message !== 'string') return message.length - HEADER
  return new TextEncoder().encode(message).length
}

function frame(kind: number, correlation: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER + payload.length)
  const view = new DataView(bytes.buffer)
  bytes.set([MAGIC, VERSION, kind, 0])
  view.setUint32(4, payload.length)
  view.setUint32(8, correlation)
  bytes.set(payload, HEADER)
  return bytes
}

const NOTHING = new Uint8Array(0)

function event(document: unknown, re: number | undefined): Incoming {
  if (typeof document !== 'object' || document === null) throw new FrameError('an event is an object')
  const { type, data } = document as { type?: unknown; data?: unknown }
  if (typeof type !== 'string') throw new FrameError('an event has a type')
  return { kind: 'event', re, type, data }
}

/** Refuses what the server can't read: of such a message it could not even say which request it was. */
function check(value: unknown, levels: number): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new FrameError(`${value} can't be sent`)
  if (typeof value !== 'object' || value === null) return
  if (levels === 0) throw new FrameError('it is nested too deeply')
  for (const item of Object.values(value)) check(item, levels - 1)
}

/** Half of a surrogate pair is no character. JSON writes it as an escape, and escapes no other `\ud…`. */
const whole = (text: string) => text.replace(/\\(ud...|.)/g, (escape, of: string) => (of.length > 1 ? '\ufffd' : escape))

/** Text messages, one envelope each. */
export const json: Codec = {
  subprotocol: 'palabre.v1.json',
  request(id, type, data) {
    check(data, NESTING - 1)
    return whole(JSON.stringify({ id, type, data }))
  },
  ping: () => undefined,
  pong: () => undefined,
  read(data) {
    if (typeof data !== 'string') throw new FrameError('a text was expected')
    const document = JSON.parse(data) as { re?: number } | null
    return [event(document, document?.re)]
  },
}

/** Binary messages, of one or more frames each. */
export const binary: Codec = {
  subprotocol: 'palabre.v1.bin',
  request(id, type, data) {
    check(data, NESTING - 1)
    return frame(Kind.request, id, pack({ type, data }))
  },
  ping: () => frame(Kind.ping, 0, NOTHING),
  pong: () => frame(Kind.pong, 0, NOTHING),
  read(data) {
    if (!(data instanceof ArrayBuffer)) throw new FrameError('bytes were expected')
    const bytes = new Uint8Array(data)
    const view = new DataView(data)
    const events: Incoming[] = []
    for (let at = 0; at < bytes.length; ) {
      if (bytes.length - at < HEADER) throw new FrameError('a header is cut off')
      if (bytes[at] !== MAGIC || bytes[at + 1] !== VERSION) throw new FrameError('this is no frame')
      const flags = view.getUint8(at + 3)
      if (flags > FLAG_JSON) throw new FrameError('unknown flags')
      const end = at + HEADER + view.getUint32(at + 4)
      if (end > bytes.length) throw new FrameError('a frame is cut off')
      const payload = bytes.subarray(at + HEADER, end)
      const document = () => (flags === FLAG_JSON ? (JSON.parse(new TextDecoder().decode(payload)) as unknown) : unpack(payload))
      const correlation = view.getUint32(at + 8)
      switch (view.getUint8(at + 2)) {
        case Kind.reply:
        case Kind.error:
          events.push(event(document(), correlation === 0 ? undefined : correlation))
          break
        case Kind.push:
          events.push(event(document(), undefined))
          break
        case Kind.ping:
          events.push({ kind: 'ping' })
          break
        case Kind.pong:
          events.push({ kind: 'pong' })
          break
        case Kind.close: {
          const { data } = document() as { data?: { code?: number; reason?: string } }
          events.push({ kind: 'close', code: data?.code ?? 1005, reason: data?.reason ?? '' })
          break
        }
        default:
          throw new FrameError('an unknown kind of frame')
      }
      at = end
    }
    return events
  },
}
