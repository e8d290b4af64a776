/**
 * For work on the application: hands out `dist` as it is now, with the headers of the server's own page, and lets everything else through to the
 * server. So the server need not be built anew after each change. Used when `FRESH` is set.
 */
import { once } from 'node:events'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

// Not from where this file is: the tests that it is built into lie elsewhere.
const DIST = join(process.cwd(), 'dist')
const TYPES: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }

/** Starts it before a server's port; returns its own. */
export async function startFront(port: number): Promise<{ port: number; stop(): void }> {
  const page = await fetch(`http://127.0.0.1:${port}/`)
  const kept = ['content-security-policy', 'referrer-policy', 'permissions-policy', 'x-content-type-options']
  const headers = Object.fromEntries(kept.flatMap((name) => (page.headers.has(name) ? [[name, page.headers.get(name) ?? '']] : [])))

  const file = ({ url = '/', headers: { accept = '' } }: IncomingMessage): string | undefined => {
    const path = new URL(url, 'http://here').pathname
    const found = join(DIST, path)
    if (path !== '/' && existsSync(found) && statSync(found).isFile()) return found
    return path === '/' || (accept.includes('text/html') && !/^\/(api|docs|ws)\b/.test(path)) ? join(DIST, 'index.html') : undefined
  }
  const server = createServer((asked, answer) => {
    const own = file(asked)
    if (own) {
      answer.writeHead(200, { ...headers, 'content-type': TYPES[extname(own)] ?? 'application/octet-stream', 'cache-control': 'no-store' })
      createReadStream(own).pipe(answer)
      return
    }
    const on = request({ port, host: '127.0.0.1', method: asked.method, path: asked.url, headers: asked.headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers)
      got.pipe(answer)
    })
    on.on('error', () => answer.destroy())
    answer.on('close', () => on.destroy())
    asked.pipe(on)
  })
  server.on('upgrade', (asked: IncomingMessage, socket, head) => {
    const upstream = connect(port, '127.0.0.1')
    const lines = [`${asked.method} ${asked.url} HTTP/1.1`]
    for (let at = 0; at < asked.rawHeaders.length; at += 2) lines.push(`${asked.rawHeaders[at]}: ${asked.rawHeaders[at + 1]}`)
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`)
    upstream.write(head)
    upstream.pipe(socket).pipe(upstream)
    const end = () => (socket.destroy(), upstream.destroy())
    for (const side of [socket, upstream]) side.on('error', end).on('close', end)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}
