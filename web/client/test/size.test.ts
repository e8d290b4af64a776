/** What an application pays for the library, and that it comes alone. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** Compressed bytes. */
const LIMIT = 15_000

it('is small, and needs nothing else', async () => {
  const entry = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022', write: false })
  const code = outputFiles[0]!.contents
  const size = gzipSync(code, { level: 9 }).length
  assert.ok(size < LIMIT, `${size} bytes compressed`)
  assert.doesNotMatch(outputFiles[0]!.text, /\bimport\b|\brequire\(/)
})
