import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startProxy } from '../../client/test/support/proxy.js'
import { openTab, openWindow, signIn, startBrowser, type Window } from './support/browser.js'
import { hold, type Line } from './support/line.js'
import { befriend, person, places, PROJECT, type Person } from './support/server.js'
import { composer, message, open, say } from './support/talking.js'

let browser: Browser
let mia: Person
/** Hers, from a while ago: tokens of one second are alike. */
let old: string
before(async () => {
  mia = await person('mia', 'Mia')
  old = (await mia.rest.refresh()).token
  browser = await startBrowser()
})
after(() => browser.close())

const KEY = 'palabre.session'
/** Who stays signed in on the device. */
const staying = (page: Page) => page.evaluate((key) => (JSON.parse(localStorage.getItem(key) ?? 'null') as { me: { username: string } } | null)?.me.username, KEY)
const account = ({ page }: Window, name: string) => page.getByRole('button', { name: `Your account: ${name}` })
const form = ({ page }: Window) => page.getByRole('button', { name: 'Sign in' })

/** What lies behind another draws slowly. */
const look = ({ page }: Window) => page.bringToFront()

async function signOut(window: Window, name: string): Promise<void> {
  await look(window)
  await account(window, name).click()
  await window.page.getByRole('button', { name: 'Sign out' }).click()
  await form(window).waitFor()
}

test('a tab leaves alone what another keeps', async () => {
  const [bob, alice] = [await person('bob', 'Bob'), await person('alice', 'Alice')]
  await befriend(bob, alice)
  const one = await openWindow(browser)
  const other = await openTab(one.page.context())
  await one.page.clock.install()
  await look(one)
  await signIn(one, bob)
  await look(other)
  await other.page.getByLabel('Stay signed in').check()
  await signIn(other, alice)

  // A renewal is each one's own.
  const renewed = one.page.waitForResponse('**/auth/refresh')
  await one.page.clock.fastForward('07:59:00')
  await renewed
  assert.equal(await staying(other.page), alice.username)
  const kept = await one.page.evaluate(() => [Object.keys(sessionStorage).sort(), Object.keys(localStorage).sort()])
  assert.deepEqual(kept, [['palabre.project', 'palabre.session'], ['palabre.project', 'palabre.session']])
  await signOut(one, 'Bob')
  assert.equal(await staying(other.page), alice.username)
  await look(other)
  await open(other.page, 'Bob')
  await composer(other.page).fill('begun by Alice')
  await look(one)

  // Whoever stays last is the one who does; the other goes on in their tab.
  await one.page.getByLabel('Stay signed in').check()
  await signIn(one, bob)
  assert.equal(await staying(other.page), bob.username)
  // Her tab has heard of that when it keeps its sign-in itself.
  await other.page.waitForFunction((key) => sessionStorage.getItem(key) !== null, KEY, { polling: 50 })
  await other.page.reload()
  await account(other, 'Alice').waitFor()
  // What she has begun is hers all the same; once sent it is kept nowhere.
  await look(other)
  await composer(other.page).waitFor()
  assert.equal(await composer(other.page).inputValue(), 'begun by Alice')
  await composer(other.page).press('Enter')
  await message(other.page, 'begun by Alice').waitFor()
  assert.equal(await other.page.evaluate(() => JSON.stringify([localStorage, sessionStorage]).includes('begun by Alice')), false)
  await signOut(other, 'Alice')
  assert.equal(await staying(one.page), bob.username)
  for (const { faults } of [one, other]) assert.deepEqual(faults, [])
  await one.close()
})

test('tabs of one sign-in renew it for each other, and end together', async () => {
  const one = await openWindow(browser)
  const context = one.page.context()
  // What one finds who stayed signed in.
  await one.page.evaluate(([key, kept]) => localStorage.setItem(key!, kept!), [KEY, JSON.stringify({ token: old, project: PROJECT, me: { id: mia.id, username: mia.username, role: 'user' } })])
  let line: Line | undefined
  const asleep = await openTab(context, undefined, async (page) => {
    line = await hold(page)
    // The server's answer to a token that is over.
    await page.route('**/auth/refresh', (route) => (route.request().headers()['authorization'] === `Bearer ${old}` ? route.fulfill({ status: 401, json: { code: 'unauthorized' } }) : route.continue()))
    await page.addInitScript(() => addEventListener('storage', (event) => 'asleep' in globalThis && event.stopImmediatePropagation()))
  })
  await account(asleep, 'Mia').getByText('Online').waitFor({ state: 'attached' })

  // Its token is over, and another tab has renewed meanwhile.
  await asleep.page.evaluate(() => Object.assign(globalThis, { asleep: true }))
  const fresh = (await mia.rest.refresh()).token
  assert.notEqual(fresh, old)
  await one.page.evaluate(([key, token]) => localStorage.setItem(key!, JSON.stringify({ ...JSON.parse(localStorage.getItem(key!)!), token })), [KEY, fresh])
  const back = line?.next()
  await line?.cut(4201)
  await back
  await account(asleep, 'Mia').getByText('Online').waitFor({ state: 'attached' })
  assert.equal(await staying(one.page), mia.username)

  // One tab too many says so, and takes nothing from the others.
  await line?.cut(4204)
  await asleep.page.getByText('too many tabs').waitFor()
  assert.equal(await staying(one.page), mia.username)
  await look(asleep)
  await asleep.page.getByRole('button', { name: 'Try again' }).click()
  await account(asleep, 'Mia').waitFor()

  // Who signs out in one does so in all.
  await asleep.page.evaluate(() => delete (globalThis as { asleep?: boolean }).asleep)
  await one.page.reload()
  await signOut(one, 'Mia')
  await asleep.page.getByText('Your session has ended').waitFor()
  await form(asleep).waitFor()
  assert.deepEqual([await asleep.page.getByText('Mia').count(), await asleep.page.title()], [0, 'Sign in – Palabre'])
  assert.deepEqual(await asleep.page.evaluate((key) => [localStorage.getItem(key), sessionStorage.getItem(key)], KEY), [null, null])

  // Who signed out while another was one tab too many is signed out there, too.
  await asleep.page.evaluate(([key, kept]) => localStorage.setItem(key!, kept!), [KEY, JSON.stringify({ token: fresh, project: PROJECT, me: { id: mia.id, username: mia.username, role: 'user' } })])
  await asleep.page.reload()
  await account(asleep, 'Mia').getByText('Online').waitFor({ state: 'attached' })
  await line?.cut(4204)
  await asleep.page.getByText('too many tabs').waitFor()
  await one.page.evaluate((key) => localStorage.removeItem(key), KEY)
  await asleep.page.getByRole('button', { name: 'Try again' }).click()
  await asleep.page.getByText('Your session has ended').waitFor()
  for (const { faults } of [one, asleep]) assert.deepEqual(faults, [])
  await one.close()
})

/** Whether something unsent is kept by the browser; accounts are strings, and come after what the store keeps for itself. */
const isKept = () =>
  new Promise<boolean>((resolve) => {
    const request = indexedDB.open('palabre')
    request.onsuccess = () => {
      const count = request.result.transaction('outbox').objectStore('outbox').count(IDBKeyRange.lowerBound(['']))
      count.onsuccess = () => {
        request.result.close()
        resolve(count.result > 0)
      }
    }
  })

/** Waits for it; Playwright's own waiting takes a promise for a yes. */
async function keeps(page: Page, something: boolean): Promise<void> {
  const given = AbortSignal.timeout(15_000)
  while ((await page.evaluate(isKept)) !== something) given.throwIfAborted()
}

test('two tabs of one person show what either says once, and one sends what the other left', async () => {
  const [lena, max] = [await person('lena', 'Lena'), await person('max', 'Max')]
  const conversation = await befriend(lena, max)
  const proxy = await startProxy(places().port)
  const one = await openWindow(browser, { url: proxy.url })
  await one.page.getByLabel('Stay signed in').check()
  await signIn(one, lena)
  await open(one.page, 'Max')
  const other = await openTab(one.page.context(), `${proxy.url}/conversations/${conversation}`)
  await say(other.page, 'said in the second')
  await message(one.page, 'said in the second').waitFor()
  await look(one)
  await say(one.page, 'said in the first')
  await message(other.page, 'said in the first').waitFor()
  for (const { page } of [one, other]) {
    await page.locator('.message.waiting').first().waitFor({ state: 'detached' })
    assert.deepEqual((await page.locator('.message .body').allTextContents()).map((text) => text.trim()), ['said in the second', 'said in the first'])
  }

  // What one begins in either is kept for both, however empty the other is.
  await other.page.evaluate(() => addEventListener('storage', ({ key }) => key === 'palabre.drafts' && Object.assign(globalThis, { told: true })))
  await composer(one.page).fill('begun in the first')
  await other.page.waitForFunction(() => 'told' in globalThis, undefined, { polling: 50 })
  assert.equal(await composer(other.page).inputValue(), '')
  assert.match((await one.page.evaluate(() => localStorage.getItem('palabre.drafts'))) ?? '', /begun in the first/)

  proxy.close()
  proxy.cut()
  for (const { page } of [one, other]) await page.getByText('What you write is kept and sent later.').waitFor()
  await say(one.page, 'left behind')
  await message(one.page, 'left behind').getByText('Waits to be sent').waitFor({ state: 'attached' })
  await keeps(one.page, true)
  await one.page.close()
  proxy.open()
  await other.page.getByRole('button', { name: 'Try now' }).click({ timeout: 2_000 }).catch(() => undefined)
  await other.page.locator('.message:not(.waiting)', { hasText: 'left behind' }).waitFor()
  const { items } = await max.rest.call<{ items: Array<{ body: string }> }>('GET', `/api/v1/conversations/${conversation}/messages`)
  assert.deepEqual(items.map(({ body }) => body).sort(), ['left behind', 'said in the first', 'said in the second'])
  assert.equal(await message(other.page, 'left behind').count(), 1)

  // Signing out in one asks for what waits in the other, and discards it.
  // From a page, too, that was loaded while the server was away, and never had a connection.
  const third = await openTab(other.page.context(), proxy.url, (page) => page.routeWebSocket(/\/ws\//, (socket) => socket.close({ code: 4100 })))
  await third.page.getByText('What you write is kept and sent later.').waitFor()
  proxy.close()
  proxy.cut()
  for (const { page } of [other, third]) await page.getByText('What you write is kept and sent later.').waitFor()
  await say(other.page, 'never sent')
  await keeps(other.page, true)
  await look(third)
  await account(third, 'Lena').click()
  await third.page.getByRole('button', { name: 'Sign out' }).click()
  await third.page.getByText('1 message was not sent.').waitFor()
  await third.page.getByRole('button', { name: 'Discard and sign out' }).click()
  for (const window of [other, third]) await form(window).waitFor()
  await keeps(third.page, false)
  for (const { faults } of [one, other]) assert.deepEqual(faults, [])
  await other.close()
  await proxy.stop()
})
