import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { checkAccess, openTab, openWindow, shot, signIn, startBrowser } from './support/browser.js'
import { befriend, person } from './support/server.js'
import { message, sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => (browser = await startBrowser()))
after(() => browser.close())

interface Shown {
  title: string
  body: string
  about: string
  isClosed: boolean
}
interface Stand extends Window {
  shown: Shown[]
  clicks: Array<() => void>
  isInFront: boolean
}

/** Stands for the system's notifications, and for its windows, of which one is in front. */
function standIn(): void {
  const here = window as unknown as Stand
  Object.assign(here, { shown: [], clicks: [], isInFront: true })
  document.hasFocus = () => here.isInFront
  class Notification {
    static get permission() {
      return localStorage.getItem('permission') ?? 'default'
    }
    static async requestPermission() {
      localStorage.setItem('permission', localStorage.getItem('answer') ?? 'granted')
      return Notification.permission
    }
    onclick?: () => void
    onclose?: () => void
    readonly #shown: Shown
    constructor(title: string, { body, tag }: { body: string; tag: string }) {
      this.#shown = { title, body, about: tag, isClosed: false }
      here.shown.push(this.#shown)
      here.clicks.push(() => this.onclick?.())
    }
    close() {
      this.#shown.isClosed = true
      this.onclose?.()
    }
  }
  Object.assign(window, { Notification })
}

const shown = (page: Page) => page.evaluate(() => (window as unknown as Stand).shown)
/** Waits for so many. Nothing is painted of a page behind another, so it can't be told by that. */
const isShown = (page: Page, count: number) => page.waitForFunction((wanted) => (window as unknown as Stand).shown.length === wanted, count, { polling: 50 })
const isSaid = (page: Page, text: string) => page.waitForFunction((wanted) => document.querySelector('.conversation-link')?.textContent?.includes(wanted), text, { polling: 50 })
/** Comes to the front, or leaves it. */
const look = (page: Page, isInFront: boolean) =>
  page.evaluate((is) => {
    ;(window as unknown as Stand).isInFront = is
    dispatchEvent(new Event(is ? 'focus' : 'blur'))
  }, isInFront)
const account = async (page: Page) => {
  await page.getByRole('button', { name: /Your account/ }).click()
  return page.getByRole('dialog').getByRole('checkbox', { name: 'Notify me on this device' })
}

test('who looks at something else is notified once, of what others say, when they asked for that', async () => {
  const [ana, bea] = [await person('ana', 'Ana Sousa'), await person('bea', 'Bea Novak')]
  const talk = await befriend(ana, bea)
  const { id: group } = await bea.rest.call<{ id: string }>('POST', '/api/v1/conversations', { title: 'The garden', members: [{ user: ana.id }] })
  const first = await openWindow(browser, { first: standIn })
  const { page } = first
  await signIn(first, ana)
  const second = await openTab(page.context())
  await signIn(second, ana)
  await page.bringToFront()
  const asked = await account(page)
  assert.equal(await asked.isChecked(), false)
  await asked.check()
  await checkAccess(first, 'an account with notifications')
  await shot(first, 'account-notifications')
  await page.keyboard.press('Escape')
  // It is the other one that is looked at.
  await look(page, false)

  await sayQuietly(bea, talk, 'You see this')
  await isSaid(page, 'You see this')
  // What it asked before is answered before.
  await page.evaluate(() => navigator.locks.query())
  await look(second.page, false)
  await sayQuietly(bea, talk, 'You **don’t** see this')
  await sayQuietly(ana, talk, 'This is my own')
  await sayQuietly(bea, group, 'Nor this')
  await isShown(page, 2)
  const told = [
    { title: 'Bea Novak', body: 'You don’t see this', about: talk, isClosed: false },
    { title: 'The garden', body: 'Bea Novak: Nor this', about: group, isClosed: false },
  ]
  assert.deepEqual(await shown(page), told)
  await isSaid(second.page, 'Nor this')
  assert.deepEqual(await shown(second.page), [])

  await page.evaluate(() => (window as unknown as Stand).clicks[1]?.())
  await message(page, 'Nor this').waitFor()
  await look(page, true)
  assert.deepEqual((await shown(page)).map(({ isClosed }) => isClosed), [true, true])

  // Another page notifies when this one is gone.
  await page.close()
  // It lets go of its locks one by one, and what comes before that is nobody's to tell.
  for (let at = 1; at <= 50 && (await shown(second.page)).length === 0; at += 1) {
    await sayQuietly(bea, talk, `And now, ${at}?`)
    await isSaid(second.page, `And now, ${at}?`)
    await second.page.evaluate(() => navigator.locks.query())
  }
  assert.equal((await shown(second.page))[0]?.title, 'Bea Novak')
  assert.deepEqual(first.faults, [])
  assert.deepEqual(second.faults, [])
  await second.close()
})

test('who does not let the application notify is told where to change that', async () => {
  const window = await openWindow(browser, { first: standIn })
  const { page } = window
  await signIn(window, await person('ana'))
  await page.evaluate(() => localStorage.setItem('answer', 'denied'))
  const asked = await account(page)
  await asked.click()
  await page.getByText('Your browser does not let this page notify you.').waitFor()
  assert.deepEqual([await asked.isChecked(), await asked.isDisabled()], [false, true])
  assert.deepEqual(window.faults, [])
  await window.close()
})
