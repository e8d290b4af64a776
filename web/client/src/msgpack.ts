/**
 * The part of MessagePack that the protocol uses: maps with string keys, strings, numbers, booleans, null and arrays.
 * Anything else in what comes in is an error.
 */

/** Deeper than any document of the protocol may be; keeps a hostile one from exhausting the stack. */
const DEPTH = 64

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { fatal: true })

/** What can't be read. */
export class MsgpackError extends Error {}

/** A growing buffer. */
class Writer {
  bytes = new Uint8Array(256)
  view = new DataView(this.bytes.buffer)
  length = 0

  /** Makes room, and says where it begins. */
  room(size: number): number {
    const at = this.length
    this.length += size
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, this.bytes.length * 2))
      larger.set(this.bytes)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    return at
  }

  u8(value: number): void {
    const at = this.room(1)
    this.view.setUint8(at, value)
  }

  /** A leading byte, then a number of 1, 2 or 4 bytes. */
  tagged(tag: number, size: 1 | 2 | 4, value: number): void {
    this.u8(tag)
    const at = this.room(size)
    if (size === 1) this.view.setUint8(at, value & 0xff)
    else if (size === 2) this.view.setUint16(at, value & 0xffff)
    else this.view.setUint32(at, value >>> 0)
  }

  write(value: unknown): void {
    if (value === null || value === undefined) this.u8(0xc0)
    else if (value === false) this.u8(0xc2)
    else if (value === true) this.u8(0xc3)
    else if (typeof value === 'number') this.number(value)
    else if (typeof value === 'string') this.string(value)
    else if (Array.isArray(value)) {
      this.head(value.length, 0x90, 0xdc)
      for (const item of value) this.write(item)
    } else if (typeof value === 'object') {
      // As in JSON: what is undefined is not there.
      const fields = Object.entries(value).filter(([, field]) => field !== undefined)
      this.head(fields.length, 0x80, 0xde)
      for (const [key, field] of fields) {
        this.string(key)
        this.write(field)
      }
    } else throw new MsgpackError(`a ${typeof value} can't be sent`)
  }

  /** The head of an array or a map. */
  head(count: number, short: number, tag16: number): void {
    if (count < 16) this.u8(short | count)
    else if (count < 0x10000) this.tagged(tag16, 2, count)
    else this.tagged(tag16 + 1, 4, count)
  }

  number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.u8(0xcb)
      const at = this.room(8)
      this.view.setFloat64(at, value)
    } else if (value >= 0) {
      if (value < 0x80) this.u8(value)
      else if (value < 0x100) this.tagged(0xcc, 1, value)
      else if (value < 0x10000) this.tagged(0xcd, 2, value)
      else if (value < 0x1_0000_0000) this.tagged(0xce, 4, value)
      else this.big(0xcf, value)
    } else if (value >= -0x20) this.u8(value & 0xff)
    else if (value >= -0x80) this.tagged(0xd0, 1, value)
    else if (value >= -0x8000) this.tagged(0xd1, 2, value)
    else if (value >= -0x8000_0000) this.tagged(0xd2, 4, value)
    else this.big(0xd3, value)
  }

  big(tag: number, value: number): void {
    this.u8(tag)
    const at = this.room(8)
    this.view.setBigInt64(at, BigInt(value))
  }

  string(value: string): void {
    const encoded = utf8.encode(value)
    const size = encoded.length
    if (size < 32) this.u8(0xa0 | size)
    else if (size < 0x100) this.tagged(0xd9, 1, size)
    else if (size < 0x10000) this.tagged(0xda, 2, size)
    else this.tagged(0xdb, 4, size)
    const at = this.room(size)
    this.bytes.set(encoded, at)
  }
}

/** A document as MessagePack. */
export function encode(value: unknown): Uint8Array {
  const writer = new Writer()
  writer.write(value)
  return writer.bytes.subarray(0, writer.length)
}

class Reader {
  at = 0
  readonly #view: DataView

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  take(size: number): number {
    const at = this.at
    if (at + size > this.bytes.length) throw new MsgpackError('it ends too early')
    this.at += size
    return at
  }

  uint(size: 1 | 2 | 4): number {
    const at = this.take(size)
    return size === 1 ? this.#view.getUint8(at) : size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
  }

  read(depth: number): unknown {
    if (depth > DEPTH) throw new MsgpackError('it is nested too deeply')
    const tag = this.uint(1)
    if (tag < 0x80) return tag
    if (tag >= 0xe0) return tag - 0x100
    if (tag < 0x90) return this.map(tag & 0x0f, depth)
    if (tag < 0xa0) return this.array(tag & 0x0f, depth)
    if (tag < 0xc0) return this.string(tag & 0x1f)
    switch (tag) {
      case 0xc0: return null
      case 0xc2: return false
      case 0xc3: return true
      case 0xca: return this.#view.getFloat32(this.take(4))
      case 0xcb: return this.#view.getFloat64(this.take(8))
      case 0xcc: return this.uint(1)
      case 0xcd: return this.uint(2)
      case 0xce: return this.uint(4)
      case 0xcf: return Number(this.#view.getBigUint64(this.take(8)))
      case 0xd0: return this.#view.getInt8(this.take(1))
      case 0xd1: return this.#view.getInt16(this.take(2))
      case 0xd2: return this.#view.getInt32(this.take(4))
      case 0xd3: return Number(this.#view.getBigInt64(this.take(8)))
      case 0xd9: return this.string(this.uint(1))
      case 0xda: return this.string(this.uint(2))
      case 0xdb: return this.string(this.uint(4))
      case 0xdc: return this.array(this.uint(2), depth)
      case 0xdd: return this.array(this.uint(4), depth)
      case 0xde: return this.map(this.uint(2), depth)
      case 0xdf: return this.map(this.uint(4), depth)
      default: throw new MsgpackError(`the type 0x${tag.toString(16)} is not used here`)
    }
  }

  string(size: number): string {
    const at = this.take(size)
    try {
      return text.decode(this.bytes.subarray(at, at + size))
    } catch {
      throw new MsgpackError('a string is not UTF-8')
    }
  }

  array(count: number, depth: number): unknown[] {
    const items: unknown[] = []
    for (let index = 0; index < count; index++) items.push(this.read(depth + 1))
    return items
  }

  map(count: number, depth: number): Record<string, unknown> {
    const fields: Record<string, unknown> = {}
    for (let index = 0; index < count; index++) {
      const key = this.read(depth + 1)
      if (typeof key !== 'string') throw new MsgpackError('a key is not a string')
      const value = this.read(depth + 1)
      // Setting `__proto__` would not make a field of it.
      if (key === '__proto__') Object.defineProperty(fields, key, { value, enumerable: true, configurable: true, writable: true })
      else fields[key] = value
    }
    return fields
  }
}

/** The document that these bytes are, all of them. */
export function decode(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes)
  const value = reader.read(0)
  if (reader.at !== bytes.length) throw new MsgpackError('something follows the document')
  return value
}
