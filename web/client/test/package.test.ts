/** The package as applications get it: packed, and used by a project of its own. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const project = at('build/package')
const inside = `${project}/node_modules/@palabre/client`

before(async () => {
  await rm(project, { recursive: true, force: true })
  await mkdir(inside, { recursive: true })
  // It is built already.
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], { cwd: at('.') })
  const { filename } = (Object.values(JSON.parse(stdout) as object) as Array<{ filename: string }>)[0]!
  await run('tar', ['-xzf', `${project}/${filename}`, '-C', inside, '--strip-components=1'])
  await writeFile(`${project}/package.json`, '{ "type": "module" }')
})

describe('the package', () => {
  const text = (path: string) => readFile(`${inside}/${path}`, 'utf8')

  it('is there with its licences, and installs without running anything', async () => {
    for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) assert.equal(await text(name), await readFile(at(`../../${name}`), 'utf8'), name)
    const { scripts } = JSON.parse(await text('package.json')) as { scripts: Record<string, string> }
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.equal(scripts[name], undefined, name)
    const { stdout } = await run(process.execPath, ['-e', `import('@palabre/client').then((all) => console.log(typeof all.createClient))`], { cwd: project })
    assert.equal(stdout, 'function\n')
  })

  it('shows its sources to a debugger', async () => {
    const maps = (await readdir(`${inside}/dist`)).filter((name) => name.endsWith('.js.map'))
    assert.ok(maps.length > 20)
    for (const name of maps) {
      const { sources, sourcesContent } = JSON.parse(await text(`dist/${name}`)) as { sources: string[]; sourcesContent?: string[] }
      assert.deepEqual(sourcesContent, [await readFile(at(`src/${sources[0]!.replace(/^.*\//, '')}`), 'utf8')], name)
    }
  })

  it('has a README whose links lead somewhere', async () => {
    const readme = await text('README.md')
    const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => `#${heading!.toLowerCase().replace(/[^a-z ]/g, '').replaceAll(' ', '-')}`)
    const links = [...readme.matchAll(/\]\(([^)]*)\)/g)].map(([, link]) => link!)
    assert.ok(links.length > 10)
    for (const link of links) {
      if (link.startsWith('#')) assert.ok(headings.includes(link), link)
      else await stat(`${inside}/${link}`)
    }
  })
})

/** What programs write, by what they know of the world around. */
const consumers = {
  'a page': {
    options: { lib: ['ES2022', 'DOM'], types: [] },
    code: `
      import { createClient, indexedDbStore, type Options, type Palabre } from '@palabre/client'
      const options: Options = { project: 'shop', token: async () => 'token', WebSocket, store: indexedDbStore('chat', indexedDB) }
      export const client: Palabre = createClient(options)
      export const other = createClient({ ...options, WebSocket: class extends WebSocket {} })
      export const upload = (file: File) => client.send({ to: 'bob' }, { body: file.name })`,
  },
  'a program': {
    options: { lib: ['ES2022'], types: ['node'] },
    code: `
      import { createClient, createRest, memoryStore, PalabreError, type OutboxStore } from '@palabre/client'
      import WebSocket from 'ws'
      const store: OutboxStore = memoryStore()
      export const client = createClient({ url: 'https://chat.example.org', project: 'shop', token: 'token', WebSocket, store })
      export const stop = client.on('message.text', ({ body }) => void body.length)
      export const { token } = await createRest({ url: 'https://chat.example.org' }).login({ project: 'shop', username: 'a', password: 'b' })
      await client.connect().catch((error: unknown) => error instanceof PalabreError && error.retryAfterMs)`,
  },
  'what runs in both': {
    options: { lib: ['ES2022', 'DOM'], types: ['node'] },
    code: `
      import { createClient } from '@palabre/client'
      import ws from 'ws'
      export const client = createClient({ project: 'shop', token: 'token', WebSocket: globalThis.WebSocket ?? ws })`,
  },
}

describe('a project that uses it type-checks, its own strictness and all of the types', () => {
  for (const [name, { options, code }] of Object.entries(consumers)) {
    for (const [moduleResolution, module] of [['bundler', 'ESNext'], ['nodenext', 'NodeNext']] as const) {
      it(`${name} (${moduleResolution})`, async () => {
        const folder = `${project}/${name.replaceAll(' ', '-')}-${moduleResolution}`
        const compilerOptions = { ...options, target: 'ES2022', module, moduleResolution, strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false }
        await mkdir(folder)
        await writeFile(`${folder}/index.ts`, code)
        await writeFile(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ['*.ts'] }))
        await run(process.execPath, [at('../node_modules/typescript/bin/tsc'), '-p', folder]).catch(({ stdout }) => assert.fail(stdout as string))
      })
    }
  }
})
