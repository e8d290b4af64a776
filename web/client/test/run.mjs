// Runs the compiled tests, those that are named or all of them.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

const folder = new URL('../build/test/', import.meta.url)
const wanted = process.argv.slice(2)
const files = readdirSync(folder).filter((name) => name.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files.map((name) => new URL(name, folder).pathname)], { stdio: 'inherit' })
process.exit(status ?? 1)
