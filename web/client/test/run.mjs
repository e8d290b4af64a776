// Runs the compiled tests, those that are named or all of them.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const folder = new URL('../build/test/', import.meta.url)
const wanted = process.argv.slice(2)
// What was compiled from a test that is gone is left alone.
const isTest = (name) => name.endsWith('.test.js') && existsSync(new URL(name.replace(/js$/, 'ts'), import.meta.url))
const files = readdirSync(folder).filter((name) => isTest(name) && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files.map((name) => new URL(name, folder).pathname)], { stdio: 'inherit' })
process.exit(status ?? 1)
