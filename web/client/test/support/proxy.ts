/** A TCP proxy that makes a network bad: it delays, reorders and cuts into pieces what passes, and ends connections when told to. */
import { createServer, connect, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { reorder } from './reorder.js'

export interface Proxy {
  url: string
  /** Ends every connection, at once and without a word. */
  cut(): void
  /** Takes connections, or refuses them. */
  open(): void
  close(): void
  /** From now on nothing passes in either direction, and nobody is told. */
  freeze(): void
  thaw(): void
  /** How many messages of the server overtook others. */
  swaps(): number
  stop(): Promise<void>
}

/** What is done to the bytes: chances come from a seed, so that a run can be repeated. */
export interface Weather {
  random: () => number
  /** The longest delay of a piece, in milliseconds. */
  delay: number
  /** The longest piece, in bytes. */
  piece: number
  /** What the server sends is held back for at most so many milliseconds, and let go in another order where the protocol permits it. */
  reorder?: number
}

/** Between clients and a server's port. */
export async function startProxy(port: number, weather?: Weather): Promise<Proxy> {
  const pairs = new Set<[Socket, Socket]>()
  let isOpen = true
  let frozen = false
  const orders: Array<{ swaps(): number }> = []
  const thawed: Array<() => void> = []
  const server: Server = createServer((client) => {
    if (!isOpen) {
      client.destroy()
      return
    }
    const upstream = connect(port, '127.0.0.1')
    const pair: [Socket, Socket] = [client, upstream]
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const [from, to, way] of [[client, upstream, 'up'], [upstream, client, 'down']] as const) {
      from.setNoDelay(true)
      from.on('error', end)
      from.on('close', end)
      pass(from, to, way)
    }
  })

  /** One direction, in order; each direction at its own pace, so that what is said in both overtakes the other. */
  function pass(from: Socket, to: Socket, way: 'up' | 'down'): void {
    let last = Promise.resolve()
    const forward = (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; ) {
        const size = weather ? 1 + Math.floor(weather.random() * weather.piece) : bytes.length
        const piece = bytes.subarray(at, at + size)
        const ms = weather ? Math.floor(weather.random() * weather.delay) : 0
        at += size
        last = last.then(async () => {
          if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
          if (frozen) await new Promise<void>((resolve) => thawed.push(resolve))
          if (!to.destroyed) to.write(piece)
        })
      }
    }
    if (way === 'up' || !weather?.reorder) return void from.on('data', forward)
    const order = reorder(weather.random, weather.reorder, forward)
    orders.push(order)
    from.on('data', (bytes) => order.take(bytes))
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut() {
      for (const [client, upstream] of [...pairs]) {
        client.resetAndDestroy()
        upstream.destroy()
      }
    },
    open: () => void (isOpen = true),
    close: () => void (isOpen = false),
    freeze: () => void (frozen = true),
    thaw() {
      frozen = false
      for (const go of thawed.splice(0)) go()
    },
    swaps: () => orders.reduce((sum, order) => sum + order.swaps(), 0),
    async stop() {
      for (const [client, upstream] of pairs) {
        client.destroy()
        upstream.destroy()
      }
      server.close()
      await once(server, 'close')
    },
  }
}
