/** What an application pays for the library, and that it comes alone. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** Compressed bytes of what applications take, by what they import. */
const LIMITS = { createClient: 19_000, '*': 20_500 }

for (const [name, limit] of Object.entries(LIMITS)) {
  it(`is small, and needs nothing else (${name})`, async () => {
    const folder = fileURLToPath(new URL('../../src', import.meta.url))
    const contents = name === '*' ? `export * from './index.js'` : `export { ${name} } from './index.js'`
    const stdin = { contents, resolveDir: folder, loader: 'ts' } as const
    const { outputFiles } = await build({ stdin, bundle: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022', write: false })
    const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length
    assert.ok(size < limit, `${size} bytes compressed`)
    assert.doesNotMatch(outputFiles[0]!.text, /\bimport\b|\brequire\(/)
  })
}
