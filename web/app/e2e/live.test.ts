import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { checkAccess, openWindow, PHONE, shot, signIn, startBrowser, type Window } from './support/browser.js'
import { befriend, person, places } from './support/server.js'
import { staff } from './support/staff.js'

let browser: Browser
before(async () => (browser = await startBrowser()))
after(() => browser.close())

const figure = ({ page }: Window, of: string) => page.locator(`.live-tile[data-figure="${of}"] dd`)

test('an administrator sees what happens, while it happens', async () => {
  const [root, one, other] = [await staff('admin', 'root'), await person('one'), await person('other')]
  const conversation = await befriend(one, other)
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, root)
  await page.getByRole('link', { name: 'Live' }).click()
  await page.getByText('Database: well').waitFor()
  // One's own connection at least.
  await page.waitForFunction(() => Number(document.querySelector('[data-figure="users_online"] dd')?.textContent) >= 1)
  const talk = setInterval(() => {
    one.rest.call('POST', `/api/v1/conversations/${conversation}/messages`, { id: crypto.randomUUID(), body: 'And again' }).catch(() => undefined)
  }, 150)
  try {
    await page.waitForFunction(() => Number.parseFloat(document.querySelector('[data-figure="messages_per_second"] dd')?.textContent ?? '0') > 0)
  } finally {
    clearInterval(talk)
  }
  const row = page.getByRole('table', { name: /The figures/ }).getByRole('row', { name: /^Messages/ })
  await page.waitForFunction(() => Number.parseFloat(document.querySelector('.live-table tbody tr:nth-child(4) td:last-child')?.textContent ?? '0') > 0)
  assert.match(await row.innerText(), /Messages/)
  await page.locator('.uplot canvas').nth(3).waitFor()
  assert.ok(await page.getByRole('img', { name: /^People, the last 5 minutes: Users online \d/ }).isVisible())
  await checkAccess(window, 'live')
  await shot(window, 'live')
  await page.locator('.live').evaluate((element) => element.scrollTo(0, element.scrollHeight))
  await shot(window, 'live-below')

  // Paused, nothing moves; then it goes on.
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByText('Paused').waitFor()
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  const before = await figure(window, 'requests_per_second').innerText()
  await page.waitForTimeout(1_500)
  assert.equal(await figure(window, 'requests_per_second').innerText(), before)
  assert.deepEqual(asked.filter((path) => path.endsWith('/live')), [])
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByText('Live', { exact: true }).and(page.getByRole('status')).waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('a feed that breaks is taken up again', async () => {
  const root = await staff('admin', 'broken')
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, root)
  // The first feed ends as when the server stops; the next try fails, the third is the server's own.
  let tries = 0
  await page.route('**/api/v1/live', async (route) => {
    tries += 1
    const figures = { time: new Date().toISOString(), sessions: 777, users_online: 1, rooms_awake: 0, messages_per_second: 0, deliveries_per_second: 0, requests_per_second: 0, slow_consumers: 2, database: { state: 'unavailable', latency_ms: null } }
    if (tries === 1) return route.fulfill({ contentType: 'text/event-stream', body: `data: ${JSON.stringify(figures)}\n\nevent: end\ndata: {"code":"unavailable","detail":"the server stops"}\n\n` })
    if (tries === 2) return route.abort()
    return route.continue()
  })
  await page.getByRole('link', { name: 'Live' }).click()
  await page.getByText('Next try in').waitFor()
  await page.getByText('Database: away').waitFor()
  assert.equal(await figure(window, 'sessions').innerText(), '777')
  await checkAccess(window, 'a broken feed')
  await page.getByText('Database: well').waitFor()
  assert.notEqual(await figure(window, 'sessions').innerText(), '777')
  assert.ok(tries >= 3)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('who is no administrator is not shown it', async () => {
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, await person('nobody'))
  assert.equal(await page.getByRole('link', { name: 'Live' }).count(), 0)
  await page.goto(`${places().url}/live`)
  await page.getByText('Only administrators').waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('what bots have used is there, on a phone and in French', async () => {
  const window = await openWindow(browser, { viewport: PHONE, locale: 'fr-FR' })
  const { page } = window
  // The demo's administrator: its assistant has answered already.
  await page.getByRole('button', { name: 'khora' }).click()
  await page.getByRole('link', { name: 'En direct' }).click()
  const bots = page.getByRole('table', { name: 'Les robots ce mois-ci' })
  await bots.getByRole('row', { name: /WIBOT.*10.200.*2.250/ }).waitFor()
  await page.locator('.uplot canvas').first().waitFor()
  await checkAccess(window, 'live on a phone')
  await shot(window, 'live-phone')
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= PHONE.width)
  assert.deepEqual(window.faults, [])
  await window.close()
})
