// After a build: says how much is loaded before the first message shows, fails when that is too much, and lays compressed
// copies beside the files, which the server hands out as they are.
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

/** Bytes of script and style, compressed with gzip, that the page may ask for at once. */
const MOST_AT_FIRST = 150_000

const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const page = readFileSync(join(dist, 'index.html'), 'utf8')
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/.test(page)) {
  console.error('index.html has script or style of its own, which its policy forbids')
  process.exit(1)
}

// What the page names, and what those files import before they run.
const atFirst = new Set()
const scan = (name) => {
  if (atFirst.has(name)) return
  atFirst.add(name)
  if (!name.endsWith('.js')) return
  for (const [, other] of readFileSync(join(dist, name), 'utf8').matchAll(/(?:^|[;\s])(?:import|export)[^"'()]*?["']\.\/([^"']+)["']/g)) {
    scan(`assets/${other}`)
  }
}
for (const [, name] of page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)) scan(name)
const bytes = [...atFirst].reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, name)), { level: 9 }).length, 0)
console.log(`at first ${(bytes / 1000).toFixed(1)} kB of ${MOST_AT_FIRST / 1000} kB, compressed, in ${atFirst.size} files`)
if (bytes > MOST_AT_FIRST) {
  console.error('too much is loaded before the first message shows: import what can wait with import()')
  process.exit(1)
}

for (const entry of readdirSync(dist, { recursive: true })) {
  const file = join(dist, String(entry))
  if (!statSync(file).isFile() || !/\.(js|css|html|svg)$/.test(file)) continue
  const content = readFileSync(file)
  const copies = { br: brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }), gz: gzipSync(content, { level: 9 }) }
  for (const [ending, copy] of Object.entries(copies)) if (copy.length < content.length) writeFileSync(`${file}.${ending}`, copy)
}
