import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { checkAccess, openWindow, PHONE, shot, signIn, startBrowser, type Window } from './support/browser.js'
import { spanOf } from '../src/screens/live/numbers.js'
import { befriend, person, places } from './support/server.js'
import { staff } from './support/staff.js'
import { sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => (browser = await startBrowser()))
after(() => browser.close())

const figure = ({ page }: Window, of: string) => page.locator(`.live-tile[data-figure="${of}"] dd`)

/** Waits until each line of each chart goes up from left to right, by what is really painted; says of each chart how many lines it has. */
const risen = ({ page }: Window) =>
  page.waitForFunction(() => {
    const charts = [...document.querySelectorAll('.live-chart:has(canvas)')].map((chart) => {
      const canvas = chart.querySelector('canvas') as HTMLCanvasElement
      const { width, height } = canvas
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 0, width, height)
      const lines = [...chart.querySelectorAll<HTMLElement>('.live-key')].map((key) => {
        const probe = document.body.appendChild(document.createElement('i'))
        probe.style.color = `var(${key.dataset['colour']})`
        const colour = (getComputedStyle(probe).color.match(/\d+/g) ?? []).map(Number)
        probe.remove()
        // Where it is, at the mean, in the left and in the right half.
        const halves = [0, 1].map((half) => {
          const found: number[] = []
          for (let y = 0; y < height; y += 1)
            for (let x = (half * width) / 2; x < ((half + 1) * width) / 2; x += 1)
              if (colour.every((value, at) => Math.abs(value - (data[(y * width + Math.floor(x)) * 4 + at] ?? 0)) < 40)) found.push(y)
          return found.length > 0 ? found.reduce((sum, y) => sum + y, 0) / found.length : NaN
        })
        return (halves[0] as number) > (halves[1] as number) + 20
      })
      return { title: chart.querySelector('strong')?.textContent, lines }
    })
    return charts.every(({ lines }) => lines.every(Boolean)) && charts.map(({ title, lines }) => [title, lines.length])
  })

test('an administrator sees what happens, while it happens', async () => {
  const [root, one, other] = [await staff('admin', 'root'), await person('one'), await person('other')]
  const conversation = await befriend(one, other)
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, root)
  await page.getByRole('link', { name: 'Live' }).click()
  await page.getByText('Database: well').waitFor()
  // What is said to one is counted wherever one is.
  await page.waitForFunction(() => document.title === 'Live – Palabre')
  await sayQuietly(one, await befriend(root, one), 'Is all well?')
  await page.waitForFunction(() => document.title === '(1) Live – Palabre')
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
  await page.locator('.uplot canvas').nth(5).waitFor()
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
  await page.getByRole('link', { name: 'Support' }).click()
  await page.waitForFunction(() => document.title === '(1) Support – Palabre')
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('a feed that breaks is taken up again', async () => {
  const root = await staff('admin', 'broken')
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, root)
  // The first feed ends as when the server stops; the next tries fail, until one has looked; then it is the server's own.
  let tries = 0
  let hasLooked = false
  // A minute in which all goes up, until the database is away.
  const minute = Array.from({ length: 60 }, (_, at) => ({
    time: new Date(Date.now() + (at - 60) * 1_000).toISOString(),
    sessions: 10 + at * 13,
    users_online: at * 10,
    rooms_awake: at,
    messages_per_second: 1 + at / 30,
    requests_per_second: 1 + at / 20,
    deliveries_per_second: (at * at) / 10,
    slow_consumers: at,
    database: at < 59 ? { state: 'ok', latency_ms: 1 + at / 10 } : { state: 'unavailable', latency_ms: null },
  }))
  await page.route('**/api/v1/live', async (route) => {
    tries += 1
    if (tries === 1) return route.fulfill({ contentType: 'text/event-stream', body: `${minute.map((figures) => `data: ${JSON.stringify(figures)}\n\n`).join('')}event: end\ndata: {"code":"unavailable","detail":"the server stops"}\n\n` })
    if (tries === 2 || !hasLooked) return route.abort()
    return route.continue()
  })
  await page.getByRole('link', { name: 'Live' }).click()
  await page.getByText('Next try in').waitFor()
  await page.getByText('Database: away').waitFor()
  assert.equal(await figure(window, 'sessions').innerText(), '777')
  await page.locator('.uplot canvas').nth(5).waitFor()
  assert.deepEqual(await (await risen(window)).jsonValue(), [
    ['People', 2],
    ['Conversations', 1],
    ['Messages and requests', 2],
    ['Deliveries and fan-out', 2],
    ['Slow readers', 1],
    ['Database', 1],
  ])
  assert.ok(await page.getByRole('img', { name: /^Slow readers, the last 5 minutes: Slow readers cut off 59$/ }).isVisible())
  await shot(window, 'live-risen')
  await checkAccess(window, 'a broken feed')
  hasLooked = true
  await page.getByText('Database: well').waitFor()
  assert.notEqual(await figure(window, 'sessions').innerText(), '777')
  assert.ok(tries >= 3)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('a chart shows a minute at least, and no day for a single moment', () => {
  assert.deepEqual(spanOf([1_000]), [940, 1_000])
  assert.deepEqual(spanOf([990, 1_000]), [940, 1_000])
  assert.deepEqual(spanOf([700, 850, 1_000]), [700, 1_000])
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
  // The same as bars, the longest as wide as there is room; another test may have it answer meanwhile.
  const bar = page.getByRole('listitem').filter({ hasText: /WIBOT.*1\d.\d{3}/ })
  const [all, read, written] = await Promise.all(['.live-bar', '.live-read', '.live-written'].map(async (part) => (await bar.locator(part).boundingBox())?.width ?? 0))
  assert.ok(all! > 50 && read! > 0.75 * all! && written! > 0.1 * all! && read! + written! <= all! + 4)
  await page.locator('.uplot canvas').first().waitFor()
  await checkAccess(window, 'live on a phone')
  await shot(window, 'live-phone')
  await bar.scrollIntoViewIfNeeded()
  await shot(window, 'live-phone-bots')
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= PHONE.width)
  assert.deepEqual(window.faults, [])
  await window.close()
})
