import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { openWindow, signIn, startBrowser, watchPage } from './support/browser.js'
import { befriend, person } from './support/server.js'
import { composer, message, open, say, sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

/** More than is fetched at once, several times. */
const MANY = 260
/** More than there is room for, near what is seen. */
const MORE = 45

test('a long history is read in both directions, and only what is seen is in the page', async () => {
  const [rex, sue] = [await person('rex', 'Rex'), await person('sue', 'Sue')]
  const conversation = await befriend(rex, sue)
  for (let number = 1; number <= MANY; number += 1) {
    const long = number % 7 === 0 ? `\n\n${'This one is longer. '.repeat(1 + (number % 5))}` : ''
    await sayQuietly(number % 3 === 0 ? sue : rex, conversation, number === 20 ? 'The word is xylophone' : `Number ${number}.${long}`)
  }
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, rex)
  await open(page, 'Sue')
  await message(page, `Number ${MANY}.`).waitFor()
  const history = page.locator('.history')
  const top = () => page.evaluate(() => Number(document.querySelector('.message')?.querySelector('.body')?.textContent?.match(/\d+/)?.[0]))

  // Up, with what is on the screen staying where it is when older messages come.
  await history.hover()
  let seen = await top()
  for (let turn = 0; turn < 200 && !(await message(page, 'Number 1.').first().isVisible()); turn += 1) {
    await page.mouse.wheel(0, -1_500)
    await page.waitForTimeout(30)
    const now = await top()
    assert.ok(Number.isNaN(now) || now <= seen + 40, `went from ${seen} to ${now} on the way up`)
    if (!Number.isNaN(now)) seen = now
  }
  await message(page, 'Number 1.').first().waitFor()
  assert.ok((await page.locator('.message').count()) < 100, 'what is far away is not in the page')

  // Something new meanwhile moves nothing, and says so.
  await sayQuietly(sue, conversation, 'Are you still there?')
  await page.getByRole('button', { name: /1 new message/ }).waitFor()
  assert.ok(await message(page, 'Number 1.').first().isVisible())
  await page.getByRole('button', { name: /1 new message/ }).click()
  await message(page, 'Are you still there?').waitFor()

  // A message that was found is shown, and from there it goes on to the newest.
  await page.getByRole('searchbox', { name: 'Search' }).fill('xylophone')
  await page.locator('.found').click({ timeout: 20_000 })
  await page.locator('.message.marked', { hasText: 'xylophone' }).waitFor()
  await page.waitForTimeout(200)
  assert.ok(await page.locator('.message.marked').isVisible())
  await say(page, 'Found it')
  await message(page, 'Found it').waitFor()
  await composer(page).waitFor()

  // What is asked of a message stays while others push it away, and so does the focus.
  const timesTaken = await watchPage(window)
  // Only what has arrived can be deleted.
  await page.locator('.message:not(.waiting)', { hasText: 'Found it' }).focus()
  await page.keyboard.press('Delete')
  const question = page.getByRole('dialog', { name: 'Delete this message?' })
  await question.waitFor()
  const { items } = await sue.rest.call<{ items: Array<{ id: string }> }>('GET', `/api/v1/conversations/${conversation}/messages?after_seq=2&limit=1`)
  for (let number = 1; number <= MORE; number += 1) await sayQuietly(sue, conversation, `More, number ${number}.`)
  // One that answers to what is far away.
  await sue.rest.call('POST', `/api/v1/conversations/${conversation}/messages`, { id: crypto.randomUUID(), body: 'As I said', reply_to: items[0]?.id })
  await message(page, 'As I said').locator('button.quote', { hasText: 'Number 3.' }).waitFor()
  const place = () => page.evaluate(() => document.activeElement?.closest('dialog, .message')?.textContent)
  assert.match((await place()) ?? '', /^Delete this message/)
  await page.keyboard.press('Escape')
  await question.waitFor({ state: 'detached' })
  assert.match((await place()) ?? '', /Found it/)
  assert.equal(await timesTaken(), 0, 'what is quoted is awaited without taking the page away')
  assert.deepEqual(window.faults, [])
  await window.close()

  // Who was away for long begins where they left off, and goes on from there to the newest.
  await sue.rest.call('POST', `/api/v1/conversations/${conversation}/receipts`, { kind: 'read', seq: 100 })
  const away = await openWindow(browser)
  await signIn(away, sue)
  await open(away.page, 'Rex')
  await away.page.locator('.separator.new').waitFor()
  await message(away.page, 'Number 100.').waitFor()
  const isNext = () => document.querySelector('.separator.new')?.parentElement?.nextElementSibling?.textContent?.includes('Number 101.') === true
  await away.page.waitForFunction(isNext)
  await away.page.getByRole('button', { name: /new messages/ }).click()
  await message(away.page, 'As I said').waitFor()
  assert.deepEqual(away.faults, [])
  await away.close()
})
