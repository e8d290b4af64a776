/** The codecs: what is written is read again, and what is broken is refused. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { binary, FrameError, json, sizeOf } from '../src/frame.js'
import { decode, encode, MsgpackError } from '../src/msgpack.js'
import { seeded } from './support/clients.js'

/** Any document, of every kind of value and length of head. */
function document(random: () => number, depth = 0): unknown {
  const below = (limit: number) => Math.floor(random() * limit)
  const text = (length: number) => Array.from({ length }, () => ['a', 'Z', ' ', 'é', '漢', '🎉', '\n', '"'][below(8)]).join('')
  const size = [3, 15, 16, 31, 32, 255, 256][below(7)]!
  switch (below(depth > 3 ? 6 : 8)) {
    case 0: return [null, true, false][below(3)]
    case 1: return below(2) === 0 ? below(300) : -below(300)
    case 2: return [0, -0, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, Number.MAX_SAFE_INTEGER][below(11)]
    case 3: return [-1, -32, -33, -128, -129, -32_768, -32_769, -2_147_483_648, -2_147_483_649, Number.MIN_SAFE_INTEGER][below(10)]
    case 4: return [0.5, -1.25, 1e300, 5e-324, 2 ** 60][below(5)]
    case 5: return text(below(10) === 0 ? 70_000 : size)
    case 6: return Array.from({ length: depth === 0 ? size : below(4) }, () => document(random, depth + 1))
    default: {
      const fields: Record<string, unknown> = {}
      for (let index = 0; index < (depth === 0 ? size : below(4)); index++) fields[`${text(below(5))}${index}`] = document(random, depth + 1)
      return fields
    }
  }
}

describe('MessagePack', () => {
  it('reads what it wrote', () => {
    for (let seed = 0; seed < 300; seed++) {
      const value = document(seeded(seed))
      assert.deepStrictEqual(decode(encode(value)), value, `seed ${seed}`)
    }
  })

  it('writes the shortest form', () => {
    const hex = (value: unknown) => Buffer.from(encode(value)).toString('hex')
    assert.deepEqual(
      [0, 127, 128, 256, 65_536, -1, -32, -33, -129, 'ab', [], {}, { a: undefined }].map(hex),
      ['00', '7f', 'cc80', 'cd0100', 'ce00010000', 'ff', 'e0', 'd0df', 'd1ff7f', 'a26162', '90', '80', '80'],
    )
  })

  it('refuses every document that is cut off, and never reads past its end', () => {
    for (let seed = 0; seed < 40; seed++) {
      const bytes = encode(document(seeded(seed)))
      for (let length = 0; length < Math.min(bytes.length, 400); length++) assert.throws(() => decode(bytes.subarray(0, length)), MsgpackError)
    }
  })

  it('refuses or reads noise, and ends', () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const random = seeded(seed)
      const noise = Uint8Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 256))
      try {
        decode(noise)
      } catch (error) {
        assert.ok(error instanceof MsgpackError, String(error))
      }
    }
  })

  it('refuses what the protocol does not use', () => {
    for (const bytes of [[0xc4, 1, 0], [0xd4, 1, 0], [0xc1], [0x81, 1, 1], [0xc0, 0xc0], [0xa1, 0xff], Array(70).fill(0x91)]) {
      assert.throws(() => decode(Uint8Array.from(bytes)), MsgpackError)
    }
    assert.throws(() => encode({ f: () => 1 }), MsgpackError)
  })

  it('keeps a field of any name a field', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as unknown
    const read = decode(encode(value)) as Record<string, unknown>
    assert.deepEqual(Object.keys(read), ['__proto__', 'constructor'])
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })
})

describe('frames', () => {
  const buffer = (...frames: Uint8Array[]) => Uint8Array.from(frames.flatMap((frame) => [...frame])).buffer
  const hex = (text: string) => Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16))

  it('are those of the protocol', () => {
    // The example of docs/protocol.md.
    const request = hex(`
      50 01 01 00 00 00 00 26 00 00 00 08 82 a4 74 79 70 65 ad 73 74 61 74 75 73 2e 75 70 64 61 74 65
      a4 64 61 74 61 81 a6 73 74 61 74 75 73 a4 62 75 73 79`)
    assert.deepEqual(binary.request(8, 'status.update', { status: 'busy' }), request)
    assert.equal(sizeOf(request), 0x26)
    assert.equal(sizeOf(json.request(1, 'é', {})), Buffer.byteLength(json.request(1, 'é', {}) as string))
    assert.deepEqual(binary.ping(), hex('50 01 05 00 00 00 00 00 00 00 00 00'))
    assert.deepEqual(binary.pong(), hex('50 01 06 00 00 00 00 00 00 00 00 00'))
  })

  it('come several in a message, in either encoding', () => {
    const frame = (kind: number, flags: number, correlation: number, payload: Uint8Array) =>
      Uint8Array.of(0x50, 1, kind, flags, 0, 0, payload.length >> 8, payload.length & 0xff, 0, 0, 0, correlation, ...payload)
    const event = { type: 'status.update', data: { status: 'busy' } }
    const all = buffer(
      frame(2, 0, 7, encode(event)),
      frame(3, 1, 0, Buffer.from(JSON.stringify(event))),
      frame(5, 0, 0, new Uint8Array()),
      frame(6, 0, 0, new Uint8Array()),
      frame(7, 0, 0, encode({ type: 'close', data: { code: 4201, reason: 'over' } })),
      frame(4, 0, 0, encode({ type: 'error', data: {} })),
    )
    assert.deepEqual(binary.read(all), [
      { kind: 'event', re: 7, ...event },
      { kind: 'event', re: undefined, ...event },
      { kind: 'ping' },
      { kind: 'pong' },
      { kind: 'close', code: 4201, reason: 'over' },
      { kind: 'event', re: undefined, type: 'error', data: {} },
    ])
    assert.throws(() => binary.read(all.slice(0, -1)), FrameError)
    assert.throws(() => binary.read(all.slice(0, 5)), FrameError)
  })

  it('have no half of a character in them', () => {
    const text = 'a\ud83d, \ude00b, 😀, \\ud83d, \\\\ud83d\ud83d, \u0000"\n'
    const whole = text.replace(/[\ud800-\udfff]/gu, '\ufffd')
    const data = { [text]: [text] }
    const { data: written } = JSON.parse(json.request(1, 'x', data) as string) as { data: unknown }
    assert.deepEqual(written, { [whole]: [whole] })
    assert.deepEqual(decode((binary.request(1, 'x', data) as Uint8Array).subarray(12)), { type: 'x', data: { [whole]: [whole] } })
  })

  it('are not made of what the server can not read', () => {
    const deep = (levels: number): unknown => (levels === 0 ? 1 : levels % 2 === 0 ? [deep(levels - 1)] : { a: deep(levels - 1) })
    for (const { request } of [json, binary]) {
      request(1, 'x', deep(31))
      for (const data of [deep(32), { a: [Number.NaN] }, [-Infinity]]) assert.throws(() => request(1, 'x', data), FrameError)
    }
  })

  it('that are none are refused', () => {
    const good = binary.request(1, 'x', {}) as Uint8Array
    for (const [at, value] of [[0, 0x51], [1, 2], [2, 9], [2, 1], [3, 2], [7, 200]] as const) {
      const bad = Uint8Array.from(good)
      bad[at] = value
      assert.throws(() => binary.read(bad.buffer), FrameError)
    }
    assert.throws(() => binary.read('text'), FrameError)
    assert.throws(() => json.read(new ArrayBuffer(1)), FrameError)
    assert.throws(() => json.read('[]'), FrameError)
    assert.throws(() => json.read('null'), FrameError)
    assert.throws(() => json.read('{'), SyntaxError)
  })
})
