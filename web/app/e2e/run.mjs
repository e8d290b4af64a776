// Builds the tests that are named, or all, starts one server with demo data for them, and runs them. `--shots` keeps pictures.
import { spawn } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('.', import.meta.url))
const out = fileURLToPath(new URL('../build/e2e/', import.meta.url))
const wanted = process.argv.slice(2)
const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))

rmSync(out, { recursive: true, force: true })
await build({
  entryPoints: [...files, 'support/server.ts'].map((name) => folder + name),
  outdir: out,
  outbase: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  alias: { '@palabre/client': fileURLToPath(new URL('../../client/src/index.ts', import.meta.url)) },
  logLevel: 'warning',
})

const { startServer } = await import(`${out}support/server.mjs`)
// Small files of few kinds, so that what is too large and what is not allowed can be tried.
const server = await startServer('--media-bytes', '3000000', '--media-types', 'image/*,text/*,audio/*,video/*,application/octet-stream')
// As many files at a time as the machine can bear: each has browsers of its own.
const args = ['--test', '--test-reporter=spec', '--test-concurrency=2', '--test-timeout=120000', '--test-force-exit', ...files.map((name) => out + name.replace(/ts$/, 'mjs'))]
const tests = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, PALABRE_E2E: JSON.stringify(server.places) } })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => tests.kill(signal))
const status = await new Promise((resolve) => tests.on('exit', (code) => resolve(code ?? 1)))
await server.stop()
process.exit(status)
